// Every provider and model that was asked: its breakers key by key, how it answers, and what it did in the range. And the routes that lead there.

import { get, path } from './api.js';
import { failures } from './figures.js';
import { count, integer, milliseconds, percent, seconds, usd } from './format.js';
import { clean, fill, fillRows, h } from './dom.js';
import { targetState } from './health.js';
import { badge, panel, placeholder, table } from './panels.js';
import { dimensionQuery, stepOf, windowQuery } from './state.js';

const COLUMNS = [['Target'], ['State'], ['Keys'], ['Pending', 'number'], ['Typical latency', 'number'], ['Repeats left', 'number'], ['Requests', 'number'], ['Failed', 'number'], ['p50', 'number'], ['p99', 'number'], ['Spent', 'number']];

const ROUTE_COLUMNS = [['Route'], ['Strategy'], ['Targets in order'], ['Requests', 'number'], ['Failed', 'number'], ['Hit ratio', 'number'], ['p50', 'number'], ['Spent', 'number']];

export function targets(context) {
  const grid = table('Targets and their breakers', COLUMNS);
  const note = h('div', {}, placeholder('loading', 'Loading targets…'));
  const box = panel('Targets', { class: 'full', body: [grid.element, note] });
  grid.element.hidden = true;
  const routeGrid = table('Routes and their targets', ROUTE_COLUMNS);
  const routeNote = h('div', {});
  const routeBox = panel('Routes', { class: 'full', body: [routeGrid.element, routeNote] });

  async function load(signal) {
    await Promise.all([loadTargets(signal), loadRoutes(signal)]);
  }

  async function loadRoutes(signal) {
    const { state } = context;
    const query = { ...windowQuery(state), ...dimensionQuery(state), group_by: 'route', top: 200, percentiles: '50' };
    const [{ routes }, stats] = await Promise.all([get('/routes', { signal }), get(path('/stats', query), { signal })]);
    const numbers = new Map((stats.groups ?? []).map((group) => [group.key.route, group]));
    const rows = routes.filter((route) => !state.route || route.name === state.route).map((route) => ({ route, numbers: numbers.get(route.name) ?? null }));
    routeGrid.element.hidden = rows.length === 0;
    routeBox.setCaption(rows.length ? `${rows.length} configured` : '');
    fill(routeNote, rows.length ? null : placeholder('empty', 'No route is configured: requests name their provider and model themselves.'));
    fillRows(routeGrid.body, rows, ({ route }) => route.name, routeRow);
  }

  function routeRow({ route, numbers }) {
    const failed = numbers ? failures(numbers) : 0;
    return h('tr', {},
      h('th', { scope: 'row', class: 'name' }, h('bdi', {}, clean(route.name, 80))), h('td', {}, clean(route.strategy, 40).replaceAll('_', ' ')),
      h('td', {}, h('ol', { class: 'target-names' }, (route.targets ?? []).map((target) => h('li', {}, h('bdi', {}, clean(typeof target === 'string' ? target : `${target.provider}/${target.model}`, 160)))))),
      h('td', { class: 'number' }, count(numbers?.requests ?? 0)), h('td', { class: failed ? 'number is-bad' : 'number' }, failed ? percent(failed / numbers.requests) : '0%'),
      h('td', { class: 'number' }, percent(numbers?.hit_ratio ?? null)), h('td', { class: 'number' }, milliseconds(numbers?.latency_ms?.p50)), h('td', { class: 'number' }, usd(numbers?.cost ?? 0)));
  }

  async function loadTargets(signal) {
    const { state } = context;
    const stats = await get(path('/stats', { ...windowQuery(state), step: stepOf(state), ...dimensionQuery(state), group_by: 'provider,model', top: 200, percentiles: '50,99' }), { signal });
    const numbers = new Map((stats.groups ?? []).map((group) => [`${group.key.provider}/${group.key.model}`, group]));
    const isShown = (target) => (!state.provider || target.provider === state.provider) && (!state.model || target.model === state.model);
    const rows = (stats.targets ?? []).filter(isShown).map((target) => ({ target, numbers: numbers.get(`${target.provider}/${target.model}`) ?? null }));
    rows.sort((left, right) => targetState(left.target).rank - targetState(right.target).rank || (right.numbers?.requests ?? 0) - (left.numbers?.requests ?? 0));
    const bad = rows.filter(({ target }) => targetState(target).tone !== 'good').length;
    box.setCaption(rows.length ? `${rows.length} known, ${bad ? `${bad} not well` : 'all well'}` : '');
    grid.element.hidden = rows.length === 0;
    fill(note, rows.length ? null : placeholder('empty', 'No target was asked since the gateway started. The first request to a provider brings it here.'));
    fillRows(grid.body, rows, ({ target }) => `${target.provider}/${target.model}`, row);
  }

  function row({ target, numbers }) {
    const state = targetState(target);
    const failed = numbers ? failures(numbers) : 0;
    return h('tr', {},
      h('th', { scope: 'row', class: 'name' }, h('span', { class: 'muted' }, h('bdi', {}, clean(target.provider, 60)), '/'), h('bdi', { title: clean(target.model, 500) }, clean(target.model, 120))),
      h('td', {}, badge(state.word, state.tone, state.text)),
      h('td', {}, h('ul', { class: 'key-list' }, (target.keys ?? []).map(keyState))),
      h('td', { class: 'number' }, integer(target.pending)), h('td', { class: 'number' }, target.latency_ms ? milliseconds(target.latency_ms) : '–'), h('td', { class: 'number' }, integer(target.repeats_left)),
      h('td', { class: 'number' }, numbers ? count(numbers.requests) : '0'),
      h('td', { class: failed ? 'number is-bad' : 'number' }, failed ? percent(failed / numbers.requests) : '0%'),
      h('td', { class: 'number' }, milliseconds(numbers?.latency_ms?.p50)), h('td', { class: 'number' }, milliseconds(numbers?.latency_ms?.p99)), h('td', { class: 'number' }, usd(numbers?.cost ?? 0)));
  }

  /** One provider key: its number, its breaker, and why and how long it rests. */
  function keyState(key) {
    const words = { closed: ['closed', 'good'], open: ['open', 'bad'], half_open: ['half open', 'warn'], ramping: ['ramping', 'warn'] };
    const [word, tone] = words[key.breaker] ?? [clean(key.breaker, 20), 'none'];
    const facts = [
      key.cause ? `because of ${clean(key.cause, 40).replaceAll('_', ' ')}` : null, key.open_seconds ? `for ${seconds(key.open_seconds)} more` : null,
      key.benched_seconds ? `benched for ${seconds(key.benched_seconds)}` : null, key.limited_seconds ? `limited for ${seconds(key.limited_seconds)}` : null,
      key.openings ? `opened ${integer(key.openings)} ${key.openings === 1 ? 'time' : 'times'}` : null,
    ].filter(Boolean);
    return h('li', {}, h('span', { class: 'muted number' }, `key ${key.key}`), ' ', badge(word, tone), facts.length ? h('span', { class: 'muted small-text' }, ` ${facts.join(', ')}`) : null);
  }

  return { title: 'Targets', element: h('div', { class: 'panels' }, box.element, routeBox.element), load, hasRange: true, hasFilters: true };
}
