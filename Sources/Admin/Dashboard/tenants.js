// Every tenant with its numbers, and how its limits and budgets stand.

import { get, path, ApiError } from './api.js';
import { failures } from './figures.js';
import { count, moment, percent, seconds, usd } from './format.js';
import { clean, fill, foreign, h } from './dom.js';
import { badge, field, meter, panel, placeholder } from './panels.js';
import { windowQuery } from './state.js';

const PAGE = 12;

export function tenants(context) {
  let pageIndex = 0;
  const search = h('input', { type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: 'Find a tenant', oninput: () => { pageIndex = 0; context.refresh(); } });
  const list = h('div', { class: 'tenant-list' }, placeholder('loading', 'Loading tenants…'));
  const pager = h('nav', { class: 'pager', 'aria-label': 'Pages of tenants' });
  const box = panel('Tenants', { class: 'full', tools: [field('Find a tenant', search, { isQuiet: true })], body: [list, pager] });
  const cards = new Map();

  async function load(signal) {
    const query = { ...windowQuery(context.state), group_by: 'tenant', top: 500, percentiles: '50' };
    const [all, stats] = await Promise.all([get('/tenants', { signal }), get(path('/stats', query), { signal })]);
    const numbers = new Map((stats.groups ?? []).map((group) => [group.key.tenant, group]));
    const wanted = search.value.trim().toLowerCase();
    const found = all.tenants.filter((tenant) => !wanted || tenant.id.toLowerCase().includes(wanted));
    found.sort((left, right) => (numbers.get(right.id)?.requests ?? 0) - (numbers.get(left.id)?.requests ?? 0) || (left.id < right.id ? -1 : 1));
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    pageIndex = Math.min(pageIndex, pages - 1);
    const shown = found.slice(pageIndex * PAGE, (pageIndex + 1) * PAGE);
    const limits = await Promise.all(shown.map((tenant) => limitsOf(tenant, signal)));
    box.setCaption(`${found.length} of ${all.tenants.length}`);
    drawPager(pages);
    if (!shown.length) {
      cards.clear();
      return fill(list, placeholder('empty', wanted ? 'No tenant has this in its name.' : 'There is no tenant yet. The first key makes one: weir keys create --tenant NAME.'));
    }
    place(shown.map((tenant, index) => ({ tenant, numbers: numbers.get(tenant.id) ?? null, limits: limits[index] })));
  }

  async function limitsOf(tenant, signal) {
    try {
      return await get(`/tenants/${encodeURIComponent(tenant.id)}/limits`, { signal });
    } catch (error) {
      // It may have been deleted just now.
      if (error instanceof ApiError && error.status !== 401) return { limits: [], keys: [], problem: error.message };
      throw error;
    }
  }

  /** Cards whose content is as before stay as they are: an opened list of keys stays open. */
  function place(items) {
    const elements = items.map((item) => {
      const print = JSON.stringify(item);
      const former = cards.get(item.tenant.id);
      if (former?.print === print) return former.element;
      const element = card(item, former?.element.querySelector('details')?.open ?? false);
      cards.set(item.tenant.id, { print, element });
      return element;
    });
    const isSame = elements.length === list.children.length && elements.every((element, index) => list.children[index] === element);
    if (!isSame) fill(list, elements);
  }

  function card({ tenant, numbers, limits }, isOpen) {
    const failed = numbers ? failures(numbers) : 0;
    const facts = [
      ['Requests', count(numbers?.requests ?? 0)], ['Failed', numbers?.requests ? percent(failed / numbers.requests) : '–', failed ? 'is-bad' : ''], ['Hit ratio', percent(numbers?.hit_ratio ?? null)],
      ['Spent', usd(numbers?.cost ?? 0)], ['Saved', usd(numbers?.cost_saved ?? 0)],
    ];
    return h('article', { class: 'tenant', 'aria-label': `Tenant ${clean(tenant.id, 80)}` },
      h('div', { class: 'tenant-head' }, h('h3', {}, foreign(tenant.id, { max: 80 })), tenant.disabled ? badge('disabled', 'bad') : null,
        tenant.managed_by === 'config' ? badge('from the file', 'none', 'Managed by the configuration') : null,
        h('a', { class: 'small-text', href: context.link({ view: 'log', tenant: tenant.id }), 'aria-label': `Log of ${clean(tenant.id, 80)}` }, 'Log')),
      h('dl', { class: 'facts' }, facts.map(([label, value, tone]) => h('div', {}, h('dt', {}, label), h('dd', { class: `number ${tone ?? ''}` }, value)))),
      limits.problem ? h('p', { class: 'problem' }, limits.problem) : limitList(limits.limits, tenant.id),
      (limits.keys ?? []).length ? h('details', { open: isOpen }, h('summary', {}, limits.keys.length === 1 ? '1 key with limits of its own' : `${limits.keys.length} keys with limits of their own`),
        limits.keys.map((key) => h('div', { class: 'key-limits' }, h('h4', {}, foreign(key.label || key.id, { max: 80 }), h('span', { class: 'muted small-text' }, ` ${clean(key.id, 40)}`)), limitList(key.limits, key.id)))) : null);
  }

  function limitList(limits, owner) {
    if (!limits?.length) return h('p', { class: 'muted small-text' }, 'No limits.');
    return h('ul', { class: 'limit-list' }, limits.map((limit) => limitRow(limit, owner)));
  }

  function limitRow(limit, owner) {
    const format = limit.unit === 'USD' ? usd : count;
    const cap = Number(limit.burst ?? limit.amount);
    const held = Math.max(0, Number(limit.outstanding) || 0);
    const used = Math.max(0, cap - Number(limit.remaining) - held);
    const text = `${format(used)} of ${format(cap)} used`;
    const name = limit.value === undefined ? clean(limit.text, 120) : `${clean(limit.text, 120)}: ${clean(limit.value, 60)}`;
    const facts = [
      limit.resets_at ? `resets ${moment(limit.resets_at)}` : used > 0 && limit.reset_seconds > 0 ? `full again in ${seconds(limit.reset_seconds)}` : null,
      limit.refused ? `${count(limit.refused)} refused` : null, limit.shadow_refused ? `${count(limit.shadow_refused)} would have been refused` : null,
    ].filter(Boolean).join(' · ');
    return h('li', {},
      h('div', { class: 'meter-line' }, h('bdi', {}, name), limit.shadow ? badge('shadow', 'info', 'Counts and refuses nothing') : null, h('span', { class: 'number' }, text)),
      meter(`${name} of ${clean(owner, 60)}`, used, cap, { held, text }), facts ? h('p', { class: 'muted small-text' }, facts) : null);
  }

  function drawPager(pages) {
    pager.hidden = pages < 2;
    const turn = (step) => () => { pageIndex += step; context.refresh(); };
    fill(pager, h('button', { type: 'button', disabled: pageIndex === 0, onclick: turn(-1) }, 'Back'), h('span', { class: 'muted number' }, `${pageIndex + 1} of ${pages}`),
      h('button', { type: 'button', disabled: pageIndex >= pages - 1, onclick: turn(1) }, 'Next'));
  }

  return { title: 'Tenants', element: h('div', { class: 'panels' }, box.element), load, hasRange: true, hasFilters: false };
}
