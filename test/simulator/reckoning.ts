/** What time one process takes it to be at a provider: by its machine's clock, which may be wrong, and by each answer. */
import { steadyClock } from '../../src/clock.ts';
import { type Clock, type Duration, type Instant, seconds } from '../../src/core/time.ts';
import { learningSkew } from '../../src/sources/skew.ts';

/** Less is nothing that anybody is told of. */
const tolerance: Duration = seconds(2);

export interface Reckoning {
  readonly clock: Clock;
  readonly uncertainty: () => Duration;
  /** An answer contradicted what it is taken to be, and more of them would tell. */
  readonly isDoubted: () => boolean;
  /** An answer came that was asked for then; its date is in the provider's time. */
  hear(sentAt: Instant, date: Instant): void;
}

/**
 * `error`: how far the machine's wall clock is ahead of the truth just now; it may be set. `onMoved`: the provider's clock
 * is not what it was taken for.
 */
export function reckoning(truth: Clock, error: () => Duration, onMoved: () => void): Reckoning {
  const skew = learningSkew();
  const running = () => truth.now();
  const steady = steadyClock({ wall: () => truth.now() + error(), monotonic: running, sinceBoot: running });
  let reckoned: Duration = 0;
  return {
    clock: { now: () => steady.now() + skew.skew() },
    uncertainty: skew.uncertainty,
    isDoubted: skew.isDoubted,
    hear: (sentAt, date) => {
      const answeredAt = steady.now();
      const took = truth.now() - sentAt;
      const heard = { sentAt: answeredAt - took, answeredAt, date: Math.floor(date / 1000) * 1000 };
      if (!skew.learn(heard) || Math.abs(skew.skew() - reckoned) < tolerance) return;
      reckoned = skew.skew();
      onMoved();
    },
  };
}
