import { describe, expect, test } from 'vitest';
import { asksProvider, decide } from '../../src/core/decide.ts';
import { without } from '../../src/core/record.ts';
import { tokenRejected } from '../../src/core/setbacks.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { renewed } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf, stepTo } from './build.ts';

const unrenewable = aLease();
delete (unrenewable as { renewal?: unknown }).renewal;
const eternal = { id: 'v1', issuedAt: 0 };
const failure = { count: 1, denied: 0, at: minutes(31), code: 'unavailable', notBefore: 0 } as const;

describe('a call that can wait for ever', () => {
  const old = held(aLease({ id: 'l0' }), { supersededAt: minutes(1) });
  const record = { ...recordOf(held(unrenewable)), leases: [held(unrenewable), old] };

  test('does not eat up the emergency window of what is alive', () => {
    const step = decide(record, rulesOf({ renewAt: 0.9, grace: minutes(5) }), at(minutes(6)));
    expect(step).toMatchObject({ act: 'retire', deadline: Number.POSITIVE_INFINITY, emergencyAt: minutes(57) });
  });
});

describe('a token', () => {
  const spent = { acquires: [minutes(14), minutes(13), minutes(12), minutes(11)] };
  const now = minutes(15);

  test('is as urgent as those who wait for it', () => {
    const record = { ...recordOf(), failures: { acquire: { ...failure, at: now, count: 12 } } };
    expect(decide(record, rulesOf(), at(now))).toMatchObject({ until: now + minutes(5) });
    const waiting = { deadline: now + minutes(4), emergencyAt: now + minutes(3) };
    expect(decide(record, rulesOf(), at(now, { waiting }))).toMatchObject({ until: now + seconds(30) });
    const due = decide(recordOf(), rulesOf(), at(now, { waiting }));
    expect(due).toMatchObject({ act: 'acquire', ...waiting });
  });

  test('whose values are lost is urgent where a sink has nothing', () => {
    const record = { ...recordOf(held()), ...spent };
    const lost = { ...record, sinks: {} };
    expect(decide(lost, rulesOf(), at(now))).toMatchObject({ act: 'acquire', because: 'ValuesLost' });
    const stale = { ...record, leases: [held(aLease(), { generation: 1 })] };
    expect(decide(stale, rulesOf(), at(now))).toMatchObject({ act: 'wait', until: minutes(11) + seconds(335) });
  });

  test('whose values are lost is as urgent as what is in use instead', () => {
    const formerEnds = { 0: minutes(20) };
    const lost = { ...recordOf(held()), leases: [held(aLease(), { generation: 1, formerEnds })] };
    const inUse = { deadline: minutes(20), emergencyAt: minutes(19) };
    expect(decide(lost, rulesOf(), at(now))).toMatchObject({ because: 'ValuesLost', ...inUse });
    expect(decide({ ...lost, ...spent }, rulesOf(), at(minutes(19)))).toMatchObject({ because: 'ValuesLost' });
    // What is in use lives as long as the lease.
    const lasting = { ...lost, leases: [held(aLease(), { generation: 1 })] };
    expect(decide(lasting, rulesOf(), at(now))).toMatchObject({ because: 'ValuesLost', deadline: minutes(60) });
    // Nobody has anything to lose.
    const unused = { ...lost, sinks: {} };
    expect(decide(unused, rulesOf(), at(now))).toMatchObject({ because: 'ValuesLost', deadline: minutes(60) });
    // There is another reason.
    const ending = decide(
      lost,
      rulesOf({ rotateAfter: () => 0 }),
      at(now, { atHand: [{ lease: 'l1', generation: 1 }] }),
    );
    expect(ending).toMatchObject({ because: 'RotationDue', deadline: minutes(60) });
  });
});

describe('an additive renewal', () => {
  const lease = aLease({ renewal: { from: 'expiry', by: minutes(60), atLeast: 0, canShorten: false } });
  const record = { ...recordOf(held()), leases: [held(lease, { observedAt: 0 })] };
  const rules = rulesOf({ can: { observe: true, read: false, search: false } });
  const unasked = { 'observe:l1': { ...failure, at: minutes(31), count: 9 } };
  const facts = at(minutes(32));

  test('whose answer was lost is not repeated before the lease was asked about, while there is time', () => {
    expect(decide(record, rules, facts)).toMatchObject({ act: 'renew' });
    const doubtful = { ...record, leases: [without(held(lease), 'observedAt')], failures: unasked };
    expect(decide(doubtful, rules, facts)).toMatchObject({ act: 'wait' });
    const late = { ...doubtful, failures: { 'observe:l1': { ...failure, at: minutes(57), count: 9 } } };
    expect(decide(late, rules, at(minutes(57)))).toMatchObject({ act: 'renew' });
    expect(decide({ ...record, failures: unasked }, rules, at(minutes(32), { startedAt: 1 }))).toMatchObject({
      act: 'wait',
    });
  });

  test('is not repeated on request either', () => {
    const doubtful = { ...record, leases: [without(held(lease), 'observedAt')], failures: unasked };
    const asked = { ...doubtful, requests: { renew: minutes(31) } };
    expect(decide(asked, rules, at(minutes(31)))).toMatchObject({ act: 'wait' });
    const sure = { ...record, requests: { renew: minutes(1) } };
    expect(decide(sure, rules, at(minutes(1)))).toMatchObject({ act: 'renew', because: 'Requested', at: minutes(1) });
  });

  test('is made all the same where nothing can be asked, or twice is not too far', () => {
    const doubtful = { ...record, leases: [without(held(lease), 'observedAt')], failures: unasked };
    expect(decide(doubtful, rulesOf(), facts)).toMatchObject({ act: 'renew' });
    const fromNow = { ...record, leases: [without(held(), 'observedAt')], failures: unasked };
    expect(decide(fromNow, rules, facts)).toMatchObject({ act: 'renew' });
  });
});

test('all but a proof is asked of the provider', () => {
  expect(asksProvider(stepTo('verify', 'l1'))).toBe(false);
  expect(asksProvider(stepTo('observe', 'l1'))).toBe(true);
});

describe('polling', () => {
  const can = { observe: true, read: false, search: false };

  test('goes by the term of a lease, where it has one', () => {
    const terms: unknown[] = [];
    const observeEvery = (term: number | undefined) => {
      terms.push(term);
      return minutes(7);
    };
    const rules = rulesOf({ can, observeEvery });
    const later = held(aLease({ expiresAt: minutes(90) }), { termStart: minutes(30), observedAt: minutes(30) });
    expect(decide(recordOf(later), rules, at(minutes(31)))).toMatchObject({ until: minutes(37) });
    expect(decide(recordOf(later), rules, at(minutes(37)))).toMatchObject({ act: 'observe', because: 'PollDue' });
    decide(recordOf(held(eternal)), rules, at(0));
    expect(new Set(terms)).toEqual(new Set([minutes(60), undefined]));
  });

  test('ends with the lease: what is known to be dead is not asked about, what is in doubt is', () => {
    const rules = rulesOf({ can, observeEvery: () => 1 });
    const dead = recordOf(held(aLease(), { observedAt: minutes(59) }));
    expect(decide(dead, rules, at(minutes(60)))).toMatchObject({ act: 'acquire', because: 'Expired' });
    const doubtful = decide(recordOf(held(aLease(), { observedAt: 0 })), rules, at(minutes(60), { startedAt: 1 }));
    expect(doubtful).toMatchObject({ act: 'observe', because: 'InDoubt', deadline: Number.POSITIVE_INFINITY });
    const alive = decide(recordOf(held(aLease(), { observedAt: 0 })), rules, at(minutes(59), { startedAt: 1 }));
    expect(alive).toMatchObject({ act: 'observe', deadline: minutes(60), emergencyAt: minutes(57) });
  });

  test('is not for superseded leases', () => {
    const rules = rulesOf({ can });
    const record = {
      ...recordOf(held()),
      leases: [held(), held(aLease({ id: 'l0' }), { supersededAt: 1, observedAt: -1 })],
    };
    expect(decide(record, rules, at(minutes(1)))).toMatchObject({ act: 'wait' });
  });
});

describe('grace', () => {
  const head = held(aLease({ id: 'l2', expiresAt: hours(9) }));
  const old = (change = {}) => held(aLease(), { supersededAt: minutes(50), ...change });
  const record = (lease = old()) => ({ ...recordOf(head), leases: [head, lease] });
  const rules = (grace: number) => rulesOf({ grace });
  const now = at(minutes(51));

  test('is kept: a superseded lease that would end within it is renewed', () => {
    expect(decide(record(), rules(minutes(20)), now)).toMatchObject({ act: 'renew', to: 'l1', because: 'RenewalDue' });
  });

  test('is not prolonged: one that lives longer is left to be retired', () => {
    expect(decide(record(), rules(minutes(10)), now)).toMatchObject({ act: 'wait', until: minutes(60) });
    expect(decide(record(), rules(minutes(10) + 1), now)).toMatchObject({ act: 'renew' });
  });

  test('is over when it is over', () => {
    expect(decide(record(), rules(minutes(20)), at(minutes(59)))).toMatchObject({ act: 'renew' });
    const longer = record(old({ supersededAt: minutes(20) }));
    expect(decide(longer, rules(minutes(30)), at(minutes(49)))).toMatchObject({ act: 'wait', until: minutes(50) });
    const shorter = record(held(aLease({ expiresAt: minutes(90) }), { supersededAt: 0, termStart: 0 }));
    expect(decide(shorter, rules(minutes(91)), at(minutes(91) - 2))).toMatchObject({ act: 'wait' });
  });

  test('is not for what no sink ever had, nor for what cannot be renewed', () => {
    expect(decide(record(old({ verified: false })), rules(minutes(20)), now)).toMatchObject({ act: 'retire' });
    expect(decide(record(old({ refused: true })), rules(minutes(20)), now)).toMatchObject({ act: 'wait' });
    expect(decide(record(), rules(minutes(20)), at(minutes(60)))).toMatchObject({ act: 'wait', until: minutes(70) });
  });
});

describe('a lease that was refused', () => {
  const record = recordOf(held(aLease(), { refused: true }));

  test('is replaced at once, and not renewed', () => {
    expect(decide(record, rulesOf(), at(1))).toMatchObject({ act: 'acquire', because: 'Refused' });
  });

  test('is urgent where its values are not accepted any more: else it lives until its end', () => {
    const spent = { acquires: [4, 3, 2, 1].map(minutes) };
    const now = minutes(5);
    const free = minutes(1) + seconds(335);
    expect(decide({ ...record, ...spent }, rulesOf(), at(now))).toMatchObject({ act: 'wait', until: free });
    const rejected = tokenRejected({ ...record, ...spent }, { lease: 'l1', generation: 0 }, now);
    expect(decide(rejected, rulesOf(), at(now))).toMatchObject({ act: 'wait', until: now + seconds(1) });
    expect(decide(rejected, rulesOf(), at(now + seconds(1)))).toMatchObject({ act: 'acquire', because: 'Refused' });
    const well = { ...recordOf(held(aLease(), { outdated: true })), ...spent };
    expect(decide(well, rulesOf(), at(now))).toMatchObject({ act: 'wait', until: free });
  });

  test('is urgent where it is dead and in use, whatever lives on in another sink', () => {
    const now = minutes(5);
    const uses = (lease: string) => ({
      uses: [{ lease, generation: 0 }],
      has: { lease, generation: 0, mark: 'm', reloaded: true, seenAt: 0 },
    });
    const newest = held(aLease({ id: 'l2', expiresAt: now - 1 }), { refused: true });
    const both = { ...recordOf(newest, held(aLease())), acquires: [4, 3, 2, 1].map(minutes) };
    const step = (other: string) =>
      decide(
        { ...both, sinks: { file: uses('l1'), other: uses(other) } },
        rulesOf({ sinks: ['file', 'other'] }),
        at(now),
      );
    expect(step('l2')).toMatchObject({ act: 'acquire', because: 'Expired' });
    expect(step('l1')).toMatchObject({ act: 'wait', until: minutes(1) + seconds(335) });
  });

  test('has the emergency window of the term that it has, also where a renewal showed that it gains nothing', () => {
    const ttl = seconds(60);
    const renewal = { from: 'now', by: ttl, atLeast: ttl, canShorten: false } as const;
    const lease = aLease({ expiresAt: ttl, renewal });
    const how = { askedAt: seconds(40), before: held(lease), isChanged: false };
    const refused = renewed(recordOf(held(lease)), lease, how, seconds(41));
    expect(refused.leases[0]).toMatchObject({ refused: true, termStart: 0 });
    const spent = { ...refused, acquires: [39, 38, 37, 36].map(seconds) };
    expect(decide(spent, rulesOf(), at(seconds(42)))).toMatchObject({ act: 'wait', until: seconds(36 + 20) });
    const few = { ...refused, acquires: [-1, -100, -101, -102].map(seconds) };
    expect(decide(few, rulesOf(), at(seconds(42)))).toMatchObject({ act: 'wait', until: seconds(45) });
  });
});

describe('a lease before its wall', () => {
  const renewal = { from: 'now', by: hours(2), atLeast: hours(2), canShorten: false } as const;
  const walled = recordOf(held(aLease({ expiresAt: hours(2), maxExpiresAt: hours(10), renewal })));

  test('is replaced a grace period before, although it could be renewed', () => {
    const late = recordOf(
      held(aLease({ expiresAt: hours(9), maxExpiresAt: hours(10) }), { termStart: hours(7), generation: 0 }),
    );
    const rules = rulesOf({ grace: hours(2), renewAt: 0.9 });
    expect(decide(late, rules, at(hours(8) - minutes(6) - 1))).toMatchObject({ act: 'wait' });
    expect(decide(late, rules, at(hours(8) - minutes(6)))).toMatchObject({ act: 'acquire', because: 'EndOfLife' });
  });

  test('is renewed before that', () => {
    expect(decide(walled, rulesOf({ grace: hours(1) }), at(hours(1)))).toMatchObject({ act: 'renew' });
  });
});

describe('the margin before the wall', () => {
  const record = recordOf(held(aLease({ maxExpiresAt: minutes(90) + seconds(37) })));
  const rules = rulesOf({ grace: 0 });

  test('is what a request may take, and what the clock may be off', () => {
    expect(decide(record, rules, at(minutes(30), { uncertainty: seconds(2) }))).toMatchObject({ act: 'renew' });
    expect(decide(record, rules, at(minutes(30), { uncertainty: seconds(2) + 1 }))).toMatchObject({ act: 'acquire' });
    expect(decide(record, rules, at(minutes(30) + 1, { uncertainty: seconds(2) }))).toMatchObject({ act: 'acquire' });
  });
});

describe('the first lease', () => {
  test('waits for a sink that could take it', () => {
    expect(decide(recordOf(), rulesOf(), at(0, { writable: [] }))).toMatchObject({ act: 'wait' });
    expect(decide(recordOf(), rulesOf({ sinks: ['a', 'file'] }), at(0))).toMatchObject({ act: 'acquire' });
    expect(decide(recordOf(), rulesOf({ sinks: [] }), at(0, { writable: [] }))).toMatchObject({ act: 'acquire' });
  });
});

test('an acquire is as urgent as the first of the leases that end', () => {
  const old = held(aLease({ expiresAt: minutes(50) }));
  const head = held(aLease({ id: 'l2', expiresAt: minutes(80) }), { outdated: true, final: true } as object);
  const record = { ...recordOf(head, old), sinks: { file: { uses: [{ lease: 'l2', generation: 0 }] } } };
  const facts = at(minutes(1), { atHand: [{ lease: 'l2', generation: 0 }] });
  expect(decide(record, rulesOf(), facts)).toMatchObject({
    act: 'acquire',
    deadline: minutes(50),
    emergencyAt: minutes(47.5),
  });
});

test('a proof is as urgent as what is used until then, and takes no less time for that', () => {
  const next = held(aLease({ id: 'l2', expiresAt: hours(9) }), { verified: false });
  const record = recordOf(next, held());
  const facts = at(minutes(30), { atHand: [{ lease: 'l2', generation: 0 }] });
  expect(decide(record, rulesOf({ verify: true, renewAt: 0.9 }), facts)).toMatchObject({
    act: 'verify',
    deadline: minutes(60),
    emergencyAt: hours(9) - minutes(27),
  });
});

test('what is at stake is what is alive and not superseded', () => {
  const others = [
    held(aLease({ id: 'l8', expiresAt: minutes(20) }), { supersededAt: minutes(9) }),
    held(aLease({ id: 'l9', expiresAt: minutes(5) })),
    held(aLease({ id: 'l7', expiresAt: minutes(40) })),
  ];
  const record = { ...recordOf(held(aLease(), { refused: true })) };
  const all = { ...record, leases: [...record.leases, ...others] };
  expect(decide(all, rulesOf({ renewAt: 0.9 }), at(minutes(10)))).toMatchObject({
    act: 'acquire',
    deadline: minutes(40),
    emergencyAt: minutes(38),
  });
  const due = { ...all, leases: [held(), ...others] };
  expect(decide(due, rulesOf({ renewAt: 0.9, grace: minutes(1) }), at(minutes(10)))).toMatchObject({
    act: 'retire',
    emergencyAt: minutes(38),
  });
});

test('a renewal that failed at the very beginning of a term is failing', () => {
  const late = { ...failure, at: minutes(57), notBefore: hours(9) };
  const record = { ...recordOf(held(aLease(), { termStart: minutes(57), since: 0 })), failures: { 'renew:l1': late } };
  const rules = rulesOf({ renewAt: 0 });
  expect(decide(record, rules, at(minutes(59.5)))).toMatchObject({ act: 'acquire', because: 'RenewalFailing' });
  const former = { ...record, failures: { 'renew:l1': { ...late, at: minutes(57) - 1 } } };
  expect(decide(former, rules, at(minutes(59.5)))).toMatchObject({ act: 'wait' });
});

describe('in the emergency window', () => {
  const failed = { ...failure, at: minutes(57) };
  const record = (failures = {}, acquires: number[] = []) => ({ ...recordOf(held()), failures, acquires });
  const now = at(minutes(59.5));

  test('a renewal that failed gives way to a replacement', () => {
    expect(decide(record({ 'renew:l1': failed }), rulesOf(), now)).toMatchObject({ act: 'acquire' });
    const none = { ...recordOf(held()), failures: { 'renew:l1': failed } };
    expect(decide(none, rulesOf(), now)).toMatchObject({ act: 'acquire', because: 'RenewalFailing' });
    const earlier = { ...failed, notBefore: 0, count: 1 };
    const both = record({ 'renew:l1': failed, acquire: earlier }, [minutes(57), 5]);
    expect(decide(both, rulesOf(), now)).toMatchObject({ act: 'acquire' });
  });

  test('they take turns', () => {
    const tried = record({ 'renew:l1': failed, acquire: { ...failed, at: minutes(57) + 1 } }, [minutes(57) + 1, 5]);
    expect(decide(tried, rulesOf(), now)).toMatchObject({ act: 'renew' });
    const done = { ...record({ 'renew:l1': failed }), succeeded: { acquire: minutes(57) + 1 } };
    expect(decide(done, rulesOf(), now)).toMatchObject({ act: 'renew' });
  });

  test('a replacement that was not let through has its turn still', () => {
    const begun = record({ 'renew:l1': failed }, [minutes(57) + 1, 5]);
    expect(decide(begun, rulesOf(), now)).toMatchObject({ act: 'acquire' });
  });

  test('a renewal that failed before it is tried once more', () => {
    const before = { ...failure, at: minutes(57) - 1 };
    expect(decide(record({ 'renew:l1': before }), rulesOf(), now)).toMatchObject({ act: 'renew' });
  });

  test('a renewal that has to wait for its next try is not forgotten', () => {
    const spent = record({ 'renew:l1': failed, acquire: { ...failed, notBefore: hours(9) } });
    expect(decide(spent, rulesOf(), now)).toMatchObject({ act: 'renew' });
  });
});
