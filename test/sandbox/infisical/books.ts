/** What the sandbox remembers for whoever judges: every lease, login, renewal and request, with times and never a value. */
import type { Instant } from '../../../src/core/time.ts';

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
  readonly outcome: 'ok' | 'refused';
  readonly status: number;
  /** The token's id, which is no value. */
  readonly token?: string;
  readonly expiresIn?: number;
}

export interface RequestBook {
  readonly at: Instant;
  readonly route: string;
  readonly method: string;
  identity?: string;
  /** What was sent; absent while it is being worked on, and where nothing was. */
  status?: number;
  answeredAt?: Instant;
  /** Faults that struck it. */
  readonly faults: readonly string[];
}

export interface Books {
  readonly now: Instant;
  readonly leases: readonly LeaseBook[];
  readonly logins: readonly TokenBook[];
  readonly tokenRenewals: readonly TokenBook[];
  readonly tokenRevocations: readonly TokenBook[];
  /** The latest 20,000; `counts` knows all. */
  readonly requests: readonly RequestBook[];
  readonly counts: Readonly<Record<string, number>>;
  /** Errors of the sandbox itself, each of which was answered with a 500. Always empty, or the sandbox has a bug. */
  readonly troubles: readonly string[];
}

/** All but the requests. */
export type BooksState = Omit<Books, 'now' | 'requests'>;

export type OpenBooks = ReturnType<typeof openBooks>;

const remembered = 20_000;

export function openBooks() {
  const leases = new Map<string, LeaseBook>();
  const logins: TokenBook[] = [];
  const tokenRenewals: TokenBook[] = [];
  const tokenRevocations: TokenBook[] = [];
  const counts: Record<string, number> = {};
  const troubles: string[] = [];
  let requests: RequestBook[] = [];
  return {
    leases,
    logins,
    tokenRenewals,
    tokenRevocations,
    troubles,
    request(book: RequestBook): void {
      counts[book.route] = (counts[book.route] ?? 0) + 1;
      requests.push(book);
      if (requests.length >= 2 * remembered) requests = requests.slice(-remembered);
    },
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
      const latest = requests.slice(-remembered);
      return structuredClone({
        now,
        leases: [...leases.values()],
        logins,
        tokenRenewals,
        tokenRevocations,
        requests: latest,
        counts,
        troubles,
      });
    },
  };
}
