import { describe, expect, test } from 'vitest';
import {
  checked,
  delivery,
  foundEmpty,
  reloaded,
  sequenceOf,
  unlookedAt,
  writing,
  written,
} from '../../src/core/deliveries.ts';
import type { HeldLease, SecretRecord } from '../../src/core/record.ts';
import type { Facts } from '../../src/core/rules.ts';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const old = { lease: 'l1', generation: 0 };
const now = { lease: 'l2', generation: 0 };
const head = held(aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: minutes(90) }));
const both = recordOf(head, held());

describe('a sink', () => {
  test('is tried before the first lease is taken, and not after', () => {
    const untried = at(5, { writable: [] });
    expect(delivery(recordOf(), 'file', rulesOf(), untried)).toMatchObject({
      act: 'try',
      to: 'file',
      because: 'Untried',
    });
    expect(delivery(recordOf(), 'file', rulesOf(), at(5))).toMatchObject({ act: 'wait' });
    expect(delivery(recordOf(held()), 'file', rulesOf(), untried)).toMatchObject({ act: 'wait' });
    // What is only still to be ended, and perhaps cannot be, is none that could be delivered.
    const former = recordOf(held(aLease(), { supersededAt: 1 }));
    expect(delivery(former, 'file', rulesOf(), untried)).toMatchObject({ act: 'try' });
  });

  test('is asked every hour whether it holds what it was given', () => {
    expect(delivery(recordOf(held({ id: 'l1', issuedAt: 0 })), 'file', rulesOf(), at(5))).toMatchObject({
      until: hours(1),
    });
    const seen = checked(both, 'file', true, rulesOf(), minutes(50));
    expect(seen.sinks['file']?.has?.seenAt).toBe(minutes(50));
    expect(delivery(seen, 'file', rulesOf(), at(minutes(50)))).toMatchObject({ act: 'wait', until: minutes(110) });
    expect(delivery(seen, 'file', rulesOf(), at(minutes(110)))).toMatchObject({ act: 'check', because: 'Unseen' });
  });

  test('is asked at once by who has not seen what it holds, also where the record says that somebody just did', () => {
    const just = checked(both, 'file', true, rulesOf(), minutes(1));
    expect(delivery(just, 'file', rulesOf(), at(minutes(1)))).toMatchObject({ act: 'wait' });
    expect(delivery(just, 'file', rulesOf(), at(minutes(1), { seen: ['other'] }))).toMatchObject({ act: 'check' });
  });

  test('is asked at once where what it has is wanted again, and something else was written in vain since', () => {
    const failure = { count: 1, denied: 0, at: minutes(8), code: 'unavailable', notBefore: minutes(8) } as const;
    const step = (record: SecretRecord, failedAt = minutes(8)) =>
      delivery(
        { ...record, failures: { 'write:file': { ...failure, at: failedAt } } },
        'file',
        rulesOf(),
        at(minutes(9), { atHand: [now] }),
      );
    const back = writing(recordOf(held()), 'file', now, minutes(7));
    expect(step(back)).toMatchObject({ act: 'check', because: 'Unseen' });
    const seen = (seenAt: number) => checked(back, 'file', true, rulesOf(), seenAt);
    expect(step(seen(minutes(8)))).toMatchObject({ act: 'wait', until: minutes(8) + hours(1) });
    expect(step(seen(minutes(8) - 1)).act).toBe('check');
    expect(step(back, minutes(9)).act).toBe('check');
    // By a clock that was set back it has not failed yet.
    expect(step(back, minutes(9) + 1)).toMatchObject({ act: 'wait', until: hours(1) });
    // What is to come next shows by itself.
    expect(step(writing(both, 'file', now, minutes(7)))).toMatchObject({ act: 'write' });
  });

  test('has at stake what its program uses and is not dead yet', () => {
    const some = writing(both, 'file', now, 0);
    const step = delivery(some, 'file', rulesOf(), at(minutes(40), { atHand: [now] }));
    expect(step).toMatchObject({ act: 'write', deadline: minutes(60), emergencyAt: minutes(59) });
    const late = delivery(
      checked(some, 'file', true, rulesOf(), minutes(9)),
      'file',
      rulesOf(),
      at(minutes(60), { atHand: [now] }),
    );
    expect(late).toMatchObject({ act: 'write', deadline: minutes(90) });
  });

  describe('that has a version which was destroyed', () => {
    const version = { payloadDigest: 'd' } as never;
    const over = aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: minutes(40), version });
    const inVain = { count: 9, denied: 0, at: minutes(40), code: 'invalid', notBefore: 0 } as const;
    const given = (lease: typeof over, uses: readonly (typeof now)[]): SecretRecord => ({
      ...recordOf(held(lease), held()),
      sinks: { file: { uses, has: { ...now, mark: 'm', reloaded: false, seenAt: minutes(40) } } },
      failures: { acquire: inVain },
    });
    const next = (record: SecretRecord, time: number, startedAt = 0) =>
      delivery(record, 'file', rulesOf(), at(time, { startedAt }));

    test('has it taken up where nothing else lives: what it says may work all the same', () => {
      const told = { act: 'reload', because: 'Unacknowledged' };
      expect(next(given(over, [now]), minutes(40))).toMatchObject(told);
      expect(next(given(over, []), minutes(40))).toMatchObject(told);
      // As long as a call may take, and so far beyond doubt.
      const ended = minutes(60) + seconds(35);
      expect(next(given(over, [old, now]), ended - 1)).toMatchObject({ act: 'wait' });
      expect(next(given(over, [old, now]), ended)).toMatchObject(told);
      expect(next(given(over, [old, now]), minutes(40) - 1)).toMatchObject(told);
    });

    test('is given it where another sink has been seen to hold it: else it may hold what came later', () => {
      const has = { ...now, mark: 'm', reloaded: true, seenAt: minutes(40) };
      const lacks = (lease: typeof over, uses: readonly (typeof now)[]) => ({
        ...given(lease, uses),
        sinks: { file: { uses }, other: { uses: [now], has } },
      });
      const facts = at(minutes(40), { atHand: [now], seen: ['other'] });
      const next = (record: SecretRecord, change: Partial<Facts> = {}) =>
        delivery(record, 'file', rulesOf(), { ...facts, ...change });
      for (const uses of [[now], []]) expect(next(lacks(over, uses))).toMatchObject({ act: 'write' });
      expect(next(lacks(over, [now]), { seen: ['file'] })).toMatchObject({ act: 'wait' });
      expect(next(lacks(over, [old, now]))).toMatchObject({ act: 'wait' });
      expect(next({ ...lacks(over, [now]), sinks: { file: { uses: [now] } } })).toMatchObject({ act: 'wait' });
      const { version: _, ...dead } = over;
      expect(next(lacks(dead, [now]))).toMatchObject({ act: 'wait' });
    });

    test('has it taken up only when another was asked for in vain since', () => {
      const waiting = { act: 'wait' };
      expect(next({ ...given(over, [now]), failures: {} }, minutes(41))).toMatchObject(waiting);
      const before = { ...inVain, at: minutes(40) - 1 };
      expect(next({ ...given(over, [now]), failures: { acquire: before } }, minutes(41))).toMatchObject(waiting);
      expect(next(given(over, [now]), minutes(41), minutes(40) + 1)).toMatchObject(waiting);
      expect(next(given(over, [now]), minutes(41), minutes(40))).toMatchObject({ act: 'reload' });
    });

    test('not so a credential, which does not work any more', () => {
      const { version: _, ...dead } = over;
      expect(next(given(dead, [now]), minutes(40))).toMatchObject({ act: 'wait' });
    });
  });

  describe('of which we do not know since we started whether what we would write still lives', () => {
    const rules = rulesOf({ can: { observe: true, read: false, search: false } });
    const here = { lease: 'l2', generation: 0 };
    const facts = at(minutes(40), { startedAt: minutes(35), atHand: [here] });
    const head = held(aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: minutes(90) }));
    const old = held(aLease({ expiresAt: minutes(60) }));
    const owed = recordOf(head, old);
    const write = { act: 'write', because: 'Undelivered' };

    test('nothing that may live is replaced, before it is in danger', () => {
      expect(delivery(owed, 'file', rules, facts)).toMatchObject({ act: 'wait', until: minutes(59) });
      expect(delivery(owed, 'file', rules, { ...facts, now: minutes(59) - 1 }).act).toBe('wait');
      expect(delivery(owed, 'file', rules, { ...facts, now: minutes(59) })).toMatchObject(write);
    });

    test('nothing is put there again that was there: it may hold what came later', () => {
      const emptied = { ...owed, sinks: { file: { uses: [here] } } };
      expect(delivery(emptied, 'file', rules, facts)).toMatchObject({ act: 'wait' });
      const missed = { ...owed, sinks: { file: { uses: [{ lease: 'l1', generation: 0 }, here] } } };
      expect(delivery(missed, 'file', rules, facts)).toMatchObject({ act: 'wait', until: minutes(59) });
      // Nor because something has ended that was there before it; that alone it would have to make way for.
      const then = { ...facts, now: minutes(60) };
      expect(delivery(missed, 'file', rules, then)).toMatchObject({ act: 'wait', until: minutes(60) + days(1) });
      const late = { ...facts, now: minutes(61) };
      expect(delivery(missed, 'file', rules, late)).toMatchObject({ act: 'wait', until: minutes(61) + days(1) });
      const dead = { ...owed, sinks: { file: { uses: [{ lease: 'l1', generation: 0 }] } } };
      expect(delivery(dead, 'file', rules, late)).toMatchObject(write);
    });

    test('nobody is told to take it up, once it is written, and to give up what may live', () => {
      const uses = [{ lease: 'l1', generation: 0 }, here];
      const has = { ...here, mark: 'm', reloaded: false, seenAt: minutes(36) };
      const told = (change: Partial<HeldLease>, time = minutes(40)) =>
        delivery({ ...owed, leases: [{ ...head, ...change }, old], sinks: { file: { uses, has } } }, 'file', rules, {
          ...facts,
          now: time,
        });
      expect(told({})).toMatchObject({ act: 'wait', until: minutes(59) });
      expect(told({}, minutes(59))).toMatchObject({ act: 'reload' });
      expect(told({ observedAt: minutes(35) })).toMatchObject({ act: 'reload' });
      expect(told({ since: minutes(35) })).toMatchObject({ act: 'reload' });
    });

    test('it is written once the provider has spoken, or where we took it ourselves, or nobody can ask', () => {
      const seen = (observedAt: number, since = 0) => ({ ...owed, leases: [{ ...head, observedAt, since }, old] });
      expect(delivery(seen(minutes(35)), 'file', rules, facts)).toMatchObject(write);
      expect(delivery(seen(minutes(35) - 1), 'file', rules, facts).act).toBe('wait');
      expect(delivery(seen(0, minutes(35)), 'file', rules, facts)).toMatchObject(write);
      expect(delivery(seen(0, minutes(35) - 1), 'file', rules, facts).act).toBe('wait');
      const { observedAt: _, ...doubtful } = head;
      const unseen = { ...owed, leases: [doubtful, old] };
      expect(delivery(unseen, 'file', rules, facts).act).toBe('wait');
      expect(delivery(unseen, 'file', rulesOf(), facts)).toMatchObject(write);
    });

    test('what is known to have a successor is written when that has had a minute to arrive', () => {
      const outdated = { ...head, observedAt: minutes(36), outdated: true as const };
      const record = { ...owed, leases: [outdated, old] };
      const early = { ...facts, startedAt: minutes(35), now: minutes(36) - 1 };
      expect(delivery(record, 'file', rules, early)).toMatchObject({ act: 'wait', until: minutes(36) });
      expect(delivery(record, 'file', rules, { ...early, now: minutes(36) })).toMatchObject(write);
      // What is there ends sooner.
      const ending = { ...owed, leases: [outdated, { ...old, lease: aLease({ expiresAt: minutes(36.5) }) }] };
      expect(delivery(ending, 'file', rules, early)).toMatchObject(write);
      const ours = { ...owed, leases: [{ ...outdated, since: minutes(35) }, old] };
      expect(delivery(ours, 'file', rules, early)).toMatchObject(write);
    });

    test('it is written where there is nothing, or what is there has ended', () => {
      expect(delivery({ ...owed, sinks: {} }, 'file', rules, facts)).toMatchObject(write);
      const perhaps = { ...owed, sinks: { file: { uses: [{ ...here, perhaps: true as const }] } } };
      expect(delivery(perhaps, 'file', rules, facts)).toMatchObject(write);
      const also = {
        ...owed,
        sinks: {
          file: {
            uses: [
              { ...here, perhaps: true as const },
              { lease: 'l1', generation: 0 },
            ],
          },
        },
      };
      expect(delivery(also, 'file', rules, facts)).toMatchObject({ act: 'wait' });
      const gone = { ...owed, sinks: { file: { uses: [{ lease: 'l0', generation: 0 }] } } };
      expect(delivery(gone, 'file', rules, facts)).toMatchObject(write);
    });
  });

  test('is given no values that are dead, or not at hand, or there', () => {
    expect(delivery(both, 'file', rulesOf(), at(minutes(89), { atHand: [now] }))).toMatchObject({ act: 'check' });
    const seen = checked(both, 'file', true, rulesOf(), minutes(89));
    expect(delivery(seen, 'file', rulesOf(), at(minutes(89), { atHand: [now] }))).toMatchObject({ act: 'write' });
    expect(delivery(seen, 'file', rulesOf(), at(minutes(90), { atHand: [now] }))).toMatchObject({ act: 'wait' });
    expect(delivery(seen, 'file', rulesOf(), at(minutes(89), { atHand: [old] }))).toMatchObject({ act: 'wait' });
    const paid = written(seen, 'file', { ...now, mark: 'n' }, minutes(89));
    expect(delivery(paid, 'file', rulesOf(), at(minutes(89), { atHand: [now] }))).toMatchObject({ act: 'reload' });
    expect(delivery(paid, 'file', rulesOf(), at(minutes(90), { atHand: [now] }))).toMatchObject({ act: 'wait' });
  });

  test('is given nothing that a person wants dead, but a version, which is there until it has a successor', () => {
    const next = (change: Partial<HeldLease>) => {
      const record = checked(recordOf({ ...head, ...change }, held()), 'file', true, rulesOf(), minutes(40));
      return delivery(record, 'file', rulesOf(), at(minutes(40), { atHand: [now] })).act;
    };
    expect(next({})).toBe('write');
    expect(next({ unwanted: true })).toBe('wait');
    const version = { ...head.lease, version: { which: 'current' as const } };
    expect(next({ unwanted: true, lease: version })).toBe('write');
  });

  test('may use every generation that was begun to be written, and the one it was paid with', () => {
    const uses = (record: SecretRecord) =>
      record.sinks['file']?.uses.map(({ lease, generation }) => `${lease}.${generation}`);
    const some = writing(writing(both, 'file', now, 0), 'file', { lease: 'l2', generation: 1 }, 0);
    expect(uses(some)).toEqual(['l1.0', 'l2.0', 'l2.1']);
    expect(uses(writing(some, 'file', { lease: 'l1', generation: 1 }, 0))).toEqual(['l1.0', 'l2.0', 'l2.1', 'l1.1']);
    expect(uses(writing(some, 'file', old, 0))).toEqual(['l2.0', 'l2.1', 'l1.0']);
    expect(uses(writing({ ...both, sinks: {} }, 'file', now, 0))).toEqual(['l2.0']);
  });

  test('is known since it was found empty, or first written over what was there', () => {
    const since = (record: SecretRecord) => record.sinks['file']?.known;
    const empty = foundEmpty(recordOf(), 'file', minutes(1));
    const from = { since: minutes(1), wasEmpty: true };
    expect(since(empty)).toEqual(from);
    expect(since(foundEmpty(empty, 'file', minutes(2)))).toEqual(from);
    const first = written(both, 'file', { ...now, mark: 'n' }, minutes(3));
    expect(since(first)).toEqual({ since: minutes(3) });
    expect(since(written(first, 'file', { ...old, mark: 'o' }, minutes(4)))).toEqual({ since: minutes(3) });
    expect(since(written(empty, 'file', { ...now, mark: 'n' }, minutes(4)))).toEqual(from);
    expect(since(reloaded(first, 'file', now, rulesOf()))).toEqual({ since: minutes(3) });
    expect(since(checked(first, 'file', true, rulesOf(), minutes(4)))).toEqual({ since: minutes(3) });
    expect(checked(first, 'file', false, rulesOf(), minutes(4)).sinks['file']).not.toHaveProperty('known');
    expect(unlookedAt(first, 'file').sinks['file']).not.toHaveProperty('known');
  });

  test('lets go of nothing for word of what it does not hold', () => {
    const begun = writing(both, 'file', now, 0);
    expect(reloaded(begun, 'file', now, rulesOf())).toEqual(begun);
    expect(reloaded({ ...both, sinks: {} }, 'file', now, rulesOf()).sinks['file']).toEqual({ uses: [] });
    expect(checked({ ...both, sinks: {} }, 'file', true, rulesOf(), 5).sinks['file']).toEqual({ uses: [] });
  });

  test('that is not what we wrote: of what is there somebody may have told the programs of the secret', () => {
    const rules = rulesOf({ reloads: true });
    const told = { ...both, acknowledged: { lease: 'l2', generation: 0 } };
    expect(checked(told, 'file', true, rules, 5).acknowledged).toEqual(told.acknowledged);
    expect(checked(told, 'file', false, rules, 5)).not.toHaveProperty('acknowledged');
  });

  const numberOf = (record: SecretRecord) => record.sequence?.number;

  test('are numbered: each other value is given out under a higher number, also one that was out before', () => {
    const first = writing(both, 'file', now, 1_000);
    expect(numberOf(first)).toBe(1_000);
    expect(numberOf(writing(first, 'other', now, 2_000))).toBe(1_000);
    const second = writing(first, 'file', { ...now, generation: 1 }, 1_000.5);
    expect(numberOf(second)).toBe(1_001);
    expect(numberOf(writing(second, 'file', now, 500))).toBe(1_002);
    expect(numberOf(writing(second, 'file', now, 3_000.5))).toBe(3_000);
  });

  test('are numbered by the time where the record was lost', () => {
    expect(sequenceOf({ ...both, sinks: {} }, now, 7_000)).toEqual({ ...now, number: 7_000 });
    expect(sequenceOf({ ...both, sinks: {} }, now, 0).number).toBe(1);
  });
});
