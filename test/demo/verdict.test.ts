/** The demo says that it has shown what it is to show only where it was seen in the sandbox's books. */
import { expect, test } from 'vitest';
import { seconds } from '../../src/core/time.ts';
import type { Books, LeaseBook } from '../sandbox/infisical/books.ts';
import { verdictOf } from './verdict.ts';

const term = seconds(9);

/** A lease of 9 s that can be renewed up to 45 s, as a run of the demo has it. */
const aLease = (from: number, more: Partial<LeaseBook>): LeaseBook => ({
  id: `lease-${from}`,
  secret: 'shop/prod/ orders-db',
  username: `user-${from}`,
  identity: 'keeper',
  createdAt: seconds(from),
  expireAt: seconds(from + 45),
  maxExpireAt: seconds(from + 45),
  renewals: [5, 12, 21, 29].map((at, i) => ({
    at: seconds(from + at),
    identity: 'keeper',
    expireAt: seconds(from + 18 + 9 * i),
  })),
  revocations: [],
  endedAt: seconds(from + 45),
  endedBy: 'expired',
  credentialEndedAt: seconds(from + 45),
  ...more,
});

const unseen = (...leases: readonly LeaseBook[]) => {
  const none = { requests: [], counts: {}, troubles: [], logins: [], tokenRenewals: [], tokenRevocations: [] };
  const books: Books = { ...none, now: seconds(200), leases };
  const program = { tally: { uses: 1, failures: 0, loads: 1, user: '' }, failures: [] };
  return verdictOf(books, program, term).unseen;
};

/** The first of two, which we ended so long after its issue, and when the second came. */
const replaced = (next: number, more: Partial<LeaseBook> = {}) =>
  unseen(aLease(0, { endedAt: seconds(next + 2), endedBy: 'revoked', ...more }), aLease(next, {}));

const notSeen = ['no lease was replaced at its wall'];

test('a lease was replaced at its wall where its successor came when no whole term fitted below it any more', () => {
  expect(replaced(37.5)).toEqual([]);
  expect(replaced(36.001)).toEqual([]);
});

test('one that was replaced while another whole term fitted was not: neither right after its issue nor nine seconds before its wall', () => {
  for (const next of [2, 20, 30, 36]) expect(replaced(next), `${next} s after its issue`).toEqual(notSeen);
});

test('nor one whose successor came when it had ended, or is of another secret, or one that ended by itself', () => {
  expect(replaced(46, { endedAt: seconds(45) })).toEqual(notSeen);
  expect(replaced(38, { secret: 'shop/prod/ other-db' })).toEqual(notSeen);
  expect(replaced(38, { endedBy: 'expired' })).toEqual(notSeen);
  expect(replaced(38, { maxExpireAt: null })).toEqual(notSeen);
});

test('what was never renewed has not come to its wall', () => {
  expect(unseen(aLease(0, { renewals: [], endedAt: seconds(40), endedBy: 'revoked' }), aLease(38, {}))).toEqual(
    notSeen,
  );
});
