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
  /** Who is inside, and since when. */
  readonly #probes = new Map<string, Instant>();
  #next: string | undefined;
  #unanswered = 0;

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Whose turn it is to ask, as far as it was called. */
  get next(): string | undefined {
    return this.#next;
  }

  /** `choose` one by since when it has had no turn: it may ask next. Nobody is chosen as long as somebody is inside. */
  call<W extends { readonly secret: string }>(
    choose: (turnOf: (secret: string) => Instant) => W | undefined,
  ): W | undefined {
    if (this.#probes.size > 0) return undefined;
    const chosen = choose(this.#turnOf);
    this.#next = chosen?.secret;
    return chosen;
  }

  /** It has nothing to ask. Answers whether it was to be the next. */
  pass(secret: string): boolean {
    const wasNext = this.#next === secret;
    if (wasNext) this.#next = undefined;
    return wasNext;
  }

  readonly #turnOf = (secret: string): Instant => this.#turns.get(secret) ?? this.#openedAt;

  /** As that secret is to see it. */
  block(now: Instant, secret?: string): Block | undefined {
    if (this.#probes.size > 0) {
      const since = Math.max(...this.#probes.values());
      return { because: 'CircuitOpen', since, until: since + longestProbe };
    }
    const open = this.#open;
    if (!open || now >= open.until) return undefined;
    const { since, until } = open;
    const turn = secret !== undefined && secret === this.#next && { turnSince: this.#turnOf(secret) };
    return { because: 'CircuitOpen', since, until, ...turn };
  }

  /** A request is made. Answers whether it is one that shows whether others may be. */
  enter(now: Instant, secret: string): boolean {
    if (!this.#open) return false;
    this.pass(secret);
    this.#probes.set(secret, now);
    this.#turns.set(secret, now);
    return true;
  }

  leave(secret: string): void {
    this.#probes.delete(secret);
  }

  /** Answers whether it was open. */
  answered(): boolean {
    const wasOpen = this.isOpen;
    this.#unanswered = 0;
    this.#open = undefined;
    this.#turns.clear();
    this.#next = undefined;
    return wasOpen;
  }

  /** Answers whether it is open from now on, or for longer. `prober`: whose request showed it. */
  unanswered(now: Instant, prober: string | undefined): boolean {
    this.#unanswered++;
    if (prober === undefined && (this.#open || this.#unanswered < patience)) return false;
    if (prober !== undefined) this.#turns.set(prober, now);
    if (!this.#open) this.#openedAt = now;
    const tries = this.#open ? this.#open.tries + 1 : 0;
    this.#open = { since: now, until: now + Math.min(longestBreak, shortestBreak * 2 ** tries), tries };
    return true;
  }
}
