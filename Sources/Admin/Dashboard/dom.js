// Elements without markup. Whatever comes from the gateway (a model's name, a path, an error's text) becomes a text node or an attribute
// value here and nowhere else: there is no innerHTML in this page, so a hostile string has nothing to break out of.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element. Attributes: `class`, `on…` listeners, `style` as an object, `dataset`; null and false leave one out. */
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

/** An SVG element. */
export const svg = (tag, attributes, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(element, name, value);
  append(element, children);
  return element;
}

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
  else if (name === 'style') for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
  else if (name === 'dataset') Object.assign(element.dataset, value);
  else element.setAttribute(name, value === true ? '' : value);
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

// Controls, invisible characters and those that turn the direction of text: each is shown, so that none can disguise what stands beside it.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A text of foreign origin, safe to look at: at most `max` characters, nothing in it invisible. */
export function clean(text, max = 300) {
  const whole = String(text ?? '');
  const cut = whole.length > max ? whole.slice(0, max) + '…' : whole;
  return cut.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

/** A foreign text in its own direction, with the whole of it as a tooltip; a dash where there is none. */
export function foreign(text, { max = 300, class: name = '' } = {}) {
  if (text === null || text === undefined || text === '') return h('span', { class: 'none' }, '–');
  return h('bdi', { class: name || null, title: clean(text, 2000) }, clean(text, max));
}

let counter = 0;

/** An id that no other element has. */
export const uniqueID = (prefix) => `${prefix}-${++counter}`;

/** Says a sentence to screen readers. */
export function announce(sentence) {
  const region = document.getElementById('announcer');
  region.textContent = '';
  requestAnimationFrame(() => { region.textContent = sentence; });
}

/** Rows of a table by key: those whose content did not change stay the elements they are, so that focus and selection outlive a refresh. */
export function fillRows(body, items, keyOf, makeRow) {
  const former = new Map(Array.from(body.children, (row) => [row.dataset.key, row]));
  const focused = body.contains(document.activeElement) ? document.activeElement : null;
  const focusedKey = focused?.closest('[data-key]')?.dataset.key;
  const rows = items.map((item) => {
    const key = String(keyOf(item));
    const print = JSON.stringify(item);
    const old = former.get(key);
    if (old && old.print === print) return old;
    const row = makeRow(item);
    row.dataset.key = key;
    row.print = print;
    return row;
  });
  // Nothing is moved that stands where it belongs.
  rows.forEach((row, index) => {
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
  while (body.children.length > rows.length) body.lastElementChild.remove();
  if (focusedKey !== undefined && !body.contains(document.activeElement)) {
    rows.find((row) => row.dataset.key === focusedKey)?.querySelector('button, a, [tabindex]')?.focus();
  }
}
