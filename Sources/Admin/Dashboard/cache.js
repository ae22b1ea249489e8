// What the cache holds: how full it is, which entries, and the means to purge them.

import { change, get, path, ApiError } from './api.js';
import { bytes, count, integer, moment, seconds } from './format.js';
import { clean, fill, fillRows, foreign, h } from './dom.js';
import { confirm, toast } from './dialogs.js';
import { field, meter, panel, placeholder, select, table } from './panels.js';
import { makeSemantic } from './semantic.js';

const PAGE = 50;
const COLUMNS = [['Model'], ['Tenant'], ['Operation'], ['Stored'], ['Expires'], ['Size', 'number'], ['Hits', 'number'], ['Key'], ['Purge', '', true]];
const SELECTORS = { tenant: 'Tenant', model: 'Model', tag: 'Tag', namespace: 'Namespace', key_id: 'Key id', before: 'Stored before', all: 'Everything' };

export function cache(context) {
  const isAdmin = context.role === 'admin';
  let entries = [];
  let cursor = null;
  const facts = h('dl', { class: 'facts' });
  const fullness = h('div', {});
  const refused = h('div', {});
  const fillPanel = panel('Cache', { class: 'wide', caption: 'the exact cache, since start', body: [fullness, facts, refused] });
  const fields = {
    search: h('input', { type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: 'Search cache keys, models' }), tenant: h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: 'Tenant' }),
    model: h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: 'Model' }),
  };
  let timer = null;
  for (const input of Object.values(fields)) {
    input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(() => context.refresh(), 300); });
  }
  const grid = table('Cache entries', isAdmin ? COLUMNS : COLUMNS.slice(0, -1), isAdmin ? 'entries' : '');
  const note = h('div', {}, placeholder('loading', 'Loading entries…'));
  const more = h('button', { type: 'button', hidden: true, onclick: loadMore }, 'Show more entries');
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Search cache entries', onsubmit: (event) => { event.preventDefault(); context.refresh(); } },
    field('Search', fields.search, { isQuiet: true }), field('Tenant', fields.tenant, { isQuiet: true }), field('Model', fields.model, { isQuiet: true }));
  const listPanel = panel('Entries', { class: 'full', body: [form, grid.element, note, h('div', { class: 'pager' }, more)] });
  const purgePanel = panel('Purge', { class: 'narrow', body: isAdmin ? purgeForm() : h('p', { class: 'muted' }, 'Purging needs the admin token; this session has the read token.') });

  const semantic = makeSemantic(context);

  const query = () => Object.fromEntries(Object.entries(fields).map(([name, input]) => [name, input.value.trim()]));

  async function load(signal) {
    const [stats, page] = await Promise.all([get('/cache/stats', { signal }), listing(signal), semantic.load(signal)]);
    drawStats(stats);
    if (page.problem) {
      entries = [];
      grid.element.hidden = true;
      more.hidden = true;
      return fill(note, placeholder('failed', page.problem));
    }
    // Further pages are asked for again when wanted: the cache goes on meanwhile.
    const isSame = JSON.stringify(query()) === shown && entries.length > PAGE;
    shown = JSON.stringify(query());
    const known = new Set(page.entries.map((entry) => entry.cache_key));
    entries = isSame ? [...page.entries, ...entries.slice(PAGE).filter((entry) => !known.has(entry.cache_key))] : page.entries;
    if (!isSame) cursor = page.next_cursor ?? null;
    draw();
  }

  let shown = null;

  async function listing(signal) {
    try {
      return await get(path('/cache/entries', { ...query(), limit: PAGE }), { signal });
    } catch (error) {
      if (error instanceof ApiError && error.status !== 401) return { problem: error.message };
      throw error;
    }
  }

  async function loadMore() {
    more.disabled = true;
    try {
      const page = await get(path('/cache/entries', { ...query(), limit: PAGE, cursor }));
      const known = new Set(entries.map((entry) => entry.cache_key));
      entries = [...entries, ...page.entries.filter((entry) => !known.has(entry.cache_key))];
      cursor = page.next_cursor ?? null;
      draw();
    } catch (error) {
      toast(error.message, 'bad');
    }
    more.disabled = false;
  }

  function drawStats(stats) {
    if (stats.error) return fill(fullness, placeholder('failed', typeof stats.error === 'string' ? stats.error : 'The cache is not open.'));
    const text = `${bytes(stats.bytes)} of ${bytes(stats.bytes_max)}`;
    fill(fullness, h('div', { class: 'meter-line' }, h('span', {}, 'Bytes'), h('span', { class: 'number' }, text)), meter('Bytes of the cache', stats.bytes, stats.bytes_max, { isNeutral: true, text }));
    const numbers = [['Entries', stats.entries], ['Hits', stats.hits], ['Misses', stats.misses], ['Stored', stats.stored], ['Evicted', stats.evicted], ['Purges', stats.purges], ['Damaged, removed', stats.removed_bad]];
    fill(facts, numbers.filter(([, value]) => value !== undefined).map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', { class: 'number', title: integer(Number(value)) }, count(Number(value))))));
    const reasons = Object.entries(stats.reasons ?? {}).map(([name, number]) => [name, Number(number)]).filter(([, number]) => number > 0).sort((left, right) => right[1] - left[1]);
    fill(refused, reasons.length ? h('details', {}, h('summary', {}, `Why answers were not cached: ${reasons.length} reasons`),
      h('dl', { class: 'facts' }, reasons.map(([name, number]) => h('div', {}, h('dt', {}, clean(name, 60).replaceAll('-', ' ')), h('dd', { class: 'number' }, count(number)))))) : null);
  }

  function draw() {
    grid.element.hidden = entries.length === 0;
    more.hidden = !cursor;
    listPanel.setCaption(entries.length ? `${integer(entries.length)} shown` : '');
    const isNarrowed = Object.values(query()).some(Boolean);
    fill(note, entries.length ? null : placeholder('empty', isNarrowed ? 'No entry passes this search.' : 'The cache is empty. The first answer that ends cleanly is its first entry.'));
    const minute = Math.floor(Date.now() / 60_000);
    fillRows(grid.body, entries.map((entry) => ({ ...entry, minute })), (entry) => entry.cache_key, row);
  }

  function row(entry) {
    const left = (Date.parse(entry.expires_at) - Date.now()) / 1000;
    return h('tr', {},
      h('th', { scope: 'row', class: 'name' }, entry.provider ? h('span', { class: 'muted' }, h('bdi', {}, clean(entry.provider, 40)), '/') : null, foreign(entry.model, { max: 80 })),
      h('td', {}, foreign(entry.tenant, { max: 60 })), h('td', {}, foreign(entry.operation, { max: 40 })), h('td', { class: 'number-left', title: clean(entry.created_at, 40) }, moment(entry.created_at)),
      h('td', { class: 'number-left', title: clean(entry.expires_at, 40) }, Number.isNaN(left) ? '–' : left > 0 ? `in ${seconds(left)}` : h('span', { class: 'muted' }, `${seconds(-left)} ago`)),
      h('td', { class: 'number' }, bytes(entry.bytes)), h('td', { class: 'number' }, integer(entry.hits)), h('td', {}, h('span', { class: 'mono muted', title: clean(entry.cache_key, 80) }, clean(entry.cache_key, 200).slice(0, 10))),
      isAdmin ? h('td', {}, h('button', { type: 'button', class: 'ghost small', 'aria-label': `Purge entry ${clean(entry.cache_key, 80).slice(0, 10)} of ${clean(entry.model, 60)}`, onclick: () => purgeEntry(entry) }, 'Purge')) : null);
  }

  // Purging

  function purgeEntry(entry) {
    purge({ cache_key: entry.cache_key }, `Purge this answer of ${clean(entry.model, 80)}?`, [`Tenant ${clean(entry.tenant, 80)}, ${bytes(entry.bytes)}. The next such request goes to the provider.`]);
  }

  function purgeForm() {
    const value = h('input', { type: 'text', required: true, maxlength: '256', autocomplete: 'off', spellcheck: 'false' });
    const valueField = field('Value', value);
    const label = valueField.querySelector('label');
    const kind = select(SELECTORS, 'tenant', choose);
    function choose(name) {
      valueField.hidden = name === 'all';
      value.required = name !== 'all';
      value.placeholder = name === 'before' ? '2027-01-01T12:00:00Z' : '';
      label.textContent = name === 'before' ? 'Date or time (UTC)' : `Exact ${SELECTORS[name].toLowerCase()}`;
    }
    choose('tenant');
    return h('form', {
      class: 'purge', onsubmit: (event) => {
        event.preventDefault();
        if (kind.value === 'all') purge({ all: true }, 'Purge the whole cache?', ['Every answer of every tenant goes. Until new ones are stored, all requests go to providers and are paid for.'], 'purge');
        else purge({ [kind.value]: value.value.trim() }, `Purge by ${SELECTORS[kind.value].toLowerCase()}?`, [`All answers with ${SELECTORS[kind.value].toLowerCase()} “${clean(value.value.trim(), 120)}” go. This can’t be undone.`]);
      },
    }, field('What', kind), valueField, h('button', { type: 'submit', class: 'danger' }, 'Purge…'));
  }

  async function purge(selector, title, sentences, word = null) {
    if (!(await confirm(title, sentences, 'Purge', word))) return;
    try {
      const result = await change('POST', '/cache/purge', selector);
      toast(result.purged === 1 ? '1 entry was purged.' : `${integer(result.purged)} entries were purged.`, 'good');
      context.refresh();
    } catch (error) {
      toast(error.message, 'bad');
    }
  }

  return { title: 'Cache', element: h('div', { class: 'panels' }, fillPanel.element, purgePanel.element, semantic.element, listPanel.element), load, hasRange: false, hasFilters: false };
}
