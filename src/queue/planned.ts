/** One job of a lane, and what is known of it in memory. */
import type { Duration, Instant } from '../core/time.ts';
import type { Entry } from './job-queue.ts';
import type { Job } from './scheduler.ts';

/** One job that exists, and what we know of it. */
export interface Planned {
  readonly job: Job;
  readonly entry: Entry;
  /** When it runs next; while it runs, when it should have begun. `Infinity`: not before somebody wakes it. */
  due: Instant;
  /** The date that Redis was last told. Differs from `due` where it could not be told. */
  told: Instant | undefined;
  /** Under way, and when it is to run after it, as far as that was said. */
  running: Running | undefined;
  /** How often in a row it threw. */
  failures: number;
  /** Its last run took long. */
  isSlow: boolean;
  telling: Promise<void> | undefined;
  /** BullMQ's id of what the last sweep found taken, though we do not work on it. */
  suspect: string | undefined;
}

export interface Running {
  readonly since: Instant;
  /** What the job itself said last. */
  next: Instant | undefined;
  /** The earliest that others asked for since it began. */
  woken: Instant;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** See `UnderWay`. */
  isAside: boolean;
  readonly wasSetAside: Promise<void>;
  readonly setAside: () => void;
}

/** How late a job is begun from memory. */
export interface MemoryLimits {
  /** While Redis starts nothing. */
  readonly after: Duration;
  /** While it starts others. */
  readonly crowded: Duration;
}
