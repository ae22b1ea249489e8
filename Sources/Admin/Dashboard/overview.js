// The first view: what came in, what the cache spared, what it cost, how fast it was, what failed, and where.

import { get, path, ApiError } from './api.js';
import { makeCharts } from './overview-charts.js';
import { makeBreakdown } from './breakdown.js';
import { makeHealth } from './health.js';
import { failures, savedHits, timeline, values } from './figures.js';
import { change, count, integer, microseconds, percent, rate, usd } from './format.js';
import { h, fill } from './dom.js';
import { placeholder, tile } from './panels.js';
import { sparkline } from './plot.js';
import { dimensionQuery, formerQuery, stepOf, windowQuery } from './state.js';

export function overview(context) {
  const tiles = {
    requests: tile('Requests'), hits: tile('Hit ratio', 'Answers from the cache among those that were looked up'), saved: tile('Saved', 'What the cached answers would have cost'),
    spent: tile('Spent', 'What the providers charge, by the price list'), overhead: tile('Gateway overhead', 'What the gateway itself adds, median'), errors: tile('Failed', 'Requests that did not end well'),
  };
  const problem = h('div', {});
  const charts = makeCharts(context);
  const breakdown = makeBreakdown(context);
  const health = makeHealth(context);
  const content = h('div', { class: 'view-body' },
    h('div', { class: 'tiles' }, Object.values(tiles).map((one) => one.element)),
    h('div', { class: 'panels' }, charts.traffic.element, charts.cache.element, charts.latency.element, charts.errors.element, charts.money.element, health.element, breakdown.element));
  const element = h('div', {}, problem, content);
  let shown = null;

  async function load(signal) {
    const { state } = context;
    const query = { ...windowQuery(state), step: stepOf(state), ...dimensionQuery(state), percentiles: '50,90,99' };
    let stats;
    try {
      stats = await get(path('/stats', query), { signal });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 401) throw error;
      fill(problem, placeholder('failed', error.message));
      content.classList.add('is-stale');
      return;
    }
    fill(problem);
    content.classList.remove('is-stale');
    const [former] = await Promise.all([before(stats, signal), breakdown.load(signal)]);
    const print = JSON.stringify([query, stats.window, stats.totals, former?.totals]);
    if (print !== shown) draw(stats, former);
    shown = print;
    health.draw(stats);
  }

  /** The stretch before, for comparison; a gateway that can't tell costs nothing but the comparison. */
  async function before(stats, signal) {
    const [begin, end] = [Date.parse(stats.window.from), Date.parse(stats.window.to)];
    try {
      return await get(path('/stats', { ...formerQuery(begin, end), step: stepOf(context.state), ...dimensionQuery(context.state), percentiles: '50,90,99' }), { signal });
    } catch (error) {
      if (error instanceof ApiError && error.status !== 401) return null;
      throw error;
    }
  }

  function draw(stats, former) {
    const line = timeline(stats, !context.state.from);
    drawTiles(stats, former?.totals?.requests ? former.totals : null, line);
    charts.draw(stats, line);
  }

  function drawTiles(stats, former, line) {
    const now = stats.totals;
    const compare = (read, goodDirection) => {
      const text = former ? change(read(now), read(former)) : null;
      const direction = text?.startsWith('+') || text?.startsWith('×') ? 1 : text?.startsWith('−') ? -1 : 0;
      return { change: text, tone: direction * goodDirection > 0 ? 'good' : direction * goodDirection < 0 ? 'bad' : 'none' };
    };
    const seconds = (line.end - line.begin) / 1000;
    tiles.requests.set({
      text: count(now.requests), title: integer(now.requests), notes: [`${rate(now.requests / seconds)} on average`], ...compare((numbers) => numbers.requests, 0),
      former: former && integer(former.requests), line: sparkline(values(line, (point) => point.requests), 'blue'),
    });
    const lookups = savedHits(now) + now.misses + (now.hits?.partial ?? 0);
    const points = former && now.hit_ratio !== null && former.hit_ratio !== null ? (now.hit_ratio - former.hit_ratio) * 100 : null;
    tiles.hits.set({
      text: percent(now.hit_ratio), notes: [`${count(savedHits(now))} of ${count(lookups)} look-ups`],
      change: points === null ? null : `${points >= 0.05 ? '+' : points <= -0.05 ? '−' : '±'}${Math.abs(points).toFixed(1)} pp`, tone: points >= 0.05 ? 'good' : points <= -0.05 ? 'bad' : 'none',
      former: former && percent(former.hit_ratio), line: sparkline(values(line, (point) => point.hit_ratio, null), 'teal'),
    });
    tiles.saved.set({
      text: usd(now.cost_saved), title: `$${now.cost_saved}`, notes: [`${count(now.tokens_saved)} tokens saved`], ...compare((numbers) => numbers.cost_saved, 1),
      former: former && usd(former.cost_saved), line: sparkline(values(line, (point) => point.cost_saved), 'teal'),
    });
    tiles.spent.set({
      text: usd(now.cost), title: `$${now.cost}`, notes: [`${count(now.tokens_in)} in · ${count(now.tokens_out)} out`], ...compare((numbers) => numbers.cost, 0),
      former: former && usd(former.cost), line: sparkline(values(line, (point) => point.cost), 'blue'),
    });
    tiles.overhead.set({
      text: microseconds(now.overhead_us?.p50), notes: [`p99 ${microseconds(now.overhead_us?.p99)}`], ...compare((numbers) => numbers.overhead_us?.p50, -1),
      former: former && microseconds(former.overhead_us?.p50), line: sparkline(values(line, (point) => point.overhead_us?.p50, null), 'slate'),
    });
    const share = (numbers) => (numbers.requests ? failures(numbers) / numbers.requests : null);
    tiles.errors.set({
      text: percent(share(now)), notes: [`${integer(failures(now))} of ${count(now.requests)} requests`], ...compare(share, -1),
      former: former && percent(share(former)), line: sparkline(values(line, failures), 'red'),
    });
  }

  return { title: 'Overview', element, load, hasRange: true, hasFilters: true };
}
