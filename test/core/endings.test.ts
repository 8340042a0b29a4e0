/** When a value is taken back from a sink: once it has ended beyond doubt, and nothing better is there to be written. */
import { describe, expect, test } from 'vitest';
import { checked, delivery } from '../../src/core/deliveries.ts';
import { another, LeaseError } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { HeldLease, SecretRecord } from '../../src/core/record.ts';
import type { Facts } from '../../src/core/rules.ts';
import { statusOf } from '../../src/core/status.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const rules = rulesOf({ takenBack: ['file'] });
const observing = { ...rules, can: { observe: true, read: false, search: false } };
/** A successor that is under way by then has time to arrive. */
const margin = seconds(35);
const end = minutes(60);

/** The sink was seen just now, so that it is not that which is due. */
function seen(...leases: HeldLease[]): SecretRecord {
  return checked(recordOf(...leases), 'file', true, rules, end);
}
const plain = (change: Partial<Lease> = {}): Lease => ({ id: 'l1', issuedAt: 0, expiresAt: end, ...change });
const next = (record: SecretRecord, now: number, change: Partial<Facts> = {}, some = rules) =>
  delivery(record, 'file', some, at(now, change));
/** When it is taken back, as far as that is known. */
const removedAt = (record: SecretRecord, change: Partial<Facts> = {}, some = rules): number => {
  const step = next(record, end, change, some);
  return step.act === 'wait' ? step.until : step.at;
};
const atNextCheck = end + hours(1);

describe('a value that has ended', () => {
  test('is taken back when a successor has had time to arrive', () => {
    const record = seen(held(plain()));
    expect(next(record, end + margin - 1)).toMatchObject({ act: 'wait', until: end + margin });
    expect(next(record, end + margin)).toMatchObject({ act: 'remove', to: 'file', because: 'Ended', at: end + margin });
    expect(removedAt(record, { uncertainty: 700 })).toBe(end + margin + 700);
  });

  test('stays where that was not asked for', () => {
    expect(next(seen(held(plain())), end + margin, {}, rulesOf())).toMatchObject({ act: 'wait', until: atNextCheck });
    const other = { ...rules, takenBack: ['other'] };
    expect(next(seen(held(plain())), end + margin, {}, other)).toMatchObject({ until: atNextCheck });
  });

  test('is replaced, where that can be', () => {
    const better = held(aLease({ id: 'l2', issuedAt: end, expiresAt: hours(3) }));
    const record = seen(better, held(plain()));
    const atHand = [{ lease: 'l2', generation: 0 }];
    expect(next(record, end + margin, { atHand })).toMatchObject({ act: 'write' });
    expect(next(record, end + margin)).toMatchObject({ act: 'remove' });
    const dead = seen(held(plain({ id: 'l2', expiresAt: end })), held(plain()));
    expect(next(dead, end + margin, { atHand })).toMatchObject({ act: 'remove' });
  });

  test('is not taken back twice, and goes on to have ended', () => {
    const gone = checked(seen(held(plain())), 'file', false, rules, end + margin);
    expect(next(gone, end + margin)).toMatchObject({ act: 'wait' });
    expect(statusOf(gone, rules, end + margin)).toMatchObject({
      state: 'expired',
      expiresAt: end,
      owed: ['file'],
      isReady: false,
    });
  });

  test('is taken back although what came before it, or after, is in the program still', () => {
    const record = seen(held(plain()), held(plain({ id: 'l0' })));
    const uses = [{ lease: 'l0', generation: 0 }];
    const has = { lease: 'l1', generation: 0, mark: 'm', reloaded: true, seenAt: end };
    expect(next({ ...record, sinks: { file: { uses, has } } }, end + margin)).toMatchObject({ act: 'remove' });
  });
});

describe('a value stays that may live', () => {
  test('as long as nobody knows what time it is', () => {
    expect(removedAt(seen(held(plain())), { isTimeGuessed: true })).toBe(atNextCheck);
  });

  test('where the record does not know its lease', () => {
    const record = { ...seen(held(plain())), leases: [] };
    expect(next(record, end, { writable: ['file'] })).toMatchObject({ act: 'wait', until: atNextCheck });
  });

  test('where it has no end', () => {
    expect(removedAt(seen(held({ id: 'l1', issuedAt: 0 })))).toBe(atNextCheck);
  });

  test('until a renewal that nobody heard the answer of can have kept it alive no longer', () => {
    const { observedAt: _, ...unsure } = held(aLease());
    const far = { startedAt: 0 };
    const step = (lease: HeldLease, some = rules) => delivery(seen(lease), 'file', some, at(end + hours(2), far));
    const check = { act: 'check' };
    expect(removedAt(seen(held(aLease())))).toBe(end + margin);
    expect(removedAt(seen(unsure))).toBe(atNextCheck);
    expect(next(checked(seen(unsure), 'file', true, rules, minutes(119)), minutes(119))).toMatchObject({
      act: 'wait',
      until: minutes(120) + margin,
    });
    const walled = { ...unsure, lease: aLease({ maxExpiresAt: minutes(90) }) };
    expect(removedAt(seen(walled))).toBe(minutes(90) + margin);
    expect(removedAt(seen({ ...unsure, lease: plain() }))).toBe(end + margin);
    expect(step(unsure)).toMatchObject(check);
  });

  test('where its provider can be asked, also until it was since we started, or since we are cut off', () => {
    const lease = aLease({ maxExpiresAt: minutes(90) });
    const known = seen(held(lease, { observedAt: minutes(50) }));
    const when = (change: Partial<Facts>) => removedAt(known, change, observing);
    expect(when({ startedAt: minutes(50) })).toBe(end + margin);
    expect(when({ startedAt: minutes(50) + 1 })).toBe(minutes(90) + margin);
    expect(when({ cutOff: minutes(50) })).toBe(end + margin);
    expect(when({ cutOff: minutes(50) + 1 })).toBe(minutes(90) + margin);
    expect(when({ startedAt: minutes(51), cutOff: minutes(40) })).toBe(minutes(90) + margin);
    expect(removedAt(known, { startedAt: minutes(51) }), 'nobody can be asked').toBe(end + margin);
    const { observedAt: _, ...unsure } = held(lease);
    expect(removedAt(seen(unsure), {}, observing)).toBe(minutes(90) + margin);
  });

  test('of a version: until its store has spoken after the end, which others may have lifted', () => {
    const version = { which: 'current' } as const;
    const record = (observedAt: number) => seen(held(plain({ version }), { observedAt }));
    expect(removedAt(record(end - 1))).toBe(atNextCheck);
    expect(removedAt(record(end))).toBe(end + margin);
    const asked = (code: 'unavailable' | 'invalid', when: number) =>
      removedAt({ ...record(0), failures: { acquire: another(undefined, new LeaseError(code, 'no'), when) } });
    expect(asked('invalid', end)).toBe(end + margin);
    expect(asked('invalid', end - 1)).toBe(atNextCheck);
    expect(asked('unavailable', end)).toBe(atNextCheck);
  });

  test('values before a renewal end by themselves, whatever becomes of the lease', () => {
    const renewed = held(aLease({ expiresAt: hours(3) }), { generation: 1, formerEnds: { 0: end } });
    const { observedAt: _, ...unsure } = renewed;
    const record = { ...seen(unsure), sinks: seen(held(aLease())).sinks };
    expect(removedAt(record)).toBe(end + margin);
  });
});
