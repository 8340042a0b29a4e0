import { describe, expect, test } from 'vitest';
import { agendaOf } from '../../src/core/decide.ts';
import { unwritten, writing } from '../../src/core/deliveries.ts';
import type { Holding } from '../../src/core/record.ts';
import { hours, minutes } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const rules = rulesOf({ rotateAfter: (since) => since + hours(1) });

/** So many leases that are all in use; the newest was taken at `since`, and each ends so long after the one before. */
function inUse(count: number, change: { readonly superseded?: number } = {}) {
  const leases = Array.from({ length: count }, (_, i) => {
    const number = count - i;
    const lease = aLease({ id: `l${number}`, expiresAt: hours(10) + minutes(number) });
    return held(lease, number === change.superseded ? { supersededAt: 0 } : {});
  });
  const record = recordOf(...leases);
  const uses = leases.map(({ lease }) => ({ lease: lease.id, generation: 0 }));
  return { ...record, sinks: { file: { ...record.sinks['file'], uses } } };
}

const rotationOf = (record: ReturnType<typeof inUse>, now: number) =>
  agendaOf(record, rules, at(now)).find(({ because }) => because === 'RotationDue')?.at;

describe('a rotation by the policy', () => {
  test('comes at its time while there are few leases that are kept alive', () => {
    expect(rotationOf(inUse(1), 0)).toBe(hours(1));
    expect(rotationOf(inUse(3), 0)).toBe(hours(1));
  });

  test('waits, where there are four, until the first of them has ended', () => {
    expect(rotationOf(inUse(4), 0)).toBe(hours(10) + minutes(1));
    expect(rotationOf(inUse(4), hours(10) + minutes(1))).toBe(hours(1));
  });

  test('waits, where there are more, until three are left', () => {
    expect(rotationOf(inUse(6), 0)).toBe(hours(10) + minutes(3));
  });

  test('does not wait for what nobody uses any more', () => {
    expect(rotationOf(inUse(4, { superseded: 2 }), 0)).toBe(hours(1));
  });

  test('waits for ever where none of them ends, and not for what a person asks for', () => {
    const record = inUse(4);
    const endless = {
      ...record,
      leases: record.leases.map((one) => {
        const { expiresAt: _, ...lease } = one.lease;
        return { ...one, lease };
      }),
    };
    expect(rotationOf(endless, 0)).toBe(Number.POSITIVE_INFINITY);
    const asked = agendaOf({ ...endless, requests: { rotate: 0 } }, rules, at(5));
    expect(asked.find(({ because }) => because === 'Requested')?.at).toBe(5);
  });
});

describe('values that certainly did not come into a sink', () => {
  const [first, second]: Holding[] = [
    { lease: 'l1', generation: 0 },
    { lease: 'l1', generation: 1 },
  ] as const;

  test('are not in use there, and others are', () => {
    const record = writing(recordOf(held()), 'file', second as Holding, 5);
    expect(record.sinks['file']?.uses).toEqual([first, second]);
    const next = unwritten(record, 'file', second as Holding);
    expect(next.sinks['file']).toEqual(recordOf(held()).sinks['file']);
    // Told twice is told once.
    expect(unwritten(next, 'file', second as Holding)).toEqual(next);
    expect(unwritten(record, 'other', second as Holding).sinks['file']).toEqual(record.sinks['file']);
  });
});
