// The charts of the overview. Each shows numbers of `GET /stats` as they are; what is derived is derived in figures.js.

import { TimeChart } from './chart.js';
import { ERROR_KINDS, LAYERS, SAVED_LAYERS, failures, inLayer, layerShare, outcomes, timeline, values } from './figures.js';
import { count, integer, microseconds, milliseconds, percent, rate, tick, usd } from './format.js';
import { fill, h } from './dom.js';
import { panel, segments } from './panels.js';

const keyed = (table, names = Object.keys(table)) => names.map((key) => ({ key, ...table[key] }));

const PERCENTILES = [{ key: 'p50', label: 'p50', tone: 'teal' }, { key: 'p90', label: 'p90', tone: 'blue' }, { key: 'p99', label: 'p99', tone: 'violet' }];

const TIMINGS = {
  latency_ms: { label: 'Total', caption: 'from the request’s head to the answer’s end', format: milliseconds },
  ttfb_ms: { label: 'First byte', caption: 'from the request’s head to the answer’s first byte', format: milliseconds },
  overhead_us: { label: 'Gateway', caption: 'what the gateway itself adds before the first byte', format: microseconds },
  tokens_per_second: { label: 'Tokens/s', caption: 'output tokens a second of streams', format: (value) => rate(value) },
};

const MONEY = {
  cost: {
    label: 'Cost', caption: 'US dollars', format: usd,
    series: [{ key: 'cost', label: 'Spent', tone: 'blue' }, { key: 'cost_saved', label: 'Saved', tone: 'teal' }],
  },
  tokens: {
    label: 'Tokens', caption: 'as the providers count them', format: count,
    series: [{ key: 'tokens_in', label: 'Input', tone: 'blue' }, { key: 'tokens_out', label: 'Output', tone: 'violet' }, { key: 'tokens_saved', label: 'Saved', tone: 'teal' }],
  },
};

export function makeCharts(context) {
  const zoom = (from, to) => context.go({ from, to });
  const data = (line, rows) => ({ times: line.times, step: line.step, isOpen: line.isOpen, values: rows });
  let latest = null;

  // Traffic
  const trafficSeries = [
    { key: 'cached', label: 'From cache', tone: 'teal' }, { key: 'provider', label: 'From providers', tone: 'blue' }, { key: 'failed', label: 'Failed', tone: 'red' },
  ];
  const traffic = new TimeChart({
    title: 'Requests by outcome', series: trafficSeries, format: integer, axis: tick(count), isWhole: true, zoom,
    legend: (key) => latest && count(outcomes(latest.stats.totals)[key]),
    total: (index) => ['All', integer(latest.line.buckets[index]?.requests ?? 0)],
  });
  const trafficPanel = panel('Traffic', { caption: 'requests by outcome', class: 'wide', tools: [traffic.tableButton], body: traffic.element });

  // Hit ratio by layer
  const cache = new TimeChart({
    title: 'Hit ratio by layer', series: keyed(LAYERS, SAVED_LAYERS), format: percent, axis: (value) => `${Math.round(value * 100)}%`, isShare: true, zoom,
    legend: (key) => latest && percent(layerShare(latest.stats.totals, key)),
    total: (index) => ['Hit ratio', percent(latest.line.buckets[index]?.hit_ratio ?? null)],
  });
  cache.detail = (key, index) => count(inLayer(latest.line.buckets[index] ?? {}, key));
  cache.emptyText = 'No hits in this range';
  const layers = h('dl', { class: 'layer-list' });
  const cachePanel = panel('Cache', { caption: 'hit ratio by layer', class: 'narrow', tools: [cache.tableButton], body: [cache.element, layers] });

  // Latency
  let timing = 'latency_ms';
  const latency = new TimeChart({
    title: 'Latency percentiles', kind: 'lines', series: PERCENTILES, format: milliseconds, zoom,
    legend: (key) => latest && TIMINGS[timing].format(latest.stats.totals[timing]?.[key]),
  });
  const chooseTiming = segments('Which time', Object.fromEntries(Object.entries(TIMINGS).map(([key, { label }]) => [key, label])), timing, (key) => { timing = key; drawLatency(); });
  const logButton = h('button', {
    type: 'button', class: 'ghost small', 'aria-pressed': 'false', title: 'Logarithmic axis: hits and provider calls in one picture',
    onclick: () => { latency.isLog = !latency.isLog; logButton.setAttribute('aria-pressed', String(latency.isLog)); latency.draw(); },
  }, 'Log');
  const latencyPanel = panel('Latency', { class: 'wide', tools: [chooseTiming, logButton, latency.tableButton], body: latency.element });

  // Errors
  const errors = new TimeChart({
    title: 'Errors by kind', series: keyed(ERROR_KINDS), format: integer, axis: tick(count), isWhole: true, zoom,
    legend: (key) => latest && count(latest.stats.totals.errors?.[key] ?? 0),
    total: (index) => ['All', integer(failures(latest.line.buckets[index] ?? {}))],
  });
  errors.emptyText = 'No errors in this range';
  const errorsPanel = panel('Errors', { caption: 'by kind', class: 'narrow', tools: [errors.tableButton], body: errors.element });

  // Money and tokens
  let measure = 'cost';
  const money = new TimeChart({
    title: 'Money and tokens', series: MONEY.cost.series, format: usd, zoom,
    legend: (key) => latest && MONEY[measure].format(latest.stats.totals[key]),
    total: (index) => (measure === 'cost' ? ['Without cache', usd(total(latest.line.buckets[index]))] : null),
  });
  const total = (numbers) => (numbers?.cost ?? 0) + (numbers?.cost_saved ?? 0);
  const chooseMeasure = segments('Money or tokens', { cost: 'Cost', tokens: 'Tokens' }, measure, (key) => { measure = key; drawMoney(); });
  const moneyPanel = panel('Money', { class: 'wide', tools: [chooseMeasure, money.tableButton], body: money.element });

  function drawTraffic({ line }) {
    const parts = line.buckets.map((bucket) => (bucket ? outcomes(bucket) : { cached: 0, provider: 0, failed: 0 }));
    traffic.update(data(line, Object.fromEntries(trafficSeries.map(({ key }) => [key, parts.map((part) => part[key])]))));
  }

  function drawCache({ stats, line }) {
    cache.update(data(line, Object.fromEntries(SAVED_LAYERS.map((layer) => [layer, values(line, (point) => layerShare(point, layer), null)]))));
    fill(layers, Object.entries(LAYERS).map(([layer, { label, tone }]) => h('div', {},
      h('dt', {}, h('span', { class: `swatch tone-${tone}`, 'aria-hidden': 'true' }), label), h('dd', {}, count(inLayer(stats.totals, layer))))));
  }

  function drawLatency() {
    const { format, caption } = TIMINGS[timing];
    latencyPanel.setCaption(caption);
    latency.configure({ format, axis: tick(format), title: `${TIMINGS[timing].label}, percentiles` });
    if (!latest) return;
    latency.update(data(latest.line, Object.fromEntries(PERCENTILES.map(({ key }) => [key, values(latest.line, (point) => point[timing]?.[key], null)]))));
  }

  function drawErrors({ stats, line }) {
    const present = Object.keys(ERROR_KINDS).filter((kind) => stats.totals.errors?.[kind] > 0);
    errors.series = keyed(ERROR_KINDS, present);
    errors.update(data(line, Object.fromEntries(present.map((kind) => [kind, values(line, (point) => point.errors?.[kind])]))));
  }

  function drawMoney() {
    const { series, format, caption } = MONEY[measure];
    moneyPanel.setCaption(caption);
    money.configure({ series, format, axis: tick(format) });
    if (!latest) return;
    money.update(data(latest.line, Object.fromEntries(series.map(({ key }) => [key, values(latest.line, (point) => point[key])]))));
  }

  drawLatency();
  drawMoney();
  return {
    traffic: trafficPanel, cache: cachePanel, latency: latencyPanel, errors: errorsPanel, money: moneyPanel,
    draw(stats, line = timeline(stats, true)) {
      latest = { stats, line };
      drawTraffic(latest);
      drawCache(latest);
      drawLatency();
      drawErrors(latest);
      drawMoney();
    },
  };
}
