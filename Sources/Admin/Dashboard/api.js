// Talks to the admin port. Every path is on this origin; the session travels in a cookie that this script can't read.

const TIMEOUT = 20_000;

/** The gateway answered, and refused. */
export class ApiError extends Error {
  constructor(status, body, retryAfter) {
    super(body?.error?.message ?? `The gateway answered ${status}.`);
    this.status = status;
    this.code = body?.error?.code ?? '';
    this.retryAfter = retryAfter;
  }
}

/** Nothing answered. */
export class UnreachableError extends Error {}

/** A path with a query; values that are null, empty or absent are left out, lists repeat the name. */
export function path(base, query = {}) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') fields.append(name, one);
    }
  }
  const text = fields.toString();
  return text ? `${base}?${text}` : base;
}

// Answers by path with their entity tags: an unchanged one comes back as the very same object, and nothing is drawn again.
const known = new Map();
const KNOWN_MAX = 24;

async function send(method, target, { body, signal, headers = {} } = {}) {
  const timeout = AbortSignal.timeout(TIMEOUT);
  try {
    return await fetch(target, {
      method, headers: { ...headers, ...(method === 'GET' ? {} : { 'weir-dashboard': '1', 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body), signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      cache: 'no-store', credentials: 'same-origin', redirect: 'error', referrerPolicy: 'no-referrer',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new UnreachableError('The gateway can’t be reached.');
  }
}

async function read(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

async function refuse(response) {
  const seconds = Number(response.headers.get('retry-after'));
  throw new ApiError(response.status, await read(response), Number.isFinite(seconds) && seconds > 0 ? seconds : null);
}

/** The JSON at a path. */
export async function get(target, { signal } = {}) {
  const former = known.get(target);
  const response = await send('GET', target, { signal, headers: former ? { 'if-none-match': former.tag } : {} });
  if (response.status === 304 && former) return former.value;
  if (!response.ok) await refuse(response);
  const value = await read(response);
  if (value === null || typeof value !== 'object') throw new ApiError(502, { error: { message: 'The answer is not JSON.' } }, null);
  const tag = response.headers.get('etag');
  known.delete(target);
  if (tag) {
    known.set(target, { tag, value });
    if (known.size > KNOWN_MAX) known.delete(known.keys().next().value);
  }
  return value;
}

/** A change; the JSON of its answer, null for none. */
export async function change(method, target, body) {
  const response = await send(method, target, { body });
  if (!response.ok) await refuse(response);
  return response.status === 204 ? null : read(response);
}

/** At most `max` bytes of a body as text. */
export async function getText(target, max) {
  const response = await send('GET', target);
  if (!response.ok) await refuse(response);
  const whole = await response.text();
  return { text: whole.slice(0, max), isCut: whole.length > max || response.headers.get('weir-truncated') === 'true' };
}

/** A stream of server-sent events: calls `receive(event, data)` for each until the stream or the signal ends it. */
export async function stream(target, signal, opened, receive) {
  let response;
  try {
    response = await fetch(target, { signal, cache: 'no-store', credentials: 'same-origin', headers: { accept: 'text/event-stream' } });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new UnreachableError('The gateway can’t be reached.');
  }
  if (!response.ok) await refuse(response);
  opened();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split('\n\n');
    rest = blocks.pop();
    if (rest.length > 1 << 20) throw new UnreachableError('An event of the stream has no end.');
    for (const block of blocks) {
      let name = 'message';
      const data = [];
      for (const line of block.split('\n')) {
        if (line.startsWith('event:')) name = line.slice(6).trim();
        else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
      }
      if (data.length) receive(name, JSON.parse(data.join('\n')));
    }
  }
}

/** Forgets all answers: another role must not see them. */
export const forget = () => known.clear();
