/** Rows of failures, and what a success in between makes of them. */
import { expect, test } from 'vitest';
import { type Failure, LeaseError } from '../../src/core/failure.ts';
import { died, failed, setBack, succeeded } from '../../src/core/setbacks.ts';
import { seconds } from '../../src/core/time.ts';
import { aLease, held, recordOf, stepTo } from './build.ts';

const down = new LeaseError('unavailable', 'down');
const row = (count: number): Failure => ({ count, denied: 2, at: 0, code: 'unavailable', notBefore: 0 });
const acquire = stepTo('acquire');
const after = (count: number) => ({ ...recordOf(held()), failures: { acquire: row(count) } });
const well = (count: number) => succeeded(after(count), after(count), acquire, 1);
const countOf = ({ failures }: ReturnType<typeof recordOf>) => failures['acquire']?.count;

test('what fails after it was done waits as after a short row, and not as after the long one before', () => {
  const next = (record: ReturnType<typeof recordOf>) => countOf(failed(record, acquire, down, { begun: 2, now: 3 }));
  expect([next(after(17)), next(well(17)), next(well(2))]).toEqual([18, 4, 3]);
  // How often our credential was rejected is another matter.
  const again = failed(well(17), acquire, new LeaseError('denied', 'no'), { begun: 2, now: 3 });
  expect(again.failures['acquire']?.denied).toBe(3);
});

test('a lease that dies as soon as it is taken is no success: its row goes on', () => {
  const young = { ...well(17), leases: [held(aLease({ issuedAt: 1 }), { since: 1 })] };
  expect(countOf(died(young, 'l1', seconds(2)))).toBe(18);
  expect(countOf(setBack(well(17), 3))).toBe(18);
});
