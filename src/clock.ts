/** The only file that reads the machine's clocks and sets timers. Everybody else is given a `Clock`. */
import { uptime } from 'node:os';
import type { Clock, Duration, Instant } from './core/time.ts';

/** What the machine believes the time to be. It may jump. */
export const wallClock: Clock = { now: () => Date.now() };

/** When this process started, as the wall clock said then. */
export const ownStart: Instant = performance.timeOrigin;

/**
 * Starts at the wall clock's time and goes on as time does, whatever becomes of the wall clock: dates of a provider are
 * told apart from it by a skew, and a step of the wall clock is no time that passes.
 */
export interface SteadyClock extends Clock {
  /** Make up for the time in which the machine slept. Answers how long that was since it was last asked; 0 as a rule. */
  catchUp(): Duration;
  /**
   * How far the wall clock was set since this was last asked; 0 as a rule. Nothing is made up for by it. Perhaps the
   * machine was halted and went on, as a virtual one is: then all of its clocks stood still, and only that one is put right.
   */
  wallStep(): Duration;
}

/** In milliseconds. The machine's monotonic clock stands still while it sleeps; the time since its boot does not. */
export interface Counters {
  readonly wall: () => number;
  readonly monotonic: () => number;
  readonly sinceBoot: () => number;
}

const machine: Counters = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sinceBoot: () => uptime() * 1000,
};

/** Less is what reading two clocks one after the other may make of nothing. */
const shortestSleep: Duration = 1_000;
/** What is less a time server makes up for little by little. */
const shortestStep: Duration = 1_000;

export function steadyClock({ wall, monotonic, sinceBoot }: Counters = machine): SteadyClock {
  let startedAt = wall() - monotonic();
  let ahead = sinceBoot() - monotonic();
  const now = () => Math.round(startedAt + monotonic());
  let wallAhead = wall() - now();
  return {
    now,
    catchUp() {
      const present = sinceBoot() - monotonic();
      const slept = present - ahead;
      if (slept < shortestSleep) return 0;
      ahead = present;
      startedAt += slept;
      return Math.round(slept);
    },
    wallStep() {
      const present = wall() - now();
      const step = present - wallAhead;
      wallAhead = present;
      return Math.abs(step) < shortestStep ? 0 : step;
    },
  };
}

/** Timers hold 24.8 days at most; a longer one would fire at once. */
const longestTimer: Duration = 2 ** 31 - 1;

/** Call `happen` after so long. Answers with what cancels it. It does not keep the process alive. */
export function timer(delay: Duration, happen: () => void): () => void {
  const handle = setTimeout(happen, Math.min(Math.max(0, delay), longestTimer));
  handle.unref();
  return () => clearTimeout(handle);
}

/** Call `happen` again and again, so long apart. Answers with what stops it. */
export function every(period: Duration, happen: () => void): () => void {
  const handle = setInterval(happen, period);
  handle.unref();
  return () => clearInterval(handle);
}

/** Resolves after so long; rejects with the signal's reason when it aborts. Keeps the process alive meanwhile. */
export function sleep(delay: Duration, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const handle = setTimeout(end, Math.min(Math.max(0, delay), longestTimer));
    const abort = () => {
      clearTimeout(handle);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}
