/** The only file that reads the machine's clocks and sets timers. Everybody else is given a `Clock`. */
import type { Clock, Duration } from './core/time.ts';

/** What the machine believes the time to be. It may jump. */
export const wallClock: Clock = { now: () => Date.now() };

/** Starts at the wall clock's time and never jumps: counted by the machine's monotonic clock. */
export function steadyClock(): Clock {
  const startedAt = Date.now() - performance.now();
  return { now: () => Math.round(startedAt + performance.now()) };
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
