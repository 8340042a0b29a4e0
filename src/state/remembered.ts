/** What a process remembers of one secret beside the store, and how that and what the store has become one again. */
import { isDeepStrictEqual } from 'node:util';
import { merged } from '../core/merging.ts';
import { emptyRecord, type Holding, holdingOf, isSame, type SecretRecord } from '../core/record.ts';
import type { Instant } from '../core/time.ts';
import type { Transition } from '../core/transitions.ts';
import { plainCodec } from './record-codec.ts';
import type { Kept, Saved, Values } from './store.ts';

/** So many of the saves are remembered of which nobody said whether they took effect: the first, and the latest. */
const mostTries = 16;

export class Remembered {
  readonly #secret: string;
  /** What the store and we agreed on last. */
  #base: Saved = { record: emptyRecord, revision: 0 };
  /** What has become of it since. */
  #mine: SecretRecord = emptyRecord;
  /** How often it changed since then. */
  #steps = 0;
  /** The store may have saved one of these without having said so: they are ours. */
  #tries: SecretRecord[] = [];
  #kept: readonly Kept[] = [];
  /** Leases whose values the store may not have. */
  readonly #untold = new Set<string>();
  /** The values from before our time are among those that are kept. */
  hasAll = false;
  /** Since when the store could not be told or asked. */
  cutOff: Instant | undefined;
  /** Somebody was told that it is cut off. */
  isReported = false;
  /** A call to the store about it that is under way: what it brings may still take effect. */
  underWay: Promise<unknown> = Promise.resolve();

  constructor(secret: string) {
    this.#secret = secret;
  }

  get isUnsaved(): boolean {
    return this.#steps > 0 || this.#untold.size > 0;
  }

  /** While it changes without the store its revisions lie between those that the store counts. */
  get saved(): Saved {
    const revision = this.#base.revision + this.#steps / (this.#steps + 1);
    return { record: this.#mine, revision, ...(this.cutOff !== undefined && { cutOff: this.cutOff }) };
  }

  get kept(): readonly Kept[] {
    return this.#kept;
  }

  /** Throws where the change does, or where its result could not be saved anywhere. */
  change(change: Transition, values?: Values): Saved {
    this.#mine = copied(this.#secret, change(this.#mine));
    this.#steps += 1;
    this.#keep(values);
    if (values) this.#untold.add(values.lease);
    return this.saved;
  }

  /** The store has saved this, or had it: newer than what we knew. */
  agree(saved: Saved, values?: Values): Saved {
    this.#base = saved;
    this.#mine = saved.record;
    this.#steps = 0;
    this.#tries = [];
    this.#keep(values);
    return saved;
  }

  /** Values that the store kept, from before our time. Ours are newer. */
  know(kept: readonly Kept[]): readonly Kept[] {
    const others = kept.filter(({ holding }) => !this.#kept.some((own) => own.holding.lease === holding.lease));
    this.#kept = [...this.#kept, ...others];
    this.#keep();
    this.hasAll = true;
    return this.#kept;
  }

  /** The store was asked to save this, and may have done so. */
  tried(record: SecretRecord): void {
    if (this.#tries.length >= mostTries) this.#tries.splice(mostTries / 2, 1);
    this.#tries.push(record);
  }

  /** What is to be told to a store that has this, and how it is known then that all was told. */
  telling(found: Saved): Telling {
    const mine = this.#mine;
    const steps = this.#steps;
    const isOurs = this.#isOurs(found.record);
    const base = this.#base.record;
    const change: Transition = (theirs) =>
      isOurs && isDeepStrictEqual(theirs, found.record) ? mine : merged(base, mine, theirs);
    const { leases } = change(found.record);
    const isStill = (holding: Holding) => leases.some((held) => isSame(holding, holdingOf(held)));
    const values = this.#kept.filter(({ holding }) => this.#untold.has(holding.lease) && isStill(holding));
    return {
      isNeeded: this.isUnsaved,
      values: values.map(({ holding, material }) => ({ lease: holding.lease, material })),
      change: (theirs) => {
        const next = change(theirs);
        this.tried(next);
        return next;
      },
      told: (saved) => {
        for (const lease of this.#untold) {
          const present = this.#kept.find(({ holding }) => holding.lease === lease);
          if (!present || values.includes(present) || !isStill(present.holding)) this.#untold.delete(lease);
        }
        if (this.#steps === steps) return void this.agree(saved);
        // It went on meanwhile.
        this.#mine = merged(mine, this.#mine, saved.record);
        this.#base = saved;
        this.#tries = [];
        this.#steps -= steps;
      },
    };
  }

  /** What we agreed on, or may have been saved of us since: nobody else's. */
  #isOurs(record: SecretRecord): boolean {
    return [this.#base.record, ...this.#tries].some((one) => isDeepStrictEqual(copied(this.#secret, one), record));
  }

  /** Exactly what a store keeps with a record. */
  #keep(values?: Values): void {
    const held = this.#mine.leases.find(({ lease }) => lease.id === values?.lease);
    const others = this.#kept.filter(
      ({ holding }) =>
        holding.lease !== values?.lease && this.#mine.leases.some((one) => isSame(holdingOf(one), holding)),
    );
    this.#kept = held && values ? [...others, { holding: holdingOf(held), material: values.material }] : others;
  }
}

export interface Telling {
  readonly isNeeded: boolean;
  readonly change: Transition;
  /** One save for each. */
  readonly values: readonly Values[];
  /** The store has all of it, as that. */
  readonly told: (saved: Saved) => void;
}

/** As it would come back from a store. */
export const copied = (secret: string, record: SecretRecord): SecretRecord =>
  plainCodec.decode(secret, plainCodec.encode(secret, record));
