import { describe, expect, test } from 'vitest';
import { agendaOf, decide } from '../../src/core/decide.ts';
import { headOf, newestOf } from '../../src/core/record.ts';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const unrenewable = aLease();
delete (unrenewable as { renewal?: unknown }).renewal;
const eternal = { id: 'v1', issuedAt: 0 };
const failure = { count: 1, denied: 0, at: minutes(31), code: 'unavailable', notBefore: 0 } as const;

describe('a secret', () => {
  test('of which nothing is held is acquired', () => {
    expect(decide(recordOf(), rulesOf(), at(0))).toMatchObject({ act: 'acquire', because: 'NothingHeld' });
  });

  test('that is well is left alone until it is due', () => {
    expect(decide(recordOf(held()), rulesOf(), at(minutes(29)))).toMatchObject({ act: 'wait', until: minutes(30) });
    expect(decide(recordOf(held()), rulesOf(), at(minutes(30)))).toMatchObject({ act: 'renew', because: 'RenewalDue' });
  });

  test('whose head has expired is acquired anew', () => {
    expect(decide(recordOf(held()), rulesOf(), at(minutes(60)))).toMatchObject({ act: 'acquire', because: 'Expired' });
  });

  test('whose renewal would land behind the wall is replaced, not renewed', () => {
    const record = recordOf(held(aLease({ maxExpiresAt: minutes(60) })));
    expect(decide(record, rulesOf(), at(minutes(30)))).toMatchObject({ act: 'acquire', because: 'EndOfLife' });
  });

  test('whose renewal keeps failing is replaced in the last twentieth of its term', () => {
    const record = { ...recordOf(held()), failures: { 'renew:l1': failure } };
    expect(decide(record, rulesOf(), at(minutes(32)))).toMatchObject({ act: 'renew' });
    const later = { 'renew:l1': { ...failure, at: minutes(57), count: 9 } };
    expect(decide({ ...record, failures: later }, rulesOf(), at(minutes(57) + 1))).toMatchObject({
      act: 'acquire',
      because: 'RenewalFailing',
    });
  });

  test('whose renewal needs values that are lost is replaced when the renewal is due', () => {
    const decision = decide(recordOf(held()), rulesOf({ renewsByValue: true }), at(minutes(30)));
    expect(decision).toMatchObject({ act: 'acquire', because: 'EndOfLife' });
  });
});

describe('a pending successor', () => {
  const pending = held(aLease({ id: 'l2', issuedAt: minutes(29), expiresAt: minutes(89) }), { verified: false });

  test('that is still to be proven does not keep the held lease from being renewed', () => {
    const record = recordOf(pending, held());
    const facts = at(minutes(30), { atHand: [{ lease: 'l2', generation: 0 }] });
    expect(decide(record, rulesOf({ verify: true }), facts)).toMatchObject({ act: 'renew', to: 'l1' });
    expect(headOf(record)?.lease.id).toBe('l1');
    expect(newestOf(record)?.lease.id).toBe('l2');
  });

  test('whose values are lost and are shown only once gives way to another', () => {
    expect(decide(recordOf(pending, held()), rulesOf(), at(minutes(29) + seconds(2)))).toMatchObject({
      act: 'acquire',
      because: 'ValuesLost',
    });
  });

  test('whose values can be read again is read', () => {
    const rules = rulesOf({ can: { observe: false, read: true, search: false } });
    expect(decide(recordOf(pending, held()), rules, at(minutes(29)))).toMatchObject({ act: 'read', to: 'l2' });
  });
});

describe('a lease that a sink cannot let go of', () => {
  const old = held(aLease({ expiresAt: minutes(50) }));
  const head = held(aLease({ id: 'l2', issuedAt: minutes(20), expiresAt: minutes(80) }));

  test('is kept alive although there is a newer one', () => {
    expect(decide(recordOf(head, old), rulesOf(), at(minutes(25)))).toMatchObject({ act: 'renew', to: 'l1' });
  });

  test('is renewed before a successor is taken: that may take long', () => {
    const record = recordOf({ ...head, outdated: true }, old);
    expect(decide(record, rulesOf(), at(minutes(25)))).toMatchObject({ act: 'renew', to: 'l1' });
  });
});

describe('a version that others rotate', () => {
  const rules = rulesOf({ can: { observe: true, read: true, search: false }, observeEvery: () => minutes(1) });

  test('is observed as often as asked, and at once where it was last seen before we started', () => {
    const record = recordOf(held({ ...eternal, followed: true }));
    expect(decide(record, rules, at(0))).toMatchObject({ act: 'wait', until: minutes(1) });
    expect(decide(record, rules, at(1, { startedAt: 1 }))).toMatchObject({ act: 'observe', because: 'InDoubt' });
  });

  test('is asked about once more when its end has come, which others may have lifted before; a lease is not', () => {
    const polled = (lease: object, observedAt: number) =>
      agendaOf(recordOf(held({ ...eternal, ...lease }, { observedAt })), rules, at(days(9))).filter(
        ({ because }) => because === 'PollDue',
      );
    const ended = { expiresAt: days(7), version: { which: 'current' } };
    expect(polled(ended, days(6))).toMatchObject([{ act: 'observe', at: days(6) + minutes(1) }]);
    expect(polled(ended, days(7))).toEqual([]);
    expect(polled({ expiresAt: days(7) }, days(6))).toEqual([]);
  });

  test('is not acquired again although its destruction is near: nobody has a successor', () => {
    const doomed = recordOf(held({ ...eternal, followed: true, expiresAt: days(7) }, { observedAt: days(6) }));
    expect(decide(doomed, rules, at(days(6)))).toMatchObject({ act: 'wait' });
    const outdated = recordOf(held({ ...eternal, followed: true, expiresAt: days(7) }, { outdated: true }));
    expect(decide(outdated, rulesOf(), at(days(6)))).toMatchObject({ act: 'acquire', because: 'Outdated' });
  });
});

test('what is outdated has a successor before anybody is given it, whatever kept it from them', () => {
  const uses = [{ lease: 'l1', generation: 0 }];
  const next = held({ ...eternal, id: 'l2', followed: true }, { verified: false, outdated: true });
  const record = { ...recordOf(next, held({ ...eternal, followed: true })), sinks: { file: { uses } } };
  const facts = at(minutes(1), { atHand: [{ lease: 'l2', generation: 0 }] });
  expect(decide(record, rulesOf({ verify: true }), facts)).toMatchObject({ act: 'acquire', because: 'Outdated' });
});

test('a version that we make is replaced at the share of the term that it has once its end is set: of an old one at once', () => {
  const rules = rulesOf({ can: { observe: true, read: true, search: false } });
  const dueOf = (age: number) => {
    const doomed = recordOf(held({ ...eternal, expiresAt: days(age) + days(7) }, { observedAt: days(age) }));
    expect(decide(doomed, rules, at(days(age))).act).toBe(age < 7 ? 'wait' : 'acquire');
    const dates = agendaOf(doomed, rules, at(days(age))).filter(({ because }) => because === 'EndOfLife');
    return Math.min(...dates.map((one) => one.at));
  };
  expect(dueOf(30)).toBe(days(18.5));
  expect(dueOf(1)).toBe(days(4));
});

describe('a rotation', () => {
  const rules = rulesOf({ rotateAfter: (issued) => issued + hours(1) });

  test('is due by the calendar of its policy', () => {
    expect(decide(recordOf(held(eternal)), rules, at(hours(1)))).toMatchObject({
      act: 'acquire',
      because: 'RotationDue',
    });
    expect(decide(recordOf(held(eternal)), rules, at(hours(1) - 1))).toMatchObject({ act: 'wait', until: hours(1) });
  });

  test('that waits for somebody is not asked for again before a week has passed', () => {
    const asked = { ...recordOf(held(eternal)), intent: { key: 'k', at: hours(1), pendingSince: hours(1) } };
    expect(agendaOf(asked, rules, at(hours(2))).find(({ because }) => because === 'RotationDue')?.at).toBe(
      hours(1) + days(7),
    );
    const unheard = { ...asked, intent: { key: 'k', at: hours(1) } };
    expect(decide(unheard, rules, at(hours(2)))).toMatchObject({ act: 'acquire', because: 'RotationDue' });
  });

  test('does not overtake one that no sink has taken up yet', () => {
    const untaken = held({ id: 'v2', issuedAt: 1 });
    const facts = at(hours(3), { atHand: [{ lease: 'v2', generation: 0 }] });
    expect(decide(recordOf(untaken, held(eternal)), rules, facts)).toMatchObject({ act: 'wait' });
  });
});

describe('a superseded lease', () => {
  const old = held(unrenewable, { supersededAt: minutes(10) });
  const record = { ...recordOf(held(aLease({ id: 'l2' }))), leases: [held(aLease({ id: 'l2' })), old] };

  test('is retired when its grace is over', () => {
    expect(decide(record, rulesOf(), at(minutes(14)))).toMatchObject({ act: 'wait', until: minutes(15) });
    expect(decide(record, rulesOf(), at(minutes(15)))).toMatchObject({ act: 'retire', to: 'l1', because: 'GraceOver' });
  });

  test('is not renewed', () => {
    const both = {
      ...record,
      leases: [
        held(aLease({ id: 'l2', issuedAt: 9, expiresAt: days(9) })),
        held(aLease(), { supersededAt: minutes(29) }),
      ],
    };
    expect(decide(both, rulesOf(), at(minutes(30)))).toMatchObject({ act: 'wait', until: minutes(34) });
  });
});

test('whose renewal is held up by its limit until it comes too late has a successor in its emergency window', () => {
  const rules = rulesOf({ kinds: { acquire: ['create'], renew: ['renew'] } });
  const shut = (until: number, kind: string | undefined, now = minutes(58)) => {
    const block = {
      because: 'RetryAfter' as const,
      isOurs: true as const,
      ...(kind !== undefined && { kind }),
      since: now,
      until,
    };
    return decide(recordOf(held()), rules, at(now, { gate: { blocks: [block], isBusy: false } }));
  };
  const late = minutes(60) - seconds(35) + 1;
  expect(shut(late, 'renew')).toMatchObject({ act: 'acquire', because: 'RenewalFailing' });
  expect(shut(late - 1, 'renew')).toMatchObject({ act: 'wait', because: 'Blocked', until: late - 1 });
  expect(shut(late, 'renew', minutes(57) - 1)).toMatchObject({ act: 'wait' });
  expect(shut(late, 'create')).toMatchObject({ act: 'renew' });
  // Who holds up everything holds up the successor as well.
  expect(shut(late, undefined)).toMatchObject({ act: 'wait' });
});

test('what is said of one kind of request holds up what takes such requests, and nothing else', () => {
  const rules = rulesOf({ kinds: { acquire: ['write'], renew: ['write', 'renew'] } });
  const facts = (kind: string) =>
    at(minutes(31), {
      gate: { blocks: [{ because: 'RetryAfter', kind, since: 0, until: minutes(40) }], isBusy: false },
    });
  const due = recordOf(held());
  expect(decide(due, rules, facts('renew'))).toMatchObject({ act: 'wait', because: 'Blocked' });
  expect(decide(due, rules, facts('read'))).toMatchObject({ act: 'renew' });
  expect(decide(recordOf(), rules, facts('renew'))).toMatchObject({ act: 'acquire' });
  expect(decide(recordOf(), rules, facts('write'))).toMatchObject({ act: 'wait', because: 'Blocked' });
  // Of what is not named nobody knows what it takes.
  expect(decide(due, rulesOf({ kinds: {} }), facts('read'))).toMatchObject({ act: 'wait', because: 'Blocked' });
});
