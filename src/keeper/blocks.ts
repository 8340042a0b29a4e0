/** What a provider does not want to be asked for now: anything, or requests of one kind. */
import { type Block, holdsUp } from '../core/rules.ts';
import type { Duration, Instant } from '../core/time.ts';

/** A request: when it was sent, and of which kinds it is. Absent: nobody says. */
export interface Asked {
  readonly enteredAt: Instant;
  readonly kinds?: readonly string[] | undefined;
}

export class Blocks {
  /** By kind; of everything under none. */
  readonly #blocks = new Map<string | undefined, Block>();
  /** Those that ran out, and no answer has shown yet that they are over. */
  readonly #outlasted = new Map<string | undefined, Block>();
  /** When the last was put here. */
  #latest: Instant = Number.NEGATIVE_INFINITY;

  /** The earlier word of the same kind does not count any more. */
  put(block: Block): void {
    this.#blocks.set(block.kind, block);
    this.#latest = block.since;
  }

  /** What the provider itself has said. Our own limits, and the token that it was shown, may be others by now. */
  takeOver(former: Blocks): void {
    for (const block of former.#blocks.values()) if (block.because === 'RetryAfter' && !block.isOurs) this.put(block);
  }

  present(now: Instant): readonly Block[] {
    return [...this.#blocks.values()].filter(({ until }) => now < until);
  }

  /** Is one of these kinds blocked by itself? */
  shuts(kinds: readonly string[] | undefined, now: Instant): boolean {
    return this.present(now).some((block) => block.kind !== undefined && holdsUp(block, kinds));
  }

  /** Has one run out, no longer ago than that, and nobody asked since? */
  isUntried = (now: Instant, longest: Duration): boolean =>
    [...this.#blocks.values()].some(({ until }) => until <= now && now < until + longest);

  /** Those whose time is over are forgotten. Answers whether there was one. */
  outlast(now: Instant): boolean {
    const over = [...this.#blocks.values()].filter(({ until }) => until <= now);
    for (const block of over) {
      this.#blocks.delete(block.kind);
      this.#outlasted.set(block.kind, block);
    }
    return over.length > 0;
  }

  /** Of everything: there is one no more. Answers whether anybody is to hear of that. */
  lift(): boolean {
    const wasThere = this.#blocks.delete(undefined);
    return this.#outlasted.delete(undefined) || wasThere;
  }

  /**
   * There was an answer: what it was asked for in spite of is over. `isNews`: anything is; `isOpen`: that it may be asked
   * for everything.
   */
  answered({ enteredAt, kinds }: Asked): { readonly isNews: boolean; readonly isOpen: boolean } {
    const isAbout = ({ kind }: Block) => kind === undefined || kinds?.includes(kind) === true;
    // Who could not wait was not sent away: nobody else will be. What was sent before says nothing.
    const refuted = enteredAt > this.#latest ? [...this.#blocks.values()].filter(isAbout) : [];
    const over = [...this.#outlasted.values()].filter(isAbout);
    for (const { kind } of refuted) this.#blocks.delete(kind);
    for (const { kind } of over) this.#outlasted.delete(kind);
    return { isNews: refuted.length + over.length > 0, isOpen: refuted.some(({ kind }) => kind === undefined) };
  }

  /** The world was told what there is. */
  tell(): void {
    this.#outlasted.clear();
  }
}

/** What there is to say of them: what holds up everything, and of that what lasts longest. */
export function foremost(blocks: readonly Block[]): Block | undefined {
  const ofAll = blocks.filter(({ kind }) => kind === undefined);
  return (ofAll.length > 0 ? ofAll : blocks).toSorted((a, b) => b.until - a.until)[0];
}

/** As it is by a clock that is so far ahead. */
export const inTime = (block: Block, ahead: Duration): Block => ({
  ...block,
  since: block.since + ahead,
  until: block.until + ahead,
  ...(block.turnSince !== undefined && { turnSince: block.turnSince + ahead }),
});
