// Where ticks stand.

/** At most about `count` round values from 0 up to the first that is no less than `max`; of what is counted, whole ones. */
export function niceTicks(max, count = 4, isWhole = false) {
  if (!(max > 0)) return [0, 1];
  const raw = Math.max(max / count, isWhole ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999 && (!isWhole || Number.isInteger(size))) ?? 10 * power;
  const ticks = [];
  for (let index = 0; index * step < max + step * 0.999; index += 1) ticks.push(Number((index * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten that enclose two positive values. */
export function decades(min, max) {
  const first = Math.floor(Math.log10(min));
  const last = Math.max(first + 1, Math.ceil(Math.log10(max)));
  return Array.from({ length: last - first + 1 }, (_, index) => Number((10 ** (first + index)).toPrecision(6)));
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
  14 * DAY, 30 * DAY,
];

/** Moments on round local times, at most `count` of them. */
export function timeTicks(from, to, count) {
  const step = STEPS.find((size) => (to - from) / size <= Math.max(1, count)) ?? STEPS.at(-1);
  const ticks = [];
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  for (let time = Math.ceil((from - offset) / step) * step + offset; time <= to; time += step) ticks.push(time);
  return { ticks, step };
}
