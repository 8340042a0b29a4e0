/**
 * Who waits at a gate, in the order of whose deadline is first: thousands may, and each of them asks for its place. Who
 * waits for the same kinds of requests is in one line; the lines whose kinds are blocked let others go first.
 */
import type { HeldUp, Stake } from '../core/rules.ts';
import type { Instant } from '../core/time.ts';

export interface Waiter extends HeldUp {
  readonly secret: string;
  readonly wake: () => void;
}

/** Are these kinds blocked by themselves? */
export type IsShut = (kinds: readonly string[] | undefined) => boolean;

interface Placed extends Waiter {
  /** Of two with the same deadline the one that came first is first. */
  readonly turn: number;
}

export class WaitingLine {
  readonly #placed = new Map<string, Placed>();
  readonly #lines = new Map<string, Line>();
  #turns = 0;

  /** Said again, it takes another place. */
  join(waiter: Waiter): void {
    const turn = this.#placed.get(waiter.secret)?.turn ?? ++this.#turns;
    this.leave(waiter.secret);
    const placed = { ...waiter, turn };
    this.#placed.set(waiter.secret, placed);
    this.#lineOf(placed).join(placed);
  }

  /**
   * Answers whether it was there. Who is then the first of those who wait for a kind that is blocked is woken, to look by
   * itself when that is over.
   */
  leave(secret: string, isShut: IsShut = () => false): boolean {
    const placed = this.#placed.get(secret);
    if (!placed) return false;
    this.#placed.delete(secret);
    const line = this.#lineOf(placed);
    const wasFirst = line.order[0] === placed;
    line.leave(placed);
    if (wasFirst && isShut(line.kinds)) line.order[0]?.wake();
    return true;
  }

  /** How many go before it. None where it does not wait. */
  before(secret: string, isShut: IsShut): number {
    const placed = this.#placed.get(secret);
    return placed ? this.#open(isShut).reduce((sum, line) => sum + line.before(placed), 0) : 0;
  }

  /** Of those whose kinds are not blocked. */
  first(isShut: IsShut): Waiter | undefined {
    return this.#open(isShut).reduce<Placed | undefined>((first, { order: [next] }) => {
      return next && (!first || isBefore(next, first)) ? next : first;
    }, undefined);
  }

  /**
   * Of those who are in danger and whose kinds are not blocked, who has waited longest for its turn. Among them are those
   * who have nothing left to lose: they can wait, but not for as long as others are in danger.
   */
  inTurn(now: Instant, turnOf: (secret: string) => Instant, isShut: IsShut): Waiter | undefined {
    let first: Placed | undefined;
    let isAnyInDanger = false;
    for (const placed of this.#placed.values()) {
      const isInDanger = placed.emergencyAt <= now;
      if ((!isInDanger && Number.isFinite(placed.emergencyAt)) || isShut(placed.kinds)) continue;
      isAnyInDanger ||= isInDanger;
      const earlier = first ? turnOf(placed.secret) - turnOf(first.secret) : -1;
      if (!first || earlier < 0 || (earlier === 0 && isBefore(placed, first))) first = placed;
    }
    return isAnyInDanger ? first : undefined;
  }

  isFirstOfItsKinds(secret: string): boolean {
    const placed = this.#placed.get(secret);
    return placed !== undefined && this.#lineOf(placed).order[0] === placed;
  }

  /** The first deadline that is not over yet; `Infinity` where there is none. */
  deadline(now: Instant): Instant {
    return Math.min(...[...this.#lines.values()].map((line) => line.deadline(now)), Number.POSITIVE_INFINITY);
  }

  /** What is at stake for all whose deadline is not over yet. */
  stake(now: Instant): Stake | undefined {
    const stakes = [...this.#lines.values()].flatMap((line) => line.stake(now) ?? []);
    if (stakes.length === 0) return undefined;
    return {
      deadline: Math.min(...stakes.map(({ deadline }) => deadline)),
      emergencyAt: Math.min(...stakes.map(({ emergencyAt }) => emergencyAt)),
    };
  }

  #open(isShut: IsShut): readonly Line[] {
    return [...this.#lines.values()].filter(({ kinds }) => !isShut(kinds));
  }

  #lineOf({ kinds }: Waiter): Line {
    const name = kinds ? [...new Set(kinds)].join(' ') : anyKind;
    const line = this.#lines.get(name) ?? new Line(kinds);
    this.#lines.set(name, line);
    return line;
  }
}

const anyKind = '*';

class Line {
  readonly kinds: readonly string[] | undefined;
  readonly order: Placed[] = [];

  constructor(kinds: readonly string[] | undefined) {
    this.kinds = kinds;
  }

  join(placed: Placed): void {
    this.order.splice(this.before(placed), 0, placed);
  }

  leave(placed: Placed): void {
    this.order.splice(this.before(placed), 1);
  }

  before(placed: Placed): number {
    return this.#count((other) => isBefore(other, placed));
  }

  deadline(now: Instant): Instant {
    return this.order[this.#over(now)]?.deadline ?? Number.POSITIVE_INFINITY;
  }

  stake(now: Instant): Stake | undefined {
    const alive = this.#over(now);
    const first = this.order[alive];
    if (!first) return undefined;
    let { emergencyAt } = first;
    for (let i = alive; i < this.order.length; i++) {
      emergencyAt = Math.min(emergencyAt, this.order[i]?.emergencyAt ?? emergencyAt);
    }
    return { deadline: first.deadline, emergencyAt };
  }

  #over(now: Instant): number {
    return this.#count(({ deadline }) => deadline <= now);
  }

  /** How many at the head of the line are so; all behind them are not. */
  #count(isSo: (placed: Placed) => boolean): number {
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const placed = this.order[middle];
      if (placed && isSo(placed)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const isBefore = (a: Placed, b: Placed): boolean =>
  a.deadline < b.deadline || (a.deadline === b.deadline && a.turn < b.turn);
