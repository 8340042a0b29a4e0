/** What is done for a secret while nobody knows of it but we: what its users would die without, and nothing else. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import type { HeldLease, SecretRecord } from '../../src/core/record.ts';
import type { Facts } from '../../src/core/rules.ts';
import { days, minutes } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const cutOff = minutes(10);
const away = (now: number, change: Partial<Facts> = {}) => at(now, { cutOff, ...change });
const observing = { can: { observe: true, read: false, search: true } };
const additive = (change: Partial<Parameters<typeof aLease>[0]> = {}) =>
  aLease({ renewal: { from: 'expiry', by: minutes(60), atLeast: minutes(1), canShorten: true }, ...change });

/** One that is well, and another beside it. */
function having(other: HeldLease): SecretRecord {
  const record = recordOf(held(aLease({ expiresAt: days(2) })));
  return { ...record, leases: [...record.leases, other] };
}

describe('a secret that is cut off', () => {
  test('is renewed when that is due', () => {
    expect(decide(recordOf(held()), rulesOf(), away(minutes(29)))).toMatchObject({ act: 'wait', until: minutes(30) });
    expect(decide(recordOf(held()), rulesOf(), away(minutes(30)))).toMatchObject({
      act: 'renew',
      because: 'RenewalDue',
    });
  });

  const ends: readonly [string, SecretRecord, number][] = [
    ['NothingHeld', recordOf(), minutes(30)],
    ['Expired', recordOf(held()), minutes(60)],
    ['Refused', recordOf(held(aLease(), { refused: true })), minutes(30)],
    ['EndOfLife', recordOf(held(aLease({ maxExpiresAt: minutes(60) }))), minutes(57)],
    [
      'RenewalFailing',
      {
        ...recordOf(held()),
        failures: { 'renew:l1': { count: 9, denied: 0, at: minutes(57), code: 'unavailable', notBefore: 0 } },
      },
      minutes(57) + 1,
    ],
  ];
  for (const [because, record, now] of ends) {
    test(`is replaced where its end has come or comes near: ${because}`, () => {
      expect(decide(record, rulesOf(), away(now))).toMatchObject({ act: 'acquire', because });
    });
  }

  const wishes: readonly [string, HeldLease, Partial<SecretRecord>][] = [
    ['by its policy', held(aLease({ expiresAt: days(2) }), { since: -days(1) }), {}],
    ['because there is a newer one', held(aLease({ expiresAt: days(2) }), { outdated: true }), {}],
    ['because a person asked for it', held(aLease({ expiresAt: days(2) })), { requests: { rotate: 0 } }],
    ['because a person asked for a renewal', held(aLease({ expiresAt: days(2) })), { requests: { renew: 0 } }],
  ];
  for (const [why, lease, change] of wishes) {
    test(`is not replaced or renewed before its time ${why}, until it is known again`, () => {
      const record = { ...recordOf(lease), ...change };
      const rules = rulesOf({ rotateAfter: (issued) => issued + days(1) });
      expect(decide(record, rules, at(minutes(30)))).not.toMatchObject({ act: 'wait' });
      expect(decide(record, rules, away(minutes(30)))).toMatchObject({ act: 'wait', because: 'NotDue' });
    });
  }

  test('takes the newer one that there is before what it has comes to the end that others have set for it', () => {
    const version = { id: 'v1', issuedAt: 0, followed: true, version: { which: 'current' } } as const;
    const ending = recordOf(held({ ...version, expiresAt: minutes(60) }, { outdated: true }));
    expect(decide(ending, rulesOf(), away(minutes(30)))).toMatchObject({ act: 'wait', until: minutes(57) });
    expect(decide(ending, rulesOf(), away(minutes(57)))).toMatchObject({ act: 'acquire', because: 'Outdated' });
    const endless = recordOf(held(version, { outdated: true }));
    expect(decide(endless, rulesOf(), at(minutes(57)))).toMatchObject({ act: 'acquire', because: 'Outdated' });
    expect(decide(endless, rulesOf(), away(minutes(57)))).toMatchObject({ act: 'wait', because: 'NotDue' });
  });

  test('is renewed when that is due, also where a person had asked for it before', () => {
    const record = { ...recordOf(held()), requests: { renew: 0 } };
    expect(decide(record, rulesOf(), away(minutes(30)))).toMatchObject({ act: 'renew', because: 'RenewalDue' });
  });

  test('has none of its leases ended that lives: others may use it', () => {
    const over = held(aLease({ id: 'l0', expiresAt: minutes(50) }), { supersededAt: 0 });
    const record = having(over);
    expect(decide(record, rulesOf(), at(minutes(30)))).toMatchObject({ act: 'retire', to: 'l0' });
    expect(decide(record, rulesOf(), away(minutes(30)))).toMatchObject({ act: 'wait', until: minutes(50) });
    expect(decide(record, rulesOf(), away(minutes(50)))).toMatchObject({ act: 'retire', to: 'l0' });
  });

  test('keeps a lease that is dead for its grace', () => {
    const over = held(aLease({ id: 'l0', expiresAt: minutes(31) }), { supersededAt: minutes(30) });
    const record = having(over);
    expect(decide(record, rulesOf({ grace: minutes(5) }), away(minutes(32)))).toMatchObject({ until: minutes(35) });
  });

  test('has none of its leases ended because a person asked for it, and none searched for', () => {
    const unwanted = recordOf(held(aLease({ expiresAt: days(2) }), { unwanted: true }));
    const lost = { ...recordOf(held(aLease({ expiresAt: days(2) }))), intent: { key: 'k', at: 0 } };
    for (const record of [unwanted, lost]) {
      const rules = rulesOf({ can: { observe: false, read: false, search: true } });
      expect(decide(record, rules, at(minutes(30)))).not.toMatchObject({ act: 'wait' });
      expect(decide(record, rules, away(minutes(30)))).toMatchObject({ act: 'wait' });
    }
  });

  test('has its lease asked about before it is renewed, and not before that is due', () => {
    const record = recordOf(held(aLease(), { observedAt: cutOff - 1 }));
    expect(decide(record, rulesOf(observing), away(minutes(29)))).toMatchObject({ act: 'wait', until: minutes(30) });
    const due = decide(record, rulesOf(observing), away(minutes(30)));
    expect(due).toMatchObject({ act: 'observe', because: 'InDoubt', to: 'l1' });
    const asked = recordOf(held(aLease(), { observedAt: cutOff }));
    expect(decide(asked, rulesOf(observing), away(minutes(30)))).toMatchObject({ act: 'renew' });
    expect(decide(record, rulesOf(observing), at(minutes(30)))).toMatchObject({ act: 'renew' });
  });

  test('has its lease asked about before it is replaced', () => {
    const record = recordOf(held(aLease({ expiresAt: days(2), maxExpiresAt: days(2) }), { observedAt: 0 }));
    const grace = minutes(5);
    const first = decide(record, rulesOf({ ...observing, grace }), away(days(1)));
    expect(first).toMatchObject({ act: 'observe', because: 'InDoubt' });
    const walled = recordOf(
      held(aLease({ expiresAt: days(2), maxExpiresAt: days(2) + minutes(10) }), { observedAt: 0 }),
    );
    // Its renewal would land behind the wall, but could be shortened: it is the wall that comes near.
    const rules = rulesOf({ ...observing, renewAt: 0.999, grace: days(1) });
    expect(decide(walled, rules, away(days(1) + minutes(5)))).toMatchObject({ act: 'observe', because: 'InDoubt' });
  });

  test('is polled as ever', () => {
    const record = recordOf(held(aLease({ expiresAt: days(2) }), { observedAt: minutes(20) }));
    const rules = rulesOf({ ...observing, observeEvery: () => minutes(5) });
    expect(decide(record, rules, away(minutes(25)))).toMatchObject({ act: 'observe', because: 'PollDue' });
    const stale = recordOf(held(aLease({ expiresAt: days(2) }), { observedAt: minutes(9) }));
    expect(decide(stale, rules, away(minutes(13)))).toMatchObject({ act: 'wait', until: minutes(14) });
  });

  test('is not renewed twice as far while nobody says whether others did it: not before its last minutes', () => {
    const failure = { count: 1, denied: 0, at: minutes(31), code: 'unavailable', notBefore: minutes(59) } as const;
    const record = { ...recordOf(held(additive(), { observedAt: 0 })), failures: { 'observe:l1': failure } };
    expect(decide(record, rulesOf(observing), away(minutes(32)))).toMatchObject({ act: 'wait', until: minutes(57) });
    expect(decide(record, rulesOf(observing), away(minutes(57)))).toMatchObject({ act: 'renew' });
    const asked = { ...record, leases: [held(additive(), { observedAt: cutOff })] };
    expect(decide(asked, rulesOf(observing), away(minutes(32)))).toMatchObject({ act: 'renew' });
  });

  test('has what was last seen before we started asked about at once, as ever', () => {
    const record = recordOf(held(aLease(), { observedAt: 0 }));
    const facts = away(minutes(12), { startedAt: minutes(5) });
    expect(decide(record, rulesOf(observing), facts)).toMatchObject({ act: 'observe', because: 'InDoubt' });
    expect(
      decide(record, rulesOf(observing), at(minutes(12), { startedAt: minutes(5), cutOff: minutes(1) })),
    ).toMatchObject({
      act: 'observe',
    });
  });
});
