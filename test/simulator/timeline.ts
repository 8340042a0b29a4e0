/** Virtual time. Everything in a simulated world happens as an event on one timeline, in an order that a seed decides. */
import type { Clock, Duration, Instant } from '../../src/core/time.ts';

/** mulberry32: small, seeded, good enough. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** In [0, 1). */
  roll(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  chance = (probability: number): boolean => this.roll() < probability;
  between = (low: number, high: number): number => Math.floor(low + this.roll() * (high - low));
  /** Like the gaps between things that happen by chance: so long on average. */
  gap = (mean: number): number => -Math.log(1 - this.roll()) * mean;
  oneOf = <T>(first: T, ...rest: T[]): T => [first, ...rest][this.between(0, rest.length + 1)] ?? first;
}

const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** The answer of what happened and woke nobody: time may go on at once. */
export const idle = Symbol('nobody goes on');

interface Event {
  readonly at: Instant;
  readonly nth: number;
  readonly happen: () => unknown;
}

export class Timeline implements Clock {
  #now: Instant = 0;
  #count = 0;
  #spins = 0;
  /** A binary heap, earliest first. */
  readonly #events: Event[] = [];

  now(): Instant {
    return this.#now;
  }

  /** Something happens without taking time. Whoever does that for ever is stopped. */
  spin(): void {
    if (++this.#spins > 10_000) throw new Error(`spinning at ${this.#now}`);
  }

  at(when: Instant, happen: () => unknown): void {
    this.#events.push({ at: Math.max(Math.ceil(when), this.#now), nth: this.#count++, happen });
    let i = this.#events.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#swapIfBefore(i, parent)) break;
      i = parent;
    }
  }

  after = (delay: Duration, happen: () => unknown): void => this.at(this.#now + delay, happen);

  /** Have a look then, from outside: nobody in the world goes on because of it. */
  watch(when: Instant, look: () => void): void {
    this.at(when, () => {
      look();
      return idle;
    });
  }

  /** Let everything happen until then. A tick comes only when all that awaited an event has run as far as it can. */
  async runUntil(end: Instant): Promise<void> {
    await tick();
    for (let next = this.#events[0]; next && next.at <= end; next = this.#events[0]) {
      this.#removeFirst();
      if (next.at > this.#now) this.#spins = 0;
      this.#now = next.at;
      this.spin();
      if (next.happen() === idle) continue;
      await tick();
      // Thrown to whoever was spinning, it may have been taken for any other failure.
      if (this.#spins > 10_000) this.spin();
    }
    this.#now = end;
  }

  #removeFirst(): void {
    const last = this.#events.pop();
    if (!last || this.#events.length === 0) return;
    this.#events[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfBefore(child, i)) return;
      i = child;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const [a, b] = [this.#events[i], this.#events[j]];
    return a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.nth < b.nth));
  }

  #swapIfBefore(i: number, j: number): boolean {
    const [a, b] = [this.#events[i], this.#events[j]];
    if (!a || !b || !this.#isBefore(i, j)) return false;
    [this.#events[i], this.#events[j]] = [b, a];
    return true;
  }
}
