// The geometry of one drawing of a chart: axes, bars, lines, the pointer's place. Made anew for each size and each set of data.

import { svg } from './dom.js';
import { dayOfMonth, timeOfDay } from './format.js';
import { decades, niceTicks, timeTicks } from './scale.js';

const BOTTOM = 22;
const TOP = 8;
const RIGHT = 6;

export class Plot {
  constructor(chart, width, height) {
    this.chart = chart;
    this.data = chart.data;
    this.height = height - TOP - BOTTOM;
    this.bottom = TOP + this.height;
    this.chooseScale();
    this.left = Math.max(30, ...this.ticks.map((tick) => chart.axis(tick).length * 6.4 + 12));
    this.width = width - this.left - RIGHT;
    this.band = this.width / Math.max(1, this.data.times.length);
  }

  chooseScale() {
    const { chart, data } = this;
    const all = chart.visible.map((series) => data.values[series.key] ?? []);
    const known = all.flat().filter((value) => value !== null && value > 0);
    this.isEmpty = known.length === 0;
    if (chart.isLog && !this.isEmpty) {
      this.ticks = decades(Math.min(...known), Math.max(...known));
      const [low, high] = [Math.log10(this.ticks[0]), Math.log10(this.ticks.at(-1))];
      this.y = (value) => this.bottom - this.height * Math.max(0, (Math.log10(Math.max(value, this.ticks[0])) - low) / (high - low));
      return;
    }
    const tops = chart.kind === 'bars' ? data.times.map((_, index) => all.reduce((sum, values) => sum + (values[index] ?? 0), 0)) : known;
    const max = chart.isShare ? 1 : Math.max(0, ...tops);
    this.ticks = chart.isShare ? [0, 0.25, 0.5, 0.75, 1] : niceTicks(max, this.height > 120 ? 4 : 3, chart.isWhole);
    const top = this.ticks.at(-1);
    this.y = (value) => this.bottom - (this.height * value) / top;
  }

  /** The middle of a bucket. */
  xAt(index) { return this.left + (index + 0.5) * this.band; }

  indexAt(x) {
    const last = this.data.times.length - 1;
    return last < 0 ? null : Math.min(last, Math.max(0, Math.floor((x - this.left) / this.band)));
  }

  make() {
    const marks = this.isEmpty ? [] : this.chart.kind === 'bars' ? this.makeBars() : this.makeLines();
    return [...this.makeGrid(), ...marks, ...this.makeTimes()];
  }

  makeGrid() {
    return this.ticks.flatMap((tick, index) => {
      const y = Math.round(this.y(tick)) + 0.5;
      const line = svg('line', { class: index ? 'grid-line' : 'base-line', x1: this.left, x2: this.left + this.width, y1: y, y2: y });
      // An axis without data has no numbers worth reading.
      return this.isEmpty && index ? [line] : [line, svg('text', { class: 'tick', x: this.left - 8, y: y + 3.5, 'text-anchor': 'end' }, this.chart.axis(tick))];
    });
  }

  makeTimes() {
    const { times, step } = this.data;
    if (!times.length) return [];
    const begin = times[0];
    const end = times.at(-1) + step * 1000;
    const { ticks, step: distance } = timeTicks(begin, end, this.width / 76);
    return ticks.map((time) => {
      const x = this.left + (this.width * (time - begin)) / (end - begin);
      const isMidnight = distance >= 86_400_000 || new Date(time).getHours() + new Date(time).getMinutes() === 0;
      // Words at the edges stay inside.
      const anchor = x > this.left + this.width - 20 ? 'end' : x < this.left + 14 ? 'start' : 'middle';
      return svg('text', { class: isMidnight ? 'tick is-day' : 'tick', x, y: this.bottom + 15, 'text-anchor': anchor }, isMidnight ? dayOfMonth(time) : timeOfDay(time));
    });
  }

  makeBars() {
    const gap = this.band > 14 ? 3 : this.band > 5 ? 1.5 : this.band > 2.5 ? 0.75 : 0;
    const base = this.data.times.map(() => 0);
    const last = this.data.times.length - 1;
    return this.chart.visible.flatMap((series) => {
      const values = this.data.values[series.key] ?? [];
      let done = '';
      let open = '';
      values.forEach((value, index) => {
        if (!(value > 0)) return;
        const low = this.y(base[index]);
        base[index] += value;
        const high = this.y(base[index]);
        const x = this.left + index * this.band + gap / 2;
        // What is not nothing can be seen.
        const size = Math.max(low - high, 0.75);
        const bar = `M${x.toFixed(2)} ${low.toFixed(2)}v${(-size).toFixed(2)}h${Math.max(0.5, this.band - gap).toFixed(2)}v${size.toFixed(2)}z`;
        if (this.data.isOpen && index === last) open += bar; else done += bar;
      });
      return [
        done && svg('path', { class: `bar tone-${series.tone}`, d: done, dataset: { series: series.key } }),
        open && svg('path', { class: `bar is-open tone-${series.tone}`, d: open, dataset: { series: series.key } }),
      ].filter(Boolean);
    });
  }

  makeLines() {
    return this.chart.visible.flatMap((series) => {
      const values = this.data.values[series.key] ?? [];
      const marks = [];
      let line = '';
      let isDrawing = false;
      values.forEach((value, index) => {
        if (value === null || value === undefined) { isDrawing = false; return; }
        const [x, y] = [this.xAt(index).toFixed(2), this.y(value).toFixed(2)];
        line += `${isDrawing ? 'L' : 'M'}${x} ${y}`;
        const isAlone = !isDrawing && (values[index + 1] === null || values[index + 1] === undefined);
        if (isAlone) marks.push(svg('circle', { class: `dot tone-${series.tone}`, cx: x, cy: y, r: 2.2 }));
        isDrawing = true;
      });
      if (line) marks.unshift(svg('path', { class: `line tone-${series.tone}`, d: line, dataset: { series: series.key } }));
      return marks;
    });
  }

  /** The line at a bucket, dots on the lines that cross it, and the stretch from `mark` on that is being chosen. */
  makePointer(index, mark) {
    const parts = [];
    if (mark !== null && mark !== index) {
      const [from, to] = [Math.min(mark, index), Math.max(mark, index)];
      parts.push(svg('rect', { class: 'selection', x: this.left + from * this.band, y: TOP, width: (to - from + 1) * this.band, height: this.height }));
    }
    const x = Math.round(this.xAt(index)) + 0.5;
    parts.push(this.chart.kind === 'bars'
      ? svg('rect', { class: 'band', x: this.left + index * this.band, y: TOP, width: Math.max(1, this.band), height: this.height })
      : svg('line', { class: 'crosshair', x1: x, x2: x, y1: TOP, y2: this.bottom }));
    if (this.chart.kind === 'lines') {
      for (const series of this.chart.visible) {
        const value = this.data.values[series.key]?.[index];
        if (value !== null && value !== undefined) parts.push(svg('circle', { class: `dot tone-${series.tone}`, cx: this.xAt(index), cy: this.y(value), r: 3.5 }));
      }
    }
    return parts;
  }
}

/** A line without axes beside a number; what it shows is told by the number. */
export function sparkline(values, tone) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const picture = svg('svg', { class: `sparkline tone-${tone}`, viewBox: '0 0 100 28', preserveAspectRatio: 'none', 'aria-hidden': 'true', focusable: 'false' });
  const max = Math.max(0, ...known);
  if (known.length < 2 || max === 0) return picture;
  const points = values.map((value, index) => [(index / (values.length - 1)) * 100, value === null || value === undefined ? null : 26 - (value / max) * 24]);
  let line = '';
  let isDrawing = false;
  for (const [x, y] of points) {
    if (y === null) { isDrawing = false; continue; }
    line += `${isDrawing ? 'L' : 'M'}${x.toFixed(2)} ${y.toFixed(2)}`;
    isDrawing = true;
  }
  if (known.length === values.length) picture.append(svg('path', { class: 'spark-area', d: `${line}L100 28L0 28Z` }));
  picture.append(svg('path', { class: 'spark-line', d: line, 'vector-effect': 'non-scaling-stroke' }));
  return picture;
}
