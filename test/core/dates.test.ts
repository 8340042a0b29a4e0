import fc from 'fast-check';
import { expect, test } from 'vitest';
import { another, LeaseError, nextTry } from '../../src/core/failure.ts';
import { renewedExpiry } from '../../src/core/lease.ts';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';
import { timetable } from '../../src/core/timetable.ts';
import { acquired, observed } from '../../src/core/transitions.ts';
import { aLease, held, recordOf, rulesOf } from './build.ts';

/** When all of it has long happened. */
const far = days(1000);

const anInstant = fc.integer({ min: 0, max: days(100) });
const aTerm = fc.integer({ min: seconds(10), max: days(30) });

test('a renewal is only ever asked for where it lands behind the present end and before the wall', () => {
  const aRenewal = fc.record({
    from: fc.constantFrom('now' as const, 'expiry' as const),
    by: aTerm,
    atLeast: fc.constant(0),
    canShorten: fc.boolean(),
  });
  fc.assert(
    fc.property(aRenewal, aTerm, aTerm, anInstant, (renewal, expiresAt, beyond, now) => {
      const lease = aLease({ renewal, expiresAt, maxExpiresAt: expiresAt + beyond });
      const landing = renewedExpiry(lease, now);
      if (landing === undefined) return;
      expect(now).toBeLessThan(expiresAt);
      expect(landing).toBeGreaterThan(expiresAt);
      expect(landing).toBeLessThanOrEqual(expiresAt + beyond);
    }),
  );
});

test('a renewal that would land just before the wall is not risked: requests travel, and clocks differ', () => {
  const lease = aLease({ maxExpiresAt: minutes(90) + seconds(10) });
  expect(renewedExpiry(lease, minutes(30), seconds(11))).toBeUndefined();
  expect(renewedExpiry(lease, minutes(30), seconds(10))).toBe(minutes(90));
});

test('jitter only ever brings a renewal forward, by no more than its share, and is the same at every look', () => {
  fc.assert(
    fc.property(fc.string(), aTerm, fc.double({ min: 0, max: 0.3, noNaN: true }), (id, term, jitter) => {
      const lease = held(aLease({ id, expiresAt: term }));
      const { renewAt } = timetable(lease, rulesOf({ renewAt: 0.6, jitter }));
      expect(renewAt).toBeLessThanOrEqual(term * 0.6);
      expect(renewAt).toBeGreaterThanOrEqual(Math.floor(term * (0.6 - jitter)));
      expect(timetable(lease, rulesOf({ renewAt: 0.6, jitter })).renewAt).toBe(renewAt);
    }),
  );
});

test('the nearer the end the sooner the next try, but never sooner than the shortest delay', () => {
  const many = { count: 20, denied: 0, at: 0, code: 'unavailable', notBefore: 0 } as const;
  expect(nextTry(many, hours(9), far)).toBe(minutes(5));
  expect(nextTry(many, minutes(8), far)).toBe(minutes(1));
  expect(nextTry(many, seconds(2), far)).toBe(seconds(1));
  expect(nextTry(many, -1, far)).toBe(minutes(5));
});

test('a rejection is followed by a minute of silence, more of them by 5 minutes, however near the end', () => {
  const denied = new LeaseError('denied', 'no');
  const first = another(undefined, denied, 0);
  expect(nextTry(first, seconds(10), far)).toBe(seconds(60));
  const second = another(first, denied, seconds(60));
  expect(nextTry(second, seconds(40), far)).toBe(seconds(360));
  const other = another(second, new LeaseError('unavailable', 'down'), seconds(361));
  expect(nextTry(other, days(1), far)).toBe(seconds(365));
});

test('the provider decides when it wants to hear from us again, within ten minutes', () => {
  const limited = another(undefined, new LeaseError('unavailable', '429', { notBefore: minutes(20) }), 0);
  expect(nextTry(limited, minutes(10), far)).toBe(minutes(10));
});

test('a term that was noted by a clock that was ahead begins when the provider has said what time it is', () => {
  const lied = held(aLease({ expiresAt: minutes(65) }), { since: minutes(70), termStart: minutes(70) });
  const known = { ...recordOf(lied), intent: { key: 'k', at: minutes(5) } };
  const told = acquired(known, aLease({ expiresAt: minutes(65) }), rulesOf(), minutes(6));
  expect(told.leases).toMatchObject([{ since: minutes(6), termStart: minutes(6) }]);
  const asked = observed(known, 'l1', { is: 'held', lease: lied.lease }, minutes(7));
  expect(asked.leases).toMatchObject([{ since: minutes(7), termStart: minutes(7) }]);
  for (const ahead of ['since', 'termStart'] as const) {
    const half = recordOf({ ...lied, since: 0, termStart: 0, [ahead]: minutes(70) });
    const [now] = observed(half, 'l1', { is: 'held', lease: lied.lease }, minutes(7)).leases;
    expect(now).toMatchObject({ since: 0, termStart: 0, [ahead]: minutes(7) });
  }
  // No two clocks quite agree.
  const soon = { ...lied, since: minutes(8), termStart: minutes(8) };
  expect(observed(recordOf(soon), 'l1', { is: 'held', lease: lied.lease }, minutes(7)).leases).toMatchObject([
    { since: minutes(8), termStart: minutes(8) },
  ]);
});

test('a failure noted by a clock that was ahead holds up nothing once that is set right, but counts', () => {
  const down = new LeaseError('unavailable', 'down');
  const ahead = another(undefined, down, hours(1));
  expect(another(ahead, down, minutes(5))).toMatchObject({ count: 2, at: minutes(5), notBefore: minutes(5) });
  const near = another(undefined, down, minutes(6));
  expect(another(near, down, minutes(5)).notBefore).toBe(minutes(6));
});

test('failures long ago do not count', () => {
  const old = another(undefined, new LeaseError('unavailable', 'down'), 0);
  expect(another(old, new LeaseError('unavailable', 'down'), minutes(10)).count).toBe(2);
  expect(another(old, new LeaseError('unavailable', 'down'), minutes(16)).count).toBe(1);
});
