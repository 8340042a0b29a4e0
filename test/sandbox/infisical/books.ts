/** What the sandbox remembers for whoever judges: every lease, login, renewal and request, with times and never a value. */
import type { Instant } from '../../../src/core/time.ts';
import { openLedger, type Requests } from '../ledger.ts';

/** `removed`: its dynamic secret was deleted. `forgotten`: the server lost the row. */
export type LeaseEnd = 'revoked' | 'forced' | 'expired' | 'removed' | 'forgotten';

/** Times are on the server's clock. */
export interface LeaseBook {
  readonly id: string;
  /** `project/environment/path name`. */
  readonly secret: string;
  /** The account's name in the target. */
  readonly username: string;
  readonly identity: string;
  readonly createdAt: Instant;
  expireAt: Instant;
  readonly maxExpireAt: Instant | null;
  readonly renewals: { readonly at: Instant; readonly identity: string; readonly expireAt: Instant }[];
  /** Revocations that were asked for, answered or not. */
  readonly revocations: { readonly at: Instant; readonly identity: string }[];
  endedAt?: Instant;
  endedBy?: LeaseEnd;
  /** When the credential itself stopped working; with `endedAt` but without this it was orphaned. */
  credentialEndedAt?: Instant;
}

export interface TokenBook {
  readonly at: Instant;
  readonly identity: string;
  /** The slug that a login named. */
  readonly organization?: string;
  readonly outcome: 'ok' | 'refused';
  readonly status: number;
  /** The token's id, which is no value. */
  readonly token?: string;
  readonly expiresIn?: number;
}

export interface Books extends Requests {
  readonly now: Instant;
  readonly leases: readonly LeaseBook[];
  readonly logins: readonly TokenBook[];
  readonly tokenRenewals: readonly TokenBook[];
  readonly tokenRevocations: readonly TokenBook[];
}

/** All but the requests. */
export type BooksState = Omit<Books, 'now' | 'requests'>;

export type OpenBooks = ReturnType<typeof openBooks>;

export function openBooks() {
  const leases = new Map<string, LeaseBook>();
  const logins: TokenBook[] = [];
  const tokenRenewals: TokenBook[] = [];
  const tokenRevocations: TokenBook[] = [];
  const ledger = openLedger();
  const { counts, troubles } = ledger;
  return {
    leases,
    logins,
    tokenRenewals,
    tokenRevocations,
    request: ledger.request,
    trouble: ledger.trouble,
    endLease(id: string, at: Instant, by: LeaseEnd): void {
      const book = leases.get(id);
      if (book === undefined || book.endedAt !== undefined) return;
      book.endedAt = at;
      book.endedBy = by;
    },
    endCredential(id: string, at: Instant): void {
      const book = leases.get(id);
      if (book !== undefined) book.credentialEndedAt ??= at;
    },
    state: (): BooksState => ({
      leases: [...leases.values()],
      logins,
      tokenRenewals,
      tokenRevocations,
      counts,
      troubles,
    }),
    restore(state: BooksState): void {
      for (const lease of state.leases) leases.set(lease.id, lease);
      logins.push(...state.logins);
      tokenRenewals.push(...state.tokenRenewals);
      tokenRevocations.push(...state.tokenRevocations);
      Object.assign(counts, state.counts);
      troubles.push(...state.troubles);
    },
    /** A copy that later events do not change. */
    read(now: Instant): Books {
      const taken = { leases: [...leases.values()], logins, tokenRenewals, tokenRevocations };
      return structuredClone({ now, ...taken, ...ledger.read() });
    },
  };
}
