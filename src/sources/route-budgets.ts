/** How many requests a provider still takes of each kind, as its answers say: `x-ratelimit-*`, counted by routes and fixed windows. */
import { type Clock, type Duration, type Instant, seconds } from '../core/time.ts';
import type { Raw } from '../http/exchange.ts';

/** Routes by the words that metrics know them by. Dates are on the clock that was given. */
export interface RouteBudgets {
  /** Absent: now. Else when the next few may go there. */
  until(route: string): Instant | undefined;
  /** One is about to be sent there. */
  spend(route: string): void;
  /** What an answer says of its route. Answers whether it says anything; if not, only what was presumed is forgotten. */
  learn(route: string, headers: Raw['headers']): boolean;
  /** One that was sent there has no answer. */
  unanswered(route: string): void;
}

interface Budget {
  readonly limit: number;
  readonly resetsAt: Instant;
  /** When an answer first told of this window, or it was presumed. */
  readonly since: Instant;
  /** No answer has told of it: it is taken to be like the one before. */
  readonly isPresumed: boolean;
  /** The longest that a window was told to last. */
  readonly length: Duration;
  /** Requests in flight are no longer among them. */
  left: number;
  /** Nothing goes there before. */
  pausedUntil: Instant;
}

/** So many go together before there is a pause: each time that somebody comes back costs more than a request. */
const together = 4;

/** When a window is over no more are sent than it took, until an answer tells of the next: that takes so long, as a rule. */
const firstAnswer = seconds(0.5);
/** Where none comes for so long, as many are sent once more. */
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
    const { limit, length } = budget;
    const resetsAt = now + Math.min(silence, length);
    const left = Math.max(1, limit);
    const next = { limit, length, since: now, isPresumed: true, resetsAt, left, pausedUntil: longAgo };
    known.set(route, next);
    return next;
  };
  // Where no answer tells of it any more nothing is known: a limit that is gone must not hold us up.
  const forgetPresumed = (route: string) => {
    if (present(route)?.isPresumed) known.delete(route);
  };
  return {
    until(route) {
      const budget = present(route);
      const now = clock.now();
      if (!budget) return undefined;
      if (budget.left > 0) return now < budget.pausedUntil ? budget.pausedUntil : undefined;
      // Twice as long each time.
      const answered = now + Math.max(firstAnswer, now - budget.since);
      return budget.isPresumed ? Math.min(budget.resetsAt, answered) : budget.resetsAt;
    },
    spend(route) {
      const budget = present(route);
      if (!budget) return;
      budget.left -= 1;
      if (budget.isPresumed) return;
      if (budget.left <= 0 || budget.left > budget.limit / 2 || budget.left % together !== 0) return;
      const now = clock.now();
      budget.pausedUntil = now + ((budget.resetsAt - now) * together) / (budget.left + together);
    },
    learn(route, headers) {
      const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
        numberIn(headers[`x-ratelimit-${name}`]),
      );
      if (limit === undefined || remaining === undefined || reset === undefined || reset > longestWindow) {
        forgetPresumed(route);
        return false;
      }
      const now = clock.now();
      const told = { limit, remaining, resetsAt: now + seconds(Math.max(1, reset)) };
      known.set(route, budgetAfter(present(route), told, now));
      return true;
    },
    unanswered: forgetPresumed,
  };
}

const longAgo: Instant = Number.NEGATIVE_INFINITY;

interface Told {
  readonly limit: number;
  readonly remaining: number;
  readonly resetsAt: Instant;
}

function budgetAfter(before: Budget | undefined, { limit, remaining, resetsAt }: Told, now: Instant): Budget {
  const told = before?.isPresumed === false ? before : undefined;
  const isSame = told !== undefined && Math.abs(told.resetsAt - resetsAt) < sameWindow;
  // Overtaken: its window was over when the present one was first told of.
  if (told && !isSame && resetsAt < told.since + sameWindow) return told;
  // What is in flight may not have been counted yet.
  const left = before && (isSame || before.isPresumed) ? Math.min(before.left, remaining) : remaining;
  if (isSame) return { ...told, limit, left };
  const length = Math.max(resetsAt - now, before?.length ?? 0);
  return { limit, length, since: now, isPresumed: false, resetsAt, left, pausedUntil: longAgo };
}

/** In seconds. Who names a later end does not mean seconds. */
const longestWindow = 3_600;
/** Ends are told in whole seconds, by answers that take their time. */
const sameWindow = seconds(5);

const numberIn = (header: string | string[] | undefined): number | undefined =>
  typeof header === 'string' && /^\d{1,9}$/.test(header.trim()) ? Number(header) : undefined;
