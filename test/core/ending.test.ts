/** What becomes of leases that nobody uses, or that nobody is known to use. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import { checked, reloaded, writing } from '../../src/core/deliveries.ts';
import { isIssuedAfter } from '../../src/core/lost.ts';
import type { Holding, SecretRecord, SinkState } from '../../src/core/record.ts';
import type { Rules } from '../../src/core/rules.ts';
import { inherited } from '../../src/core/strays.ts';
import { type Instant, minutes, seconds } from '../../src/core/time.ts';
import { searched, settled } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const rules = { ...rulesOf(), exclusive: true, sinks: ['a'] };
const head: Holding = { lease: 'l1', generation: 0 };
const has = (what: Holding, reloaded = true): SinkState => ({
  uses: [what],
  has: { ...what, mark: 'm', reloaded, seenAt: 0 },
});
const now = minutes(3);
const knowing = at(now, { seen: ['a', 'b'], atHand: [head] });
const usesOf = (record: SecretRecord, sink = 'a') => record.sinks[sink]?.uses.map(({ lease }) => lease);

interface Finder {
  readonly known?: readonly string[];
  readonly by?: Rules;
  readonly startedAt?: Instant;
}

/** A search has found `lost`, which a process took that was killed, or ourselves, without an answer. */
function found(
  sinks: Readonly<Record<string, SinkState>>,
  change: Partial<SecretRecord> = {},
  { known = ['a', 'b'], by = rules, startedAt = 1 }: Finder = {},
): SecretRecord {
  const record = { ...recordOf(held(aLease())), sinks, intent: { key: 'k', at: 0 }, ...change };
  const facts = { seen: known, writable: known, startedAt };
  return settled(searched(record, [aLease({ id: 'lost', issuedAt: 1 })], by, facts, now), by, now);
}
const byUs: Finder = { startedAt: -minutes(2) };
const fateOf = (record: SecretRecord) => record.leases.at(-1);

describe('a lease that a search has found', () => {
  test.each<[string, SecretRecord]>([
    ['the sink was not asked yet', found({ a: has(head) }, {}, { known: [] })],
    ['something else was found in the sink', found({ a: { uses: [head] } })],
    ['the program does not use what is there yet', found({ a: has(head, false) })],
    ['the sink has another generation', found({ a: has({ ...head, generation: 1 }) })],
    ['nothing is known of the sink', found({})],
    ['there is nothing else that it could have', found({ a: has(head) }, { leases: [] })],
    [
      'nobody but us can have taken it, and a program does not use what is there yet',
      found({ a: has(head, false) }, {}, byUs),
    ],
    [
      'the programs do not have what the secret tells',
      found({ a: has(head) }, {}, { by: { ...rules, reloads: true } }),
    ],
  ])('is in use while %s', (_, record) => {
    expect(usesOf(record)?.[0]).toBe('lost');
    expect(fateOf(record)).toMatchObject({
      lease: { id: 'lost' },
      stray: true,
      verified: false,
      since: 1,
      termStart: 1,
    });
    expect(fateOf(record)?.supersededAt).toBeUndefined();
  });

  test('is ended at once when all sinks are known to have another, and nobody but us can have taken it', () => {
    const one = found({ a: has(head) }, {}, byUs);
    expect(fateOf(one)).toMatchObject({ supersededAt: now, generation: 0, verified: false });
    expect(fateOf(one)).not.toHaveProperty('stray');
    expect(usesOf(one)).toEqual(['l1']);
    expect(decide(one, rules, knowing)).toMatchObject({ act: 'retire', to: 'lost', because: 'GraceOver' });
    const told = found({ a: has(head) }, { acknowledged: head }, { ...byUs, by: { ...rules, reloads: true } });
    expect(fateOf(told)?.supersededAt).toBe(now);
  });

  test('is ended a grace later where a process before us may have brought it to a sink that has another by now', () => {
    const one = found({ a: has(head) }, {}, { startedAt: 1 - minutes(2) });
    expect(fateOf(one)).toMatchObject({ supersededAt: now, stray: true });
    expect(usesOf(one)).toEqual(['l1']);
    expect(decide(one, rules, { ...knowing, now: now + rules.grace - 1 })).not.toMatchObject({ act: 'retire' });
    expect(decide(one, rules, { ...knowing, now: now + rules.grace })).toMatchObject({ act: 'retire', to: 'lost' });
  });

  test('is ended at once, whoever took it, when it came to no sink: all is noted that did since it was issued', () => {
    // It was issued at 1.
    const known = (state: SinkState, before = 1, wasEmpty = false): SinkState => ({
      ...state,
      known: wasEmpty ? { since: 1 + seconds(10) - before, wasEmpty } : { since: 1 - minutes(2) - before },
    });
    const isUnused = (record: SecretRecord) => {
      const { supersededAt, stray } = fateOf(record) ?? {};
      expect(usesOf(record)?.includes('lost') ?? false).toBe(supersededAt === undefined);
      expect(stray === undefined, 'strange').toBe(supersededAt !== undefined);
      return supersededAt === now;
    };
    expect(isUnused(found({ a: known(has(head)) }))).toBe(true);
    expect(isUnused(found({ a: known(has(head, false)) }))).toBe(true);
    expect(isUnused(found({ a: known({ uses: [] }) }))).toBe(true);
    expect(isUnused(found({ a: known(has(head, false), 1, true) }))).toBe(true);
    expect(isUnused(found({ a: known(has(head, false), 0) })), 'perhaps issued before it was written').toBe(false);
    expect(isUnused(found({ a: known(has(head, false), 0, true) })), 'perhaps issued before').toBe(false);
    for (const state of [has(head, false), { uses: [] }]) {
      expect(isUnused(found({ a: known(state) }, {}, { known: [] })), 'not looked into').toBe(false);
    }
    const both = { ...rules, sinks: ['a', 'b'] };
    expect(isUnused(found({ a: known(has(head)), b: known(has(head)) }, {}, { by: both }))).toBe(true);
    expect(fateOf(found({ a: known(has(head)), b: has(head, false) }, {}, { by: both }))?.stray).toBe(true);
    // The lease taken since then shows by how much its provider's dates are ahead.
    const ahead = (by: number) =>
      found({ a: known(has(head, false)) }, { succeeded: { acquire: -by }, intent: { key: 'k', at: -5 } });
    expect([-1, 0, 1].map((by) => isUnused(ahead(by)))).toEqual([true, true, false]);
    const nothingLost = { ...recordOf(held()), succeeded: { acquire: -1 } };
    expect(isIssuedAfter(aLease({ issuedAt: 1 }), 0, nothingLost)).toBe(true);
  });

  test('is in use only where it may be', () => {
    const both = { ...rules, sinks: ['a', 'b'] };
    const record = found({ a: has(head), b: { uses: [head] } }, {}, { by: both });
    expect([usesOf(record), usesOf(record, 'b')]).toEqual([['l1'], ['lost', 'l1']]);
    expect(record.sinks['a']).toEqual(has(head));
  });

  test('is ended a grace after the last sink has let go of it', () => {
    const record = found({ a: has(head, false) });
    const later = settled(reloaded(record, 'a', head, rules), rules, now + 7);
    expect(fateOf(later)).toMatchObject({ supersededAt: now + 7, stray: true });
    expect(decide(later, rules, { ...knowing, now: now + 7 + rules.grace - 1 }).act).toBe('wait');
    expect(decide(later, rules, { ...knowing, now: now + 7 + rules.grace })).toMatchObject({ act: 'retire' });
  });

  test('lives through its grace, as others do', () => {
    const [first, second] = found({ a: has(head, false) }).leases;
    if (!first || !second) throw new Error('there are two');
    const end = now + minutes(2);
    const ending = { ...second, lease: { ...second.lease, expiresAt: end }, supersededAt: now };
    expect(decide({ ...recordOf(first), leases: [first, ending] }, rules, knowing)).toMatchObject({ act: 'renew' });
    const { stray: _, ...never } = ending;
    expect(decide({ ...recordOf(first), leases: [first, never] }, rules, knowing)).toMatchObject({ act: 'retire' });
  });

  test('is let go of by a sink that turns out to have what it should, and whose program took that up', () => {
    const unseen = found({ a: has(head) }, {}, { known: [] });
    expect(usesOf(checked(unseen, 'a', true, rules, now))).toEqual(['l1']);
    expect(usesOf(checked(unseen, 'a', false, rules, now))).toEqual(['lost', 'l1']);
    expect(usesOf(checked(unseen, 'a', true, { ...rules, reloads: true }, now))).toEqual(['lost', 'l1']);
    const told = { ...unseen, acknowledged: head };
    expect(usesOf(checked(told, 'a', true, { ...rules, reloads: true }, now))).toEqual(['l1']);
    const untold = found({ a: has(head, false) }, {}, { known: [] });
    expect(usesOf(checked(untold, 'a', true, rules, now))).toEqual(['lost', 'l1']);
  });
});

describe('what a process finds when it begins', () => {
  const newest = held(aLease({ id: 'new' }));
  const record = { ...recordOf(newest, held(aLease())), sinks: { a: has(head), b: has(head) } };
  const both = { ...rules, sinks: ['a', 'b'] };

  test('is what it was where every sink is known to use all that is held', () => {
    const one = { ...record, leases: record.leases.slice(1) };
    expect(inherited(one, both)).toBe(one);
    const old = { ...one, leases: [...one.leases, held(aLease({ id: 'old' }), { supersededAt: 0 })] };
    expect(inherited(old, both)).toBe(old);
  });

  test('may be in use where the record knows only of what was there before', () => {
    const next = inherited(record, both);
    expect([usesOf(next), usesOf(next, 'b')]).toEqual([
      ['new', 'l1'],
      ['new', 'l1'],
    ]);
    expect(next.leases.map(({ stray }) => stray)).toEqual([true, undefined]);
    expect(inherited(next, both)).toBe(next);
    const perhaps = [holdingOf('new'), head].map((one) => ({ ...one, perhaps: true }));
    expect(inherited({ ...record, sinks: {} }, rules).sinks).toEqual({ a: { uses: perhaps } });
  });

  test('may have come back to use where it is a version, which can be made current again', () => {
    const version = held(aLease({ id: 'old', version: { which: 'current' } }), { supersededAt: 0 });
    const one = { ...record, leases: [held(aLease()), version] };
    const next = inherited(one, rules);
    expect(usesOf(next)).toEqual(['old', 'l1']);
    expect(next.leases[1]).toMatchObject({ stray: true });
    expect(decide(next, rules, { ...knowing, now: rules.grace + 1 }).act).not.toBe('retire');
    const seen = settled(checked(next, 'a', true, rules, now), rules, now);
    expect(decide(seen, rules, { ...knowing, now: now + rules.grace })).toMatchObject({ act: 'retire', to: 'old' });
  });

  test('and half of it known, the other half is added', () => {
    const half = { ...record, sinks: { a: { uses: [head, holdingOf('new')] }, b: has(head) } };
    const next = inherited(half, both);
    expect([usesOf(next), usesOf(next, 'b')]).toEqual([
      ['l1', 'new'],
      ['new', 'l1'],
    ]);
  });

  test('unproven and replaced at once, it is not ended before every sink has let go of it', () => {
    const unproven = { ...record, leases: [{ ...newest, verified: false }, ...record.leases.slice(1)] };
    const next = {
      ...inherited(unproven, both),
      leases: [held(aLease({ id: 'next' })), ...inherited(unproven, both).leases],
    };
    const kept = settled(next, both, now);
    expect(kept.leases.map(({ supersededAt }) => supersededAt)).toEqual([undefined, undefined, undefined]);
  });

  test('is known to be in use from when we write it ourselves', () => {
    const next = inherited(record, both);
    expect(writing(next, 'a', holdingOf('new'), 0).leases.map(({ stray }) => stray)).toEqual([undefined, undefined]);
    expect(writing(next, 'a', head, 0).leases[0]?.stray).toBe(true);
  });

  test('does not make us forget what a program took last, however long that is dead', () => {
    const dead = { ...record, leases: [newest, held(aLease({ expiresAt: 1 }))] };
    const late = minutes(59);
    expect(usesOf(settled(inherited(dead, rules), rules, late))).toEqual(['new', 'l1']);
    // Also where another sink never had what this one took last.
    const other = { ...dead, sinks: { a: { uses: [head, holdingOf('next')] }, b: has(holdingOf('next')) } };
    const more = { ...other, leases: [held(aLease({ id: 'next' })), ...dead.leases] };
    expect(usesOf(settled(inherited(more, both), both, late))).toEqual(['new', 'l1', 'next']);
    const missed = { ...dead, sinks: { a: { uses: [holdingOf('new'), holdingOf('missed'), head] } } };
    expect(usesOf(settled(missed, rules, late))).toEqual(['new']);
    // Not what nobody knows any more, which may stand first.
    const unknown = { ...dead, sinks: { a: { uses: [holdingOf('missed'), head] } } };
    expect(usesOf(settled(unknown, rules, late))).toEqual(['missed', 'l1']);
  });
});

function holdingOf(lease: string): Holding {
  return { lease, generation: 0 };
}
