/** What one process sends to a provider that limits it: the program's own budgets, and beside them what it was told, for the judge. */
import { ProviderBlocked } from '../../src/core/failure.ts';
import { type Duration, type Instant, seconds } from '../../src/core/time.ts';
import { type RequestRate, requestRate } from '../../src/sources/request-rate.ts';
import { type RouteBudgets, routeBudgets } from '../../src/sources/route-budgets.ts';
import type { Chaos } from './chaos.ts';
import type { Limits, Quota } from './limits.ts';
import type { Timeline } from './timeline.ts';

/** Each as it is counted. */
export const limitings = ['a limit is reached', 'we keep to a limit', 'we keep to our own rate'] as const;

/** Too many: come back after so many seconds. */
export class TooMany extends Error {
  readonly reset: number;

  constructor(reset: number) {
    super('too many');
    this.reset = reset;
  }
}

/** One request. */
export interface Ration {
  /** It takes effect, unless it is one too many: then `TooMany` is thrown. */
  arrive(isAwaited: boolean): void;
  /** Its answer has come, if one has. */
  hear(): void;
}

export class Rations {
  readonly #limits: Limits;
  readonly #budgets: RouteBudgets;
  readonly #rate: RequestRate | undefined;
  readonly #timeline: Timeline;
  readonly #chaos: Chaos;
  /** By route, how many were left when we were last told, less those that we have sent since. */
  readonly #told = new Map<string, { readonly end: Instant; left: number }>();

  constructor(limits: Limits, timeline: Timeline, chaos: Chaos) {
    this.#limits = limits;
    this.#timeline = timeline;
    this.#chaos = chaos;
    this.#budgets = routeBudgets(timeline);
    this.#rate = limits.plan.own === undefined ? undefined : requestRate(limits.plan.own, timeline);
  }

  /**
   * As the HTTP client does it before it sends anything. `ahead`: how far we take the provider's clock to be ahead. Throws
   * `ProviderBlocked`.
   */
  begin(route: string, kind: string, ahead: Duration): Ration {
    const free = this.#budgets.until(route);
    if (free !== undefined)
      this.#hold('we keep to a limit', new ProviderBlocked('RetryAfter', free + ahead, kind, true));
    const ours = this.#rate?.take();
    if (ours !== undefined)
      this.#hold('we keep to our own rate', new ProviderBlocked('RetryAfter', ours + 1 + ahead, undefined, true));
    this.#budgets.spend(route);
    const told = this.#told.get(route);
    const isKnown = told !== undefined && this.#timeline.now() < told.end && told.left <= 0;
    if (told) told.left--;
    let heard: Quota | undefined;
    return {
      arrive: (isAwaited) => {
        const quota = this.#limits.take(route, isKnown, isAwaited);
        if (isAwaited) heard = quota;
        if (!quota.isOver) return;
        this.#chaos.happened('a limit is reached');
        throw new TooMany(quota.reset);
      },
      hear: () => (heard ? this.#learn(route, heard) : this.#budgets.unanswered(route)),
    };
  }

  #hold(what: (typeof limitings)[number], block: ProviderBlocked): never {
    this.#chaos.happened(what);
    throw block;
  }

  #learn(route: string, { limit, remaining, reset, end }: Quota): void {
    this.#budgets.learn(route, {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(reset),
    });
    const before = this.#told.get(route);
    if (before && before.end > end) return;
    const left = before?.end === end ? Math.min(before.left, remaining) : remaining;
    this.#told.set(route, { end, left });
  }
}

/** When whoever was sent away may come back, by our idea of the provider's time. */
export const backAfter = ({ reset }: TooMany, now: Instant): Instant => now + seconds(reset);
