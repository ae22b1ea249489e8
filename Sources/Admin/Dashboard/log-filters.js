// The log's filters, and how they are asked of `GET /logs`.

import { clean, fill, h } from './dom.js';
import { ERROR_KINDS, LAYERS } from './figures.js';
import { openDialog } from './dialogs.js';
import { field, select } from './panels.js';
import { chip } from './toolbar.js';
import { dimensionQuery } from './state.js';

const OUTCOMES = { '': 'Any outcome', true: 'Succeeded', false: 'Failed' };
const STATUSES = { '': 'Any status', 2: '2xx', 4: '4xx', 5: '5xx' };
const FIELDS = {
  status_code: 'Status', duration: 'Duration (ms)', overhead_us: 'Overhead (µs)', ttfb_ms: 'First byte (ms)', tokens_in: 'Tokens in', tokens_out: 'Tokens out', tokens_saved: 'Tokens saved',
  cost: 'Cost (USD)', cost_saved: 'Cost saved (USD)', attempts: 'Attempts', step: 'Step', key_id: 'Key id', operation: 'Operation', path: 'Path', event_id: 'Event id', error_code: 'Error code',
  finish_reason: 'Finish reason', cache_reason: 'Cache reason', request_size: 'Request bytes', response_size: 'Answer bytes', tenant: 'Tenant', model: 'Model', provider: 'Provider', metadata: 'Metadata…',
};
const OPERATORS = { eq: 'is', neq: 'is not', contains: 'contains', gt: '>', gte: '≥', lt: '<', lte: '≤' };

/** The query of a state, without a page's limit and cursor. `withTime`: a tail has no beginning. */
export function logQuery(state, withTime = true) {
  const query = { ...dimensionQuery(state), search: state.search, success: state.outcome, cache_layer: state.cache_layer, error_kind: state.error_kind, filter: [...state.filter] };
  if (state.status) query.filter.push(`status_code.gte:${state.status}00`, `status_code.lt:${Number(state.status) + 1}00`);
  if (withTime && state.from) Object.assign(query, { since: new Date(state.from).toISOString(), until: new Date(state.to).toISOString() });
  else if (withTime) query.since = state.range;
  return query;
}

/** Whether anything narrows the log beside its range. */
export const isNarrowed = (state) => Boolean(state.search || state.outcome || state.cache_layer || state.error_kind || state.status || state.filter.length || Object.keys(dimensionQuery(state)).length);

/** All filters off. */
export const NOTHING = { search: '', outcome: '', cache_layer: '', error_kind: '', status: '', filter: [], tenant: '', provider: '', model: '', route: '' };

export function makeLogFilters(context) {
  const { state } = context;
  const labels = (table, any) => ({ '': any, ...Object.fromEntries(Object.entries(table).map(([key, { label }]) => [key, label])) });
  const search = h('input', { type: 'search', autocomplete: 'off', spellcheck: 'false', maxlength: '256', placeholder: 'Search id, path, model, tenant, error' });
  const controls = {
    outcome: select(OUTCOMES, state.outcome, (value) => context.go({ outcome: value })), cache_layer: select(labels(LAYERS, 'Any cache layer'), state.cache_layer, (value) => context.go({ cache_layer: value })),
    error_kind: select(labels(ERROR_KINDS, 'Any error'), state.error_kind, (value) => context.go({ error_kind: value })), status: select(STATUSES, state.status, (value) => context.go({ status: value })),
  };
  const chips = h('div', { class: 'chips' });
  const clear = h('button', { type: 'button', class: 'ghost small', onclick: () => context.go(NOTHING) }, 'Clear all');
  let timer = null;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => context.go({ search: search.value.trim() }), 300);
  });
  const element = h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter the log', onsubmit: (event) => { event.preventDefault(); clearTimeout(timer); context.go({ search: search.value.trim() }); } },
    field('Search', search, { isQuiet: true }), field('Outcome', controls.outcome, { isQuiet: true }), field('Status', controls.status, { isQuiet: true }),
    field('Cache layer', controls.cache_layer, { isQuiet: true }), field('Error', controls.error_kind, { isQuiet: true }),
    h('button', { type: 'button', class: 'ghost', 'aria-haspopup': 'dialog', onclick: addFilter }, '+ Condition'), chips, clear);

  function draw() {
    if (document.activeElement !== search) search.value = state.search;
    for (const [name, control] of Object.entries(controls)) control.value = state[name];
    fill(chips, state.filter.map((text) => chip('', words(text), () => context.go({ filter: state.filter.filter((other) => other !== text) }))));
    clear.hidden = !isNarrowed(state);
  }

  /** `status_code.gte:500` as `Status ≥ 500`. */
  function words(text) {
    const [, name, operator, value] = /^(.+?)\.(eq|neq|contains|gt|gte|lt|lte|in):(.*)$/s.exec(text) ?? [];
    return name ? `${FIELDS[name] ?? clean(name, 80)} ${OPERATORS[operator] ?? operator} ${clean(value, 80)}` : clean(text, 120);
  }

  function addFilter() {
    openDialog('Add a condition', (close) => {
      const metadata = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', maxlength: '64' });
      const metadataField = field('Metadata name', metadata);
      metadataField.hidden = true;
      const name = select(FIELDS, 'status_code', (value) => { metadataField.hidden = value !== 'metadata'; metadata.required = value === 'metadata'; });
      const operator = select(OPERATORS, 'eq');
      const value = h('input', { type: 'text', required: true, maxlength: '256', autocomplete: 'off', spellcheck: 'false' });
      return h('form', {
        class: 'dialog-body', onsubmit: (event) => {
          event.preventDefault();
          const subject = name.value === 'metadata' ? `metadata.${metadata.value.trim()}` : name.value;
          close();
          context.go({ filter: [...state.filter, `${subject}.${operator.value}:${value.value.trim()}`] });
        },
      }, h('div', { class: 'field-row' }, field('Field', name), metadataField, field('Comparison', operator), field('Value', value)),
      h('div', { class: 'dialog-actions' }, h('button', { type: 'button', onclick: close }, 'Cancel'), h('button', { type: 'submit', class: 'primary' }, 'Add')));
    }, { class: 'is-small' });
  }

  draw();
  return { element, draw };
}
