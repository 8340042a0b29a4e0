/** The port to where records are remembered. */
import type { Material } from '../core/material.ts';
import type { Holding, SecretRecord } from '../core/record.ts';
import type { Instant } from '../core/time.ts';
import type { Transition } from '../core/transitions.ts';

/** Every method throws where the store cannot be reached; what was asked may have taken effect all the same. */
export interface Store {
  /** The empty record at revision 0 where there is none. */
  load(secret: string): Promise<Saved>;
  /**
   * Apply the change to the latest record and save it, by compare-and-set: where somebody saved in between, the change
   * is applied anew to what they saved. It may therefore be called more than once. Answers with what was saved.
   *
   * `values` are saved with it, in one: sealed, as those of what their lease is in the saved record, and in the place of
   * all earlier ones of that lease. They are kept for as long as the record has the lease.
   */
  update(secret: string, change: Transition, values?: Values): Promise<Saved>;
  /** All values that are kept for it. What cannot be unsealed, or belongs to another lease or generation, is not there. */
  values(secret: string): Promise<readonly Kept[]>;
  /** The record and its values. */
  remove(secret: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

/** Values that came with an answer, and the lease that they are of. */
export interface Values {
  readonly lease: string;
  readonly material: Material;
}

/** Values, and exactly whose they are. */
export interface Kept {
  readonly holding: Holding;
  readonly material: Material;
}

export interface Saved {
  readonly record: SecretRecord;
  /** Grows with every save. */
  readonly revision: number;
  /** The store is away: this is what we remember, since then, on a clock of ours that never jumps. */
  readonly cutOff?: Instant;
}
