/** A cause is told once a minute, however many others there are, and what is remembered of them does not grow for ever. */
import { expect, test } from 'vitest';
import { minutes, seconds } from '../../src/core/time.ts';
import { createRepetition } from '../../src/observability/repetition.ts';

function told() {
  let now = 0;
  const isNew = createRepetition({ now: () => now });
  const at = (time: number) => {
    now = time;
  };
  return { isNew, at };
}

test('of thousands that fail together each is told once a minute, with how often it was not told', () => {
  const { isNew, at } = told();
  const printed = (time: number) => {
    at(time);
    return Array.from({ length: 5_000 }, (_, i) => isNew(`secret-${i}`)).filter((more) => more !== undefined);
  };
  expect(printed(0)).toHaveLength(5_000);
  for (const time of [seconds(1), seconds(30), minutes(1) - 1]) expect(printed(time)).toEqual([]);
  expect(printed(minutes(1))).toEqual(Array.from({ length: 5_000 }, () => 3));
});

test('causes that never come again are forgotten', () => {
  const { isNew, at } = told();
  const suppressed = (time: number) => {
    at(time);
    return isNew('seldom');
  };
  expect([suppressed(0), suppressed(1)]).toEqual([0, undefined]);
  for (let i = 0; i < 5_000; i += 1) {
    at(minutes(2) + i);
    isNew(`once-${i}`);
  }
  // Nothing is known of it any more, nor of what was not told.
  expect(suppressed(minutes(3))).toBe(0);
});
