/** What becomes of dates that were noted before a provider had said what time it is. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import { delivery } from '../../src/core/deliveries.ts';
import { corrected, guessed, heardIn, noteOf } from '../../src/core/guesses.ts';
import { merged } from '../../src/core/merging.ts';
import type { SecretRecord } from '../../src/core/record.ts';
import { days, minutes, seconds } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const now = minutes(100);
const nobody = () => undefined;

/** Every date that we note ourselves is another one. */
function dated(from: number): SecretRecord {
  let next = from;
  const date = () => next++;
  const holding = { lease: 'l1', generation: 0 };
  return {
    leases: [held(aLease({ expiresAt: date() }), { supersededAt: date(), observedAt: date() })],
    sinks: {
      file: { uses: [holding], has: { ...holding, mark: 'm', reloaded: true, seenAt: date() } },
      empty: { uses: [holding], known: { since: from + 13 } },
    },
    failures: { acquire: { count: 2, denied: 0, at: date(), code: 'unavailable', notBefore: from + 1000 } },
    requests: { rotate: date() },
    succeeded: { write: date() },
    acquires: [date()],
    intent: { key: 'k', at: date() },
    doubt: { since: date(), until: date() },
    credentialSince: date(),
    untoldSince: date(),
  };
}
const dates = (from: number) => Array.from({ length: 14 }, (_, i) => from + i);

describe('what is noted while the time is a guess', () => {
  test('is marked, whatever it is', () => {
    expect([...(guessed(recordOf(), dated(5)).guesses ?? [])].sort((a, b) => a - b)).toEqual(dates(5));
  });

  test('stays marked as long as it is there, and what was known stays known', () => {
    const known = { ...recordOf(), acquires: [1] };
    const first = guessed(known, { ...known, acquires: [2, 1] });
    expect(first.guesses).toEqual([2]);
    const second = guessed(first, { ...first, acquires: [3, 2, 1] });
    expect(second.guesses).toEqual([3, 2]);
    expect(guessed(second, { ...second, acquires: [3, 1] }).guesses).toEqual([3]);
    expect(guessed(second, { ...second, acquires: [1] })).not.toHaveProperty('guesses');
  });

  test('stays marked when two records become one', () => {
    const base = recordOf();
    const mine = guessed(base, { ...base, requests: { rotate: 1 } });
    const theirs = guessed(base, { ...base, requests: { renew: 2 } });
    expect(merged(base, mine, theirs).guesses).toEqual([1, 2]);
    expect(merged(base, mine, base).guesses).toEqual([1]);
    expect(merged(base, base, theirs).guesses).toEqual([2]);
    expect(merged(base, base, base)).not.toHaveProperty('guesses');
    expect(merged(mine, base, mine)).not.toHaveProperty('guesses');
    expect(merged(mine, mine, base)).not.toHaveProperty('guesses');
  });
});

describe('once it is known what time it is', () => {
  test('a record without guesses is what it was', () => {
    const record = dated(5);
    expect(corrected(record, () => 7, now)).toBe(record);
  });

  test('what was known stays as it is', () => {
    const record = dated(5);
    expect(corrected({ ...record, guesses: [now] }, nobody, now)).toEqual(record);
  });

  test('what this process has guessed is moved by what its clock was wrong', () => {
    const record = { ...dated(5), guesses: dates(5) };
    const { observedAt: _, ...lease } = dated(105).leases[0] ?? held();
    expect(corrected(record, () => 100, now)).toEqual({ ...dated(105), leases: [lease] });
  });

  test.each([
    ['behind', now - minutes(5)],
    ['ahead', now + minutes(5)],
  ])('what a process has guessed that is no more, with a clock that was %s', (_, from) => {
    const next = corrected({ ...dated(from), guesses: dates(from) }, nobody, now);
    const past = Math.min(now, from);
    const is = (nth: number) => Math.min(now, from + nth);
    const [lease] = next.leases;
    expect(lease).toMatchObject({ lease: { expiresAt: past }, supersededAt: now });
    expect(lease).not.toHaveProperty('observedAt');
    expect(next).toMatchObject({
      sinks: {
        file: { has: { seenAt: is(3) } },
        empty: { uses: [{ lease: 'l1', generation: 0 }], known: { since: now } },
      },
      failures: { acquire: { count: 2, at: is(4), notBefore: is(4) + 996 } },
      requests: { rotate: is(5) },
      succeeded: { write: is(6) },
      acquires: [now],
      intent: { key: 'k', at: now },
      doubt: { since: is(8) - days(1), until: now },
      credentialSince: is(11),
      untoldSince: is(12),
    });
    expect(next).not.toHaveProperty('guesses');
    expect(next.sinks['file']).not.toHaveProperty('known');
  });

  test('a try of another process is one whose outcome nobody knows; one of our own is under way', () => {
    const record = { ...recordOf(), intent: { key: 'k', at: 7 }, guesses: [7] };
    expect(corrected(record, nobody, now)).toMatchObject({
      intent: { key: 'k', at: now },
      doubt: { since: 7 - days(1), until: now },
    });
    const own = corrected(record, () => 1, now);
    expect(own.intent).toEqual({ key: 'k', at: 8 });
    expect(own).not.toHaveProperty('doubt');
    const known = corrected({ ...record, doubt: { since: 1, until: 2 } }, nobody, now);
    expect(known.doubt).toEqual({ since: 7 - days(1), until: now });
    const later = corrected({ ...record, doubt: { since: 1, until: 2 }, guesses: [2] }, nobody, now);
    expect(later).toMatchObject({ intent: { at: 7 }, doubt: { since: 1, until: now } });
  });

  test('acquires stay in their order: what was known may be later than what was guessed', () => {
    const record = { ...recordOf(), acquires: [50, 40, 30], guesses: [40] };
    expect(corrected(record, () => 15, now).acquires).toEqual([55, 50, 30]);
  });
});

test('heard are a lease, what an observation said of it, and that something failed', () => {
  const failures = {
    acquire: { code: 'unavailable', message: 'no', at: 5, notBefore: 9, denied: 0, count: 1 },
  } as const;
  const record = {
    ...recordOf(
      held(aLease(), { since: 1, observedAt: 2 }),
      held(aLease({ id: 'other' }), { since: 3, observedAt: 4 }),
    ),
    failures,
  };
  const told = [...heardIn(record)].map(([what, at]) => noteOf(what, at));
  expect(new Set(told).size).toBe(5);
  expect([...heardIn(record).values()].sort()).toEqual([1, 2, 3, 4, 5]);
});

describe('while the time is a guess', () => {
  const guess = (change = {}) => at(now, { isTimeGuessed: true, startedAt: now - seconds(30), ...change });

  test('nothing is ended after its grace, which may not be over, and soon it is asked again', () => {
    const old = held(aLease({ id: 'old', expiresAt: now + minutes(60) }), { supersededAt: 0 });
    const record = { ...recordOf(held(aLease({ expiresAt: now + minutes(60), issuedAt: now }))) };
    const both = { ...record, leases: [...record.leases, old] };
    expect(decide(both, rulesOf(), at(now))).toMatchObject({ act: 'retire', to: 'old' });
    expect(decide(both, rulesOf(), guess())).toMatchObject({ act: 'wait', until: now + seconds(5) });
    const asked = { ...both, leases: [...record.leases, { ...old, unwanted: true as const }] };
    expect(decide(asked, rulesOf(), guess())).toMatchObject({ act: 'retire', because: 'Requested' });
    const later = { ...both, leases: [...record.leases, { ...old, supersededAt: now }] };
    expect(decide(later, rulesOf(), guess()).act).toBe('wait');
    expect(decide(later, rulesOf(), guess())).toMatchObject({ until: now + minutes(5) });
  });

  test('nothing is renewed whose wall may be near, and what is far from its wall or has none is', () => {
    const by = { renewal: { from: 'now' as const, by: minutes(60), atLeast: minutes(60), canShorten: false } };
    const dates = { issuedAt: now - minutes(40), expiresAt: now + minutes(20), ...by };
    const record = (wall: object) => recordOf(held(aLease({ ...dates, ...wall })));
    const near = now + minutes(60) + seconds(35) + days(1);
    expect(decide(record({ maxExpiresAt: near - 1 }), rulesOf(), at(now))).toMatchObject({ act: 'renew' });
    expect(decide(record({ maxExpiresAt: near - 1 }), rulesOf(), guess())).toMatchObject({ act: 'acquire' });
    expect(decide(record({ maxExpiresAt: near }), rulesOf(), guess())).toMatchObject({ act: 'renew' });
    expect(decide(record({}), rulesOf(), guess())).toMatchObject({ act: 'renew' });
  });

  test('what another process has heard in the time of the provider was not heard since we started', () => {
    const rules = rulesOf({ can: { observe: true, read: false, search: false }, observeEvery: () => minutes(1) });
    const lease = aLease({ expiresAt: now + minutes(60), issuedAt: now });
    const heard = held(lease, { observedAt: now - seconds(29) });
    const theirs = { ...recordOf(heard), sinks: { file: { uses: [{ lease: 'l1', generation: 0 }] } } };
    const atHand = [{ lease: 'l1', generation: 0 }];
    const ours = { ...theirs, guesses: [now - seconds(29)] };
    const inDoubt = { act: 'observe', because: 'InDoubt' };
    expect(decide(theirs, rules, at(now, { startedAt: now - seconds(30), atHand }))).toMatchObject({ act: 'wait' });
    // The provider may be wrong about the time by now, and by that time it was.
    const wrong = (own: SecretRecord) => {
      const known = [...heardIn(own)].map(([what, date]) => noteOf(what, date));
      return at(now, { startedAt: now - seconds(30), atHand, heard: new Set(known) });
    };
    expect(decide(theirs, rules, wrong(recordOf()))).toMatchObject(inDoubt);
    expect(decide(theirs, rules, wrong(recordOf(held(lease, { observedAt: now }))))).toMatchObject(inDoubt);
    expect(decide(theirs, rules, wrong(theirs))).toMatchObject({ act: 'wait' });
    expect(decide(theirs, rules, guess())).toMatchObject(inDoubt);
    // Where the provider never says what time it is.
    expect(decide(ours, rules, guess({ atHand }))).toMatchObject({ act: 'wait', until: now + seconds(31) });
    expect(decide(ours, rules, guess({ startedAt: now - seconds(28) }))).toMatchObject(inDoubt);
    const next = (record: SecretRecord) => delivery(record, 'file', rules, guess({ atHand }));
    expect(next(theirs)).toMatchObject({ act: 'wait' });
    expect(next(ours)).toMatchObject({ act: 'write' });
  });

  test('nothing is searched for: nobody could say since when', () => {
    const rules = rulesOf({ can: { observe: false, read: false, search: true } });
    const record = recordOf(held(aLease({ expiresAt: now + minutes(60), issuedAt: now })));
    const lost = { ...record, doubt: { since: 0, until: 1 } };
    expect(decide(lost, rules, at(now))).toMatchObject({ act: 'search' });
    expect(decide(lost, rules, guess())).toMatchObject({ act: 'wait', until: now + seconds(5) });
    const late = { ...record, doubt: { since: 0, until: now } };
    expect(decide(late, rules, guess())).toMatchObject({ act: 'wait', until: now + minutes(2) });
  });
});
