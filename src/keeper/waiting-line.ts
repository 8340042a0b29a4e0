/** Who waits at a gate, in the order of whose deadline is first: thousands may, and each of them asks for its place. */
import type { Stake } from '../core/rules.ts';
import type { Instant } from '../core/time.ts';

export interface Waiter extends Stake {
  readonly secret: string;
  readonly wake: () => void;
}

interface Placed extends Waiter {
  /** Of two with the same deadline the one that came first is first. */
  readonly turn: number;
}

export class WaitingLine {
  readonly #placed = new Map<string, Placed>();
  readonly #order: Placed[] = [];
  #turns = 0;

  /** Said again, it takes another place. */
  join(waiter: Waiter): void {
    const turn = this.#placed.get(waiter.secret)?.turn ?? ++this.#turns;
    this.leave(waiter.secret);
    const placed = { ...waiter, turn };
    this.#placed.set(waiter.secret, placed);
    this.#order.splice(
      this.#count((other) => isBefore(other, placed)),
      0,
      placed,
    );
  }

  /** Answers whether it was there. */
  leave(secret: string): boolean {
    const placed = this.#placed.get(secret);
    if (!placed) return false;
    this.#placed.delete(secret);
    this.#order.splice(
      this.#count((other) => isBefore(other, placed)),
      1,
    );
    return true;
  }

  /** How many go before it. None where it does not wait. */
  before(secret: string): number {
    const placed = this.#placed.get(secret);
    return placed ? this.#count((other) => isBefore(other, placed)) : 0;
  }

  first(): Waiter | undefined {
    return this.#order[0];
  }

  /** The first deadline that is not over yet; `Infinity` where there is none. */
  deadline(now: Instant): Instant {
    return this.#order[this.#over(now)]?.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** What is at stake for all whose deadline is not over yet. */
  stake(now: Instant): Stake | undefined {
    const alive = this.#over(now);
    const first = this.#order[alive];
    if (!first) return undefined;
    let { emergencyAt } = first;
    for (let i = alive; i < this.#order.length; i++) {
      emergencyAt = Math.min(emergencyAt, this.#order[i]?.emergencyAt ?? emergencyAt);
    }
    return { deadline: first.deadline, emergencyAt };
  }

  #over(now: Instant): number {
    return this.#count(({ deadline }) => deadline <= now);
  }

  /** How many at the head of the line are so; all behind them are not. */
  #count(isSo: (placed: Placed) => boolean): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const placed = this.#order[middle];
      if (placed && isSo(placed)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const isBefore = (a: Placed, b: Placed): boolean =>
  a.deadline < b.deadline || (a.deadline === b.deadline && a.turn < b.turn);
