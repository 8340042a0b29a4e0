/** What the sandbox remembers for whoever judges: versions, who was current when, reads, tokens; and never a value. */
import type { Instant } from '../../../src/core/time.ts';
import { openLedger, type Requests } from '../ledger.ts';

/** `by` is a service account's name, or `somebody` for what was done through the controls. Times are the server's. */
interface Deed {
  readonly at: Instant;
  readonly by: string;
}

export interface VersionBook {
  readonly id: string;
  /** The secret's name. */
  readonly secret: string;
  readonly createdAt: Instant;
  readonly by: string;
  readonly base: string | null;
  readonly generated: boolean;
  readonly keys: readonly string[];
  readonly scheduled: (Deed & { readonly destroyAt: Instant })[];
  readonly cancelled: Deed[];
  endedAt?: Instant;
  /** `forgotten`: the server lost it. `deleted`: its secret was. */
  endedBy?: 'destroyed' | 'forgotten' | 'deleted';
}

/** From then on this was the current version; `null`: none was. */
export interface CurrentBook extends Deed {
  readonly secret: string;
  readonly version: string | null;
}

/** One payload that was given out: what a real server sends a bill for. */
export interface PayloadReadBook extends Deed {
  readonly secret: string;
  readonly version: string;
}

export interface OperationBook extends Deed {
  readonly id: string;
  /** The route that started it. */
  readonly route: string;
  readonly secret: string;
  readonly version?: string;
  readonly key?: string;
  /** How often its key was shown again. */
  repeats: number;
  polls: number;
  doneAt?: Instant;
  /** Where it failed. */
  code?: number;
}

/** `console`: by a test itself. */
export type Means = 'jwt' | 'oauth' | 'impersonation' | 'metadata' | 'workload' | 'console';

export interface TokenBook {
  readonly at: Instant;
  readonly means: Means;
  /** `?` where nobody could be made out. */
  readonly account: string;
  readonly outcome: 'ok' | 'refused';
  /** The token's id, which is no value. */
  readonly token?: string;
  readonly expiresAt?: Instant;
  /** It had been given out before. */
  readonly again?: boolean;
}

export interface LockboxBooks extends Requests {
  readonly now: Instant;
  readonly versions: readonly VersionBook[];
  readonly currents: readonly CurrentBook[];
  readonly payloadReads: readonly PayloadReadBook[];
  readonly operations: readonly OperationBook[];
  readonly tokens: readonly TokenBook[];
}

export type OpenBooks = ReturnType<typeof openBooks>;

export function openBooks() {
  const ledger = openLedger();
  const versions = new Map<string, VersionBook>();
  const operations = new Map<string, OperationBook>();
  const currents: CurrentBook[] = [];
  const payloadReads: PayloadReadBook[] = [];
  const tokens: TokenBook[] = [];
  return {
    request: ledger.request,
    trouble: ledger.trouble,
    versions,
    operations,
    currents,
    payloadReads,
    tokens,
    endVersion(id: string, at: Instant, by: NonNullable<VersionBook['endedBy']>): void {
      const book = versions.get(id);
      if (book === undefined || book.endedAt !== undefined) return;
      book.endedAt = at;
      book.endedBy = by;
    },
    /** A copy that later events do not change. */
    read: (now: Instant): LockboxBooks =>
      structuredClone({
        now,
        versions: [...versions.values()],
        operations: [...operations.values()],
        currents,
        payloadReads,
        tokens,
        ...ledger.read(),
      }),
  };
}
