/** The port to where records are remembered. */
import type { SecretRecord } from '../core/record.ts';
import type { Transition } from '../core/transitions.ts';

/** Every method throws where the store cannot be reached; what was asked may have taken effect all the same. */
export interface Store {
  /** The empty record at revision 0 where there is none. */
  load(secret: string): Promise<Saved>;
  /**
   * Apply the change to the latest record and save it, by compare-and-set: where somebody saved in between, the change
   * is applied anew to what they saved. It may therefore be called more than once. Answers with what was saved.
   */
  update(secret: string, change: Transition): Promise<Saved>;
  remove(secret: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

export interface Saved {
  readonly record: SecretRecord;
  /** Grows with every save. */
  readonly revision: number;
}
