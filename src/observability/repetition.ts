/** Keeps a log readable when something goes wrong all the time: a line that repeats is said once a minute. */
import { type Clock, type Duration, type Instant, minutes } from '../core/time.ts';

const pause: Duration = minutes(1);
/** Beyond so many, causes are forgotten that were last told two pauses ago: until then it is known how often they were not. */
const most = 2000;

/**
 * May a line for this cause be printed now? Answers with how many like it were not printed since the last one, or
 * `undefined` where this one is not to be printed either.
 */
export type Repetition = (cause: string) => number | undefined;

export function createRepetition(clock: Clock): Repetition {
  const causes = new Map<string, { readonly at: Instant; suppressed: number }>();
  return (cause) => {
    const now = clock.now();
    const known = causes.get(cause);
    if (known && now - known.at >= 0 && now - known.at < pause) {
      known.suppressed += 1;
      return undefined;
    }
    // Deleted first, so that the map is in the order of the last lines and the oldest are forgotten.
    causes.delete(cause);
    causes.set(cause, { at: now, suppressed: 0 });
    for (const [oldest, { at }] of causes) {
      if (causes.size <= most || now - at < 2 * pause) break;
      causes.delete(oldest);
    }
    return known?.suppressed ?? 0;
  };
}
