/** How many requests a provider still takes of each kind, as its answers say: `x-ratelimit-*`, counted by routes and fixed windows. */
import { type Clock, type Instant, seconds } from '../core/time.ts';
import type { Raw } from '../http/exchange.ts';

/** Routes by the words that metrics know them by. Dates are on the clock that was given. */
export interface RouteBudgets {
  /** Absent: now. Else when the next few may go there. */
  until(route: string): Instant | undefined;
  /** One is about to be sent there. */
  spend(route: string): void;
  /** What an answer says of its route. Answers whether it says anything; if not, nothing changes. */
  learn(route: string, headers: Raw['headers']): boolean;
}

interface Budget {
  readonly limit: number;
  readonly resetsAt: Instant;
  /** When an answer first told of this window. */
  readonly knownSince: Instant;
  /** Requests in flight are no longer among them. */
  left: number;
  /** Nothing goes there before. */
  pausedUntil: Instant;
}

/** So many go together before there is a pause: each time that somebody comes back costs more than a request. */
const together = 4;

/**
 * Half of a window's requests may go as they come. The other half is spread over what is left of it, so that what becomes
 * urgent meanwhile need not wait for the next window. Where the window is over nothing is known: the next answer tells.
 */
export function routeBudgets(clock: Clock): RouteBudgets {
  const known = new Map<string, Budget>();
  const present = (route: string): Budget | undefined => {
    const budget = known.get(route);
    if (!budget || clock.now() < budget.resetsAt) return budget;
    known.delete(route);
    return undefined;
  };
  return {
    until(route) {
      const budget = present(route);
      if (!budget) return undefined;
      if (budget.left <= 0) return budget.resetsAt;
      return clock.now() < budget.pausedUntil ? budget.pausedUntil : undefined;
    },
    spend(route) {
      const budget = present(route);
      if (!budget) return;
      budget.left -= 1;
      if (budget.left <= 0 || budget.left > budget.limit / 2 || budget.left % together !== 0) return;
      const now = clock.now();
      budget.pausedUntil = now + ((budget.resetsAt - now) * together) / (budget.left + together);
    },
    learn(route, headers) {
      const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
        numberIn(headers[`x-ratelimit-${name}`]),
      );
      if (limit === undefined || remaining === undefined || reset === undefined || reset > longestWindow) return false;
      const before = present(route);
      const now = clock.now();
      const resetsAt = now + seconds(Math.max(1, reset));
      // Of the same window: what is in flight may not have been counted yet.
      const isSame = before !== undefined && Math.abs(before.resetsAt - resetsAt) < sameWindow;
      // Overtaken: its window was over when the present one was first told of.
      if (before && !isSame && resetsAt < before.knownSince + sameWindow) return true;
      known.set(route, {
        limit,
        resetsAt: isSame ? before.resetsAt : resetsAt,
        knownSince: isSame ? before.knownSince : now,
        left: isSame ? Math.min(before.left, remaining) : remaining,
        pausedUntil: isSame ? before.pausedUntil : Number.NEGATIVE_INFINITY,
      });
      return true;
    },
  };
}

/** In seconds. Who names a later end does not mean seconds. */
const longestWindow = 3_600;
/** Ends are told in whole seconds, by answers that take their time. */
const sameWindow = seconds(5);

const numberIn = (header: string | string[] | undefined): number | undefined =>
  typeof header === 'string' && /^\d{1,9}$/.test(header.trim()) ? Number(header) : undefined;
