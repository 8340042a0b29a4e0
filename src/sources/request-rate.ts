/** How many requests we allow ourselves at one provider: a bucket that fills by the minute. */
import { type Clock, type Instant, minutes } from '../core/time.ts';

export interface RequestRate {
  take(): Instant | undefined;
}

/**
 * Never more than `perMinute` in any minute, of which a quarter may come at once. Providers count in fixed minutes of
 * their own, so a full bucket on top of a minute's refill would break their limit.
 * `take` answers with nothing where a request may go, else with when the next one may. It waits for nobody: who goes
 * first is for others to say.
 */
export function requestRate(perMinute: number, clock: Clock): RequestRate {
  const burst = Math.max(1, Math.floor(perMinute / 4));
  const full = burst * minutes(1);
  // One request is a minute's worth of milliseconds, so that nothing is ever rounded.
  const perMillisecond = Math.max(1, perMinute - burst);
  let level = full;
  let at = clock.now();
  return {
    take() {
      const now = clock.now();
      level = Math.min(full, level + Math.max(0, now - at) * perMillisecond);
      at = now;
      if (level < minutes(1)) return now + Math.ceil((minutes(1) - level) / perMillisecond);
      level -= minutes(1);
      return undefined;
    },
  };
}
