import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import { reloaded, writing, written } from '../../src/core/deliveries.ts';
import { LeaseError } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { requested } from '../../src/core/requests.ts';
import { failed, setBack } from '../../src/core/setbacks.ts';
import { statusOf } from '../../src/core/status.ts';
import { hours, minutes } from '../../src/core/time.ts';
import { acquired, intending, renewed, retired, settled } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf, stepTo } from './build.ts';

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

describe('a person who asks for the end of a version that we made, which others read until there is another', () => {
  const version = (id: string, change: Partial<Lease> = {}): Lease => ({
    id,
    issuedAt: 0,
    version: { which: 'current' },
    ...change,
  });
  const first = recordOf(held(version('v1')));
  const asked = requested(first, 'revoke', now);
  const facts = (time: number) => at(time, { atHand: [{ lease: 'v2', generation: 0 }] });
  const replaced = settled(
    acquired(intending(asked, intent), version('v2', { issuedAt: now }), rules, now + 1),
    rules,
    now + 1,
  );
  const v2 = { lease: 'v2', generation: 0, mark: 'm' };

  test('gets its successor at once, as if it had been asked for', () => {
    expect(decide(first, rules, at(now))).toMatchObject({ act: 'wait' });
    expect(decide(asked, rules, at(now))).toMatchObject({ act: 'acquire', because: 'Requested' });
    expect(statusOf(asked, rules, now).state).toBe('overdue');
  });

  test('has it ended as soon as nobody uses it, without a grace', () => {
    expect(decide(replaced, rules, facts(now + 1)).act).toBe('wait');
    const begun = writing(replaced, 'file', v2, now + 2);
    const paid = reloaded(written(begun, 'file', v2, now + 2), 'file', v2, rules);
    const done = settled(paid, rules, now + 3);
    expect(decide(done, rules, facts(now + 3))).toMatchObject({ act: 'retire', to: 'v1', because: 'Requested' });
    expect(decide(retired(done, 'v1'), rules, facts(now + 3)).act).toBe('wait');
  });

  test('has it ended under those who do not take its successor in five minutes', () => {
    expect(decide(replaced, rules, facts(now + minutes(5) - 1))).toMatchObject({
      act: 'wait',
      until: now + minutes(5),
    });
    expect(decide(replaced, rules, facts(now + minutes(5)))).toMatchObject({ act: 'retire', to: 'v1' });
  });

  test('has it kept as long as there is no successor that is fit', () => {
    const proving = rulesOf({ verify: true });
    const unproven = settled(
      acquired(intending(asked, intent), version('v2', { issuedAt: now }), proving, now + 1),
      proving,
      now + 1,
    );
    expect(decide(unproven, proving, facts(now + minutes(30)))).toMatchObject({ act: 'verify', to: 'v2' });
    const lost = setBack(asked, now);
    expect(decide(lost, rules, at(now)).act).toBe('wait');
    expect(decide(lost, rules, at(now + minutes(30)))).toMatchObject({ act: 'acquire', because: 'Requested' });
  });

  test('has it ended at once where it is in no use any more', () => {
    const old = held(version('v0'), { supersededAt: 1 });
    const both = requested({ ...first, leases: [held(version('v1')), old] }, 'revoke', now);
    expect(decide(both, rules, at(now))).toMatchObject({ act: 'retire', to: 'v0', because: 'Requested' });
  });

  test('has one that is only followed forgotten at once: another would not be made', () => {
    const others = requested(recordOf(held(version('v1', { followed: true }))), 'revoke', now);
    expect(decide(others, rules, at(now))).toMatchObject({ act: 'retire', to: 'v1', because: 'Requested' });
  });
});

test('a lease that cannot be ended as a person wants is replaced meanwhile', () => {
  const asked = requested(well, 'revoke', now);
  const failure = new LeaseError('unavailable', 'no answer');
  const tried = failed(asked, stepTo('retire', 'l1'), failure, { begun: now, now });
  expect(decide(tried, rules, at(now))).toMatchObject({ act: 'acquire', because: 'Requested' });
  const next = settled(acquired(intending(tried, intent), successor, rules, now), rules, now);
  const facts = at(now + 1, { atHand: [{ lease: 'l2', generation: 0 }] });
  expect(decide(next, rules, facts)).toMatchObject({ act: 'wait', because: 'BackingOff' });
  expect(decide(next, rules, { ...facts, now: now + minutes(1) })).toMatchObject({ act: 'retire', to: 'l1' });
});
