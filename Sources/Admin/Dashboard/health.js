// How the gateway itself is: what runs now, targets that are not well, and how full the log's ring is.

import { bytes, count, integer, moment, seconds } from './format.js';
import { clean, fill, h } from './dom.js';
import { badge, meter, panel } from './panels.js';

/** A target's state in a word: the worst of what is known of its keys. */
export function targetState(target) {
  const breakers = (target.keys ?? []).map((key) => key.breaker);
  const open = breakers.filter((state) => state === 'open').length;
  if (breakers.length && open === breakers.length) return { word: 'open', tone: 'bad', rank: 0, text: 'not asked: breaker open' };
  if (target.ejected) return { word: 'ejected', tone: 'bad', rank: 1, text: `ejected: ${clean(target.ejected, 60)}` };
  if (open) return { word: 'part open', tone: 'warn', rank: 2, text: `${open} of ${breakers.length} keys not used` };
  if (breakers.includes('half_open')) return { word: 'half open', tone: 'warn', rank: 3, text: 'being tried again' };
  if (breakers.includes('ramping')) return { word: 'ramping', tone: 'warn', rank: 4, text: 'coming back step by step' };
  if ((target.keys ?? []).some((key) => key.benched_seconds > 0)) return { word: 'benched', tone: 'warn', rank: 5, text: 'a key rests' };
  if ((target.keys ?? []).some((key) => key.limited_seconds > 0)) return { word: 'limited', tone: 'warn', rank: 6, text: 'the provider asked for patience' };
  return { word: 'closed', tone: 'good', rank: 9, text: 'well' };
}

export const targetName = (target) => `${clean(target.provider, 60)}/${clean(target.model, 120)}`;

/** The ring's fill as a bar and a sentence. */
export function ringFill(ring) {
  if (!ring) return h('p', { class: 'muted' }, 'The log is off.');
  const text = `${integer(ring.rows)} of ${integer(ring.rows_max)} rows`;
  const isStopping = ring.strategy === 'STOP_INSERTING';
  const facts = [`${bytes(ring.bytes)} of ${bytes(ring.bytes_max)}`, ring.oldest ? `oldest ${moment(ring.oldest)}` : null, isStopping ? 'stops when full' : 'oldest go first'];
  const reasons = { dropped: 'the writer was behind', stopped: 'the log was full', over_quota: 'the quota was used up' };
  const lost = Object.entries(reasons).filter(([name]) => ring[name] > 0).map(([name, why]) => `${count(ring[name])} rows as ${why}`);
  return h('div', { class: 'ring' },
    h('div', { class: 'meter-line' }, h('span', {}, 'Log rows'), h('span', { class: 'number' }, text)),
    meter('Log rows', ring.rows, ring.rows_max, { isNeutral: !isStopping, text }),
    h('p', { class: 'muted small-text' }, facts.filter(Boolean).join(' · ')),
    ring.writing === false ? h('p', { class: 'is-bad small-text' }, 'New rows are not kept now; the counters go on') : null,
    lost.length ? h('p', { class: 'is-bad small-text' }, `Not kept: ${lost.join(', ')}`) : null,
    ring.uncollected ? h('p', { class: 'muted small-text' }, `${count(ring.uncollected)} rows were not wanted: collecting is off for them`) : null,
    ring.quota ? quota(ring.quota) : null);
}

function quota({ limit, per, used, resets_at: reset }) {
  const text = `${integer(used)} of ${integer(limit)} per ${clean(per, 20)}`;
  return [
    h('div', { class: 'meter-line' }, h('span', {}, 'Quota'), h('span', { class: 'number' }, text)), meter('Quota of rows', used, limit, { text }),
    reset ? h('p', { class: 'muted small-text' }, `starts again ${moment(reset)}`) : null,
  ];
}

export function makeHealth(context) {
  const facts = h('dl', { class: 'facts' });
  const targets = h('ul', { class: 'target-list' });
  const ring = h('div', {});
  const box = panel('Health', { class: 'narrow', body: [facts, targets, ring], caption: 'now' });

  function draw(stats) {
    const uptime = stats.counters?.uptime_seconds;
    const numbers = [['In flight', stats.in_flight], ['Connections', stats.connections], ['Shared flights', stats.flights]];
    fill(facts, numbers.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', { class: 'number' }, integer(value)))),
      uptime ? h('div', {}, h('dt', {}, 'Up'), h('dd', {}, seconds(uptime))) : null);
    drawTargets(stats.targets ?? []);
    fill(ring, ringFill(stats.ring));
  }

  function drawTargets(all) {
    const sorted = all.map((target) => ({ target, state: targetState(target) })).sort((left, right) => left.state.rank - right.state.rank);
    const bad = sorted.filter(({ state }) => state.tone !== 'good');
    const rows = sorted.slice(0, Math.max(3, Math.min(5, bad.length))).map(({ target, state }) => h('li', {},
      h('bdi', { class: 'name', title: targetName(target) }, targetName(target)), badge(state.word, state.tone, state.text)));
    const rest = all.length - rows.length;
    fill(targets, rows, all.length === 0 ? h('li', { class: 'muted' }, 'No target was asked yet.') : null,
      rest > 0 ? h('li', {}, h('a', { href: context.link({ view: 'targets' }) }, `${rest} more`, bad.length > rows.length ? ', some not well' : ', all well')) : null);
  }

  return { element: box.element, draw };
}
