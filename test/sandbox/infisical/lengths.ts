/** Lengths of time as the server reads them: `90s`, `2 days`; a bare number is milliseconds (contract 6.1). */
import { type Duration, days, hours, minutes, seconds } from '../../../src/core/time.ts';

const sizes: readonly (readonly [Duration, readonly string[]])[] = [
  [1, ['', 'ms', 'msec', 'msecs', 'millisecond', 'milliseconds']],
  [seconds(1), ['s', 'sec', 'secs', 'second', 'seconds']],
  [minutes(1), ['m', 'min', 'mins', 'minute', 'minutes']],
  [hours(1), ['h', 'hr', 'hrs', 'hour', 'hours']],
  [days(1), ['d', 'day', 'days']],
  [days(7), ['w', 'week', 'weeks']],
  [days(365.25), ['y', 'yr', 'yrs', 'year', 'years']],
];

/** Milliseconds; `NaN` where the text is no length: the server goes on with that too, and fails later. */
export function readLength(text: string): Duration {
  const [, amount = '', unit = ''] = /^(-?\d*\.?\d+) *([a-z]*)$/i.exec(text) ?? [];
  const size = sizes.find(([, names]) => names.includes(unit.toLowerCase()))?.[0];
  return amount === '' || size === undefined ? Number.NaN : Number(amount) * size;
}
