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
  /** When an answer first told of this window. Absent: none has, and it is taken to be like the one before. */
  readonly knownSince?: Instant;
  /** Requests in flight are no longer among them. */
  left: number;
  /** Nothing goes there before. */
  pausedUntil: Instant;
}

/** So many go together before there is a pause: each time that somebody comes back costs more than a request. */
const together = 4;

/** When a window is over no more are sent than it took, until an answer tells of the next: that takes so long, as a rule. */
const firstAnswer = seconds(0.5);
/** Where none comes as many are sent once more. */
const silence = seconds(60);

/**
 * Half of a window's requests may go as they come. The other half is spread over what is left of it, so that what becomes
 * urgent meanwhile need not wait for the next window.
 */
export function routeBudgets(clock: Clock): RouteBudgets {
  const known = new Map<string, Budget>();
  const present = (route: string): Budget | undefined => {
    const budget = known.get(route);
    const now = clock.now();
    if (!budget || now < budget.resetsAt) return budget;
    const { limit } = budget;
    const next = { limit, resetsAt: now + silence, left: Math.max(1, limit), pausedUntil: Number.NEGATIVE_INFINITY };
    known.set(route, next);
    return next;
  };
  return {
    until(route) {
      const budget = present(route);
      const now = clock.now();
      if (!budget) return undefined;
      if (budget.left > 0) return now < budget.pausedUntil ? budget.pausedUntil : undefined;
      return budget.knownSince === undefined ? Math.min(budget.resetsAt, now + firstAnswer) : budget.resetsAt;
    },
    spend(route) {
      const budget = present(route);
      if (!budget) return;
      budget.left -= 1;
      if (budget.knownSince === undefined) return;
      if (budget.left <= 0 || budget.left > budget.limit / 2 || budget.left % together !== 0) return;
      const now = clock.now();
      budget.pausedUntil = now + ((budget.resetsAt - now) * together) / (budget.left + together);
    },
    learn(route, headers) {
      const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
        numberIn(headers[`x-ratelimit-${name}`]),
      );
      if (limit === undefined || remaining === undefined || reset === undefined || reset > longestWindow) return false;
      const now = clock.now();
      const told = { limit, remaining, resetsAt: now + seconds(Math.max(1, reset)) };
      known.set(route, budgetAfter(present(route), told, now));
      return true;
    },
  };
}

interface Told {
  readonly limit: number;
  readonly remaining: number;
  readonly resetsAt: Instant;
}

function budgetAfter(before: Budget | undefined, { limit, remaining, resetsAt }: Told, now: Instant): Budget {
  const since = before?.knownSince;
  const isSame = before && since !== undefined && Math.abs(before.resetsAt - resetsAt) < sameWindow;
  // Overtaken: its window was over when the present one was first told of.
  if (before && since !== undefined && !isSame && resetsAt < since + sameWindow) return before;
  // What is in flight may not have been counted yet.
  const left = before && (isSame || since === undefined) ? Math.min(before.left, remaining) : remaining;
  if (isSame) return { ...before, limit, left };
  return { limit, resetsAt, knownSince: now, left, pausedUntil: Number.NEGATIVE_INFINITY };
}

/** In seconds. Who names a later end does not mean seconds. */
const longestWindow = 3_600;
/** Ends are told in whole seconds, by answers that take their time. */
const sameWindow = seconds(5);

const numberIn = (header: string | string[] | undefined): number | undefined =>
  typeof header === 'string' && /^\d{1,9}$/.test(header.trim()) ? Number(header) : undefined;
