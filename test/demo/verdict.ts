/** What the demo saw, in words, and whether it is what was promised. Judged by the sandbox's books, not by the daemon's. */
import type { Duration } from '../../src/core/time.ts';
import type { Books, LeaseBook } from '../sandbox/infisical/books.ts';
import type { Program } from './program.ts';

export interface Verdict {
  readonly lines: readonly string[];
  readonly faults: readonly string[];
  /** What it is to show, and has not: it may have been stopped too soon. */
  readonly unseen: readonly string[];
}

/** Asked when all is over: whoever the daemon left alive must have died by its own end. `term`: what a renewal adds. */
export function verdictOf(books: Books, program: Pick<Program, 'tally' | 'failures'>, term: Duration): Verdict {
  const renewals = books.leases.reduce((sum, lease) => sum + lease.renewals.length, 0);
  const replacements = books.leases.filter((lease) => wasReplacedAtItsWall(lease, books, term)).length;
  const logins = books.logins.filter(({ outcome }) => outcome === 'ok').length;
  const tokenRenewals = books.tokenRenewals.filter(({ outcome }) => outcome === 'ok').length;
  const left = books.leases.filter(({ endedAt, credentialEndedAt }) => !endedAt || !credentialEndedAt);
  const { uses, failures, loads } = program.tally;
  const lines = [
    `uses of the credential     ${uses}`,
    `  of them failed           ${failures}`,
    `reloads of the program     ${Math.max(0, loads - 1)}`,
    `leases taken               ${books.leases.length}`,
    `  renewed                  ${renewals} times`,
    `  replaced at their wall   ${replacements}`,
    `  ended by us / by date    ${endedBy(books, 'revoked')} / ${endedBy(books, 'expired')}`,
    `logins                     ${logins}`,
    `token renewals             ${tokenRenewals}`,
    `leases left behind         ${left.length}`,
  ];
  const faults = [
    uses === 0 && 'the program never used a credential',
    failures > 0 && `${failures} uses failed, the first: ${program.failures[0]?.error}`,
    left.length > 0 && `left behind at the sandbox: ${left.map(({ id }) => id).join(', ')}`,
    books.troubles.length > 0 && `the sandbox has a bug: ${books.troubles[0]}`,
  ].filter((fault) => fault !== false);
  const unseen = [
    renewals === 0 && 'no lease was renewed',
    replacements === 0 && 'no lease was replaced at its wall',
  ].filter((what) => what !== false);
  return { lines, faults, unseen };
}

/**
 * It was renewed, and had its successor before it ended, but not before it had come so near to its wall that no whole
 * further term fitted below it; and it was ended by us. One that is replaced earlier has another reason, or wastes a life.
 */
const wasReplacedAtItsWall = (lease: LeaseBook, { leases }: Books, term: Duration): boolean => {
  const { endedBy: by, endedAt = 0, renewals, maxExpireAt, createdAt } = lease;
  const later = leases.filter((other) => other.secret === lease.secret && other.createdAt > createdAt);
  const successorAt = Math.min(...later.map((other) => other.createdAt));
  const isAtWall = maxExpireAt !== null && successorAt + term > maxExpireAt;
  return by === 'revoked' && renewals.length > 0 && isAtWall && successorAt < endedAt;
};

const endedBy = ({ leases }: Books, by: LeaseBook['endedBy']): number =>
  leases.filter((lease) => lease.endedBy === by).length;
