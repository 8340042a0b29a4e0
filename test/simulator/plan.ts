/** What a random world is made of, and what will go wrong in it. */
import type { Policy } from '../../src/core/rules.ts';
import { type Duration, hours, type Instant, minutes } from '../../src/core/time.ts';
import type { Place } from './faults.ts';
import { aNature, type Nature } from './nature.ts';
import type { Dice } from './timeline.ts';

export interface Plan {
  readonly nature: Nature;
  readonly policy: Policy;
  readonly sinks: number;
  readonly verifies: boolean;
  /** How long there may be trouble. */
  readonly trouble: Duration;
  readonly outages: readonly { readonly place: Place; readonly from: Instant; readonly to: Instant }[];
  readonly crashes: readonly Instant[];
  /** Shares of calls that fail, of answers that lie, of wake-ups that are lost. */
  readonly background: number;
  readonly lies: number;
  readonly losses: number;
  /** How often others meddle: revoke a lease, wipe a sink, add or destroy a version. */
  readonly meddling: number;
}

/** Long enough for the longest back-off and what follows it; failed proofs and wiped sinks take an hour. */
export const healing = (plan: Plan): Duration =>
  plan.policy.grace + (plan.verifies || plan.meddling > 0 ? minutes(75) : minutes(16));

/** Trouble of every kind, in most worlds little of it. */
export function aPlan(dice: Dice): Plan {
  const nature = aNature(dice);
  const term = nature.ttl ?? minutes(20);
  const trouble = nature.ttl ? term * dice.between(6, 24) : hours(dice.between(1, 3));
  const rotates = nature.kind === 'rotated' || dice.chance(0.2);
  const every = term * (0.5 + dice.roll() * 3);
  const isRough = dice.chance(0.7);
  const places: [Place, ...Place[]] = ['provider', 'provider', 'login', 'sink', 'reload', 'proof'];
  const outages = Array.from({ length: isRough ? dice.between(0, 8) : 0 }, () => {
    const from = dice.between(0, trouble);
    return { place: dice.oneOf(...places), from, to: Math.min(trouble, from + dice.roll() ** 2 * term * 2) };
  });
  return {
    nature,
    policy: {
      renewAt: 0.4 + dice.roll() * 0.4,
      jitter: dice.roll() * 0.2,
      grace: Math.floor(term * dice.roll() * 0.3),
      ...(rotates && { rotateAfter: (issued: Instant) => issued + every }),
    },
    sinks: dice.oneOf(1, 1, 2, 3),
    verifies: dice.chance(0.3),
    trouble,
    outages,
    crashes:
      isRough && dice.chance(0.6) ? Array.from({ length: dice.between(1, 8) }, () => dice.between(0, trouble)) : [],
    background: isRough ? dice.oneOf(0, 0.02, 0.1) : 0,
    lies: isRough ? dice.oneOf(0, 0, 0.05) : 0,
    losses: isRough ? dice.oneOf(0, 0, 0.05) : 0,
    meddling: isRough && dice.chance(0.5) ? term * 4 : 0,
  };
}
