/**
 * The number that sinks are given with values: at none does it go down, and it is another exactly when the values are
 * others. What a sink that can compare relies on.
 */
import type { Sequence } from '../../src/core/record.ts';
import { type Duration, seconds } from '../../src/core/time.ts';
import type { Delivery } from '../../src/sinks/sink.ts';

type Given = Pick<Delivery, 'lease' | 'generation' | 'sequence'>;

/** Nobody else may know of it any more, so that what comes after it is told by the time, which may be set back. */
interface Remembered extends Given {
  readonly isForgotten?: true;
}

/** Those of one secret. */
export class Numbers {
  /** By sink. */
  readonly #last = new Map<string, Remembered>();
  /** By all its sinks, the latest. */
  #given: readonly Remembered[] = [];

  /** Answers with what is wrong. `misled`: how far the time may be set back that tells the number after a loss. */
  give(sink: string, { lease, generation, sequence }: Given, misled: Duration = 0): string | undefined {
    const given = { lease, generation, sequence };
    const before = this.#last.get(sink);
    const others = this.#given.filter((other) => !isSame(other, given));
    const isOld = this.#given.some((other) => isSame(other, given) && other.sequence === sequence);
    this.#last.set(sink, given);
    this.#given = [...this.#given.slice(-20), given];
    const what = `the number ${sequence} of ${lease}.${generation}`;
    // Where a provider's clock is before 1970, as none is but here, it is counted, and after a loss counted anew.
    const isCounted = sequence < seconds(1);
    if (!isCounted && others.some((other) => other.sequence === sequence && !other.isForgotten))
      return `${what} is that of other values as well`;
    if (!before) return undefined;
    // What was lost with the record was given out after these: under their own number they are older, and known to be.
    if (before.isForgotten && isOld) return undefined;
    if (sequence < before.sequence - (before.isForgotten ? misled : 0)) return `${what} comes after ${before.sequence}`;
    if (before.isForgotten || !isSame(before, given) || sequence === before.sequence) return undefined;
    // Where others were given out in between, these are out for another time.
    const isAnew = others.some((other) => other.sequence > before.sequence && other.sequence < sequence);
    return isAnew ? undefined : `${what} was ${before.sequence}`;
  }

  /** It was begun to be given to some sink, and may never get there. */
  begin({ lease, generation, number }: Sequence): void {
    const last = this.#given.at(-1);
    if (last?.sequence === number) return;
    this.#given = [...this.#given.slice(-20), { lease, generation, sequence: number }];
  }

  /** The record was lost, and its number with it; the next is told by the time, which may be set back so far by then. */
  forget(setBack: Duration): void {
    this.#given = this.#given.map((given) => ({ ...given, isForgotten: true }));
    for (const [sink, given] of this.#last) {
      this.#last.set(sink, { ...given, sequence: given.sequence - setBack, isForgotten: true });
    }
  }
}

const isSame = (a: Given, b: Given): boolean => a.lease === b.lease && a.generation === b.generation;
