// Signing in. The token goes to the gateway once; what the browser keeps is a cookie that no script can read.

import { change, ApiError } from './api.js';
import { h } from './dom.js';
import { field } from './panels.js';

/** The form. `signedIn` is called after success; `reason` says why it is shown. */
export function login(signedIn, reason = null) {
  const input = h('input', {
    type: 'password', name: 'token', required: true, autocomplete: 'current-password', spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'login-hint login-problem',
  });
  const problem = h('p', { id: 'login-problem', class: 'problem', role: 'alert' }, reason);
  const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = h('form', { class: 'login-form', method: 'post', onsubmit: submit },
    // Password stores want a name beside the secret.
    h('input', { type: 'text', name: 'username', value: 'weir', autocomplete: 'username', hidden: true }),
    field('Admin or read token', input),
    h('p', { id: 'login-hint', class: 'muted small-text' }, 'Both stand in the data directory: ', h('code', {}, 'cat .weir/admin.token'), '. The read token shows everything but can’t purge.'),
    problem, button);

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    problem.textContent = '';
    try {
      await change('POST', '/session', { token: input.value.trim() });
      input.value = '';
      signedIn();
    } catch (error) {
      problem.textContent = error instanceof ApiError && error.status === 429
        ? `Too many wrong tokens came from this address. Try again in ${error.retryAfter ?? 60} s.`
        : error instanceof ApiError && error.status === 401 ? 'This is not a token of this gateway.' : error.message;
      button.disabled = false;
      input.select();
      input.focus();
    }
  }

  const element = h('main', { class: 'login', id: 'content', tabindex: '-1' }, h('div', { class: 'login-card' },
    h('h1', {}, h('img', { src: '/icon.svg', alt: '', width: '28', height: '28' }), 'Weir'), form));
  return { element, focus: () => input.focus() };
}
