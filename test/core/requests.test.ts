import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import { hours, minutes } from '../../src/core/time.ts';
import { acquired, intending, renewed, requested, retired, settled } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const rules = rulesOf();
const well = recordOf(held());
const now = minutes(10);
const intent = { key: 'k', at: now };
const successor = aLease({ id: 'l2', issuedAt: now, expiresAt: minutes(70) });

describe('a person who asks for a rotation', () => {
  const asked = requested(well, 'rotate', now);

  test('gets a successor of a lease that is well', () => {
    expect(decide(well, rules, at(now))).toMatchObject({ act: 'wait' });
    expect(decide(asked, rules, at(now))).toMatchObject({ act: 'acquire', because: 'Requested' });
  });

  test('gets one, not more', () => {
    const done = settled(acquired(intending(asked, intent), successor, rules, now), rules, now);
    expect(done.requests).toEqual({});
    expect(decide(done, rules, at(now + 1, { atHand: [{ lease: 'l2', generation: 0 }] }))).toMatchObject({
      act: 'wait',
    });
  });

  test('is not content with what was begun before', () => {
    const late = requested(intending(well, intent), 'rotate', now + 1);
    expect(acquired(late, successor, rules, now + 2).requests).toEqual({ rotate: now + 1 });
  });

  test('may get the same lease again, and that is no failure then', () => {
    const same = acquired(intending(asked, intent), aLease(), rules, now);
    expect(same.failures['acquire']).toBeUndefined();
    expect(acquired(intending(well, intent), aLease(), rules, now).failures['acquire']).toBeDefined();
  });
});

describe('a person who asks for a renewal', () => {
  const asked = requested(well, 'renew', now);

  test('gets it at once where it would land', () => {
    expect(decide(asked, rules, at(now))).toMatchObject({ act: 'renew', to: 'l1', because: 'Requested' });
  });

  test('gets it of the newest lease only', () => {
    const both = requested(recordOf(held(successor), held()), 'renew', now);
    const facts = at(now + 1, { atHand: [{ lease: 'l2', generation: 0 }] });
    expect(decide(both, rules, facts)).toMatchObject({ act: 'renew', to: 'l2' });
  });

  test('gets one, not more', () => {
    const how = { askedAt: now, before: held(), isChanged: false };
    const done = renewed(asked, aLease({ expiresAt: minutes(70) }), how, now);
    expect(done.requests).toEqual({});
    expect(decide(done, rules, at(now))).toMatchObject({ act: 'wait' });
  });

  test('gets a successor where it would not land', () => {
    const walled = requested(recordOf(held(aLease({ maxExpiresAt: hours(1) }))), 'renew', now);
    expect(decide(walled, rules, at(now))).toMatchObject({ act: 'acquire', because: 'Requested' });
    const done = acquired(intending(walled, intent), successor, rules, now);
    expect(done.requests).toEqual({});
  });
});

describe('a person who asks for a revocation', () => {
  const old = held(aLease({ id: 'l0' }), { supersededAt: 1 });
  const asked = requested({ ...well, leases: [held(), old] }, 'revoke', now);

  test('has all leases ended before anything else is done, whoever uses them', () => {
    const due = { ...asked, leases: asked.leases.map((one) => ({ ...one, observedAt: -1 })) };
    const canObserve = rulesOf({ can: { observe: true, read: false, search: false } });
    expect(decide(due, canObserve, at(now))).toMatchObject({ act: 'retire', to: 'l1', because: 'Requested' });
    expect(decide(retired(asked, 'l1'), rules, at(now))).toMatchObject({ act: 'retire', to: 'l0' });
  });

  test('has none of the later ones ended, whatever their dates', () => {
    const first = settled(retired(asked, 'l1'), rules, now);
    const next = settled(acquired(intending(first, intent), { ...successor, issuedAt: 0 }, rules, now), rules, now);
    expect(decide(next, rules, at(now))).toMatchObject({ act: 'retire', to: 'l0' });
    const facts = at(now, { atHand: [{ lease: 'l2', generation: 0 }] });
    expect(decide(retired(next, 'l0'), rules, facts)).toMatchObject({ act: 'wait' });
  });

  test('gets another when all is ended, and may get the same again', () => {
    const none = retired(retired(asked, 'l1'), 'l0');
    expect(decide(none, rules, at(now))).toMatchObject({ act: 'acquire', because: 'NothingHeld' });
    const again = acquired(intending(asked, intent), aLease(), rules, now);
    expect(again.leases.map(({ lease, unwanted }) => [lease.id, unwanted])).toEqual([
      ['l1', undefined],
      ['l0', true],
    ]);
  });
});
