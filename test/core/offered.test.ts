/** What a sink that several secrets write to is to have of one of them. */
import { expect, test } from 'vitest';
import { delivery, offered } from '../../src/core/deliveries.ts';
import type { HeldLease, SecretRecord } from '../../src/core/record.ts';
import { minutes } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const rules = rulesOf({ can: { observe: true, read: false, search: false } });
const lease = (id: string, end: number, change: Partial<HeldLease> = {}) =>
  held(aLease({ id, expiresAt: minutes(end) }), change);
const of = (id: string) => ({ lease: id, generation: 0 });
const using = (record: SecretRecord, ...ids: string[]): SecretRecord => ({
  ...record,
  sinks: { file: { uses: ids.map(of) } },
});
const offer = (record: SecretRecord, atHand: string[], change: Parameters<typeof at>[1] = {}) =>
  offered(record, 'file', rules, at(minutes(40), { atHand: atHand.map(of), ...change }));

const [head, old] = [lease('l2', 90), lease('l1', 60)];

test('the head, also where it was never there', () => {
  expect(offer(using(recordOf(head, old), 'l1'), ['l1', 'l2'])).toEqual(of('l2'));
  expect(offer({ ...recordOf(head), sinks: {} }, ['l2'])).toEqual(of('l2'));
});

test('what is there, as long as nobody knows whether the head lives; and the head where that is there', () => {
  const unknown = { startedAt: minutes(35) };
  expect(offer(using(recordOf(head, old), 'l1'), ['l1', 'l2'], unknown)).toEqual(of('l1'));
  expect(offer(using(recordOf(head, old), 'l2', 'l1'), ['l1', 'l2'], unknown)).toEqual(of('l2'));
});

test('what is there, where the head is dead, or its values are not at hand', () => {
  const dead = lease('l2', 40);
  expect(offer(using(recordOf(dead, old), 'l2', 'l1'), ['l1', 'l2'])).toEqual(of('l1'));
  expect(offer(using(recordOf(head, old), 'l1'), ['l1'])).toEqual(of('l1'));
});

test('of what is there the last that lives, or else the last', () => {
  const [a, b, c] = [lease('a', 50), lease('b', 60), lease('c', 40)];
  const record = using(recordOf(lease('l2', 90), c, b, a), 'a', 'b', 'c');
  expect(offer(record, ['a', 'b', 'c'])).toEqual(of('b'));
  expect(offer(record, ['a', 'b', 'c'], { now: minutes(60) })).toEqual(of('c'));
  expect(offer(record, ['a', 'b'], { now: minutes(60) })).toEqual(of('b'));
});

test('nothing whose values are not at hand, that is not known, or has not been proven', () => {
  const unproven = lease('l3', 90, { verified: false });
  expect(offer(using(recordOf(head, old), 'l1'), [])).toBeUndefined();
  expect(offer(using(recordOf(unproven, old), 'l1', 'l3'), ['l3'])).toBeUndefined();
  expect(offer(using(recordOf(unproven, old), 'l1', 'l3'), ['l1', 'l3'])).toEqual(of('l1'));
  expect(offer(using(recordOf(old), 'l0'), ['l0'])).toBeUndefined();
});

test('nothing is written before it may be, also where the others have brought theirs', () => {
  const owed = recordOf(head, old);
  const facts = at(minutes(40), { startedAt: minutes(35), atHand: [of('l2')] });
  const from = (awaiting: number) =>
    delivery(owed, 'file', rules, { ...facts, awaiting: new Map([['file', minutes(awaiting)]]) });
  expect(from(50)).toMatchObject({ act: 'wait', until: minutes(59) });
  expect(from(59.5)).toMatchObject({ act: 'wait', until: minutes(59.5) });
});
