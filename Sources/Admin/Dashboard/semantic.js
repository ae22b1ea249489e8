// What the semantic cache answers and how often it errs: the audited error with its interval and the thresholds of each scope, and the pairs that
// are least sure, to evict.

import { change, get, ApiError } from './api.js';
import { confirm, toast } from './dialogs.js';
import { count, integer, moment, percent, usd } from './format.js';
import { clean, fill, fillRows, foreign, h } from './dom.js';
import { badge, panel, placeholder, table } from './panels.js';

const SCOPES = [['Scope'], ['State'], ['Requests', 'number'], ['Served', 'number'], ['Audits', 'number'], ['Error, audited', 'number'], ['95% interval', 'number'], ['Served from p, by bound']];
const PAIRS = [['Asked'], ['Answered as'], ['Scope'], ['p', 'number'], ['Cosine', 'number'], ['When'], ['Evict', '', true]];
const STATES = { ready: 'good', warming: 'info', off: 'none' };

export function makeSemantic(context) {
  const isAdmin = context.role === 'admin';
  const facts = h('dl', { class: 'facts' });
  const note = h('div', {}, placeholder('loading', 'Loading the semantic cache…'));
  const scopes = table('Scopes of the semantic cache', SCOPES);
  const pairs = table('Riskiest semantic answers', isAdmin ? PAIRS : PAIRS.slice(0, -1));
  const pairsHead = h('h3', {}, 'Riskiest answers');
  const box = panel('Semantic', { class: 'full', caption: 'answers to questions that mean the same', body: [note, facts, scopes.element, pairsHead, pairs.element] });
  show([], []);

  async function load(signal) {
    try {
      draw(await get('/semantic', { signal }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 401) throw error;
      fill(facts);
      show([], []);
      fill(note, placeholder('failed', error.message));
    }
  }

  function show(scopeList, pairList) {
    scopes.element.hidden = scopeList.length === 0;
    pairs.element.hidden = pairList.length === 0;
    pairsHead.hidden = pairList.length === 0;
    fillRows(scopes.body, scopeList, (scope) => scope.scope, scopeRow);
    fillRows(pairs.body, pairList, (pair) => `${pair.entry} ${pair.request_id}`, pairRow);
  }

  function draw(status) {
    const isOff = status.state === 'off';
    fill(note, isOff ? placeholder('empty', `off: ${clean(status.problem, 300)}`) : null);
    const all = status.scopes ?? [];
    fill(facts, isOff ? null : numbers(status, all));
    show(isOff ? [] : all, isOff ? [] : status.riskiest ?? []);
  }

  function numbers(status, all) {
    const sum = (name) => all.reduce((total, scope) => total + (scope[name] ?? 0), 0);
    const requests = sum('requests');
    const alarmed = all.filter((scope) => scope.alarmed).length;
    const cells = [
      ['State', badge(clean(status.state, 20), STATES[status.state] ?? 'none', `${clean(status.models?.gate, 80)}, ${clean(status.models?.sentence, 80)}`)],
      ['Entries', count(status.entries), integer(status.entries)], ['Served', count(status.served), integer(status.served)],
      ['Hit share', percent(requests ? sum('served') / requests : null), 'served of all requests that asked'],
      ['Audits', count(sum('audits_judged')), `${integer(sum('audits_wrong'))} with a wrong stored answer`],
      ['Saved', usd(status.cost_saved_usd), `${count(status.tokens_saved)} tokens`], ['Not judged', count(status.judge?.dropped), 'too many answers waited to be judged'],
      ['Alarms', alarmed ? badge(`${alarmed} now`, 'bad', 'audits broke the bound: it only learns there') : integer(sum('alarms'))],
    ];
    return cells.map(([label, value, title]) => h('div', {}, h('dt', {}, label), h('dd', { class: 'number', title: title ?? null }, value)));
  }

  function scopeRow(scope) {
    const interval = scope.audited_error_interval;
    const thresholds = Object.entries(scope.thresholds ?? {}).map(([bound, p]) => `${percent(Number(bound))}: ${p.toFixed(3)}`);
    return h('tr', {},
      h('th', { scope: 'row', class: 'name' }, foreign(scope.scope, { max: 80 })),
      h('td', {}, scope.alarmed ? badge('alarm', 'bad', 'audits broke the bound: it only learns for now') : thresholds.length ? badge('verified', 'good') : badge('learning', 'info', 'no threshold is verified yet')),
      h('td', { class: 'number' }, count(scope.requests)), h('td', { class: 'number', title: integer(scope.served) }, percent(scope.requests ? scope.served / scope.requests : null)),
      h('td', { class: 'number', title: `${integer(scope.audits_wrong)} wrong` }, count(scope.audits_judged)), h('td', { class: 'number' }, percent(scope.audited_error)),
      h('td', { class: 'number' }, interval ? `${percent(interval[0])} – ${percent(interval[1])}` : '–'), h('td', { class: 'number-left' }, thresholds.join(', ') || '–'));
  }

  function pairRow(pair) {
    return h('tr', {},
      h('th', { scope: 'row', class: 'name' }, foreign(pair.text, { max: 160 })), h('td', { class: 'name' }, foreign(pair.matched_text, { max: 160 })), h('td', {}, foreign(pair.scope, { max: 60 })),
      h('td', { class: 'number' }, pair.p === null ? h('span', { class: 'muted', title: 'a plain threshold: nothing is verified' }, '–') : pair.p.toFixed(3)),
      h('td', { class: 'number' }, pair.cosine.toFixed(3)), h('td', { class: 'number-left', title: clean(pair.served_at, 40) }, moment(pair.served_at)),
      isAdmin ? h('td', {}, h('button', { type: 'button', class: 'ghost small', 'aria-label': `Evict the answer of entry ${pair.entry}`, onclick: () => evict(pair) }, 'Evict')) : null);
  }

  async function evict(pair) {
    const sentences = [`“${clean(pair.text, 160)}” got the answer to “${clean(pair.matched_text, 160)}”.`, 'That answer goes with all questions it would be served for. The next such question is asked anew.'];
    if (!(await confirm('Evict this answer?', sentences, 'Evict'))) return;
    try {
      await change('DELETE', `/semantic/entries/${pair.entry}`);
      toast('The answer was evicted.', 'good');
      context.refresh();
    } catch (error) {
      toast(error.message, 'bad');
    }
  }

  return { element: box.element, load };
}
