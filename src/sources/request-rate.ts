/** How many requests we allow ourselves at one provider: a bucket that fills by the minute. */
import { type Clock, type Duration, type Instant, minutes, seconds } from '../core/time.ts';

export interface RequestRate {
  take(): Instant | undefined;
}

/** As many come back at a time, at most, when a provider may be asked again: a gate has so many slots by default. */
const together = 8;
/** Nobody waits for longer for others to come with them. */
const longestGathering: Duration = seconds(1);

const burstOf = (perMinute: number): number => Math.max(1, Math.floor(perMinute / 4));

/** So many come through in a minute when they come all the time. */
export const sustained = (perMinute: number): number => Math.max(1, perMinute - burstOf(perMinute));

/**
 * Never more than `perMinute` in any minute, of which a quarter may come at once. Providers count in fixed minutes of
 * their own, so a full bucket on top of a minute's refill would break their limit.
 * `take` answers with nothing where a request may go, else with when the next may, and where they come fast the next few:
 * each time that somebody comes back costs more than a request. It waits for nobody: who goes first is for others to say.
 */
export function requestRate(perMinute: number, clock: Clock): RequestRate {
  const burst = burstOf(perMinute);
  const full = burst * minutes(1);
  // One request is a minute's worth of milliseconds, so that nothing is ever rounded.
  const perMillisecond = sustained(perMinute);
  const few = Math.max(
    minutes(1),
    Math.min(burst * minutes(1), together * minutes(1), longestGathering * perMillisecond),
  );
  let level = full;
  let at = clock.now();
  return {
    take() {
      const now = clock.now();
      level = Math.min(full, level + Math.max(0, now - at) * perMillisecond);
      at = now;
      if (level < minutes(1)) return now + Math.ceil((few - level) / perMillisecond);
      level -= minutes(1);
      return undefined;
    },
  };
}
