import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Connection, Household } from '../src/assemble.ts';
import { learnTimes, leaving, relearning } from '../src/connections.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A household with one provider that says what time it is only when it is asked for the nth time. */
function aHousehold(answersAt: number) {
  const asked: number[] = [];
  const since: (number | undefined)[] = [];
  const learnTime = async (_: AbortSignal, from?: number) => {
    asked.push(Date.now());
    since.push(from);
    if (asked.length < answersAt) throw new Error('no answer');
  };
  const connection = { provider: { learnTime } } as unknown as Connection;
  const household = { connections: new Map([['main', connection]]) } as unknown as Household;
  return { household, asked, since };
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

test('a provider whose time is to be learnt again is asked until five answers have come, and that twice over at no time', async () => {
  const { household, asked } = aHousehold(3);
  const relearn = relearning(() => true);
  relearn(household, 0);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(asked.length).toBe(4);
  relearn(household, 0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(2 + 2 + 5);
  relearn(household, 0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(2 + 2 + 5 + 5);
});

test('only an answer from since then counts', async () => {
  const { household, since } = aHousehold(1);
  relearning(() => true)(household, 4711);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(new Set(since)).toEqual(new Set([4711]));
});

test('a provider that has left is not asked for its time again', async () => {
  const { household, asked } = aHousehold(3);
  let isKept = true;
  relearning(() => isKept)(household, 0);
  await vi.advanceTimersByTimeAsync(1_000);
  isKept = false;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(1);
});

test('a provider that leaves is let go of when nothing can be under way there any more, and at the end of the program', async () => {
  const closed: string[] = [];
  const provider = (name: string) => ({ close: async () => void closed.push(name) });
  const connections = (...names: string[]) =>
    ({ connections: new Map(names.map((name) => [name, { provider: provider(name) }])) }) as unknown as Household;
  const parted = leaving(() => undefined);
  parted.close(connections('first'), connections());
  await vi.advanceTimersByTimeAsync(39_000);
  expect(closed).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(closed).toEqual(['first']);
  const last = connections('last');
  parted.close(connections('second'), last);
  parted.close(last, last);
  await parted.closeAll(last);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(closed.sort()).toEqual(['first', 'last', 'second']);
});
