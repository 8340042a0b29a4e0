/** When a value has ended beyond doubt: so that it may be taken from those who use it. */
import { isInDoubt, marginOf } from './decide.ts';
import { hasFailedSinceStart, isObservedSinceStart, isTakenSinceStart } from './guesses.ts';
import { endOf, isExpired, type Lease, wallOf } from './lease.ts';
import { endOfHolding, type HeldLease, type Holding, holdingOf, isSame, type SecretRecord } from './record.ts';
import type { Facts, Rules } from './rules.ts';
import { type Duration, type Instant, minutes } from './time.ts';

const never = Number.POSITIVE_INFINITY;

/**
 * From when on nobody accepts these values any more, as late as it may be. A successor that is under way by then has
 * time to arrive. Infinity: they may live, for all we know.
 */
export function surelyEnded(record: SecretRecord, what: Holding, rules: Rules, facts: Facts): Instant {
  const held = record.leases.find(({ lease }) => lease.id === what.lease);
  if (!held || facts.isTimeGuessed) return never;
  const { lease, observedAt = Number.NEGATIVE_INFINITY } = held;
  const margin = marginOf(facts);
  // Nobody prolongs the values before a renewal that changed them.
  if (!isSame(holdingOf(held), what)) return endOfHolding(record, what) + margin;
  const end = endOf(lease);
  // Others set the end of a version, and may lift it until it has come: its store has to have spoken since.
  if (lease.version) {
    const { acquire } = record.failures;
    const hasSpoken =
      observedAt >= end || (acquire !== undefined && acquire.code !== 'unavailable' && acquire.at >= end);
    return hasSpoken ? end + margin : never;
  }
  const isUnsure = rules.can.observe ? isInDoubt(held, record, facts) : held.observedAt === undefined;
  return (isUnsure ? latestEnd(lease) : end) + margin;
}

/**
 * Is it to be given to those who use these, or nothing? Destroyed, a version can be read by nobody any more, but what it
 * says may work all the same: it is better than what has ended beyond doubt, where another was asked for in vain.
 */
export function isToBeTakenUp(
  record: SecretRecord,
  head: HeldLease,
  uses: readonly Holding[],
  rules: Rules,
  facts: Facts,
): boolean {
  const { now } = facts;
  if (!isExpired(head.lease, now)) return true;
  const askedAt = record.failures['acquire']?.at ?? Number.NEGATIVE_INFINITY;
  if (!head.lease.version || !hasFailedSinceStart('acquire', record, facts) || askedAt < endOf(head.lease))
    return false;
  const others = uses.filter((holding) => !isSame(holding, holdingOf(head)));
  return others.every((holding) => surelyEnded(record, holding, rules, facts) <= now);
}

/**
 * The head may have ended before we started, and those who use these may do so for longer: until the provider has spoken
 * nobody is told to give up what may live, before it is in danger: from when on they are.
 */
export function givenUpFrom(
  head: HeldLease,
  record: SecretRecord,
  uses: readonly Holding[],
  rules: Rules,
  facts: Facts,
): Instant {
  const { now } = facts;
  const isKnown = isTakenSinceStart(head, record, facts) || isObservedSinceStart(head, record, facts);
  if (isKnown || !rules.can.observe) return now;
  const others = uses.filter(({ lease }) => lease !== head.lease.id);
  const living = others.map((holding) => endOfHolding(record, holding)).filter((end) => end > now);
  return living.length === 0 ? now : Math.max(now, Math.min(...living) - inDanger);
}

/** What a program uses is in danger so long before its end. */
export const inDanger: Duration = minutes(1);

/** Where a renewal that nobody heard the answer of can have brought it at most. */
function latestEnd(lease: Lease): Instant {
  if (!lease.renewal) return endOf(lease);
  return wallOf(lease) === never ? endOf(lease) + lease.renewal.by : wallOf(lease);
}
