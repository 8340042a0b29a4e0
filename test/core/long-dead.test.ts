/** What may be in use although it is long dead, or seems to be. */
import { expect, test } from 'vitest';
import { type HeldLease, without } from '../../src/core/record.ts';
import { acknowledged } from '../../src/core/reloading.ts';
import { hours, minutes } from '../../src/core/time.ts';
import * as record from '../../src/core/transitions.ts';
import { aLease, held, recordOf, rulesOf } from './build.ts';

const rules = rulesOf();

test('of what a program never takes up only what lives, or died a moment ago, is remembered: and what it took last', () => {
  const uses = [1, 2, 3, 4].map((n) => ({ lease: `l${n}`, generation: 0 }));
  const leases = [4, 3, 2, 1].map((n) => held(aLease({ id: `l${n}`, issuedAt: 0, expiresAt: minutes(60 * n) })));
  const before = { ...recordOf(...leases), sinks: { file: { uses } } };
  const at = (now: number) => record.settled(before, rules, now);
  const names = (now: number) => at(now).sinks['file']?.uses.map(({ lease }) => lease);
  expect(names(minutes(135) - 1)).toEqual(['l1', 'l2', 'l3', 'l4']);
  expect(names(minutes(135))).toEqual(['l1', 'l3', 'l4']);
  expect(at(minutes(135)).leases.find(({ lease }) => lease.id === 'l2')?.supersededAt).toBe(minutes(135));
  expect(names(hours(9))).toEqual(['l1']);
  // Who knows whether it is.
  expect(record.settled(before, rules, hours(9), true).sinks).toEqual(before.sinks);
  expect(at(hours(9)).leases.find(({ lease }) => lease.id === 'l1')?.supersededAt).toBeUndefined();
});

test('what was perhaps renewed without an answer may live for one more term, and is in use for as long', () => {
  const uses = [1, 2, 3].map((n) => ({ lease: `l${n}`, generation: 0 }));
  const lease = (n: number, by: number) =>
    aLease({
      id: `l${n}`,
      issuedAt: 0,
      expiresAt: hours(1),
      renewal: { from: 'now', by, atLeast: by, canShorten: false },
    });
  const by = minutes(40);
  const end = hours(1) + minutes(15);
  const kept = (change: Partial<HeldLease> = {}) =>
    [end - 1, end, end + by - 1, end + by].map((now) => {
      const second = { ...without(held(lease(2, by)), 'observedAt'), ...change };
      const before = { ...recordOf(held(lease(3, by)), second, held(lease(1, by))), sinks: { file: { uses } } };
      return record.settled(before, rules, now).sinks['file']?.uses.some((use) => use.lease === 'l2');
    });
  expect(kept()).toEqual([true, true, true, false]);
  const atOnce = [true, false, false, false];
  expect(kept({ lease: { ...lease(2, by), maxExpiresAt: hours(1) } })).toEqual(atOnce);
  expect(kept({ generation: 1 })).toEqual(atOnce);
  expect(kept({ observedAt: 0 })).toEqual(atOnce);
});

test('what a sink has is remembered to be in use however long it is thought dead: it may live, and be taken up', () => {
  const uses = [1, 2, 3].map((n) => ({ lease: `l${n}`, generation: 0 }));
  const has = { lease: 'l3', generation: 0, mark: 'm', reloaded: true, seenAt: 0 };
  const leases = [3, 2, 1].map((n) => held(aLease({ id: `l${n}`, issuedAt: 0, expiresAt: minutes(60 * n) })));
  const before = { ...recordOf(...leases), sinks: { file: { uses, has } } };
  const late = record.settled(before, rules, hours(9));
  expect(late.sinks['file']?.uses.map(({ lease }) => lease)).toEqual(['l1', 'l3']);
  const told = acknowledged(late, { lease: 'l3', generation: 0 });
  expect(told.sinks['file']?.uses.map(({ lease }) => lease)).toEqual(['l3']);
});
