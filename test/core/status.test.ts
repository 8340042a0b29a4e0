import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { emptyRecord, type SecretRecord, type SinkState } from '../../src/core/record.ts';
import { failed } from '../../src/core/setbacks.ts';
import { statusOf } from '../../src/core/status.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { aLease, held, recordOf, rulesOf } from './build.ts';

const rules = rulesOf({ grace: 0 });
const well = recordOf(held());
const failure = { count: 3, denied: 0, at: minutes(29), code: 'unavailable', notBefore: 0 } as const;
const state = (record: SecretRecord, now: number, isBlocked = false) => statusOf(record, rules, now, isBlocked).state;

describe('a secret is', () => {
  test('healthy while nothing is due and every sink has the head', () => {
    expect(state(well, minutes(30) - 1)).toBe('healthy');
  });

  test('overdue from when it should have been renewed', () => {
    expect(state(well, minutes(30))).toBe('overdue');
    expect(state(recordOf(held(aLease(), { refused: true })), 1)).toBe('overdue');
  });

  test('overdue, or failing, while there is a newer one at the provider', () => {
    const outdated = recordOf(held(aLease(), { outdated: true }));
    expect(state(outdated, 1)).toBe('overdue');
    expect(state({ ...outdated, failures: { acquire: failure } }, 1)).toBe('failing');
  });

  test('blocked where that is because the provider may not be asked', () => {
    expect(state(well, minutes(30), true)).toBe('blocked');
    expect(state(well, minutes(29), true)).toBe('healthy');
    expect(state(recordOf(), 0, true)).toBe('blocked');
    expect(state(recordOf(held(aLease(), { refused: true })), 1, true)).toBe('blocked');
    expect(statusOf(well, rules, minutes(30)).state).toBe('overdue');
  });

  test('failing where something is due or owed, and was tried in vain', () => {
    expect(state({ ...well, failures: { 'renew:l1': failure } }, minutes(30))).toBe('failing');
    expect(state({ ...well, failures: { 'renew:l1': failure } }, minutes(29))).toBe('healthy');
    expect(state({ ...well, failures: { 'renew:l1': { ...failure, isOver: true } } }, minutes(30))).toBe('overdue');
    expect(state({ ...recordOf(), failures: { acquire: failure } }, minutes(30))).toBe('failing');
    expect(state({ ...well, sinks: {}, failures: { 'write:file': { ...failure, count: 1 } } }, 1)).toBe('failing');
    expect(statusOf({ ...well, failures: { acquire: failure } }, rules, 1).failing).toEqual({ acquire: failure });
  });

  test('rejected while its credential is', () => {
    const denied = { ...failure, denied: 1, code: 'denied' } as const;
    expect(state({ ...well, failures: { acquire: denied } }, 1)).toBe('rejected');
    expect(state({ ...well, failures: { acquire: { ...denied, isOver: true } } }, 1)).toBe('healthy');
  });

  test('expired where a sink uses an ended value, whatever else is the matter', () => {
    expect(state(well, minutes(60))).toBe('expired');
    expect(state(well, minutes(60) - 1)).toBe('overdue');
  });

  test('frozen where others stopped it at the provider: what a sink still waits for is not to be had', () => {
    const frozen = held(aLease({ version: { which: 'current', frozen: 'SecretInactive' } }));
    expect(state(recordOf(frozen), 1)).toBe('frozen');
    expect(state({ ...recordOf(frozen), sinks: {} }, 1)).toBe('frozen');
    expect(state(recordOf(frozen), minutes(60))).toBe('expired');
    expect(state(recordOf(held(aLease({ version: { which: 'current' } }))), 1)).toBe('healthy');
  });

  test('pending while a sink waits for the head', () => {
    expect(state({ ...well, sinks: {} }, 1)).toBe('pending');
    expect(state(recordOf(), 1)).toBe('pending');
  });
});

describe('the version of a secret', () => {
  test('is that of the newest lease, with its end there', () => {
    const version = { which: 'pinned', count: 3 } as const;
    const status = statusOf(recordOf(held({ id: 'v1', issuedAt: 0, version })), rules, 0);
    expect(status).toMatchObject({ version, versionEndsAt: Number.POSITIVE_INFINITY });
    const ending = held({ id: 'v1', issuedAt: 0, expiresAt: hours(7), version });
    expect(statusOf(recordOf(ending), rules, 0).versionEndsAt).toBe(hours(7));
    expect(statusOf(well, rules, 0)).not.toHaveProperty('versionEndsAt');
  });

  test('is told also where it could not be taken for its end, until something is held or it is known to be over', () => {
    const doomed = { which: 'pinned', endsAt: hours(7) } as const;
    const step = { act: 'acquire', because: 'NothingHeld', at: 0, deadline: 0, emergencyAt: 0 } as const;
    const failedIn = (record: SecretRecord, ...errors: LeaseError[]) =>
      errors.reduce((before, error) => failed(before, step, error, { begun: 1, now: 1 }), record);
    const refused = new LeaseError('invalid', 'x', { doomed });
    const told = { version: { which: 'pinned', frozen: 'DestructionScheduled' }, versionEndsAt: hours(7) };
    expect(statusOf(failedIn(emptyRecord, refused), rules, 1)).toMatchObject(told);
    const silent = new LeaseError('unavailable', 'x');
    expect(statusOf(failedIn(emptyRecord, refused, silent), rules, 1)).toMatchObject(told);
    const other = new LeaseError('invalid', 'x');
    expect(statusOf(failedIn(emptyRecord, refused, other), rules, 1)).not.toHaveProperty('version');
    expect(statusOf(failedIn(well, refused), rules, 1)).not.toHaveProperty('version');
    const was = failedIn(emptyRecord, refused).failures;
    const over = { acquire: { ...(was['acquire'] ?? expect.unreachable('it failed')), isOver: true as const } };
    expect(statusOf({ ...emptyRecord, failures: over }, rules, 1)).not.toHaveProperty('version');
    expect(statusOf(failedIn({ ...emptyRecord, failures: over }, silent), rules, 1)).not.toHaveProperty('version');
  });

  test('ends when the one that is current does, which we could not have, or with ours if that is sooner', () => {
    const versionEndsAt = (endsAt: number, expiresAt?: number) => {
      const version = { which: 'current', current: { id: 'v2', endsAt } } as const;
      const lease = { id: 'v1', issuedAt: 0, version, ...(expiresAt !== undefined && { expiresAt }) };
      return statusOf(recordOf(held(lease)), rules, 0).versionEndsAt;
    };
    expect(versionEndsAt(hours(7))).toBe(hours(7));
    expect(versionEndsAt(hours(7), hours(8))).toBe(hours(7));
    expect(versionEndsAt(hours(7), hours(6))).toBe(hours(6));
  });
});

describe('the end of a secret', () => {
  test('is the first end of what a sink or its program may use', () => {
    const both = recordOf(held(aLease({ id: 'l2', expiresAt: hours(9) })), held());
    const uses = [
      { lease: 'l2', generation: 0 },
      { lease: 'l1', generation: 0 },
    ];
    const record = { ...both, sinks: { file: { uses }, gone: { uses: [{ lease: 'l0', generation: 0 }] } } };
    expect(statusOf(record, rules, 0)).toMatchObject({ expiresAt: minutes(60), ends: { file: minutes(60) } });
  });

  test('is the first of all sinks', () => {
    const both = recordOf(held(aLease({ id: 'l2', expiresAt: hours(9) })), held());
    const sinks = { a: { uses: [{ lease: 'l2', generation: 0 }] }, b: { uses: [{ lease: 'l1', generation: 0 }] } };
    const status = statusOf({ ...both, sinks }, rulesOf({ sinks: ['a', 'b'] }), 0);
    expect(status).toMatchObject({ expiresAt: minutes(60), ends: { a: hours(9), b: minutes(60) } });
  });

  test('is unknown before a sink uses anything, and never where that never ends', () => {
    expect(statusOf({ ...well, sinks: {} }, rules, 0).expiresAt).toBeUndefined();
    expect(statusOf({ ...well, sinks: {} }, rules, 0).outageTolerance).toBeUndefined();
    const eternal = statusOf(recordOf(held({ id: 'v1', issuedAt: 0 })), rules, 0);
    expect(eternal).toMatchObject({
      expiresAt: Number.POSITIVE_INFINITY,
      renewsAt: Number.POSITIVE_INFINITY,
      maxExpiresAt: Number.POSITIVE_INFINITY,
      outageTolerance: Number.POSITIVE_INFINITY,
      termStart: 0,
    });
  });
});

describe('the next renewal', () => {
  const renewsAt = (lease = aLease(), some = rules) => statusOf(recordOf(held(lease)), some, 0).renewsAt;

  test('is when the lease is due to be renewed, replaced or rotated, whichever comes first', () => {
    expect(renewsAt()).toBe(minutes(30));
    expect(renewsAt(aLease(), rulesOf({ rotateAfter: () => minutes(7) }))).toBe(minutes(7));
    expect(renewsAt(aLease({ maxExpiresAt: minutes(90) + seconds(35) }), rulesOf({ grace: 0 }))).toBe(minutes(30));
    const walled = aLease({ maxExpiresAt: minutes(90) + seconds(34) });
    expect(renewsAt(walled, rulesOf({ grace: minutes(25), renewAt: 0.9 }))).toBe(minutes(32));
    expect(renewsAt(aLease({ maxExpiresAt: minutes(90) }), rulesOf({ grace: minutes(50), renewAt: 0.9 }))).toBe(
      minutes(30),
    );
  });

  test('counts on a renewal only where the request has time to arrive before the wall', () => {
    const some = rulesOf({ grace: minutes(25), renewAt: 0.6 });
    expect(renewsAt(aLease({ maxExpiresAt: minutes(96) + seconds(35) }), some)).toBe(minutes(36));
    expect(renewsAt(aLease({ maxExpiresAt: minutes(96) + seconds(35) - 1 }), some)).toBe(minutes(32));
  });

  test('is the end of what others replace', () => {
    expect(renewsAt({ id: 'v1', issuedAt: 0, expiresAt: 77, followed: true })).toBe(77);
  });

  test('is the renewal of what others replace where we may renew it, as far as that goes', () => {
    const given = { followed: true as const, issuedAt: 0 };
    expect(renewsAt(aLease(given))).toBe(minutes(30));
    expect(renewsAt(aLease({ ...given, maxExpiresAt: minutes(89) }))).toBe(minutes(60));
    const refused = { ...well, leases: [held(aLease(given), { refused: true })] };
    expect(statusOf(refused, rules, 0).renewsAt).toBe(minutes(60));
  });

  test('leaves so much time for an outage', () => {
    expect(statusOf(well, rules, 0).outageTolerance).toBe(minutes(30));
    const late = {
      ...well,
      leases: [held(aLease({ expiresAt: minutes(200) }), { generation: 1, formerEnds: { 0: 5 } })],
    };
    expect(statusOf(late, rules, 0).outageTolerance).toBe(0);
  });
});

describe('a sink', () => {
  const owed = (sinks: Record<string, SinkState>, some = rules, record = well) =>
    statusOf({ ...record, sinks }, some, 0).owed;
  const has = { lease: 'l1', generation: 0, mark: 'm', reloaded: true, seenAt: 0 };

  test('is owed until it has the head and its program has taken it up', () => {
    expect(owed({})).toEqual(['file']);
    expect(owed({ file: { uses: [], has } })).toEqual([]);
    expect(owed({ file: { uses: [], has: { ...has, reloaded: false } } })).toEqual(['file']);
    expect(owed({ file: { uses: [], has: { ...has, generation: 1 } } })).toEqual(['file']);
    expect(owed({ file: { uses: [], has } }, rules, recordOf())).toEqual(['file']);
  });

  test('is owed until the programs that the secret tells have taken it up', () => {
    const reloads = rulesOf({ reloads: true });
    expect(owed({ file: { uses: [], has } }, reloads)).toEqual(['file']);
    expect(owed({ file: { uses: [], has } }, reloads, { ...well, acknowledged: has })).toEqual([]);
  });
});

test('a secret is ready once every sink was written to, and while none holds an ended value', () => {
  const ready = (record: SecretRecord, now = 0, some = rules) => statusOf(record, some, now).isReady;
  expect(ready(well)).toBe(true);
  expect(ready(well, minutes(60) - 1)).toBe(true);
  expect(ready(well, minutes(60))).toBe(false);
  expect(ready(well, 0, rulesOf({ sinks: ['file', 'other'] }))).toBe(false);
  expect(ready({ ...well, sinks: { file: { uses: [{ lease: 'l1', generation: 0 }] } } })).toBe(false);
  expect(ready({ ...well, sinks: {} })).toBe(false);
});

test('failures are counted by act until it succeeds, whatever it was done to', () => {
  const failures = {
    'write:file': failure,
    'write:other': { ...failure, count: 5 },
    'renew:l1': { ...failure, isOver: true as const },
  };
  const status = statusOf({ ...well, failures, succeeded: { read: 7, write: 8 } }, rules, 0);
  expect(status.failures).toEqual({ write: 5, renew: 0, read: 0 });
  expect(status.succeeded).toEqual({ read: 7, write: 8 });
  expect(statusOf(well, rules, 0).succeeded).toEqual({});
});

test('what failed and is not over is told by what it was done to', () => {
  const over = { ...failure, isOver: true as const };
  const failures = { 'write:file': failure, 'write:other': over };
  const status = statusOf({ ...well, failures }, rules, 0);
  expect(status.failing).toEqual({ 'write:file': failure });
  expect(statusOf({ ...well, failures: { 'write:other': over } }, rules, 0).failures).toEqual({ write: 0 });
});

test('a lease that was to be taken for want of renewals is nothing that fails once it was renewed', () => {
  const acquires = (now: number, renew: number, denied = 0) =>
    statusOf({ ...well, failures: { acquire: { ...failure, denied } }, succeeded: { renew } }, rules, now).failures;
  expect(acquires(1, minutes(29) + 1)).toEqual({ renew: 0, acquire: 0 });
  expect(acquires(1, minutes(29))).toEqual({ renew: 0, acquire: 3 });
  expect(acquires(minutes(30), minutes(29) + 1)).toEqual({ renew: 0, acquire: 3 });
  expect(acquires(1, minutes(29) + 1, 1)).toEqual({ renew: 0, acquire: 3 });
});

test('superseded leases are counted', () => {
  const record = { ...well, leases: [held(), held(), held(aLease({ id: 'l0' }), { supersededAt: 1 })] };
  expect(statusOf(record, rules, 0).superseded).toBe(1);
});
