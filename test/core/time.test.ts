import { expect, test } from 'vitest';
import { days, hours, minutes, parseDuration, sayDuration, seconds } from '../../src/core/time.ts';

test('a length of time is counted in milliseconds', () => {
  expect([seconds(2), minutes(2), hours(2), days(2)]).toEqual([2_000, 120_000, 7_200_000, 172_800_000]);
});

test('a length of time is read as people write it', () => {
  const read = ['90s', '1h30m', '7d', '350ms', '0s', '1.5m', '2h', '1m1s1ms'].map(parseDuration);
  expect(read).toEqual([90_000, 5_400_000, 604_800_000, 350, 0, 90_000, 7_200_000, 61_001]);
  expect(['', '5', 'm', '-5m', '5 m', '5w', '5m!', '1.m'].map(parseDuration)).toEqual(Array(8).fill(undefined));
});

test('a length of time is said to two places, without those that are nothing', () => {
  expect(sayDuration(0)).toBe('0ms');
  expect(sayDuration(350.4)).toBe('350ms');
  expect(sayDuration(999)).toBe('999ms');
  expect(sayDuration(1_000)).toBe('1s');
  expect(sayDuration(12_400)).toBe('12s');
  expect(sayDuration(12_600)).toBe('13s');
  expect(sayDuration(1_000_000)).toBe('16m 40s');
  expect(sayDuration(minutes(90))).toBe('1h 30m');
  expect(sayDuration(days(2) + hours(4) + minutes(3) + 7_000)).toBe('2d 4h');
  expect(sayDuration(days(1) + minutes(3))).toBe('1d');
  expect(sayDuration(hours(1) + 1_000)).toBe('1h');
  expect(sayDuration(hours(24))).toBe('1d');
  expect(sayDuration(-minutes(5))).toBe('-5m');
  expect(sayDuration(-1)).toBe('-1ms');
});
