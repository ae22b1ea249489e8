// A chart over time: stacked bars or lines, drawn as SVG at the pixels it has. It can be read three ways: by eye with the pointer, by keyboard and
// screen reader (the plot is a slider whose value is a bucket's numbers in words), and as a table.

import { h, svg, fill, uniqueID } from './dom.js';
import { stretch } from './format.js';
import { Plot } from './plot.js';

/** All charts of a page point at the same moment. */
const pointing = new EventTarget();

/** One series: `key` in the data, `label` for people, `tone` a colour class of the style sheet. */

export class TimeChart {
  /**
   * @param title what the chart shows, for screen readers.
   * @param kind `bars` (stacked) or `lines`.
   * @param format a value as text with unit; `axis` the same, shorter, for ticks.
   * @param isShare whether the values are shares of one, so that the axis ends at 100 %.
   * @param isWhole whether the values are counts, so that the axis has no fractions.
   * @param isLog whether the axis is logarithmic.
   * @param total what the tooltip ends with for a bucket: a label and a value, or null.
   * @param legend a series' value over the whole range, as text.
   * @param zoom called with two moments when a stretch was chosen.
   */
  constructor({ title, kind = 'bars', series, format, axis = format, isShare = false, isWhole = false, isLog = false, total = null, legend = null, zoom = null }) {
    Object.assign(this, { title, kind, series, format, axis, isShare, isWhole, isLog, total, legendValue: legend, zoom });
    this.hidden = new Set();
    this.index = null;
    this.mark = null;
    this.data = null;
    this.makeElements();
    this.listen();
  }

  makeElements() {
    this.legend = h('div', { class: 'legend', role: 'group', 'aria-label': `Series of ${this.title}` });
    this.picture = svg('svg', { 'aria-hidden': 'true', focusable: 'false' });
    this.tooltip = h('div', { class: 'tooltip', hidden: true, 'aria-hidden': 'true' });
    this.note = h('p', { class: 'plot-note', hidden: true });
    this.plot = h('div', {
      class: 'plot', tabindex: '0', role: 'slider', 'aria-orientation': 'horizontal', 'aria-label': `${this.title}: arrow keys read the values`,
      'aria-valuemin': '0', 'aria-valuemax': '0', 'aria-valuenow': '0', 'aria-valuetext': 'No data yet',
    }, this.picture, this.note, this.tooltip);
    this.tableID = uniqueID('chart-table');
    this.table = h('div', { class: 'table-scroll chart-table', id: this.tableID, hidden: true, tabindex: '0', role: 'region', 'aria-label': `${this.title} as a table` });
    this.tableButton = h('button', {
      type: 'button', class: 'ghost small', 'aria-expanded': 'false', 'aria-controls': this.tableID, onclick: () => this.toggleTable(),
      'aria-label': `${this.title} as a table`, title: 'The same as a table',
    }, 'Table');
    this.element = h('div', { class: 'chart' }, this.legend, this.plot, this.table);
  }

  listen() {
    new ResizeObserver(() => this.draw()).observe(this.plot);
    this.plot.addEventListener('pointermove', (event) => this.pointerMoved(event));
    this.plot.addEventListener('pointerdown', (event) => this.pointerPressed(event));
    this.plot.addEventListener('pointerup', () => this.finishZoom());
    this.plot.addEventListener('pointerleave', () => { this.mark = null; this.point(null); });
    this.plot.addEventListener('keydown', (event) => this.keyPressed(event));
    this.plot.addEventListener('blur', () => { this.mark = null; this.point(null); });
    this.plot.addEventListener('focus', () => this.describe(this.index ?? this.lastIndex()));
    pointing.addEventListener('point', (event) => {
      if (event.detail.chart === this || !this.element.isConnected) return;
      this.index = this.data?.times.indexOf(event.detail.time) ?? null;
      if (this.index === -1) this.index = null;
      this.drawPointer(false);
    });
  }

  /** `{times: [ms], step: seconds, isOpen: whether the last bucket still grows, values: {key: [number|null]}, extra: {…}}`; draws it. */
  update(data) {
    this.data = data;
    if (this.index !== null && this.index >= data.times.length) this.index = null;
    this.drawLegend();
    this.draw();
    if (!this.table.hidden) this.drawTable();
    this.plot.setAttribute('aria-valuemax', String(Math.max(0, data.times.length - 1)));
    this.describe(this.index ?? this.lastIndex());
  }

  /** Other series in the same place, for panels with several views. */
  configure(changes) {
    Object.assign(this, changes);
    this.hidden.clear();
  }

  lastIndex() { return Math.max(0, (this.data?.times.length ?? 1) - 1); }

  get visible() { return this.series.filter((series) => !this.hidden.has(series.key)); }

  drawLegend() {
    const entries = this.series.map((series) => {
      const isShown = !this.hidden.has(series.key);
      const value = this.legendValue?.(series.key);
      return h('button', {
        type: 'button', class: 'legend-entry', 'aria-pressed': String(isShown), dataset: { series: series.key },
        onclick: () => this.toggle(series.key),
      }, h('span', { class: `swatch tone-${series.tone}`, 'aria-hidden': 'true' }), series.label,
      value === undefined || value === null ? null : h('span', { class: 'legend-value' }, value));
    });
    const focused = this.legend.contains(document.activeElement) ? document.activeElement.dataset.series : null;
    fill(this.legend, entries);
    if (focused) this.legend.querySelector(`[data-series="${focused}"]`)?.focus();
  }

  toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    // The last one can't go: a click on it brings all back.
    if (this.visible.length === 0) this.hidden.clear();
    this.drawLegend();
    this.draw();
  }

  draw() {
    const { width, height } = this.plot.getBoundingClientRect();
    if (!this.data || width < 40 || height < 40) return;
    this.drawing = new Plot(this, Math.floor(width), Math.floor(height));
    this.picture.setAttribute('viewBox', `0 0 ${Math.floor(width)} ${Math.floor(height)}`);
    fill(this.picture, this.drawing.make());
    this.pointer = svg('g', { class: 'pointer' });
    this.picture.append(this.pointer);
    const isEmpty = this.drawing.isEmpty;
    this.note.hidden = !isEmpty;
    this.note.textContent = isEmpty ? this.emptyText ?? 'Nothing in this range' : '';
    this.drawPointer(this.isPointed);
  }

  // Pointing

  indexAt(event) {
    const box = this.plot.getBoundingClientRect();
    return this.drawing?.indexAt(event.clientX - box.left) ?? null;
  }

  pointerMoved(event) {
    if (this.data) this.point(this.indexAt(event));
  }

  pointerPressed(event) {
    if (event.button !== 0 || event.pointerType !== 'mouse' || !this.zoom) return;
    this.mark = this.indexAt(event);
  }

  keyPressed(event) {
    if (!this.data) return;
    const last = this.lastIndex();
    const at = this.index ?? last;
    const jump = Math.max(1, Math.round(last / 10));
    const target = {
      ArrowLeft: at - (this.index === null ? 0 : 1), ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last,
      PageUp: at - jump, PageDown: at + jump,
    }[event.key];
    if (event.key === 'Escape') { this.mark = null; this.point(null); }
    else if (event.key === 'Enter' && this.zoom) this.finishZoom(true);
    else if (target === undefined) return;
    else {
      if (event.shiftKey && this.zoom) this.mark ??= at; else this.mark = null;
      this.point(Math.min(last, Math.max(0, target)));
    }
    event.preventDefault();
  }

  finishZoom(isKey = false) {
    const [mark, index] = [this.mark, this.index];
    this.mark = null;
    if (mark === null || index === null || (mark === index && !isKey)) return this.drawPointer(true);
    const { times, step } = this.data;
    this.zoom(times[Math.min(mark, index)], times[Math.max(mark, index)] + step * 1000);
  }

  point(index) {
    this.index = index;
    this.isPointed = index !== null;
    this.drawPointer(index !== null);
    if (index !== null) this.describe(index);
    pointing.dispatchEvent(new CustomEvent('point', { detail: { chart: this, time: index === null ? null : this.data?.times[index] } }));
  }

  drawPointer(withTooltip) {
    if (!this.drawing || !this.pointer) return;
    fill(this.pointer, this.index === null ? [] : this.drawing.makePointer(this.index, this.mark));
    this.tooltip.hidden = !withTooltip || this.index === null;
    if (!this.tooltip.hidden) this.drawTooltip();
  }

  /** The values of a bucket: `[series, value]`, top of the stack first. */
  valuesAt(index) {
    const shown = this.visible.map((series) => [series, this.data.values[series.key]?.[index] ?? null]);
    return this.kind === 'bars' ? shown.reverse() : shown;
  }

  drawTooltip() {
    const { times, step } = this.data;
    const rows = this.valuesAt(this.index).map(([series, value]) => h('tr', { class: value ? null : 'is-zero' },
      h('td', {}, h('span', { class: `swatch tone-${series.tone}` }), series.label),
      h('td', { class: 'number' }, this.format(value)), this.detail ? h('td', { class: 'number muted' }, this.detail(series.key, this.index)) : null));
    const total = this.total?.(this.index);
    fill(this.tooltip, h('div', { class: 'tooltip-time' }, stretch(times[this.index], step), this.isOpenAt(this.index) ? h('span', { class: 'muted' }, ' so far') : null),
      h('table', {}, h('tbody', {}, rows, total ? h('tr', { class: 'total' }, h('td', {}, total[0]), h('td', { class: 'number' }, total[1])) : null)));
    const x = this.drawing.xAt(this.index);
    const { width } = this.plot.getBoundingClientRect();
    const own = this.tooltip.offsetWidth;
    const left = x + 14 + own > width ? x - 14 - own : x + 14;
    this.tooltip.style.setProperty('left', `${Math.max(0, Math.min(left, width - own))}px`);
  }

  isOpenAt(index) { return this.data.isOpen && index === this.lastIndex(); }

  describe(index) {
    if (!this.data?.times.length) return this.plot.setAttribute('aria-valuetext', 'No data');
    const values = this.valuesAt(index).map(([series, value]) => `${series.label} ${this.format(value)}`).join(', ');
    this.plot.setAttribute('aria-valuenow', String(index));
    this.plot.setAttribute('aria-valuetext', `${stretch(this.data.times[index], this.data.step)}: ${values}`);
  }

  // The table

  toggleTable() {
    const isShown = this.table.hidden;
    this.table.hidden = !isShown;
    this.plot.hidden = isShown;
    this.tableButton.setAttribute('aria-expanded', String(isShown));
    this.tableButton.textContent = isShown ? 'Chart' : 'Table';
    if (isShown) this.drawTable(); else this.draw();
  }

  drawTable() {
    const { times, step, values } = this.data;
    const rows = times.map((time, index) => h('tr', {}, h('th', { scope: 'row' }, stretch(time, step)),
      this.series.map((series) => h('td', { class: 'number' }, this.format(values[series.key]?.[index] ?? null))))).reverse();
    fill(this.table, h('table', { class: 'grid' }, h('caption', { class: 'visually-hidden' }, this.title),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Time'), this.series.map((series) => h('th', { scope: 'col', class: 'number' }, series.label)))),
      h('tbody', {}, rows)));
  }
}
