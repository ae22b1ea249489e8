// Modal dialogs: the browser's own element keeps the focus inside, closes on Escape and gives the focus back.

import { h, uniqueID } from './dom.js';

/** Opens a dialog; it removes itself when closed. `build(close)` makes its content. */
export function openDialog(title, build, { class: name = '', closed = null } = {}) {
  const id = uniqueID('dialog');
  const close = () => dialog.close();
  const dialog = h('dialog', { class: `dialog ${name}`, 'aria-labelledby': id },
    h('div', { class: 'dialog-head' }, h('h2', { id }, title), h('button', { type: 'button', class: 'ghost icon', 'aria-label': 'Close', onclick: close }, '✕')));
  dialog.append(...[build(close)].flat());
  dialog.addEventListener('close', () => { dialog.remove(); closed?.(); });
  // A click beside it closes it, as Escape does.
  dialog.addEventListener('click', (event) => { if (event.target === dialog) close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something that can't be undone. `word`: what must be typed first, for the worst. Resolves to whether it was confirmed. */
export function confirm(title, sentences, action, word = null) {
  return new Promise((resolve) => {
    let isConfirmed = false;
    openDialog(title, (close) => {
      const input = word && h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autofocus: true, 'aria-label': `Type ${word} to confirm` });
      const button = h('button', { type: 'submit', class: 'danger', disabled: Boolean(word) }, action);
      input?.addEventListener('input', () => { button.disabled = input.value !== word; });
      return h('form', { method: 'dialog', class: 'dialog-body', onsubmit: (event) => { event.preventDefault(); isConfirmed = true; close(); } },
        sentences.map((sentence) => h('p', {}, sentence)), word ? h('p', {}, 'Type ', h('code', {}, word), ' to confirm: ', input) : null,
        h('div', { class: 'dialog-actions' }, h('button', { type: 'button', onclick: close, autofocus: !word }, 'Cancel'), button));
    }, { class: 'is-small', closed: () => resolve(isConfirmed) });
  });
}

/** A sentence that stays some seconds at the lower edge; screen readers say it. */
export function toast(sentence, tone = 'good') {
  let region = document.getElementById('toasts');
  if (!region) {
    region = h('div', { id: 'toasts', role: 'status', 'aria-live': 'polite' });
    document.body.append(region);
  }
  const message = h('p', { class: `toast is-${tone}` }, sentence);
  region.append(message);
  setTimeout(() => message.remove(), 7000);
}
