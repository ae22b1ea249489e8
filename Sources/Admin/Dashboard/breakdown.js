// The same numbers by tenant, provider, model or route. A name is a button: it narrows the whole page to itself.

import { get, path, ApiError } from './api.js';
import { failures } from './figures.js';
import { count, integer, milliseconds, percent, usd } from './format.js';
import { clean, fill, fillRows, h } from './dom.js';
import { meter, panel, placeholder, segments, select, table } from './panels.js';
import { DIMENSIONS, dimensionQuery, windowQuery } from './state.js';

const ORDERS = { requests: 'by requests', cost: 'by cost', tokens: 'by tokens', errors: 'by errors' };
const TOP = 12;

export function makeBreakdown(context) {
  let dimension = 'tenant';
  let order = 'requests';
  const names = Object.fromEntries(Object.entries(DIMENSIONS).map(([key, label]) => [key, label]));
  const choose = segments('Broken down by', names, dimension, (key) => { dimension = key; context.refresh(); });
  const sort = select(ORDERS, order, (key) => { order = key; context.refresh(); });
  sort.setAttribute('aria-label', 'Order of the breakdown');
  const columns = [['Name'], ['Requests', 'number'], ['Share', 'share'], ['Failed', 'number'], ['Hit ratio', 'number'], ['p50', 'number'], ['p99', 'number'], ['Tokens', 'number'], ['Spent', 'number'], ['Saved', 'number']];
  const grid = table('Numbers by part', columns);
  const note = h('div', {});
  const box = panel('Breakdown', { class: 'full', tools: [choose, sort], body: [grid.element, note] });

  async function load(signal) {
    const query = { ...windowQuery(context.state), ...dimensionQuery(context.state), group_by: dimension, top: TOP, order, percentiles: '50,99' };
    try {
      draw(await get(path('/stats', query), { signal }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 401) throw error;
      grid.element.hidden = true;
      fill(note, placeholder('failed', error.message));
    }
  }

  function draw(stats) {
    const groups = stats.groups ?? [];
    box.setCaption(`top ${TOP}, the rest as “other”`);
    grid.element.hidden = groups.length === 0;
    fill(note, groups.length ? null : placeholder('empty', 'No requests in this range.'));
    const all = groups.reduce((sum, group) => sum + group.requests, 0);
    const by = dimension;
    fillRows(grid.body, groups.map((group) => ({ ...group, all, by })), (group) => `${by}:${group.key[by]}`, row);
  }

  function row(group) {
    const name = group.key[group.by];
    const share = group.all ? group.requests / group.all : 0;
    const failed = failures(group);
    return h('tr', {},
      h('th', { scope: 'row', class: 'name' }, nameCell(group.by, name)),
      h('td', { class: 'number', title: integer(group.requests) }, count(group.requests)),
      h('td', { class: 'share' }, meter(`Share of ${clean(name, 60) || 'unnamed'}`, share, 1, { isNeutral: true, text: percent(share) })),
      h('td', { class: failed ? 'number is-bad' : 'number' }, failed ? percent(failed / group.requests) : '0%'),
      h('td', { class: 'number' }, percent(group.hit_ratio)), h('td', { class: 'number' }, milliseconds(group.latency_ms?.p50)),
      h('td', { class: 'number' }, milliseconds(group.latency_ms?.p99)), h('td', { class: 'number' }, count((group.tokens_in ?? 0) + (group.tokens_out ?? 0))),
      h('td', { class: 'number' }, usd(group.cost)), h('td', { class: 'number' }, usd(group.cost_saved)));
  }

  function nameCell(by, name) {
    if (!name) return h('span', { class: 'muted' }, by === 'route' ? '(named by the request)' : '(none)');
    if (name === 'other') return h('span', { class: 'muted' }, 'other');
    return h('button', {
      type: 'button', class: 'link', title: clean(name, 2000), 'aria-label': `Show only ${DIMENSIONS[by].toLowerCase()} ${clean(name, 100)}`, onclick: () => context.go({ [by]: name }),
    }, h('bdi', {}, clean(name, 120)));
  }

  return { element: box.element, load };
}
