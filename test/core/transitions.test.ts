import { describe, expect, test } from 'vitest';
import { checked, delivery, reloaded, writing, written } from '../../src/core/deliveries.ts';
import { LeaseError } from '../../src/core/failure.ts';
import { endOfHolding, headOf, isUsed, type SecretRecord } from '../../src/core/record.ts';
import { failed } from '../../src/core/setbacks.ts';
import { statusOf } from '../../src/core/status.ts';
import { days, hours, minutes } from '../../src/core/time.ts';
import * as record from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf, stepTo } from './build.ts';

const rules = rulesOf();
const intent = { key: 'k1', at: minutes(30) };
const second = aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: minutes(90) });

describe('acquiring', () => {
  test('notes the intent, and forgets it with the answer', () => {
    const begun = record.intending(recordOf(held()), intent);
    expect(begun.intent).toEqual(intent);
    const done = record.acquired(begun, second, rules, minutes(30));
    expect(done.intent).toBeUndefined();
    expect(headOf(done)?.lease.id).toBe('l2');
  });

  test('after a crash reuses the key, and remembers that a lease may be lost', () => {
    const begun = record.intending(recordOf(), intent);
    const again = record.intending(begun, { key: 'k2', at: minutes(40) });
    expect(again).toMatchObject({
      intent: { key: 'k1', at: minutes(40) },
      doubt: { since: minutes(30), until: minutes(30) },
    });
    const canSearch = rulesOf({ can: { observe: false, read: false, search: true } });
    expect(record.acquired(again, second, canSearch, minutes(40)).doubt).toBeDefined();
    expect(record.acquired(again, second, rules, minutes(40)).doubt).toBeUndefined();
  });

  test('for the first time that is remembered it may have been done before, by whom nobody knows', () => {
    const canSearch = rulesOf({ can: { observe: false, read: false, search: true } });
    const begun = record.intending(recordOf(), intent);
    const first = (from: SecretRecord, hadAny = true) =>
      record.acquired(from, second, canSearch, minutes(40), hadAny).doubt;
    expect(first(begun)).toEqual({ since: -days(1), until: intent.at });
    expect(first(begun, false)).toBeUndefined();
    expect(record.acquired(begun, second, rules, minutes(40), true).doubt).toBeUndefined();
    // Two processes may not agree on which was the later.
    const lost = { since: minutes(50), until: minutes(60) };
    expect(first({ ...begun, doubt: lost })).toEqual({ since: -days(1), until: minutes(60) });
    // It is not the first.
    expect(first({ ...begun, succeeded: { acquire: 1 } })).toBeUndefined();
    expect(first({ ...begun, succeeded: { try: 1 } })).toBeDefined();
    expect(first(record.intending(recordOf(held()), intent))).toBeUndefined();
    expect(first({ ...begun, succeeded: { acquire: 1 }, doubt: lost })).toEqual(lost);
  });

  test('remembers all that may be lost, also where clocks were set meanwhile', () => {
    const begun = [minutes(40), minutes(30), minutes(50)].map((at) => ({ key: 'k', at }));
    const after = begun.reduce((before, each) => record.intending(before, each), recordOf());
    expect(after.doubt).toEqual({ since: minutes(30), until: minutes(40) });
  });

  test('that waits for somebody keeps its intent and since when, however often it is looked after, until it is answered', () => {
    const step = stepTo('acquire');
    const pending = new LeaseError('invalid', 'to be approved of', { pending: true, passing: true });
    const waiting = new LeaseError('invalid', 'not yet', { unsure: true });
    expect([pending.unsure, waiting.pending]).toEqual([true, false]);
    const fail = (of: SecretRecord, error: LeaseError, now: number) => failed(of, step, error, { begun: now, now });
    const asked = fail(record.intending(recordOf(held()), intent), pending, minutes(31));
    expect(asked.intent).toEqual({ ...intent, pendingSince: minutes(31) });
    const again = record.intending(asked, { key: 'k2', at: minutes(40) });
    expect(again.intent).toEqual({ key: 'k1', at: minutes(40), pendingSince: minutes(31) });
    for (const error of [waiting, new LeaseError('unavailable', '503')]) {
      expect(fail(again, error, minutes(41)).intent).toEqual(again.intent);
    }
    // Who asks once more begins to wait anew.
    expect(fail(again, pending, minutes(50)).intent?.pendingSince).toBe(minutes(50));
    expect(fail(recordOf(held()), pending, 1)).not.toHaveProperty('intent');
    expect(record.acquired(again, aLease({ id: 'l2' }), rulesOf(), minutes(60)).intent).toBeUndefined();
  });

  test('that was refused for certain leaves no intent, unless an earlier try is still open', () => {
    const step = stepTo('acquire');
    const when = { begun: 0, now: 1 };
    const begun = record.intending(recordOf(), intent);
    expect(failed(begun, step, new LeaseError('unavailable', '503'), when).intent).toBeUndefined();
    expect(failed(begun, step, new LeaseError('unavailable', 'cut', { unsure: true }), when).intent).toEqual(intent);
    const again = record.intending(begun, intent);
    expect(failed(again, step, new LeaseError('unavailable', '503'), when).intent?.key).toBe('k1');
  });

  test('the same lease again is as good as a failure', () => {
    const begun = record.intending(recordOf(held()), intent);
    expect(record.acquired(begun, aLease(), rules, 1).failures['acquire']?.count).toBe(1);
    expect(record.acquired(begun, aLease({ expiresAt: hours(2) }), rules, 1).failures['acquire']).toBeUndefined();
  });

  test('a lease that is dead on arrival is as good as a failure, but is not forgotten', () => {
    const dead = record.acquired(recordOf(), aLease({ expiresAt: 5 }), rules, 5);
    expect(dead.failures['acquire']?.count).toBe(1);
    expect(dead.leases).toHaveLength(1);
  });

  test('an older lease again makes it the head, with its history', () => {
    const both = record.acquired(record.acquired(recordOf(), aLease(), rules, 0), second, rules, 1);
    const back = record.settled(record.acquired(record.intending(both, intent), aLease(), rules, 2), rules, 3);
    expect(headOf(back)?.lease.id).toBe('l1');
    expect(back.leases.find(({ lease }) => lease.id === 'l2')?.supersededAt).toBe(3);
  });

  test('a successor counts its rotation from when we asked for it, whatever the clock of the provider says', () => {
    const late = record.acquired(
      record.intending(recordOf(held()), intent),
      { ...second, issuedAt: 5 },
      rules,
      minutes(31),
    );
    expect(late.leases[0]?.since).toBe(minutes(30));
  });
});

test('what was asked for by a clock that was ahead, as the answer has taught, begins no later than the answer', () => {
  const taken = record.intending(recordOf(held()), { key: 'k1', at: minutes(100) });
  const [newest] = record.acquired(taken, second, rules, minutes(31)).leases;
  expect(newest).toMatchObject({ since: minutes(31), termStart: minutes(31) });

  const answer = { askedAt: minutes(70), before: held(), isChanged: false };
  const [longer] = record.renewed(recordOf(held()), aLease({ expiresAt: minutes(91) }), answer, minutes(31)).leases;
  expect(longer).toMatchObject({ termStart: minutes(31) });
  expect(longer?.wall).toBeUndefined();
  expect(longer?.refused).toBeUndefined();
});

describe('renewing', () => {
  test('starts a new term, and where it changes the values the old ones keep their end', () => {
    const answer = { askedAt: minutes(30), before: held(), isChanged: true };
    const next = record.renewed(recordOf(held()), aLease({ expiresAt: minutes(90) }), answer, minutes(31));
    expect(next.leases[0]).toMatchObject({ termStart: minutes(30), generation: 1, formerEnds: { 0: minutes(60) } });
    expect(endOfHolding(next, { lease: 'l1', generation: 0 })).toBe(minutes(60));
    expect(endOfHolding(next, { lease: 'l1', generation: 1 })).toBe(minutes(90));
    expect(statusOf(next, rules, minutes(31))).toMatchObject({
      state: 'pending',
      expiresAt: minutes(60),
      owed: ['file'],
    });
  });

  test('twice leaves the first values their end as long as somebody may use them, and no longer', () => {
    const renew = (before: SecretRecord, expiresAt: number, askedAt: number) => {
      const [lease = held()] = before.leases;
      const answer = { askedAt, before: lease, isChanged: true };
      return record.settled(record.renewed(before, aLease({ expiresAt }), answer, askedAt), rules, askedAt);
    };
    const twice = renew(renew(recordOf(held()), minutes(90), minutes(30)), minutes(120), minutes(60));
    expect(endOfHolding(twice, { lease: 'l1', generation: 0 })).toBe(minutes(60));
    expect(endOfHolding(twice, { lease: 'l1', generation: 2 })).toBe(minutes(120));
    const latest = { lease: 'l1', generation: 2 };
    const taken = reloaded(
      written(writing(twice, 'file', latest, 0), 'file', { ...latest, mark: 'm' }, 1),
      'file',
      latest,
      rules,
    );
    expect(record.settled(taken, rules, minutes(61)).leases[0]).not.toHaveProperty('formerEnds');
  });

  test('that gains little is the last', () => {
    const answer = { askedAt: minutes(30), before: held(), isChanged: false };
    expect(
      record.renewed(recordOf(held()), aLease({ expiresAt: minutes(60) }), answer, minutes(31)).leases[0]?.refused,
    ).toBe(true);
  });

  test('that is refused is the last', () => {
    const step = stepTo('renew', 'l1');
    const refused = failed(recordOf(held()), step, new LeaseError('refused', 'max TTL'), { begun: 0, now: 1 });
    expect(refused.leases[0]?.refused).toBe(true);
  });

  test('with a lost answer puts the lease in doubt', () => {
    const step = stepTo('renew', 'l1');
    const cut = new LeaseError('unavailable', 'cut', { unsure: true });
    const doubtful = failed(recordOf(held()), step, cut, { begun: 0, now: 1 });
    expect(doubtful.leases[0]?.observedAt).toBeUndefined();
    // Its term began with it, where it turns out to have had its effect.
    const seen = (expiresAt: number, now = 2) =>
      record.observed(doubtful, 'l1', { is: 'held', lease: aLease({ expiresAt }) }, now).leases[0]?.termStart;
    // Others have prolonged what we never tried to.
    const later = { is: 'held', lease: aLease({ expiresAt: minutes(90) }) } as const;
    expect(record.observed(recordOf(held()), 'l1', later, minutes(40)).leases[0]?.termStart).toBe(0);
    expect([seen(minutes(60)), seen(minutes(61)), seen(minutes(61), 0)]).toEqual([0, 1, 0]);
  });
});

test('an end of life may appear, move and vanish', () => {
  const eternal = { id: 'l1', issuedAt: 0 };
  const seen = (expiresAt?: number) =>
    record.observed(
      recordOf(held(eternal)),
      'l1',
      { is: 'held', lease: { ...eternal, ...(expiresAt && { expiresAt }) } },
      1,
    );
  expect(seen(50).leases[0]?.lease.expiresAt).toBe(50);
  expect(record.observed(seen(50), 'l1', { is: 'held', lease: eternal }, 2).leases[0]?.lease).toEqual(eternal);
});

test('a lease that is gone young counts as a failed acquire, an old one does not', () => {
  const gone = (now: number) => record.observed(recordOf(held()), 'l1', { is: 'gone' }, now);
  expect(gone(minutes(1)).failures['acquire']?.count).toBe(1);
  expect(gone(minutes(50)).failures['acquire']).toBeUndefined();
});

test('a lease that failed its proofs three times is given up, and the one before it is the head again', () => {
  const step = stepTo('verify', 'l2');
  let next = recordOf(held(second, { verified: false }), held());
  for (const now of [1, 2, 3]) next = failed(next, step, new LeaseError('invalid', 'no'), { begun: 0, now });
  expect(headOf(next)?.lease.id).toBe('l1');
  expect(next.leases[0]?.supersededAt).toBe(3);
  expect(next.failures['acquire']?.code).toBe('invalid');
});

describe('a sink', () => {
  const [old, now] = [
    { lease: 'l1', generation: 0 },
    { lease: 'l2', generation: 0 },
  ];
  const both = recordOf(held(second), held());

  test('uses the old values until the new ones are written and taken up', () => {
    const begun = writing(both, 'file', now, 0);
    expect([isUsed(begun, 'l1'), isUsed(begun, 'l2')]).toEqual([true, true]);
    const done = written(begun, 'file', { ...now, mark: 'm' }, 1);
    expect(isUsed(done, 'l1')).toBe(true);
    expect(isUsed(reloaded(done, 'file', now, rules), 'l1')).toBe(false);
    expect(record.settled(reloaded(done, 'file', now, rules), rules, 9).leases[1]?.supersededAt).toBe(9);
    expect(record.settled(done, rules, 9).leases[1]?.supersededAt).toBeUndefined();
  });

  test('is checked, written and reloaded, each only where it is owed', () => {
    const facts = at(minutes(40), { atHand: [now] });
    expect(delivery(both, 'file', rulesOf(), facts)).toMatchObject({ act: 'write', because: 'Undelivered' });
    expect(delivery(both, 'file', rulesOf(), { ...facts, seen: [] })).toMatchObject({
      act: 'check',
      because: 'Unseen',
    });
    expect(delivery(both, 'file', rulesOf(), at(minutes(40)))).toMatchObject({ act: 'wait' });
    expect(delivery(written(both, 'file', { ...now, mark: 'm' }, 1), 'file', rulesOf(), facts)).toMatchObject({
      act: 'reload',
    });
  });

  test('that was emptied by others still counts as using what its program has', () => {
    const wiped = checked(recordOf(held()), 'file', false, rulesOf(), 1);
    expect(wiped.sinks['file']).toEqual({ uses: [old] });
  });

  test('that has left the configuration holds nothing back', () => {
    const gone = record.settled(recordOf(held(second), held()), rulesOf({ sinks: ['other'] }), 7);
    expect(gone.leases[1]?.supersededAt).toBe(7);
  });
});

test('a rejection of the former credential is no rejection of the present one', () => {
  const step = stepTo('acquire');
  const denied = new LeaseError('denied', 'no');
  const changed = record.credentialChanged(failed(recordOf(), step, denied, { begun: 0, now: 1 }), 5);
  expect(changed.failures).toEqual({});
  expect(failed(changed, step, denied, { begun: 4, now: 6 }).failures['acquire']?.code).toBe('unavailable');
  expect(failed(changed, step, denied, { begun: 6, now: 7 }).failures['acquire']?.code).toBe('denied');
});

test('what was found lost is superseded from the start', () => {
  const found = record.searched(
    { ...recordOf(held()), intent },
    [aLease(), second],
    rulesOf({ exclusive: true }),
    at(9),
    9,
  );
  expect(found.leases.map(({ lease, supersededAt }) => [lease.id, supersededAt])).toEqual([
    ['l1', undefined],
    ['l2', 9],
  ]);
});

describe('a renewal that lands short', () => {
  const before = held(aLease({ expiresAt: minutes(60) }));
  const answer = { askedAt: minutes(30), before, isChanged: false };
  const short = record.renewed(recordOf(before), aLease({ expiresAt: minutes(70) }), answer, minutes(31));

  test('has found the wall', () => {
    expect(short.leases[0]).toMatchObject({ wall: minutes(70), lease: { maxExpiresAt: minutes(70) } });
    expect(short.leases[0]?.refused).toBeUndefined();
    expect(short.leases[0]?.generation).toBe(0);
  });

  test('is remembered when the provider speaks of the lease again', () => {
    const seen = { is: 'held', lease: aLease({ expiresAt: minutes(70) }) } as const;
    expect(record.observed(short, 'l1', seen, 9).leases[0]?.lease.maxExpiresAt).toBe(minutes(70));
    const again = record.acquired(record.intending(short, intent), aLease({ expiresAt: minutes(70) }), rules, 9);
    expect(again.leases[0]?.lease.maxExpiresAt).toBe(minutes(70));
    const next = record.renewed(short, aLease({ expiresAt: minutes(70) + 1 }), answer, minutes(31));
    expect(next.leases[0]?.wall).toBe(minutes(70) + 1);
  });

  test('teaches nothing of a wall where it lands as predicted', () => {
    const well = record.renewed(recordOf(before), aLease({ expiresAt: minutes(90) }), answer, minutes(31));
    expect(well.leases[0]).not.toHaveProperty('wall');
    expect(well.leases[0]).not.toHaveProperty('refused');
    const later = record.renewed(short, aLease({ expiresAt: minutes(90) }), answer, minutes(31));
    expect(later.leases[0]?.wall).toBe(minutes(70));
  });

  test('changes the generation once, however often it is told', () => {
    const changed = { ...answer, isChanged: true };
    const once = record.renewed(recordOf(before), aLease({ expiresAt: minutes(90) }), changed, minutes(31));
    const twice = record.renewed(once, aLease({ expiresAt: minutes(90) }), changed, minutes(31));
    expect(twice).toEqual(once);
    expect(twice.leases[0]?.generation).toBe(1);
  });
});

test('a lease is taken in its first generation, and fit for the sinks where no proof is asked for', () => {
  const taken = (verify: boolean) => record.acquired(recordOf(), second, rulesOf({ verify }), 1).leases[0];
  expect(taken(false)).toMatchObject({ generation: 0, verified: true });
  expect(taken(true)).toMatchObject({ verified: false });
  const proven = record.verified(recordOf(held(second, { verified: false })), 'l2');
  expect(proven.leases[0]?.verified).toBe(true);
});

test('what is outdated is so until the provider says otherwise', () => {
  const seen = (is: 'held' | 'outdated', some = recordOf(held())) =>
    record.observed(some, 'l1', { is, lease: aLease() }, 1).leases[0];
  expect(seen('outdated')?.outdated).toBe(true);
  expect(seen('held')).not.toHaveProperty('outdated');
  expect(seen('held', recordOf(held(aLease(), { outdated: true })))).not.toHaveProperty('outdated');
});

describe('what was searched for', () => {
  const exclusive = rulesOf({ exclusive: true });
  const late = (issuedAt: number) =>
    record.searched({ ...recordOf(held()), intent }, [aLease({ id: 'l2', issuedAt })], exclusive, at(9), 9).leases;

  test('is whatever nobody knows where nobody else takes leases: dates may have been wrong', () => {
    expect(late(minutes(32))).toHaveLength(2);
    expect(late(minutes(62))).toHaveLength(2);
    const doubtful = { ...recordOf(held()), doubt: { since: 0, until: minutes(30) } };
    expect(record.searched(doubtful, [second], exclusive, at(9), 9).leases).toHaveLength(2);
  });

  test('is in doubt until the provider can have nothing under way any more, where it may be ended', () => {
    const lost = { ...recordOf(held()), intent, doubt: { since: 0, until: 0 } };
    const early = record.searched(lost, [second], exclusive, at(9), intent.at + minutes(2) - 1);
    expect(early).toMatchObject({ intent, doubt: { since: 0 } });
    const late = record.searched(early, [second], exclusive, at(9), intent.at + minutes(2));
    expect(late.leases.map(({ lease }) => lease.id)).toEqual(['l1', 'l2']);
    expect([late.intent, late.doubt]).toEqual([undefined, undefined]);
  });

  test('is nothing where nothing is in doubt any more', () => {
    expect(record.searched(recordOf(held()), [second], exclusive, at(9), 9).leases).toHaveLength(1);
  });

  test('is not taken for proven, nor ended where others take leases too', () => {
    expect(late(minutes(31))[1]).toMatchObject({ verified: false, generation: 0, supersededAt: 9 });
    const shared = record.searched({ ...recordOf(held()), intent }, [second], rules, at(9), 9);
    expect(shared.leases).toHaveLength(1);
    expect(shared.intent).toBeUndefined();
  });
});
