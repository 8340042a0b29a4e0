import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { minutes } from '../../src/core/time.ts';
import { timeCheck } from '../../src/sources/time-check.ts';
import { scriptedInfisical } from './infisical-scripted.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('however often it is wanted meanwhile it asks once, five seconds later, and again where that is wanted then', async () => {
  const asked: number[] = [];
  const check = timeCheck(async () => {
    asked.push(Date.now() - start);
    if (asked.length < 3) check.want();
  });
  const start = Date.now();
  check.want();
  await vi.advanceTimersByTimeAsync(1_000);
  check.want();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual([5_000, 10_000, 15_000]);
});

test('two clocks that never agree are asked four times in a quarter of an hour', async () => {
  const asked: number[] = [];
  const start = Date.now();
  const check = timeCheck(async () => {
    asked.push((Date.now() - start) / 1000);
    check.want();
  });
  check.want();
  await vi.advanceTimersByTimeAsync(14 * 60_000);
  expect(asked).toEqual([5, 10, 15, 20]);
  await vi.advanceTimersByTimeAsync(66_000);
  check.want();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveLength(6);
});

test('a provider whose clock is set is believed after the one answer that told of it and two that we ask for ourselves', async () => {
  vi.useRealTimers();
  const infisical = await scriptedInfisical();
  const dated = (ahead: number) => ({
    get headers() {
      return { date: new Date(Date.now() + ahead).toUTCString() };
    },
  });
  infisical.answer(dated(0));
  await infisical.learnTime();
  const later = dated(minutes(10));
  infisical.answer(later, later, later, later);
  await infisical.learnTime();
  const last = () => infisical.deps.skews.at(-1) ?? 0;
  await expect.poll(() => Math.abs(last() - minutes(10)), { timeout: 60_000 }).toBeLessThan(20_000);
  expect(infisical.heard.map(({ route }) => route)).toEqual(Array(3).fill('GET /api/status'));
  await infisical.close();
}, 90_000);

test('a question without an answer is not asked again before that is wanted, and none after the end', async () => {
  let count = 0;
  const check = timeCheck(() => {
    count++;
    return Promise.reject(new Error('no'));
  });
  check.want();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(count).toBe(1);
  check.want();
  check.end();
  check.want();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(count).toBe(1);
});
