// From the answer of `GET /stats` to what is drawn.

/** The kinds of errors, with their words and colours, in the order they are stacked. */
export const ERROR_KINDS = {
  upstream: { label: 'Provider failed', tone: 'red' },
  timeout: { label: 'Timed out', tone: 'orange' },
  overloaded: { label: 'Overloaded', tone: 'magenta' },
  limited: { label: 'Over a limit', tone: 'amber' },
  rejected: { label: 'Rejected by provider', tone: 'violet' },
  refused: { label: 'Malformed', tone: 'blue' },
  unauthenticated: { label: 'No valid key', tone: 'slate' },
  client_left: { label: 'Client left', tone: 'gray' },
};

/** Where answers come from. */
export const LAYERS = {
  exact: { label: 'Exact', tone: 'teal' },
  semantic: { label: 'Semantic', tone: 'violet' },
  collapsed: { label: 'Collapsed', tone: 'cyan' },
  stale: { label: 'Stale', tone: 'amber' },
  partial: { label: 'Partial', tone: 'lime' },
  miss: { label: 'Miss', tone: 'slate' },
  bypass: { label: 'Bypass', tone: 'gray' },
};

const SAVED = ['exact', 'semantic', 'collapsed', 'stale'];
export const SAVED_LAYERS = SAVED;

/** Answers that no provider had to make. */
export const savedHits = (numbers) => SAVED.reduce((sum, layer) => sum + (numbers.hits?.[layer] ?? 0), 0);

/** Requests that did not end well. */
export const failures = (numbers) => Math.max(0, (numbers.requests ?? 0) - (numbers.successes ?? 0));

/** Requests of one layer. */
export function inLayer(numbers, layer) {
  if (layer === 'miss') return numbers.misses ?? 0;
  if (layer === 'bypass') return numbers.bypasses ?? 0;
  return numbers.hits?.[layer] ?? 0;
}

/** What came of the requests, in parts that add up to all: from the cache, from a provider, failed. */
export function outcomes(numbers) {
  const failed = failures(numbers);
  const cached = Math.min(savedHits(numbers), numbers.successes ?? 0);
  return { cached, provider: Math.max(0, (numbers.successes ?? 0) - cached), failed };
}

/** A layer's part of all look-ups, as the hit ratio counts them: bypasses are none. */
export function layerShare(numbers, layer) {
  const lookups = savedHits(numbers) + (numbers.misses ?? 0) + (numbers.hits?.partial ?? 0);
  return lookups > 0 ? inLayer(numbers, layer) / lookups : null;
}

/** The series on an unbroken axis of time: a bucket that the gateway left out had no requests. While live the last one still grows. */
export function timeline(stats, isLive) {
  const step = stats.window.step_seconds;
  const begin = Date.parse(stats.window.from);
  const end = Date.parse(stats.window.to);
  const points = new Map((stats.series ?? []).map((point) => [Date.parse(point.t), point]));
  const known = [...points.keys()];
  // Buckets are aligned as the gateway aligns them; without any, to the step.
  const anchor = known.length ? Math.min(...known) : Math.floor(begin / (step * 1000)) * step * 1000;
  const first = anchor - Math.max(0, Math.ceil((anchor - begin) / (step * 1000))) * step * 1000;
  const times = [];
  const last = Math.max(end - 1, ...known);
  for (let time = first; time <= last && times.length < 4000; time += step * 1000) times.push(time);
  const buckets = times.map((time) => points.get(time) ?? null);
  return { times, step, isOpen: isLive, buckets, begin, end };
}

/** One row of values over the buckets; `absent` where there was nothing. */
export const values = (line, read, absent = 0) => line.buckets.map((bucket) => (bucket ? read(bucket) ?? absent : absent));
