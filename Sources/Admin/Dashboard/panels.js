// The parts that views are made of: panels, tiles, badges, meters, and the three things a panel can be instead of full: loading, empty, failed.

import { h, fill, uniqueID } from './dom.js';

/** A titled box. `tools` stand at its right. */
export function panel(title, { caption = null, tools = [], class: name = '', body = [] } = {}) {
  const id = uniqueID('panel');
  const note = h('span', { class: 'caption' }, caption);
  const content = h('div', { class: 'panel-body' }, body);
  const element = h('section', { class: `panel ${name}`, 'aria-labelledby': id },
    h('div', { class: 'panel-head' }, h('h2', { id }, title), note, h('div', { class: 'tools' }, tools)), content);
  return { element, content, setCaption: (text) => fill(note, text) };
}

/** What stands in place of content that is not there. `kind`: loading, empty or failed. */
export function placeholder(kind, sentence, ...more) {
  return h('div', { class: `placeholder is-${kind}`, role: kind === 'failed' ? 'alert' : null }, h('p', {}, sentence), more);
}

/** A few words in a pill. `tone`: good, warn, bad, info or none. */
export const badge = (text, tone = 'none', title = null) => h('span', { class: `badge is-${tone}`, title }, text);

/** How full something is; past `warn` and `bad` it looks it. The numbers stand beside it as text, so the bar itself says only what it is. */
export function meter(label, used, max, { warn = 0.75, bad = 0.95, held = 0, isNeutral = false, text = null } = {}) {
  const share = max > 0 ? used / max : 0;
  const tone = isNeutral ? 'info' : share >= bad ? 'bad' : share >= warn ? 'warn' : 'good';
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  const bar = h('div', {
    class: `meter is-${tone}`, role: 'meter', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(percent), 'aria-valuetext': text,
  }, h('span', { class: 'meter-fill', style: { width: `${percent}%` } }));
  if (held > 0 && max > 0) bar.append(h('span', { class: 'meter-held', style: { left: `${percent}%`, width: `${Math.min(100 - percent, (held / max) * 100)}%` } }));
  return bar;
}

/** Buttons of which one is chosen. `options`: value → label. */
export function segments(label, options, chosen, choose) {
  const group = h('div', { class: 'segments', role: 'group', 'aria-label': label });
  const buttons = Object.entries(options).map(([value, text]) => h('button', {
    type: 'button', 'aria-pressed': String(value === chosen), dataset: { value },
    onclick: () => { group.choose(value); choose(value); },
  }, text));
  group.choose = (value) => buttons.forEach((button) => button.setAttribute('aria-pressed', String(button.dataset.value === value)));
  group.append(...buttons);
  return group;
}

/** A labelled field. The label is seen by all unless `isQuiet`. */
export function field(label, control, { isQuiet = false } = {}) {
  control.id ||= uniqueID('field');
  return h('div', { class: 'field' }, h('label', { for: control.id, class: isQuiet ? 'visually-hidden' : null }, label), control);
}

/** A select; `options`: value → label. */
export function select(options, chosen, change) {
  const control = h('select', { onchange: () => change?.(control.value) },
    Object.entries(options).map(([value, label]) => h('option', { value, selected: value === chosen }, label)));
  control.value = chosen;
  return control;
}

/** A table in a box that scrolls sideways. `columns`: `[label, class, whether only screen readers see the label]`. */
export function table(caption, columns, name = '') {
  const body = h('tbody', {});
  const element = h('div', { class: `table-scroll ${name}`, tabindex: '0', role: 'region', 'aria-label': caption }, h('table', { class: 'grid' },
    h('caption', { class: 'visually-hidden' }, caption),
    h('thead', {}, h('tr', {}, columns.map(([label, kind, isQuiet]) => h('th', { scope: 'col', class: kind || null }, isQuiet ? h('span', { class: 'visually-hidden' }, label) : label)))), body));
  return { element, body };
}

/** A number with its name; `set` fills it. */
export function tile(label, hint = null) {
  const value = h('span', { class: 'tile-value' }, '–');
  const delta = h('span', { class: 'delta' });
  const note = h('div', { class: 'tile-note' });
  const spark = h('div', { class: 'tile-spark' });
  const element = h('div', { class: 'tile', role: 'group', 'aria-label': label, title: hint },
    h('div', { class: 'tile-label' }, label), h('div', { class: 'tile-line' }, value, delta), note, spark);
  return {
    element,
    set({ text, title = null, notes = [], change = null, tone = 'none', line = null, former = null }) {
      fill(value, text);
      value.title = title ?? '';
      fill(note, notes);
      fill(spark, line);
      fill(delta, change === null ? null : [change, h('span', { class: 'visually-hidden' }, ' against the time before')]);
      delta.className = `delta is-${tone}`;
      delta.title = former === null ? '' : `before: ${former}`;
    },
  };
}
