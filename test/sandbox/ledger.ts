/** The requests a sandbox remembers for whoever judges, and its own errors. */
import type { Instant } from '../../src/core/time.ts';

/** Times are on the server's clock. */
export interface RequestBook {
  readonly at: Instant;
  readonly route: string;
  readonly method: string;
  /** What was asked for, where no route is. */
  readonly target?: string;
  /** The identity or service account that asked, once it is known. */
  identity?: string;
  /** What was sent; absent while it is being worked on, and where nothing was. */
  status?: number;
  answeredAt?: Instant;
  /** Faults that struck it. */
  readonly faults: readonly string[];
}

export interface Requests {
  /** The latest 20,000; `counts` knows all. */
  readonly requests: readonly RequestBook[];
  readonly counts: Readonly<Record<string, number>>;
  /** Errors of the sandbox itself, each of which was answered with a 500. Always empty, or the sandbox has a bug. */
  readonly troubles: readonly string[];
}

const remembered = 20_000;

export function openLedger() {
  const counts: Record<string, number> = {};
  const troubles: string[] = [];
  let requests: RequestBook[] = [];
  return {
    counts,
    troubles,
    request(book: RequestBook): RequestBook {
      counts[book.route] = (counts[book.route] ?? 0) + 1;
      requests.push(book);
      if (requests.length >= 2 * remembered) requests = requests.slice(-remembered);
      return book;
    },
    trouble(error: unknown): void {
      troubles.push(error instanceof Error ? String(error.stack) : String(error));
    },
    read: (): Requests => ({ requests: requests.slice(-remembered), counts, troubles }),
  };
}
