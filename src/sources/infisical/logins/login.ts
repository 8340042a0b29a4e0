/** What a way of logging in to Infisical is: where to, and what is shown there. Contract 2 and 5. */
import type { Instant } from '../../../core/time.ts';

export interface Login {
  /** What names it in the path: `universal-auth`. */
  readonly segment: string;
  /** Who we are and the proof of it, as fields of the request: files are read and services are asked anew each time. */
  prove(call: ProveCall): Promise<Readonly<Record<string, string>>>;
  /**
   * What `prove` would show or sign with, as far as it is on this machine, to be fingerprinted: a login that was
   * rejected is tried anew once it changes. Asks nobody.
   */
  credential(): Promise<string>;
  /** Connections to whom it asks are let go. */
  close?(): Promise<void>;
}

export interface ProveCall {
  readonly signal: AbortSignal;
  /** In Infisical's time: our own clock may be wrong, and what is signed has a date. */
  readonly now: Instant;
}
