/** Remembers what a store is told, and stands in for it while it is away: timing does not die with Redis. */
import type { SecretRecord } from '../core/record.ts';
import type { Clock, Duration } from '../core/time.ts';
import type { Transition } from '../core/transitions.ts';
import { Absence, within } from './absence.ts';
import { copied, Remembered } from './remembered.ts';
import type { Kept, Saved, Store, Values } from './store.ts';
import { Turns } from './turns.ts';

export interface LifelineOptions {
  /** It never goes back in time: what it has lost of what it said before it knows itself. */
  readonly store: Store;
  /** Never jumps. */
  readonly clock: Clock;
  /** Call it after so long. Answers with what cancels that. */
  readonly timer: (delay: Duration, happen: () => void) => () => void;
  /** It is kept from memory, and has been for longer than a moment. Once until it is back. */
  readonly onKept?: (secret: string, error: unknown) => void;
  /** The store knows everything again. */
  readonly onBack?: (secret: string, wasReported: boolean) => void;
  /** How long the store may take to answer where we remember the answer ourselves. Default: 1 s. */
  readonly patience?: Duration;
}

/**
 * A store that is asked once too often while it is away would hold up every look: from the first failure on everything
 * is answered from memory and the store asked in the background, until it has heard all that happened. What was never
 * loaded is not remembered: for that the store is asked at any time, as long as it takes, and fails as the store does.
 *
 * What happens meanwhile is known to this process alone. Killed then, it loses it.
 */
export class Lifeline implements Store {
  readonly #options: LifelineOptions;
  readonly #memory = new Map<string, Remembered>();
  readonly #turns = new Turns();
  readonly #absence: Absence;

  constructor(options: LifelineOptions) {
    this.#options = options;
    this.#absence = new Absence(options, this.#memory);
  }

  load(secret: string): Promise<Saved> {
    return this.#turns.take(secret, async () => {
      const known = this.#present(secret);
      if (known?.cutOff !== undefined) return known.saved;
      try {
        const saved = await this.#ask(known, this.#options.store.load(secret));
        return this.#remember(secret).agree(saved);
      } catch (error) {
        this.#absence.begin(error);
        const present = this.#present(secret);
        if (!present) throw error;
        return present.saved;
      }
    });
  }

  update(secret: string, change: Transition, values?: Values): Promise<Saved> {
    return this.#turns.take(secret, async () => {
      const known = this.#present(secret);
      if (known?.cutOff !== undefined) return known.change(change, values);
      const tries: SecretRecord[] = [];
      let note = (next: SecretRecord): void => void tries.push(next);
      let isBroken = false;
      const watched: Transition = (record) => {
        isBroken = true;
        const next = change(record);
        isBroken = false;
        note(next);
        return next;
      };
      try {
        const saved = await this.#ask(known, this.#options.store.update(secret, watched, values));
        return this.#remember(secret).agree(saved, values);
      } catch (error) {
        if (isBroken) throw error;
        // What could not be written down anywhere is no failure of the store.
        for (const next of tries) copied(secret, next);
        this.#absence.begin(error);
        const present = this.#present(secret);
        if (!present) throw error;
        note = (next) => present.tried(next);
        for (const next of tries) note(next);
        return present.change(change, values);
      }
    });
  }

  values(secret: string): Promise<readonly Kept[]> {
    return this.#turns.take(secret, async () => {
      const known = this.#present(secret);
      if (known?.cutOff !== undefined && known.hasAll) return known.kept;
      try {
        const kept = await this.#ask(known?.hasAll ? known : undefined, this.#options.store.values(secret));
        return known ? known.know(kept) : kept;
      } catch (error) {
        this.#absence.begin(error);
        // Some that we never heard of may be kept: better to ask again than to take them for lost.
        if (!this.#present(secret)?.hasAll) throw error;
        return known?.kept ?? [];
      }
    });
  }

  remove(secret: string): Promise<void> {
    return this.#turns.take(secret, async () => {
      await this.#options.store.remove(secret);
      this.#memory.delete(secret);
    });
  }

  list(): Promise<readonly string[]> {
    return this.#options.store.list();
  }

  /** Nobody asks for others any more. What they still have to tell is told. */
  keepOnly(secrets: ReadonlySet<string>): void {
    for (const [secret, known] of this.#memory) {
      if (!secrets.has(secret) && known.cutOff === undefined) this.#memory.delete(secret);
    }
  }

  /** Secrets of which the store does not know all. */
  unsaved(): readonly string[] {
    return [...this.#memory].filter(([, known]) => known.isUnsaved).map(([secret]) => secret);
  }

  /** How many secrets are kept from memory at this moment. */
  get kept(): number {
    return [...this.#memory.values()].filter(({ cutOff }) => cutOff !== undefined).length;
  }

  /** One more try to tell the store everything, for so long. Answers with the secrets of which it does not know all. */
  async close(within: Duration): Promise<readonly string[]> {
    await this.#absence.close(within, this.unsaved().length > 0);
    return this.unsaved();
  }

  /** The secret as we remember it; cut off where the store is. */
  #present(secret: string): Remembered | undefined {
    const known = this.#memory.get(secret);
    if (known && this.#absence.reason) known.cutOff ??= this.#options.clock.now();
    return known;
  }

  #remember(secret: string): Remembered {
    const known = this.#memory.get(secret) ?? new Remembered(secret);
    this.#memory.set(secret, known);
    return known;
  }

  /** Who is told at last that it takes too long goes on with what is `known`: what it brings then is not forgotten. */
  #ask<T>(known: Remembered | undefined, task: Promise<T>): Promise<T> {
    if (!known) return task;
    known.underWay = known.underWay.then(() => task).then(ignore, ignore);
    return within(this.#options, task);
  }
}

const ignore = (): undefined => undefined;
