// The live log: the newest rows of the ring, narrowed by filters, growing at the top as requests end.

import { get, path, stream, ApiError } from './api.js';
import { LAYERS } from './figures.js';
import { count, integer, milliseconds, moment, usd } from './format.js';
import { announce, clean, fill, fillRows, foreign, h } from './dom.js';
import { ringFill } from './health.js';
import { openRow } from './log-detail.js';
import { isNarrowed, logQuery, makeLogFilters, NOTHING } from './log-filters.js';
import { badge, panel, placeholder, table } from './panels.js';
import { RANGES } from './state.js';

const PAGE = 50;
// Rows kept in the page; older ones are asked for again.
const ROWS_MAX = 500;
const COLUMNS = [['Time'], ['Status'], ['Tenant'], ['Model'], ['Cache'], ['Duration', 'number'], ['First byte', 'number'], ['Tokens', 'number'], ['Cost', 'number']];

/** A row's outcome as colour: only what failed stands out. */
export const statusTone = (row) => (row.success ? 'good' : row.status_code >= 500 || row.status_code === 0 ? 'bad' : 'warn');

/** The status: plain where all is well, so that the rest is seen. */
export const statusMark = (row) => (row.success ? h('span', { class: 'muted' }, String(row.status_code)) : badge(String(row.status_code), statusTone(row)));

export function log(context) {
  const { state } = context;
  let rows = [];
  let cursor = null;
  let waiting = [];
  let tail = null;
  let isLive = true;
  let drawing = 0;
  const grid = table('Log rows, newest first', COLUMNS, 'log-table');
  const note = h('div', {}, placeholder('loading', 'Loading rows…'));
  const fresh = h('button', { type: 'button', class: 'fresh', hidden: true, onclick: showWaiting });
  const older = h('button', { type: 'button', hidden: true, onclick: loadOlder }, 'Show older rows');
  const live = h('button', { type: 'button', class: 'ghost small live', 'aria-pressed': 'true', onclick: toggleLive }, h('span', { class: 'pulse', 'aria-hidden': 'true' }), 'Live');
  const exports = h('span', { class: 'exports' });
  const gap = h('p', { class: 'gap', role: 'status', hidden: true });
  const ring = h('div', { class: 'ring-box' });
  const filters = makeLogFilters(context);
  const box = panel('Log', { class: 'full', tools: [exports, live], body: [filters.element, gap, fresh, grid.element, note, h('div', { class: 'pager' }, older), ring] });

  async function load(signal) {
    const query = logQuery(state);
    const page = await get(path('/logs', { ...query, limit: PAGE }), { signal });
    const print = JSON.stringify(query);
    if (print === shownPrint && rows.length) merge(page);
    else {
      rows = page.rows;
      waiting = [];
      cursor = page.next_cursor;
      drawGap(page.gap);
    }
    shownPrint = print;
    fill(ring, ringFill(page.ring));
    draw();
    if (state.id && !document.querySelector('dialog')) show(state.id);
    if (isLive && !context.page.isPaused && !tail) follow();
  }

  /** A newer page of the same filters: rows that are shown are renewed, new ones come as those of the tail do. */
  function merge(page) {
    const newest = new Map(page.rows.map((row) => [row.id, row]));
    const isConnected = rows.some((row) => newest.has(row.id));
    rows = rows.map((row) => newest.get(row.id) ?? row);
    if (!isLive) return;
    if (isConnected) page.rows.toReversed().forEach((row) => received('row', row));
    else if (page.rows.length && !isReading()) {
      // More than a page came since: what lies between is for those who scroll.
      rows = page.rows;
      waiting = [];
      cursor = page.next_cursor;
    }
  }

  let shownPrint = null;

  // Following

  async function follow() {
    if (state.from) return;
    const following = new AbortController();
    tail = following;
    try {
      await stream(path('/logs/tail', logQuery(state, false)), following.signal, () => live.classList.add('is-on'), received);
    } catch (error) {
      if (following.signal.aborted) return;
      if (error instanceof ApiError && error.status === 401) context.refresh();
    }
    live.classList.remove('is-on');
    // The refresh that comes anyway begins it anew, and brings what was missed.
    if (tail === following) tail = null;
  }

  function stopFollowing() {
    tail?.abort();
    tail = null;
    live.classList.remove('is-on');
  }

  function received(event, data) {
    if (event === 'gap') return drawGap(true, data.dropped);
    if (event !== 'row' || rows.some((row) => row.id === data.id) || waiting.some((row) => row.id === data.id)) return;
    waiting.unshift(data);
    waiting.length = Math.min(waiting.length, ROWS_MAX);
    // While somebody reads further down nothing moves under their eyes; a burst is drawn once a frame.
    if (isReading()) return drawFresh();
    drawing ||= requestAnimationFrame(() => { drawing = 0; showWaiting(); });
  }

  const isReading = () => scrollY > 200 || grid.body.contains(document.activeElement) || document.querySelector('dialog') !== null;

  function showWaiting() {
    if (document.activeElement === fresh) announce(`${waiting.length} new rows`);
    rows = [...waiting, ...rows].slice(0, ROWS_MAX);
    waiting = [];
    draw();
  }

  function drawFresh() {
    fresh.hidden = waiting.length === 0;
    fresh.textContent = `Show ${count(waiting.length)} new ${waiting.length === 1 ? 'row' : 'rows'}`;
  }

  function toggleLive() {
    isLive = !isLive;
    live.setAttribute('aria-pressed', String(isLive));
    if (isLive) context.refresh(); else stopFollowing();
  }

  // Drawing

  function draw() {
    drawFresh();
    grid.element.hidden = rows.length === 0;
    older.hidden = !cursor || rows.length >= ROWS_MAX;
    live.hidden = Boolean(state.from);
    box.setCaption(rows.length ? `${integer(rows.length)} shown` : '');
    const query = logQuery(state);
    fill(exports, ['jsonl', 'csv'].map((format) => h('a', { class: 'button ghost small', href: path('/logs/export', { ...query, format }), download: `weir-log.${format}` }, format.toUpperCase())));
    exports.setAttribute('aria-label', 'Export what the filters leave');
    fill(note, rows.length ? null : empty());
    fillRows(grid.body, rows, (row) => row.id, tableRow);
  }

  function empty() {
    const range = state.from ? 'this range' : RANGES[state.range].name;
    if (!isNarrowed(state)) return placeholder('empty', `No request in ${range}.`);
    return placeholder('empty', `No row of ${range} passes these filters.`, h('button', { type: 'button', onclick: () => context.go(NOTHING) }, 'Clear filters'));
  }

  function drawGap(isGap, dropped = 0) {
    gap.hidden = !isGap;
    gap.textContent = dropped ? `${count(dropped)} rows passed too fast for this page and are not shown here; the log has them.` : 'Rows in between were overwritten while this page was read.';
  }

  function tableRow(row) {
    const layer = LAYERS[row.cache_layer];
    const time = h('button', { type: 'button', class: 'link number', 'aria-haspopup': 'dialog', title: row.created_at, onclick: (event) => { event.stopPropagation(); show(row.id); } }, moment(row.created_at));
    const tokens = row.tokens_saved ? `${count(row.tokens_saved)} saved` : `${count(row.tokens_in)} → ${count(row.tokens_out)}`;
    const element = h('tr', { class: row.success ? null : 'is-failed', onclick: () => { if (!getSelection()?.toString()) show(row.id); }, onkeydown: (event) => moveFocus(event, element) },
      h('td', { class: 'cell-time' }, time),
      h('td', { class: 'cell-status' }, statusMark(row), row.error_code ? h('span', { class: 'muted small-text' }, ' ', clean(row.error_code, 40)) : null),
      h('td', { class: 'cell-tenant' }, foreign(row.tenant, { max: 60 })),
      h('td', { class: 'cell-model' }, row.provider ? h('span', { class: 'muted' }, h('bdi', {}, clean(row.provider, 40)), '/') : null, foreign(row.model, { max: 80 })),
      h('td', { class: 'cell-cache' }, layer ? h('span', { class: 'layer' }, h('span', { class: `swatch tone-${layer.tone}`, 'aria-hidden': 'true' }), layer.label) : h('span', { class: 'none' }, '–')),
      h('td', { class: 'number cell-duration' }, milliseconds(row.duration)), h('td', { class: 'number cell-ttfb' }, milliseconds(row.ttfb_ms)),
      h('td', { class: 'number cell-tokens' }, row.tokens_in || row.tokens_out || row.tokens_saved ? tokens : '–'),
      h('td', { class: 'number cell-cost' }, row.cost_saved ? h('span', { class: 'is-good', title: 'saved' }, usd(row.cost_saved)) : row.cost ? usd(row.cost) : '–'));
    return element;
  }

  /** Arrow keys go from row to row. */
  function moveFocus(event, element) {
    const next = { ArrowDown: element.nextElementSibling, ArrowUp: element.previousElementSibling }[event.key];
    if (!next) return;
    event.preventDefault();
    next.querySelector('button').focus();
  }

  function show(id) {
    openRow(context, id, { neighbours: () => rows.map((row) => row.id) });
  }

  async function loadOlder() {
    older.disabled = true;
    try {
      const page = await get(path('/logs', { ...logQuery(state), limit: PAGE, cursor }));
      const known = new Set(rows.map((row) => row.id));
      const added = page.rows.filter((row) => !known.has(row.id));
      rows = [...rows, ...added].slice(0, ROWS_MAX);
      cursor = page.next_cursor;
      if (page.gap) drawGap(true);
      draw();
      announce(`${added.length} older rows`);
    } catch (error) {
      fill(note, placeholder('failed', error.message));
    }
    older.disabled = false;
  }

  return {
    title: 'Log', element: h('div', { class: 'panels' }, box.element), load, hasRange: true, hasFilters: true,
    moved() { stopFollowing(); filters.draw(); },
    paused(isPaused) { if (isPaused) stopFollowing(); },
    hidden: stopFollowing,
    leave: stopFollowing,
  };
}
