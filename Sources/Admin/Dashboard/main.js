// The page's frame: who is signed in, which view is shown, when it is refreshed, and what is said when the gateway does not answer.

import { get, change, forget, ApiError, UnreachableError } from './api.js';
import { announce, fill, h } from './dom.js';
import { makeToolbar } from './toolbar.js';
import { login } from './login.js';
import { overview } from './overview.js';
import { log } from './log.js';
import { targets } from './targets.js';
import { tenants } from './tenants.js';
import { cache } from './cache.js';
import { timeOfDaySeconds } from './format.js';
import { fragment, readState, refreshSeconds } from './state.js';

const app = document.getElementById('app');
const makers = { overview, log, targets, tenants, cache };
const titles = { overview: 'Overview', log: 'Log', targets: 'Targets', tenants: 'Tenants', cache: 'Cache' };
let page = null;

async function start(reason = null) {
  page?.end();
  page = null;
  forget();
  try {
    const session = await get('/session');
    page = new Page(session.role);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) showLogin(reason);
    else showUnreachable(error);
  }
}

function showLogin(reason) {
  const form = login(() => start(), reason);
  document.title = 'Sign in – Weir';
  fill(app, form.element);
  form.focus();
}

function showUnreachable(error) {
  fill(app, h('main', { class: 'login', id: 'content' }, h('div', { class: 'login-card', role: 'alert' }, h('h1', {}, 'Weir'), h('p', {}, error.message),
    h('button', { type: 'button', class: 'primary', onclick: () => start() }, 'Try again'))));
  setTimeout(() => { if (!page && document.querySelector('.login-card[role=alert]')) start(); }, 5000);
}

class Page {
  constructor(role) {
    this.role = role;
    this.state = readState();
    this.isPaused = false;
    this.failures = 0;
    this.lastGood = null;
    this.timer = null;
    this.ending = new AbortController();
    this.stale = h('div', { class: 'stale', role: 'status', 'aria-live': 'polite' });
    this.main = h('main', { id: 'content', tabindex: '-1' });
    this.context = {
      role, page: this, state: this.state, go: (changes) => this.go(changes), refresh: () => this.load(true), link: (changes) => this.link(changes),
    };
    this.toolbar = makeToolbar(this, titles);
    fill(app, this.toolbar.element, this.stale, this.main);
    const signal = this.ending.signal;
    addEventListener('hashchange', () => this.moved(), { signal });
    document.addEventListener('visibilitychange', () => this.visibilityChanged(), { signal });
    addEventListener('online', () => this.load(), { signal });
    this.clock = setInterval(() => this.toolbar.tick(), 1000);
    this.show();
  }

  end() {
    this.ending.abort();
    this.loading?.abort();
    this.view?.leave?.();
    clearTimeout(this.timer);
    clearInterval(this.clock);
  }

  // Where we are

  /** The fragment of this state with changes. A view's own filters end with the view, what narrows all views does not. */
  link(changes) {
    const next = { ...this.state, ...changes };
    if ('range' in changes) Object.assign(next, { from: null, to: null });
    if (changes.view && changes.view !== this.state.view) {
      for (const name of ['search', 'outcome', 'cache_layer', 'error_kind', 'status', 'id']) if (!(name in changes)) next[name] = '';
      if (!('filter' in changes)) next.filter = [];
    }
    return fragment(next);
  }

  go(changes) {
    const target = this.link(changes);
    if (target === location.hash) this.load(true); else location.hash = target;
  }

  moved() {
    const former = this.state.view;
    Object.assign(this.state, readState());
    if (this.state.view === former) {
      this.toolbar.draw();
      this.view.moved?.();
      this.load(true);
    } else {
      this.show();
      this.main.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }

  show() {
    this.view?.leave?.();
    this.view = makers[this.state.view](this.context);
    document.title = `${this.view.title} – Weir`;
    fill(this.main, h('h1', { class: 'visually-hidden' }, this.view.title), this.view.element);
    this.toolbar.draw();
    this.load(true);
  }

  // Refreshing

  async load(isAsked = false) {
    clearTimeout(this.timer);
    if (document.hidden && !isAsked) return;
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.toolbar.setBusy(true);
    this.main.setAttribute('aria-busy', 'true');
    try {
      await this.view.load(loading.signal);
      this.succeeded();
    } catch (error) {
      if (loading.signal.aborted) return;
      this.failed(error);
    }
    if (this.loading !== loading) return;
    this.toolbar.setBusy(false);
    this.main.removeAttribute('aria-busy');
    if (!this.isPaused || this.failures) this.timer = setTimeout(() => this.load(), this.delay * 1000);
  }

  get delay() { return this.failures ? Math.min(30, 2 ** this.failures) : refreshSeconds(this.state); }

  succeeded() {
    if (this.failures) announce('The gateway answers again.');
    this.failures = 0;
    this.lastGood = Date.now();
    fill(this.stale);
    document.body.classList.remove('is-stale');
  }

  failed(error) {
    if (error instanceof ApiError && error.status === 401) return start('The session has ended. Sign in again.');
    this.failures += 1;
    document.body.classList.add('is-stale');
    const when = this.lastGood ? ` What is shown is of ${timeOfDaySeconds(this.lastGood)}.` : '';
    const isKnown = error instanceof ApiError || error instanceof UnreachableError;
    const what = isKnown ? error.message : 'The gateway’s answer is not what this page expects. If it was upgraded, reload the page.';
    fill(this.stale, h('p', {}, h('strong', {}, what), `${when} Trying again every ${this.delay} s. `, h('button', { type: 'button', class: 'link', onclick: () => this.load(true) }, 'Try now')));
    if (!isKnown) console.warn(error);
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    this.view.paused?.(isPaused);
    if (isPaused) clearTimeout(this.timer); else this.load(true);
  }

  visibilityChanged() {
    if (document.hidden) {
      clearTimeout(this.timer);
      this.view.hidden?.();
    } else if (!this.isPaused) this.load();
  }

  async signOut() {
    try { await change('DELETE', '/session'); } catch { /* The form is shown all the same; the session ends by itself. */ }
    start();
  }
}

// The fragment is the state's: the skip link moves the focus and nothing else.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('content')?.focus();
});

start();
