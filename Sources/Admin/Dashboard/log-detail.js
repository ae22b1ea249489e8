// One row of the log, whole: what was asked, how it was answered, attempt by attempt, and where they were kept the bodies.

import { get, getText, ApiError } from './api.js';
import { LAYERS, ERROR_KINDS } from './figures.js';
import { bytes, integer, microseconds, milliseconds, usd } from './format.js';
import { clean, fill, foreign, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { badge, placeholder } from './panels.js';
import { statusMark } from './log.js';

const BODY_MAX = 256 * 1024;

/** Opens the row of an id. `neighbours` lists the ids around it, for going on from here. */
export function openRow(context, id, { neighbours }) {
  const content = h('div', { class: 'dialog-body detail' });
  const position = h('span', { class: 'muted' });
  const step = (by) => {
    const ids = neighbours();
    const next = ids[ids.indexOf(id) + by];
    if (next) { id = next; load(); }
  };
  const newer = h('button', { type: 'button', class: 'ghost small', onclick: () => step(-1) }, '↑ Newer');
  const older = h('button', { type: 'button', class: 'ghost small', onclick: () => step(1) }, '↓ Older');
  const dialog = openDialog('Request', () => [h('div', { class: 'detail-bar' }, newer, older, position), content], { class: 'is-side' });
  dialog.addEventListener('keydown', (event) => {
    if (event.target.closest('input, select, pre, .table-scroll')) return;
    if (event.key === 'ArrowDown' || event.key === 'j') { event.preventDefault(); step(1); }
    if (event.key === 'ArrowUp' || event.key === 'k') { event.preventDefault(); step(-1); }
  });

  async function load() {
    const asked = id;
    const ids = neighbours();
    newer.disabled = ids.indexOf(id) <= 0;
    older.disabled = ids.indexOf(id) < 0 || ids.indexOf(id) >= ids.length - 1;
    try {
      const row = await get(`/logs/${encodeURIComponent(asked)}`);
      if (asked === id) fill(content, sections(row));
    } catch (error) {
      const words = { log_not_found: 'There is no such row.', log_dropped: 'This row is gone: overwritten by newer ones, or dropped because the writer was behind.' };
      if (asked === id) fill(content, placeholder('failed', (error instanceof ApiError && words[error.code]) || error.message));
    }
  }

  function sections(row) {
    return [summary(row), timing(row), facts(row), attempts(row), metadata(row), bodies(row)];
  }

  function summary(row) {
    const narrow = (name, label) => (row[name] ? h('a', { class: 'chip', href: context.link({ view: 'log', [name]: row[name] }), onclick: () => dialog.close() }, `Only this ${label}`) : null);
    return h('div', { class: 'summary' },
      h('p', { class: 'summary-line' }, statusMark(row), ' ', h('span', { class: 'mono' }, foreign(row.path, { max: 200 }))),
      row.error_code ? h('p', { class: 'is-bad' }, clean(ERROR_KINDS[row.error_kind]?.label ?? row.error_kind, 40), ': ', h('code', {}, clean(row.error_code, 80))) : null,
      h('p', { class: 'chips' }, narrow('tenant', 'tenant'), narrow('model', 'model'), narrow('provider', 'provider')));
  }

  /** Where the time went: the attempts one after the other, the rest beside them. */
  function timing(row) {
    const all = row.duration || 0;
    const parts = (row.attempt_details ?? []).map((attempt) => ({ text: `${clean(attempt.provider, 40)}: ${milliseconds(attempt.duration_ms)}`, size: attempt.duration_ms || 0, tone: attempt.failure || attempt.status >= 400 ? 'red' : 'blue' }));
    const scale = Math.max(all, parts.reduce((sum, part) => sum + part.size, 0)) || 1;
    return h('section', {}, h('h3', {}, 'Time'),
      h('div', { class: 'timing', 'aria-hidden': 'true' }, parts.map((part) => h('span', { class: `timing-part tone-${part.tone}`, title: part.text, style: { width: `${(part.size / scale) * 100}%` } }))),
      list([['Total', milliseconds(row.duration)], ['First byte', milliseconds(row.ttfb_ms)], ['Gateway', microseconds(row.overhead_us)]]));
  }

  function facts(row) {
    const flags = ['stream', 'estimated', 'suspect', 'unpriced', 'custom_cost'].filter((name) => row[name]).map((name) => name.replace('_', ' '));
    const layer = LAYERS[row.cache_layer]?.label ?? row.cache_layer;
    return h('section', {}, h('h3', {}, 'Request'), list([
      ['Time', clean(row.created_at, 40)], ['Id', mono(row.id)], ['Event id', row.event_id && mono(row.event_id)], ['Tenant', foreign(row.tenant)], ['Key', row.key_id && mono(row.key_id)],
      ['Provider', foreign(row.provider)], ['Model', foreign(row.model, { max: 2000 })], ['Route', row.route && foreign(row.route)], ['Operation', foreign(row.operation)],
      ['Cache', [layer, row.cache_reason ? ` (${clean(row.cache_reason, 60)})` : '']], ['Cache-Status', row.cache_status && mono(row.cache_status)], ['Similarity', row.similarity ? row.similarity.toFixed(4) : null],
      ['Tokens', `${integer(row.tokens_in)} in${row.tokens_cached ? ` (${integer(row.tokens_cached)} from the provider’s cache)` : ''}, ${integer(row.tokens_out)} out`], ['Tokens saved', row.tokens_saved ? integer(row.tokens_saved) : null],
      ['Cost', row.cost ? usd(row.cost) : null], ['Cost saved', row.cost_saved ? usd(row.cost_saved) : null], ['Bytes', `${bytes(row.request_size)} asked, ${bytes(row.response_size)} answered`],
      ['Finish reason', row.finish_reason && foreign(row.finish_reason)], ['Flags', flags.join(', ') || null], ['Feedback', feedback(row)], ['Trace', row.trace_id && mono(row.trace_id)], ['Span', row.span_id && mono(row.span_id)],
    ]));
  }

  function feedback(row) {
    const parts = [row.feedback === 1 ? 'good' : row.feedback === -1 ? 'bad' : null, typeof row.score === 'number' ? `score ${row.score}` : null].filter(Boolean);
    return parts.join(', ') || null;
  }

  function attempts(row) {
    const all = row.attempt_details ?? [];
    if (!all.length) return null;
    const more = row.attempts > all.length ? h('p', { class: 'muted small-text' }, `${row.attempts - all.length} more are not described.`) : null;
    return h('section', {}, h('h3', {}, 'Attempts'), h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Attempts' }, h('table', { class: 'grid' }, h('caption', { class: 'visually-hidden' }, 'Attempts in order'),
      h('thead', {}, h('tr', {}, ['Target', 'Result', 'Duration'].map((name, index) => h('th', { scope: 'col', class: index === 2 ? 'number' : null }, name)))),
      h('tbody', {}, all.map((attempt) => h('tr', {}, h('td', {}, foreign(`${attempt.provider}/${attempt.model}`, { max: 160 }), attempt.is_repeat ? h('span', { class: 'muted' }, ' again') : null),
        h('td', {}, attempt.status ? badge(String(attempt.status), attempt.status < 400 ? 'good' : 'bad') : null, ' ', clean(attempt.failure, 80).replaceAll('_', ' ')),
        h('td', { class: 'number' }, milliseconds(attempt.duration_ms))))))), more);
  }

  function metadata(row) {
    const members = Object.entries(row.metadata ?? {});
    return members.length ? h('section', {}, h('h3', {}, 'Metadata'), list(members.map(([name, value]) => [foreign(name, { max: 80 }), foreign(typeof value === 'string' ? value : JSON.stringify(value), { max: 500 })]))) : null;
  }

  function bodies(row) {
    if (!row.has_request && !row.has_response) return h('section', {}, h('h3', {}, 'Bodies'), h('p', { class: 'muted small-text' }, 'Not kept. Payload logging is off unless a tenant, a route or a header asks for it.'));
    if (context.role !== 'admin') return h('section', {}, h('h3', {}, 'Bodies'), h('p', { class: 'muted small-text' }, 'Kept, and shown to the admin token only.'));
    return h('section', {}, h('h3', {}, 'Bodies'), row.has_request ? body(row, 'request', 'Request') : null, row.has_response ? body(row, 'response', 'Answer') : null);
  }

  function body(row, which, label) {
    const place = h('div', {});
    const button = h('button', { type: 'button', onclick: reveal }, `Show the ${label.toLowerCase()}`);
    async function reveal() {
      button.disabled = true;
      try {
        const { text, isCut } = await getText(`/logs/${encodeURIComponent(row.id)}/${which}`, BODY_MAX);
        fill(place, h('h4', {}, label), h('pre', { tabindex: '0', 'aria-label': label }, readable(text)), isCut ? h('p', { class: 'muted small-text' }, 'This is its beginning only.') : null);
      } catch (error) {
        fill(place, h('p', { class: 'problem', role: 'alert' }, error.message));
        button.disabled = false;
        place.append(button);
      }
    }
    place.append(button);
    return place;
  }

  load();
}

/** JSON indented, anything else as it is; invisible characters are made visible but for line breaks and tabs. */
function readable(text) {
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* It is no JSON, or the beginning of one. */ }
  return shown.split('\n').map((line) => line.split('\t').map((part) => clean(part, Infinity)).join('\t')).join('\n');
}

const mono = (text) => h('span', { class: 'mono' }, foreign(text));

const list = (pairs) => h('dl', { class: 'pairs' }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== '').map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
