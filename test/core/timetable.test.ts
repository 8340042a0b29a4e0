import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import type { HeldLease } from '../../src/core/record.ts';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';
import { callDeadline, fraction, inDangerFrom, stakeInUse, timetable } from '../../src/core/timetable.ts';
import { renewed } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const emergency = (term: number) =>
  term - timetable(held(aLease({ expiresAt: term })), rulesOf({ grace: 0 })).emergencyAt;

test('the emergency window is a twentieth of the term, a minute at least, but no more than a quarter', () => {
  expect(emergency(hours(40))).toBe(hours(2));
  expect(emergency(minutes(20))).toBe(minutes(1));
  expect(emergency(minutes(21))).toBe(seconds(63));
  expect(emergency(minutes(4))).toBe(minutes(1));
  expect(emergency(minutes(2))).toBe(seconds(30));
});

test('a renewal is due after a share of the term, or so long before its end, but not before half of it', () => {
  const lease = held(aLease({ issuedAt: minutes(10), expiresAt: minutes(70) }));
  expect(timetable(lease, rulesOf({ renewAt: 0.5 })).renewAt).toBe(minutes(40));
  expect(timetable(lease, rulesOf({ renewBefore: minutes(20) })).renewAt).toBe(minutes(50));
  expect(timetable(lease, rulesOf({ renewBefore: minutes(45) })).renewAt).toBe(minutes(40));
});

test('a renewal is due at the latest when the emergency window begins', () => {
  const { renewAt, emergencyAt } = timetable(held(), rulesOf({ renewAt: 0.99 }));
  expect(renewAt).toBe(emergencyAt);
  expect(timetable(held(), rulesOf({ renewBefore: 1 })).renewAt).toBe(minutes(57));
});

test('a successor is taken a grace period and an emergency window before the wall', () => {
  const lease = held(aLease({ expiresAt: hours(2), maxExpiresAt: hours(10) }), { termStart: hours(1) });
  expect(timetable(lease, rulesOf({ grace: hours(1) })).wallAt).toBe(hours(9) - minutes(3));
});

test('a rotation counts from when the lease was taken, or from when what is rotated was made, where that was earlier', () => {
  const policy = rulesOf({ rotateAfter: (since) => since + hours(1) });
  expect(timetable(held(aLease(), { since: minutes(5) }), policy).rotateAt).toBe(minutes(65));
  const changed = held(aLease({ unrotatedSince: minutes(2) }), { since: minutes(5) });
  expect(timetable(changed, policy).rotateAt).toBe(minutes(62));
});

test('but not before half of the life', () => {
  const lease = held(aLease({ issuedAt: hours(2), expiresAt: hours(3), maxExpiresAt: hours(10) }));
  expect(timetable(lease, rulesOf({ grace: hours(9) })).wallAt).toBe(hours(6));
});

test('what cannot be renewed is replaced when that would be due, or earlier for the sake of its grace', () => {
  const lease = held(aLease({ expiresAt: minutes(60) }));
  expect(timetable(lease, rulesOf({ renewAt: 0.67, grace: minutes(5) })).replaceAt).toBe(minutes(40.2));
  expect(timetable(lease, rulesOf({ renewAt: 0.9, grace: minutes(20) })).replaceAt).toBe(minutes(37));
  expect(timetable(lease, rulesOf({ renewAt: 0.9, grace: hours(20) })).replaceAt).toBe(minutes(30));
});

test('the jitter of a lease brings all of its dates forward by the same', () => {
  const lease = held(aLease({ expiresAt: hours(1), maxExpiresAt: hours(100) }));
  const plain = timetable(lease, rulesOf({ grace: 0 }));
  const early = timetable(lease, rulesOf({ grace: 0, jitter: 0.2 }));
  const share = hours(1) * 0.2 * fraction('l1/0');
  expect(share).toBeGreaterThan(0);
  expect(early.renewAt).toBe(Math.floor(plain.renewAt - share));
  expect(early.wallAt).toBe(Math.floor(plain.wallAt - share));
  expect(early.emergencyAt).toBe(plain.emergencyAt);
});

test('an end that somebody has set is lifted at once, however far it is', () => {
  const renewal = { from: 'now', by: days(36_500), atLeast: days(36_500), canShorten: false, atOnce: true } as const;
  const version = held({ id: 'v1', issuedAt: hours(1), expiresAt: days(7), renewal });
  expect(timetable(version, rulesOf({ jitter: 0.1 })).renewAt).toBe(hours(1));
  const record = recordOf(version);
  const facts = at(hours(2));
  expect(decide(record, rulesOf(), facts)).toMatchObject({ act: 'renew', because: 'RenewalDue', at: hours(1) });
  const lifted = renewed(record, { id: 'v1', issuedAt: hours(1) }, lifting(version), hours(2));
  expect(decide(lifted, rulesOf(), facts)).toMatchObject({ act: 'wait', because: 'NotDue' });
  expect(lifted.leases[0]).not.toHaveProperty('refused');
});

const lifting = (before: HeldLease) => ({ before, askedAt: hours(2), isChanged: false });

test('two leases, and two terms of one lease, have jitters of their own', () => {
  const dates = ['a', 'b', 'c'].flatMap((id) => [0, 1].map((termStart) => fraction(`${id}/${termStart}`)));
  expect(new Set(dates).size).toBe(6);
  expect(Math.min(...dates)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...dates)).toBeLessThan(1);
  expect(fraction('l1/0')).toBeCloseTo(0.708141578, 8);
});

test('what never ends is only ever rotated', () => {
  const { renewAt, emergencyAt, wallAt, replaceAt, rotateAt } = timetable(
    held({ id: 'v1', issuedAt: 5 }),
    rulesOf({ rotateAfter: (issued) => issued + days(1) }),
  );
  expect([renewAt, emergencyAt, wallAt, replaceAt]).toEqual(Array(4).fill(Number.POSITIVE_INFINITY));
  expect(rotateAt).toBe(days(1) + 5);
  expect(timetable(held(), rulesOf()).rotateAt).toBe(Number.POSITIVE_INFINITY);
});

describe('a call may take', () => {
  const stake = { emergencyAt: minutes(57), deadline: minutes(60) };

  test('35 seconds, but not into the emergency window of what is at stake', () => {
    const short = { emergencyAt: minutes(1), deadline: minutes(1) + seconds(15) };
    expect(callDeadline(stake, 0)).toBe(seconds(35));
    expect(callDeadline(short, seconds(30))).toBe(seconds(30));
    expect(callDeadline(short, seconds(40))).toBe(seconds(20));
  });

  test('a quarter of what is left, and at least 5 seconds, so that there is time for another', () => {
    const left = (time: number) => callDeadline(stake, minutes(60) - time);
    expect(left(minutes(3))).toBe(seconds(35));
    expect(left(minutes(2) + seconds(20))).toBe(seconds(35));
    expect(left(minutes(2))).toBe(seconds(30));
    expect(left(seconds(40))).toBe(seconds(10));
    expect(left(seconds(20))).toBe(seconds(5));
    expect(left(seconds(16))).toBe(seconds(5));
    expect(left(1)).toBe(seconds(5));
  });

  test('5 seconds where it could wait for ever, but something else is in danger', () => {
    const other = { emergencyAt: minutes(57), deadline: Number.POSITIVE_INFINITY };
    expect(callDeadline(other, minutes(57) - seconds(4))).toBe(seconds(5));
    expect(callDeadline(other, minutes(58))).toBe(seconds(5));
  });

  test('as long as any where it comes too late anyway, or nothing is at stake', () => {
    expect(callDeadline(stake, minutes(60))).toBe(seconds(35));
    const never = Number.POSITIVE_INFINITY;
    expect(callDeadline({ emergencyAt: never, deadline: never }, 0)).toBe(seconds(35));
  });
});

test('what is in use is in danger with the first of it that lives, or at once where nothing does', () => {
  const [early, late, dead] = ['l1', 'l2', 'l3'].map((id, i) =>
    held(aLease({ id, expiresAt: [minutes(60), hours(2), minutes(10)][i] ?? 0 })),
  );
  if (!early || !late || !dead) throw new Error('there are three');
  const uses = (...all: HeldLease[]) => ({
    ...recordOf(...all),
    sinks: { file: { uses: all.map(({ lease }) => ({ lease: lease.id, generation: 0 })) } },
  });
  const from = (...all: HeldLease[]) => inDangerFrom(uses(...all), () => true, minutes(30));
  expect(from(early, late)).toBe(minutes(57));
  expect(from(late, early)).toBe(minutes(57));
  expect(from(dead, late)).toBe(minutes(114));
  const ending = held(aLease({ id: 'l4', expiresAt: minutes(30) }));
  expect(from(ending, late)).toBe(minutes(114));
  // By its term, not by its date.
  expect(from(held(aLease({ issuedAt: hours(1), expiresAt: hours(2) })))).toBe(minutes(117));
  expect(from(dead)).toBe(minutes(30));
  expect(from()).toBe(Number.POSITIVE_INFINITY);
  const stake = (...all: HeldLease[]) => stakeInUse(uses(...all), minutes(30));
  expect(stake(late, early, dead, ending)).toEqual({ deadline: minutes(60), emergencyAt: minutes(57) });
  expect(stake(dead)).toEqual({ deadline: Number.POSITIVE_INFINITY, emergencyAt: minutes(30) });
});
