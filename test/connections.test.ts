import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Connection, Household } from '../src/assemble.ts';
import { learnTimes } from '../src/connections.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A household with one provider that says what time it is only when it is asked for the nth time. */
function aHousehold(answersAt: number) {
  const asked: number[] = [];
  const learnTime = async () => {
    asked.push(Date.now());
    if (asked.length < answersAt) throw new Error('no answer');
  };
  const connection = { provider: { learnTime } } as unknown as Connection;
  const household = { connections: new Map([['main', connection]]) } as unknown as Household;
  return { household, asked };
}

test('a provider that does not say what time it is at the start is asked until it does', async () => {
  const { household, asked } = aHousehold(3);
  await learnTimes(household, () => true);
  expect(asked.length).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(3);
});

test('a provider that has left is not asked any more', async () => {
  const { household, asked } = aHousehold(3);
  await learnTimes(household, () => false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(1);
});

test('a provider that was there before is not asked again', async () => {
  const { household, asked } = aHousehold(1);
  await learnTimes(household, () => true, household);
  expect(asked).toEqual([]);
});
