/** What becomes of dates of our own when our idea of a provider's time becomes another. */
import { expect, test } from 'vitest';
import type { SecretRecord } from '../../src/core/record.ts';
import { ownDates, redated } from '../../src/core/redating.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { aLease, held, recordOf } from './build.ts';

const nobody = () => false;
const moved = (of: SecretRecord, by: (noted: number) => number, has: (at: number) => boolean = nobody) =>
  redated(of, { moved: by, has });

const record: SecretRecord = {
  ...recordOf(held(), held(aLease({ id: 'l0' }), { supersededAt: minutes(7) })),
  acquires: [minutes(9), minutes(8)],
  credentialSince: minutes(4),
  failures: { acquire: { count: 3, denied: 0, at: minutes(6), code: 'unavailable', notBefore: minutes(6) + 5 } },
};

test('acquires, failures, ends of use and when our credential came are dates of our own', () => {
  expect(ownDates(record)).toEqual([9, 8, 4, 6, 7].map(minutes));
  expect(ownDates(recordOf(held()))).toEqual([]);
});

test('each is moved by as much as the time has since it was noted, and what a provider has dated is not', () => {
  const next = moved(record, (noted) => (noted === minutes(8) ? minutes(5) : minutes(-5)));
  expect(next.acquires).toEqual([13, 4].map(minutes));
  expect(next.credentialSince).toBe(minutes(-1));
  expect(next.leases.map(({ supersededAt }) => supersededAt)).toEqual([undefined, minutes(2)]);
  expect(next.failures).toEqual({
    acquire: { ...record.failures['acquire'], at: minutes(1), notBefore: minutes(1) + 5 },
  });
  expect(next.leases.map(({ supersededAt: _, ...rest }) => rest)).toEqual(
    record.leases.map(({ supersededAt: _, ...rest }) => rest),
  );
  expect(next.leases[0]).not.toHaveProperty('supersededAt');
  expect(moved(recordOf(held(aLease(), { supersededAt: 5 })), () => minutes(1))).not.toHaveProperty('acquires');
  expect(moved(recordOf(held(aLease(), { supersededAt: 5 })), () => minutes(1))).not.toHaveProperty('credentialSince');
});

test('less than two seconds are no change, and where nothing has changed it is the same record', () => {
  expect(moved(record, () => 0)).toBe(record);
  expect(moved(record, () => seconds(2) - 1)).toBe(record);
  expect(moved(record, () => 1 - seconds(2))).toBe(record);
  expect(moved(record, () => seconds(-2)).acquires).toEqual([9, 8].map((n) => minutes(n) - seconds(2)));
  expect(moved(record, (noted) => (noted === minutes(7) ? seconds(2) : 0)).leases[1]?.supersededAt).toBe(
    minutes(7) + seconds(2),
  );
});

test('a new date is none that was noted before: it would be moved once more', () => {
  expect(
    moved(
      record,
      () => seconds(2),
      (at) => at < minutes(9) + seconds(2) + 3,
    ).acquires?.[0],
  ).toBe(minutes(9) + seconds(2) + 3);
});
