/** The port to what wakes us. */
import type { Instant } from '../core/time.ts';

/** A job says "look", never "do": run twice, late, or elsewhere it does no harm. */
export type Job =
  | { readonly kind: 'look'; readonly secret: string }
  | { readonly kind: 'deliver'; readonly secret: string; readonly sink: string }
  /** Have the programs behind all sinks of the secret take up what the sinks hold. */
  | { readonly kind: 'reload'; readonly secret: string };

/** Dates are on a clock of this process that never jumps. The same job never runs twice at a time. */
export interface Scheduler {
  /** Said by the job itself while it runs: its successor runs at `at`. The last word counts. */
  succeed(job: Job, at: Instant): Promise<void>;
  /**
   * Said by others: the job runs at `at` or earlier. A date that is set already is only ever brought forward. Said while
   * the job runs it holds whatever the job says of its successor: it may have decided that before it could know.
   */
  wake(job: Job, at: Instant): Promise<void>;
}

/** The same name for the same job: unique, and safe as a key. */
export const nameOf = (job: Job): string =>
  [job.kind, job.secret, ...(job.kind === 'deliver' ? [job.sink] : [])].map(escaped).join('/');

const escaped = (part: string): string => part.replaceAll(/[%/:{}]/g, encodeURIComponent);

/** Runs one job. What it throws is logged, and the job is run again soon. */
export type Handle = (job: Job, signal: AbortSignal) => Promise<void>;

/** A scheduler that works: what the daemon starts and stops. */
export interface Worker extends Scheduler {
  /**
   * Start working. `jobs` are all that exist: each of them runs now where it is not scheduled already or overdue, and
   * one that was lost since is found by the sweep and run. Called again on a changed configuration.
   */
  ensure(jobs: readonly Job[]): Promise<void>;
  /** Take no new job and wait for those under way until `signal` aborts, which also aborts their signals. */
  close(signal: AbortSignal): Promise<void>;
}
