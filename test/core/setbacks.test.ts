import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import {
  another,
  asLeaseError,
  type BlockReason,
  LeaseError,
  nextTry,
  ProviderBlocked,
  patience,
} from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { endOfHolding, headOf } from '../../src/core/record.ts';
import { blocked, failed, succeeded, tokenRejected } from '../../src/core/setbacks.ts';
import { statusOf } from '../../src/core/status.ts';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';
import { acquired, intending, observed, putInDoubt, renewed, settled } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf, stepTo } from './build.ts';

const down = new LeaseError('unavailable', '503');
const gone = new LeaseError('gone', '404');
const by = (because: BlockReason) => new ProviderBlocked(because, 9);
const when = (now: number) => ({ begun: now, now });

describe('what only a person can put right', () => {
  const far = days(30);
  const longestWait = (error: LeaseError) => {
    let failure: ReturnType<typeof another> | undefined;
    let longest = 0;
    for (let now = 0; now < hours(12); now = nextTry(failure, far, now)) {
      longest = Math.max(longest, now - (failure?.at ?? now));
      failure = another(failure, error, now);
    }
    return longest;
  };

  test('is tried once an hour, and every five minutes where it may be right at any time, at no cost', () => {
    expect(longestWait(new LeaseError('invalid', 'wrong'))).toBe(hours(1));
    expect(longestWait(new LeaseError('invalid', 'deactivated', { passing: true }))).toBe(minutes(5));
    expect(longestWait(down)).toBe(minutes(5));
  });
});

describe('a failed retirement', () => {
  const old = held(aLease({ id: 'l0', expiresAt: minutes(60), maxExpiresAt: minutes(90) }), { supersededAt: 1 });
  const other = held(aLease({ id: 'l9' }), { supersededAt: 1 });
  const record = { ...recordOf(), leases: [other, old] };
  const left = (error: LeaseError, now: number, some = record) =>
    failed(some, stepTo('retire', 'l0'), error, when(now)).leases.map(({ lease }) => lease.id);

  test('of what is gone is none', () => {
    expect(left(gone, 5)).toEqual(['l9']);
  });

  test('is tried again until not even a lost renewal can have kept the lease alive', () => {
    expect(left(down, minutes(90) - 1)).toEqual(['l9', 'l0']);
    expect(left(down, minutes(90))).toEqual(['l9']);
    const unwalled = { ...record, leases: [other, held(aLease({ id: 'l0' }), { supersededAt: 1 })] };
    expect(left(down, minutes(120) - 1, unwalled)).toEqual(['l9', 'l0']);
    expect(left(down, minutes(120), unwalled)).toEqual(['l9']);
    const plain = held({ id: 'l0', issuedAt: 0, expiresAt: minutes(60) }, { supersededAt: 1 });
    expect(left(down, minutes(60), { ...record, leases: [other, plain] })).toEqual(['l9']);
    expect(left(down, minutes(60) - 1, { ...record, leases: [other, plain] })).toEqual(['l9', 'l0']);
  });

  test('that waits for somebody else to say yes is remembered with the lease, and others are none of its', () => {
    const pending = new LeaseError('invalid', 'to be approved of', { pending: true, passing: true });
    const asked = failed(record, stepTo('retire', 'l0'), pending, when(5));
    expect(asked.leases).toEqual([other, { ...old, endAskedAt: 5 }]);
    const notYet = new LeaseError('invalid', 'not yet', { passing: true });
    expect(failed(asked, stepTo('retire', 'l0'), notYet, when(9)).leases).toEqual(asked.leases);
  });

  test('of what the record no longer has changes nothing', () => {
    expect(left(down, days(1), { ...record, leases: [other] })).toEqual(['l9']);
  });
});

describe('a provider that could not be asked', () => {
  const intent = { key: 'k', at: 3 };

  test('leaves no intent, and no mark on the pace where nothing was sent', () => {
    const begun = intending({ ...recordOf(), acquires: [1] }, intent);
    expect(blocked(begun, stepTo('acquire'), by('NoToken'), 5)).toMatchObject({ acquires: [1] });
    expect(blocked(begun, stepTo('acquire'), by('NoToken'), 5).intent).toBeUndefined();
    expect(blocked(begun, stepTo('acquire'), by('RetryAfter'), 5).acquires).toEqual([5, 1]);
    // Our own idea of what the provider takes: nobody was asked.
    const unsent = new ProviderBlocked('RetryAfter', 9, undefined, true);
    expect(blocked(begun, stepTo('acquire'), unsent, 5)).toMatchObject({ acquires: [1] });
    expect(blocked(begun, stepTo('acquire'), by('TokenRejected'), 5).acquires).toEqual([5, 1]);
    expect(blocked(recordOf(), stepTo('acquire'), by('NoToken'), 5).acquires).toEqual([]);
  });

  test('leaves an earlier doubt', () => {
    const doubtful = intending(intending(recordOf(), intent), intent);
    expect(blocked(doubtful, stepTo('acquire'), by('NoToken'), 5).intent).toBeDefined();
  });

  test('changes nothing else', () => {
    const record = intending(recordOf(held()), intent);
    expect(blocked(record, stepTo('renew', 'l1'), by('NoToken'), 5)).toBe(record);
  });
});

describe('an acquire', () => {
  test('is paced by its answer where there was one, whatever it said', () => {
    const begun = intending({ ...recordOf(), acquires: [1] }, { key: 'k', at: 3 });
    expect(failed(begun, stepTo('acquire'), down, when(9)).acquires).toEqual([9, 1]);
    expect(acquired(begun, aLease(), rulesOf(), 9).acquires).toEqual([9, 1]);
    expect(failed(recordOf(), stepTo('acquire'), down, when(9)).acquires).toBeUndefined();
  });

  test('that brings the same lease again is no failure where the provider does that, but waits as long as after one', () => {
    const again = (repeats: boolean) => {
      const lease = { id: 't1', issuedAt: 0, expiresAt: minutes(60), ...(repeats && { repeats: true as const }) };
      const before = intending(recordOf(held(lease)), { key: 'k', at: minutes(40) });
      const after = acquired(before, lease, rulesOf(), minutes(40));
      return succeeded(before, after, stepTo('acquire'), minutes(40));
    };
    expect(statusOf(again(true), rulesOf(), minutes(40)).failures).toEqual({ acquire: 0 });
    expect(again(true).succeeded).toEqual({ acquire: minutes(40) });
    expect(statusOf(again(false), rulesOf(), minutes(40)).failures).toEqual({ acquire: 1 });
    const next = (repeats: boolean) => decide(again(repeats), rulesOf(), at(minutes(40)));
    expect(next(true)).toEqual(next(false));
    expect(again(true).failures['acquire']).toMatchObject({ count: 1, isOver: true });
  });

  test('of a version that was refused and is to be had again makes it one like any other; of a token it does not', () => {
    const again = (lease: Lease) => acquired(recordOf(held(lease, { refused: true })), lease, rulesOf(), 9).leases[0];
    const begun = { key: 'k', at: 1 };
    const version = { id: 'v1', issuedAt: 0, version: { which: 'current' } } as const;
    const take = (lease: Lease) =>
      acquired(intending(recordOf(held(lease, { refused: true })), begun), lease, rulesOf(), 9).leases[0]?.refused;
    expect([take(version), take(aLease())]).toEqual([undefined, true]);
    expect(again(version)?.refused).toBe(true);
  });

  test('remembers eight before it', () => {
    const acquires = [8, 7, 6, 5, 4, 3, 2, 1];
    const { acquires: now } = intending({ ...recordOf(), acquires }, { key: 'k', at: 9 });
    expect(now).toEqual([9, 8, 7, 6, 5, 4, 3, 2]);
  });
});

test('whatever is thrown by mistake may have had its effect', () => {
  expect(asLeaseError(new Error('VALUE'))).toMatchObject({
    code: 'unavailable',
    unsure: true,
    message: 'unexpected error',
  });
  expect(asLeaseError(down)).toBe(down);
  expect(down.unsure).toBe(false);
});

describe('a lease that dies', () => {
  test('is found out by observing, reading or renewing it', () => {
    for (const act of ['observe', 'read', 'renew'] as const) {
      const end = (error: LeaseError) =>
        failed(recordOf(held()), stepTo(act, 'l1'), error, when(5)).leases[0]?.lease.expiresAt;
      expect([end(gone), end(down)]).toEqual([5, minutes(60)]);
    }
  });

  const dead = (since: number, now: number) =>
    observed(recordOf(held(aLease({ expiresAt: hours(9) }), { since })), 'l1', { is: 'gone' }, now);

  test('ends now, or when it did', () => {
    expect(dead(0, minutes(60)).leases[0]?.lease.expiresAt).toBe(minutes(60));
    expect(dead(0, hours(10)).leases[0]?.lease.expiresAt).toBe(hours(9));
    expect(dead(0, minutes(60)).leases[0]?.observedAt).toBe(minutes(60));
  });

  test('before it is a quarter of an hour old counts as a failed acquire', () => {
    expect(dead(5, minutes(15) + 4).failures['acquire']).toMatchObject({ count: 1, code: 'unavailable' });
    expect(dead(5, minutes(15) + 5).failures['acquire']).toBeUndefined();
  });

  test('at its own end did not die young, however late that is heard', () => {
    const short = recordOf(held(aLease({ expiresAt: minutes(5) })));
    expect(observed(short, 'l1', { is: 'gone' }, minutes(5)).failures).toEqual({});
    expect(observed(short, 'l1', { is: 'gone' }, minutes(5) - 1).failures['acquire']?.count).toBe(1);
  });

  test('is counted once where its provider says so twice', () => {
    const record = recordOf(held());
    const token = { lease: 'l1', generation: 0 };
    const once = tokenRejected(record, token, 5);
    expect(once.leases[0]?.refused).toBe(true);
    expect(once.failures['acquire']?.count).toBe(1);
    expect(tokenRejected(once, token, 6)).toBe(once);
    expect(tokenRejected(record, { ...token, generation: 1 }, 5)).toBe(record);
    expect(tokenRejected(recordOf(), token, 5)).toEqual(recordOf());
    expect(tokenRejected(record, token, minutes(15)).failures).toEqual({});
  });
});

describe('a lease that arrives', () => {
  const begun = intending(recordOf(held()), { key: 'k', at: minutes(30) });
  const arrived = (life: number) =>
    acquired(begun, aLease({ id: 'l2', expiresAt: minutes(31) + life }), rulesOf(), minutes(31));

  test('with less than five seconds to live takes nobody’s place, and counts as a failure', () => {
    expect(headOf(arrived(seconds(5)))?.lease.id).toBe('l1');
    expect(arrived(seconds(5)).failures['acquire']?.count).toBe(1);
    expect(headOf(arrived(seconds(5) + 1))?.lease.id).toBe('l2');
    expect(arrived(seconds(5) + 1).failures).toEqual({});
  });

  test('again is not superseded for being short-lived: it is in use', () => {
    const again = acquired(begun, aLease({ expiresAt: minutes(60) + 1 }), rulesOf(), minutes(60));
    expect(again.leases[0]?.supersededAt).toBeUndefined();
    expect(again.failures['acquire']?.count).toBe(1);
  });

  test('and is the older of two is no news although it is known', () => {
    const both = { ...begun, leases: [held(aLease({ id: 'l2' })), held()] };
    expect(acquired(both, aLease(), rulesOf(), minutes(31)).failures).toEqual({});
  });
});

describe('a success', () => {
  const step = stepTo('renew', 'l1');
  const record = failed(recordOf(held()), step, down, when(3));

  test('is remembered by act, and ends a row of failures for people only', () => {
    const after = succeeded(record, record, step, 9);
    expect(after.succeeded).toEqual({ renew: 9 });
    expect(after.failures['renew:l1']).toMatchObject({ count: 1, isOver: true });
    expect(succeeded(after, after, stepTo('read', 'l1'), 11).succeeded).toEqual({ renew: 9, read: 11 });
  });

  test('ends for ever what seems to lie ahead: it would count once more when its time comes', () => {
    const ahead = failed(record, stepTo('read', 'l1'), down, when(minutes(2)));
    const after = succeeded(ahead, ahead, stepTo('read', 'l1'), 3);
    expect(Object.keys(after.failures)).toEqual(['renew:l1']);
    expect(Object.keys(succeeded(ahead, ahead, step, 3).failures)).toEqual(['renew:l1', 'read:l1']);
  });

  test('that brought a failure is none', () => {
    const after = failed(record, step, down, when(9));
    expect(succeeded(record, after, step, 9)).toBe(after);
  });

  test('is not spoilt by a failure that was noted by others meanwhile', () => {
    const after = { ...record, failures: { 'renew:l1': { ...record.failures['renew:l1'], at: 5 } } } as typeof record;
    expect(succeeded(record, after, step, 9).succeeded).toEqual({ renew: 9 });
  });

  test('of a write makes up for what the same sink failed at before, and may never be asked again', () => {
    const broken = (['try', 'check', 'remove', 'reload'] as const).flatMap((act) => [
      stepTo(act, 'file'),
      stepTo(act, 'other'),
    ]);
    const before = broken.reduce((latest, each) => failed(latest, each, down, when(3)), recordOf(held()));
    const over = (act: 'write' | 'check') =>
      Object.entries(succeeded(before, before, stepTo(act, 'file'), 9).failures).flatMap(([key, { isOver }]) =>
        isOver ? [key] : [],
      );
    expect(over('write')).toEqual(['try:file', 'check:file', 'remove:file']);
    expect(over('check')).toEqual(['check:file']);
  });

  test('without failures leaves none', () => {
    expect(succeeded(recordOf(), recordOf(), step, 9).failures).toEqual({});
  });
});

test('a record in doubt has no lease that was seen, and no sink of which all is known', () => {
  const known = { ...recordOf(held()), sinks: { file: { uses: [], known: { since: 5 } }, other: { uses: [] } } };
  expect(putInDoubt(known, 0).sinks).toEqual({ file: { uses: [] }, other: { uses: [] } });
  expect(putInDoubt(recordOf(held(), held()), 0).leases.map(({ observedAt }) => observedAt)).toEqual([
    undefined,
    undefined,
  ]);
});

test('acquires that a wrong clock dated ahead do not count, once the provider has said what time it is', () => {
  const now = minutes(10);
  const record = { ...recordOf(held()), acquires: [now + minutes(1) + 1, now + minutes(1), now, 0] };
  const timely = [now + minutes(1), now, 0];
  expect(putInDoubt(record, now).acquires, 'the clock was set back').toEqual(timely);
  expect(observed(record, 'l1', { is: 'held', lease: aLease() }, now).acquires).toEqual(timely);
  const ahead = { ...record, acquires: [now + minutes(2)] };
  expect(observed(ahead, 'l1', { is: 'held', lease: aLease() }, now).acquires).toEqual([]);
  const how = { askedAt: now, before: held(), isChanged: false };
  expect(renewed(record, aLease(), how, now).acquires).toEqual(timely);
  const next = acquired({ ...record, intent: { key: 'k', at: now } }, aLease({ id: 'l2' }), rulesOf(), now);
  expect(next.acquires).toEqual([now, ...timely]);
});

test('values of a lease that nobody knows any more have ended', () => {
  expect(endOfHolding(recordOf(), { lease: 'l1', generation: 0 })).toBe(Number.NEGATIVE_INFINITY);
  const renewed = recordOf(held(aLease(), { generation: 2 }));
  expect(endOfHolding(renewed, { lease: 'l1', generation: 1 })).toBe(minutes(60));
});

test('the failures of leases and sinks that are no more are forgotten, those of the secret itself are not', () => {
  const failure = another(undefined, down, 0);
  const keys = ['renew:l1', 'renew:l0', 'write:file', 'write:gone', 'reload:*', 'acquire', 'verify:l0:x'];
  const record = { ...recordOf(held()), failures: Object.fromEntries(keys.map((key) => [key, failure])) };
  expect(Object.keys(settled(record, rulesOf(), 9).failures)).toEqual([
    'renew:l1',
    'write:file',
    'reload:*',
    'acquire',
  ]);
});

describe('patience', () => {
  test('is an eighth of the life that is left, between a second and five minutes, and none is had for the dead', () => {
    expect([patience(minutes(8)), patience(1), patience(hours(9))]).toEqual([minutes(1), seconds(1), minutes(5)]);
    expect([patience(0), patience(-1)]).toEqual([minutes(5), minutes(5)]);
  });

  test('with a configuration that is wrong is an hour', () => {
    const invalid = { count: 30, denied: 0, at: 0, code: 'invalid', notBefore: 0 } as const;
    expect(nextTry(invalid, Number.POSITIVE_INFINITY, days(9))).toBe(hours(1));
    expect(nextTry(invalid, hours(4), days(9))).toBe(minutes(30));
  });

  test('with a configuration that is wrong grows to that hour, and stays there', () => {
    const never = Number.POSITIVE_INFINITY;
    const tries = [0];
    let failure = another(undefined, new LeaseError('invalid', 'no'), 0);
    for (let i = 0; i < 20; i++) {
      const at = nextTry(failure, never, days(9));
      tries.push(at);
      failure = another(failure, new LeaseError('invalid', 'no'), at);
    }
    const waits = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
    expect(waits.slice(-8)).toEqual(Array.from({ length: 8 }, () => hours(1)));
  });

  test('is not had beyond the back-off where nobody was rejected', () => {
    expect(another(undefined, down, 7).notBefore).toBe(7);
  });

  test('doubles from a second', () => {
    const delays = [1, 2, 3, 9].map((count) =>
      nextTry({ count, denied: 0, at: 0, code: 'unavailable', notBefore: 0 }, Number.POSITIVE_INFINITY, days(9)),
    );
    expect(delays).toEqual([1, 2, 4, 256].map(seconds));
  });

  test('is not had with a failure that lies ahead: the clock was set back', () => {
    const ahead = { count: 9, denied: 0, at: minutes(1) + 100, code: 'unavailable', notBefore: hours(9) } as const;
    expect(nextTry(ahead, days(1), 99)).toBe(Number.NEGATIVE_INFINITY);
    expect(nextTry(ahead, days(1), 100)).toBe(hours(9));
    expect(nextTry(undefined, 0, 0)).toBe(Number.NEGATIVE_INFINITY);
  });

  test('is had with a login whose answer was lost after a rejection: it may have been rejected too', () => {
    const lost = new LeaseError('unavailable', 'cut', { unsure: true });
    const denied = another(undefined, new LeaseError('denied', 'no'), 0);
    expect(another(denied, lost, minutes(1))).toMatchObject({ denied: 2, code: 'unavailable', notBefore: minutes(6) });
    expect(another(denied, down, minutes(1))).toMatchObject({ denied: 1, notBefore: minutes(1) });
    expect(another(another(undefined, down, 0), lost, 5)).toMatchObject({ denied: 0, notBefore: 5 });
  });

  test('is kept through a row of failures of different kinds, for a quarter of an hour after each was to be tried again', () => {
    const first = another(undefined, new LeaseError('denied', 'no'), 0);
    expect(first).toEqual({ count: 1, denied: 1, at: 0, code: 'denied', notBefore: minutes(1) });
    expect(another(first, down, minutes(16) + 1)).toMatchObject({ count: 1, denied: 0 });
    const second = another(first, down, minutes(16));
    expect(second).toMatchObject({ count: 2, denied: 1 });
    expect(another(second, down, minutes(31) + seconds(2))).toMatchObject({ count: 3, denied: 1 });
    expect(another(second, down, minutes(31) + seconds(2) + 1)).toMatchObject({ count: 1, denied: 0 });
    const wish = another(first, new LeaseError('unavailable', 'no', { notBefore: minutes(5) }), 1);
    expect(wish.notBefore).toBe(minutes(5));
    expect(another(wish, down, 2).notBefore).toBe(minutes(5));
  });
});
