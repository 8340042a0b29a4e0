/** How many requests we allow ourselves at one provider: a bucket that fills by the minute. */
import { type Clock, type Instant, minutes } from '../core/time.ts';

/**
 * Never more than `perMinute` in any minute, of which a quarter may come at once. Providers count in fixed minutes of
 * their own, so a full bucket on top of a minute's refill would break their limit.
 * `take` answers with nothing where a request may go, else with when the next one may. It waits for nobody: who goes
 * first is for others to say.
 */
export function requestRate(perMinute: number, clock: Clock): { take(): Instant | undefined } {
  const burst = Math.max(1, Math.floor(perMinute / 4));
  const perMillisecond = Math.max(1, perMinute - burst) / minutes(1);
  let tokens = burst;
  let at = clock.now();
  return {
    take() {
      const now = clock.now();
      tokens = Math.min(burst, tokens + Math.max(0, now - at) * perMillisecond);
      at = now;
      if (tokens < 1) return now + Math.ceil((1 - tokens) / perMillisecond);
      tokens -= 1;
      return undefined;
    },
  };
}
