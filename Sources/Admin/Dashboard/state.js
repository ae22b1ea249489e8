// What the page shows, kept in the address's fragment: a link or the back button brings back view, range and filters. Never sent to a server.

export const RANGES = {
  '15m': { label: '15 m', name: 'the last 15 minutes', seconds: 900, step: '1m', refresh: 5 },
  '1h': { label: '1 h', name: 'the last hour', seconds: 3600, step: '1m', refresh: 10 },
  '24h': { label: '24 h', name: 'the last 24 hours', seconds: 86_400, step: '1h', refresh: 30 },
  '7d': { label: '7 d', name: 'the last 7 days', seconds: 7 * 86_400, step: '1h', refresh: 60 },
  '30d': { label: '30 d', name: 'the last 30 days', seconds: 30 * 86_400, step: '1d', refresh: 60 },
};

export const VIEWS = ['overview', 'log', 'targets', 'tenants', 'cache'];

/** What a number can be narrowed to, in every view that has it. */
export const DIMENSIONS = { tenant: 'Tenant', provider: 'Provider', model: 'Model', route: 'Route' };

const FIELDS = [...Object.keys(DIMENSIONS), 'search', 'outcome', 'cache_layer', 'error_kind', 'status', 'filter', 'id'];

/** The state that the fragment names; what it does not know it leaves at its default. */
export function readState() {
  const [view, query] = location.hash.replace(/^#\/?/, '').split('?');
  const fields = new URLSearchParams(query ?? '');
  const state = { view: VIEWS.includes(view) ? view : 'overview', range: '1h', from: null, to: null };
  if (fields.get('range') in RANGES) state.range = fields.get('range');
  const [from, to] = [Date.parse(fields.get('from')), Date.parse(fields.get('to'))];
  if (from < to) Object.assign(state, { from, to });
  for (const name of FIELDS) {
    const values = fields.getAll(name).filter(Boolean).slice(0, 16);
    if (name === 'filter') state.filter = values;
    else state[name] = values[0] ?? '';
  }
  return state;
}

/** The fragment of a state. */
export function fragment(state) {
  const fields = new URLSearchParams();
  if (state.from) {
    fields.set('from', new Date(state.from).toISOString());
    fields.set('to', new Date(state.to).toISOString());
  } else if (state.range !== '1h') fields.set('range', state.range);
  for (const name of FIELDS) {
    for (const value of [state[name] ?? []].flat()) if (value) fields.append(name, value);
  }
  const text = fields.toString();
  return `#/${state.view}${text ? `?${text}` : ''}`;
}

/** The stretch of time as the gateway's query fields. */
export function windowQuery(state) {
  if (!state.from) return { window: state.range };
  return { from: new Date(state.from).toISOString(), to: new Date(state.to).toISOString() };
}

/** The stretch just before, of the same length; `end` is where the shown one begins. */
export const formerQuery = (begin, end) => ({ from: new Date(begin - (end - begin)).toISOString(), to: new Date(begin).toISOString() });

/** How fine the numbers are asked for: at most some 250 buckets. */
export function stepOf(state) {
  if (!state.from) return RANGES[state.range].step;
  const hours = (state.to - state.from) / 3_600_000;
  return hours <= 4 ? '1m' : hours <= 240 ? '1h' : '1d';
}

/** Seconds between refreshes. A stretch that is over does not change. */
export const refreshSeconds = (state) => (state.from ? 60 : RANGES[state.range].refresh);

/** The filters on dimensions that are set. */
export const dimensionQuery = (state) => Object.fromEntries(Object.keys(DIMENSIONS).filter((name) => state[name]).map((name) => [name, state[name]]));
