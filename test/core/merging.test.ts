/** Two records that were one are one again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { merged } from '../../src/core/merging.ts';
import type { SecretRecord } from '../../src/core/record.ts';
import { aLease, held, recordOf } from './build.ts';

const l1 = held(aLease());
const base = recordOf(l1);
const withLeases = (...ids: string[]): SecretRecord => ({
  ...base,
  leases: ids.map((id) => (id === 'l1' ? l1 : held(aLease({ id })))),
});
const idsOf = ({ leases }: SecretRecord) => leases.map(({ lease }) => lease.id);

describe('two records that were one', () => {
  test('have the leases that either of them took, mine first', () => {
    expect(idsOf(merged(base, withLeases('l2', 'l1'), withLeases('l3', 'l1')))).toEqual(['l2', 'l1', 'l3']);
  });

  test('keep the order of leases whose ids are numbers', () => {
    expect(idsOf(merged(base, withLeases('9', 'l1', '3'), base))).toEqual(['9', 'l1', '3']);
  });

  test('no longer have a lease that one of them ended, and the other left as it was', () => {
    const both = withLeases('l2', 'l1');
    expect(idsOf(merged(both, withLeases('l2'), both))).toEqual(['l2']);
    expect(idsOf(merged(both, both, withLeases('l2')))).toEqual(['l2']);
    expect(idsOf(merged(both, withLeases('l2'), withLeases('l1')))).toEqual([]);
  });

  test('still have a lease that one of them ended, and of which the other heard something', () => {
    const renewed = { ...base, leases: [held(aLease({ expiresAt: 99 }), { observedAt: 5 })] };
    expect(merged(base, { ...base, leases: [] }, renewed).leases).toEqual(renewed.leases);
    expect(merged(base, renewed, { ...base, leases: [] }).leases).toEqual(renewed.leases);
  });

  const words: readonly [number | undefined, number | undefined, string][] = [
    [5, 6, 'theirs'],
    [6, 5, 'mine'],
    [5, 5, 'mine'],
    [undefined, 5, 'theirs'],
    [5, undefined, 'mine'],
    [undefined, undefined, 'mine'],
  ];
  for (const [mine, theirs, whose] of words) {
    test(`believe of a lease the later word: mine of ${mine}, theirs of ${theirs}`, () => {
      const seen = (wall: number, observedAt: number | undefined) => {
        const { observedAt: _, ...rest } = held(aLease(), { wall });
        return { ...base, leases: [{ ...rest, ...(observedAt !== undefined && { observedAt }) }] };
      };
      const { leases } = merged(base, seen(1, mine), seen(2, theirs));
      expect(leases[0]?.wall).toBe(whose === 'mine' ? 1 : 2);
    });
  }

  test('remember of a sink all that either of them wrote, and what was written here last', () => {
    const sink = (lease: string) => ({
      file: {
        uses: [
          { lease: 'l1', generation: 0 },
          { lease, generation: 0 },
        ],
        has: { lease, generation: 0, mark: lease, reloaded: false, seenAt: 1 },
      },
    });
    const { sinks } = merged(base, { ...base, sinks: sink('l2') }, { ...base, sinks: sink('l3') });
    expect(sinks['file']?.has?.lease).toBe('l2');
    expect(sinks['file']?.uses.map(({ lease }) => lease)).toEqual(['l3', 'l1', 'l2']);
  });

  test('know of a sink since the later of the two, and only where both do', () => {
    const known = (since?: number, lease = 'l2') => ({
      file: { uses: [{ lease, generation: 0 }], ...(since !== undefined && { known: { since } }) },
    });
    const both = (mine?: number, theirs?: number) =>
      merged(base, { ...base, sinks: known(mine) }, { ...base, sinks: known(theirs, 'l3') }).sinks['file'];
    expect(both(5, 7)?.known?.since).toBe(7);
    expect(both(7, 5)?.known?.since).toBe(7);
    for (const file of [both(5), both(undefined, 5), both()]) expect(file).not.toHaveProperty('known');
  });

  test('have failures, successes and requests of both', () => {
    const failure = { count: 1, denied: 0, at: 0, code: 'unavailable', notBefore: 0 } as const;
    const mine: SecretRecord = { ...base, failures: { a: failure }, succeeded: { renew: 5 }, requests: { renew: 1 } };
    const theirs: SecretRecord = {
      ...base,
      failures: { b: failure },
      succeeded: { acquire: 4 },
      requests: { rotate: 2 },
    };
    expect(merged(base, mine, theirs)).toEqual({
      ...base,
      failures: { a: failure, b: failure },
      succeeded: { renew: 5, acquire: 4 },
      requests: { renew: 1, rotate: 2 },
    });
    expect(merged(mine, base, mine)).toEqual({ ...base, succeeded: {}, requests: {} });
  });

  test('have a request no more that one of them has answered', () => {
    const asked: SecretRecord = { ...base, requests: { rotate: 1 } };
    expect(merged(asked, { ...base, requests: {} }, asked).requests).toEqual({});
  });

  test('have what only one of them changed, mine where both did, and nothing that one of them took away', () => {
    const was: SecretRecord = { ...base, intent: { key: 'k', at: 1 }, credentialSince: 1 };
    const mine: SecretRecord = { ...base, credentialSince: 2, acquires: [3] };
    const theirs: SecretRecord = { ...was, credentialSince: 9, rejectedCredential: 'x' };
    expect(merged(was, mine, theirs)).toEqual({ ...base, credentialSince: 2, acquires: [3], rejectedCredential: 'x' });
  });
});

const anyRecord = fc
  .record({
    ids: fc.uniqueArray(fc.constantFrom('l1', 'l2', 'l3', '7')),
    seen: fc.integer({ min: 0, max: 3 }),
    key: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    used: fc.uniqueArray(fc.constantFrom('x', 'y')),
  })
  .map(
    ({ ids, seen, key, used }): SecretRecord => ({
      leases: ids.map((id) => held(aLease({ id }), { observedAt: seen })),
      sinks: Object.fromEntries(used.map((sink) => [sink, { uses: [{ lease: 'l1', generation: seen }] }])),
      failures: {},
      ...(key !== undefined && { intent: { key, at: 1 } }),
    }),
  );

test('whatever they are: unchanged is no change, the same change is one, and no new lease is lost', () => {
  fc.assert(
    fc.property(anyRecord, anyRecord, anyRecord, (was, mine, theirs) => {
      expect(merged(was, mine, was)).toEqual(mine);
      expect(merged(was, mine, mine)).toEqual(mine);
      expect(new Set(idsOf(merged(was, was, theirs)))).toEqual(new Set(idsOf(theirs)));
      const after = idsOf(merged(was, mine, theirs));
      for (const id of [...idsOf(mine), ...idsOf(theirs)]) if (!idsOf(was).includes(id)) expect(after).toContain(id);
    }),
    { numRuns: 500 },
  );
});

test('go on from the higher number that either of them gave out', () => {
  const given = (number: number): SecretRecord => ({
    ...base,
    sequence: { lease: 'l1', generation: number, number },
  });
  const numberOf = (record: SecretRecord) => record.sequence?.number;
  expect(numberOf(merged(base, given(5), given(6)))).toBe(6);
  expect(numberOf(merged(base, given(6), given(5)))).toBe(6);
  expect(numberOf(merged(base, given(5), base))).toBe(5);
  expect(numberOf(merged(base, base, given(5)))).toBe(5);
  expect(merged(given(7), given(7), base)).toHaveProperty('sequence.number', 7);
  expect(merged(base, base, base)).not.toHaveProperty('sequence');
  // Both have given out the same one: ours is what is beside us.
  const theirs = { ...given(7), sequence: { lease: 'l2', generation: 0, number: 7 } };
  expect(merged(base, given(7), theirs)).toHaveProperty('sequence.lease', 'l1');
});
