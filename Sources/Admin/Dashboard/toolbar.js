// The bar on top: views, filters that hold for all of them, range, refresh, theme, sign-out.

import { clean, fill, h } from './dom.js';
import { timeOfDay, dayOfMonth, timeOfDaySeconds } from './format.js';
import { segments } from './panels.js';
import { openDialog } from './dialogs.js';
import { field, select } from './panels.js';
import { DIMENSIONS, RANGES, VIEWS } from './state.js';

const THEMES = { auto: { icon: '◐', next: 'light', label: 'as the system' }, light: { icon: '☀', next: 'dark', label: 'light' }, dark: { icon: '☾', next: 'auto', label: 'dark' } };

export function makeToolbar(page, titles) {
  const links = Object.fromEntries(VIEWS.map((view) => [view, h('a', {}, titles[view])]));
  const range = segments('Time range', Object.fromEntries(Object.entries(RANGES).map(([key, { label }]) => [key, label])), page.state.range, (key) => page.go({ range: key }));
  for (const button of range.children) button.setAttribute('aria-label', RANGES[button.dataset.value].name);
  const custom = h('span', { class: 'chips' });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'Filters' });
  const updated = h('span', { class: 'updated muted number' });
  const pause = h('button', { type: 'button', class: 'ghost icon', 'aria-pressed': 'false', 'aria-label': 'Pause refreshing', title: 'Pause refreshing', onclick: togglePause }, '❚❚');
  const refresh = h('button', { type: 'button', class: 'ghost icon refresh', 'aria-label': 'Refresh now', title: 'Refresh now', onclick: () => page.load(true) }, '↻');
  const theme = h('button', { type: 'button', class: 'ghost icon', onclick: switchTheme });
  const leave = h('button', { type: 'button', class: 'ghost', onclick: () => page.signOut() }, 'Sign out');
  const controls = h('div', { class: 'controls' }, chips, h('div', { class: 'time' }, custom, range, updated, refresh, pause));
  const element = h('header', { class: 'top' },
    h('div', { class: 'masthead' }, h('a', { class: 'brand', href: '#/overview' }, h('img', { src: '/icon.svg', alt: '', width: '22', height: '22' }), 'Weir'),
      h('nav', { 'aria-label': 'Views' }, h('ul', {}, VIEWS.map((view) => h('li', {}, links[view])))),
      h('div', { class: 'account' }, page.role === 'admin' ? null : h('span', { class: 'badge is-info', title: 'The read token: nothing can be changed' }, 'read only'), theme, leave)),
    controls);

  function togglePause() {
    const isPaused = !page.isPaused;
    page.pause(isPaused);
    pause.setAttribute('aria-pressed', String(isPaused));
    pause.textContent = isPaused ? '▶' : '❚❚';
    pause.title = isPaused ? 'Refreshing is paused' : 'Pause refreshing';
    tick();
  }

  const chosenTheme = () => document.documentElement.dataset.theme ?? 'auto';

  function switchTheme() {
    const next = THEMES[chosenTheme()].next;
    if (next === 'auto') delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = next;
    try { localStorage.setItem('weir-theme', next); } catch { /* Then it holds until the page is closed. */ }
    drawTheme();
  }

  function drawTheme() {
    const { icon, label, next } = THEMES[chosenTheme()];
    theme.textContent = icon;
    theme.title = `Colours: ${label}`;
    theme.setAttribute('aria-label', `Colours: ${label}. Switch to ${THEMES[next].label}`);
  }

  function draw() {
    const { state, view } = page;
    for (const name of VIEWS) {
      links[name].href = page.link({ view: name });
      if (name === state.view) links[name].setAttribute('aria-current', 'page'); else links[name].removeAttribute('aria-current');
    }
    range.hidden = !view.hasRange;
    range.choose(state.from ? null : state.range);
    fill(custom, state.from && view.hasRange ? chip('Range', stretchText(state), () => page.go({ range: state.range })) : null);
    chips.hidden = !view.hasFilters;
    fill(chips, Object.entries(DIMENSIONS).filter(([key]) => state[key]).map(([key, label]) => chip(label, state[key], () => page.go({ [key]: '' }))),
      view.hasFilters ? h('button', { type: 'button', class: 'ghost small', 'aria-haspopup': 'dialog', onclick: addFilter }, '+ Filter') : null);
    updated.hidden = false;
    drawTheme();
    tick();
  }

  function stretchText({ from, to }) {
    const isOneDay = new Date(from).toDateString() === new Date(to).toDateString();
    return isOneDay ? `${dayOfMonth(from)}, ${timeOfDay(from)} – ${timeOfDay(to)}` : `${dayOfMonth(from)} ${timeOfDay(from)} – ${dayOfMonth(to)} ${timeOfDay(to)}`;
  }

  function addFilter() {
    openDialog('Add a filter', (close) => {
      const dimension = select(DIMENSIONS, 'tenant');
      const value = h('input', { type: 'text', required: true, maxlength: '256', autocomplete: 'off', spellcheck: 'false', autofocus: true });
      return h('form', { class: 'dialog-body', onsubmit: (event) => { event.preventDefault(); close(); page.go({ [dimension.value]: value.value.trim() }); } },
        h('div', { class: 'field-row' }, field('What', dimension), field('Is exactly', value)),
        h('div', { class: 'dialog-actions' }, h('button', { type: 'button', onclick: close }, 'Cancel'), h('button', { type: 'submit', class: 'primary' }, 'Add')));
    }, { class: 'is-small' });
  }

  function tick() {
    if (page.isPaused) updated.textContent = 'paused';
    else updated.textContent = page.lastGood ? timeOfDaySeconds(page.lastGood) : '';
    updated.title = page.lastGood ? 'Last refreshed' : '';
  }

  return { element, draw, tick, setBusy: (isBusy) => refresh.classList.toggle('is-busy', isBusy) };
}

/** A filter that is set, with a way to take it off. */
export const chip = (label, value, remove) => h('span', { class: 'chip' }, h('span', { class: 'muted' }, label), h('bdi', { title: clean(value, 2000) }, clean(value, 60)),
  h('button', { type: 'button', 'aria-label': `Remove filter ${label} ${clean(value, 60)}`, onclick: remove }, '✕'));
