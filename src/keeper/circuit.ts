/** A provider that answers nobody is asked by one at a time, less and less often. */
import type { Block } from '../core/rules.ts';
import { type Duration, type Instant, seconds } from '../core/time.ts';

/** So many requests in a row without an answer, and nobody else is sent. */
const patience = 5;
const shortestBreak: Duration = seconds(1);
const longestBreak: Duration = seconds(30);
/** A probe takes no longer than the longest call. */
const longestProbe: Duration = seconds(35);

export class Circuit {
  /** Open: nobody passes until then, and after that one at a time. `tries`: how many of those were in vain. */
  #open: { readonly since: Instant; readonly until: Instant; readonly tries: number } | undefined;
  #openedAt: Instant = Number.NEGATIVE_INFINITY;
  /** By secret, when it was last let through since then, or that was in vain. */
  readonly #turns = new Map<string, Instant>();
  #prober = '';
  #probingSince: Instant | undefined;
  #unanswered = 0;

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** As that secret is to see it. */
  block(now: Instant, secret?: string): Block | undefined {
    const open = this.#open;
    if (open && this.#probingSince === undefined && now < open.until) {
      const turnSince = this.#turns.get(secret ?? '') ?? this.#openedAt;
      const isOthers = secret !== undefined && turnSince < open.since;
      return { because: 'CircuitOpen', since: open.since, until: open.until, ...(isOthers && { turnSince }) };
    }
    const since = this.#probingSince;
    return since === undefined ? undefined : { because: 'CircuitOpen', since, until: since + longestProbe };
  }

  /** A request is made. Answers whether it is one that shows whether others may be. */
  enter(now: Instant, secret: string): boolean {
    if (!this.#open) return false;
    this.#probingSince = now;
    this.#turns.set(secret, now);
    this.#prober = secret;
    return true;
  }

  leave(isProbe: boolean): void {
    if (isProbe) this.#probingSince = undefined;
  }

  /** Answers whether it was open. */
  answered(): boolean {
    const wasOpen = this.isOpen;
    this.#unanswered = 0;
    this.#open = undefined;
    this.#turns.clear();
    return wasOpen;
  }

  /** Answers whether it is open from now on, or for longer. */
  unanswered(isProbe: boolean, now: Instant): boolean {
    this.#unanswered++;
    if (!isProbe && (this.#open || this.#unanswered < patience)) return false;
    if (isProbe) this.#turns.set(this.#prober, now);
    if (!this.#open) this.#openedAt = now;
    const tries = this.#open ? this.#open.tries + 1 : 0;
    this.#open = { since: now, until: now + Math.min(longestBreak, shortestBreak * 2 ** tries), tries };
    return true;
  }
}
