// Numbers and times as they are read: one form for each quantity everywhere, with a unit.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

function significant(value, digits) {
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { minimumFractionDigits: Math.min(places, 12), maximumFractionDigits: Math.min(places, 12) });
}

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/** The whole number with separators. */
export const integer = (value) => (isNumber(value) ? grouped.format(value) : '–');

/** A count, three digits from ten thousand on: `9,876`, `12.3k`, `4.05M`. */
export function count(value) {
  if (!isNumber(value)) return '–';
  const size = Math.abs(value);
  if (size < 1e4) return Number.isInteger(value) ? grouped.format(value) : significant(value, size < 1 ? 2 : 3);
  for (const [limit, suffix] of [[1e15, 'P'], [1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'k']]) {
    if (size >= limit * 0.9995) return significant(value / limit, 3) + suffix;
  }
  return grouped.format(value);
}

/** A ratio as a percentage. */
export function percent(ratio) {
  if (!isNumber(ratio)) return '–';
  const value = ratio * 100;
  if (value === 0 || value === 100) return `${value}%`;
  if (value > 0 && value < 0.1) return '<0.1%';
  if (value < 100 && value >= 99.95) return '>99.9%';
  return `${value.toFixed(1)}%`;
}

/** US dollars: cents from a dollar on, three digits below. */
export function usd(value) {
  const number = typeof value === 'string' ? Number(value) : value;
  if (!isNumber(number)) return '–';
  const size = Math.abs(number);
  const sign = number < 0 ? '−' : '';
  if (size === 0) return '$0.00';
  if (size >= 1e5) return `${sign}$${count(size)}`;
  if (size >= 1000) return `${sign}$${grouped.format(size)}`;
  if (size >= 0.1) return `${sign}$${size.toFixed(2)}`;
  if (size < 1e-6) return `${sign}<$0.000001`;
  return `${sign}$${significant(size, 2)}`;
}

/** A span given in milliseconds. */
export function milliseconds(value) {
  if (!isNumber(value)) return '–';
  if (value === 0) return '0 ms';
  if (value < 0.9995) return `${significant(value * 1000, value < 0.0995 ? 2 : 3)} µs`;
  if (value < 999.5) return `${significant(value, 3)} ms`;
  if (value < 59950) return `${significant(value / 1000, 3)} s`;
  return seconds(value / 1000);
}

/** A span given in microseconds. */
export const microseconds = (value) => (isNumber(value) ? milliseconds(value / 1000) : '–');

/** A span given in seconds, in its two largest units. */
export function seconds(value) {
  if (!isNumber(value)) return '–';
  const whole = Math.max(0, Math.round(value));
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
  const first = parts.findIndex(([size]) => whole >= size);
  if (first < 0) return '0 s';
  let rest = whole;
  return parts.slice(first, first + 2).map(([size, unit]) => {
    const number = Math.floor(rest / size);
    rest -= number * size;
    return number ? `${number} ${unit}` : '';
  }).filter(Boolean).join(' ');
}

/** Bytes in binary units. */
export function bytes(value) {
  if (!isNumber(value)) return '–';
  if (value < 1024) return `${grouped.format(value)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = value / 1024;
  let unit = 0;
  while (size >= 1023.5 && unit < units.length - 1) { size /= 1024; unit += 1; }
  return `${significant(size, 3)} ${units[unit]}`;
}

/** Events a second. */
export const rate = (value) => (isNumber(value) ? `${value === 0 ? '0' : value < 100 ? significant(value, 2) : count(Math.round(value))}/s` : '–');

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayTime = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** `14:05`, in the reader's zone. */
export const timeOfDay = (time) => clock.format(time);
/** `14:05:12`. */
export const timeOfDaySeconds = (time) => clockSeconds.format(time);
/** `23 Nov`. */
export const dayOfMonth = (time) => day.format(time);

/** A moment as short as its distance allows: `14:05:12` today, `23 Nov, 14:05` before. */
export function moment(text) {
  const time = Date.parse(text);
  if (Number.isNaN(time)) return '–';
  const isToday = new Date(time).toDateString() === new Date().toDateString();
  return isToday ? clockSeconds.format(time) : dayTime.format(time);
}

/** A stretch of a chart: `14:05 – 14:06`, `23 Nov, 14:00 – 15:00`, `23 Nov`. */
export function stretch(from, stepSeconds) {
  if (stepSeconds >= 86400) return day.format(from);
  const to = from + stepSeconds * 1000;
  const begin = stepSeconds >= 3600 ? dayTime.format(from) : clock.format(from);
  return `${begin} – ${clock.format(to)}`;
}

/** How a number changed: `+12%`, `−3%`; null where nothing can be said. */
export function change(now, before) {
  if (!isNumber(now) || !isNumber(before) || before === 0) return null;
  const ratio = (now - before) / Math.abs(before);
  if (Math.abs(ratio) < 0.005) return '±0%';
  if (ratio > 9.995) return `×${significant(now / before, 2)}`;
  return `${ratio > 0 ? '+' : '−'}${Math.abs(ratio * 100).toFixed(Math.abs(ratio) < 0.0995 ? 1 : 0)}%`;
}

/** A form for ticks of an axis: the same without what all ticks share, `7.5 s` and `10 s`, and a bare nought. */
export const tick = (format) => (value) => (value === 0 ? '0' : format(value).replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, ''));
