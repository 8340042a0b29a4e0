/** What the demo saw, in words, and whether it is what was promised. Judged by the sandbox's books, not by the daemon's. */
import type { Books, LeaseBook } from '../sandbox/infisical/books.ts';
import type { Program } from './program.ts';

export interface Verdict {
  readonly lines: readonly string[];
  readonly faults: readonly string[];
  /** What it is to show, and has not: it may have been stopped too soon. */
  readonly unseen: readonly string[];
}

/** Asked when all is over: whoever the daemon left alive must have died by its own end. */
export function verdictOf(books: Books, program: Pick<Program, 'tally' | 'failures'>): Verdict {
  const renewals = books.leases.reduce((sum, lease) => sum + lease.renewals.length, 0);
  const replacements = books.leases.filter((lease) => wasReplacedAtItsWall(lease, books)).length;
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

/** It was renewed as far as its wall allowed, had a successor before it ended, and was ended by us. */
const wasReplacedAtItsWall = (lease: LeaseBook, { leases }: Books): boolean => {
  const { endedBy: by, endedAt = 0, renewals, maxExpireAt, createdAt } = lease;
  const hasSuccessor = leases.some((other) => other.createdAt > createdAt && other.createdAt < endedAt);
  return by === 'revoked' && renewals.length > 0 && maxExpireAt !== null && hasSuccessor;
};

const endedBy = ({ leases }: Books, by: LeaseBook['endedBy']): number =>
  leases.filter((lease) => lease.endedBy === by).length;
