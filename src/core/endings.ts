/** When a value has ended beyond doubt: so that it may be taken from those who use it. */
import { marginOf } from './decide.ts';
import { endOf, isExpired, type Lease, wallOf } from './lease.ts';
import { endOfHolding, type HeldLease, type Holding, holdingOf, isSame, type SecretRecord } from './record.ts';
import type { Facts, Rules } from './rules.ts';
import type { Instant } from './time.ts';

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
  const { startedAt, cutOff = startedAt } = facts;
  const isInDoubt = rules.can.observe ? observedAt < Math.max(startedAt, cutOff) : held.observedAt === undefined;
  return (isInDoubt ? latestEnd(lease) : end) + margin;
}

/**
 * Is it to be taken up by those who use these? Destroyed, a version can be read by nobody any more, but what it says may
 * work all the same: it is better than what has ended as well.
 */
export function isToBeTakenUp(record: SecretRecord, head: HeldLease, uses: readonly Holding[], now: Instant): boolean {
  if (!isExpired(head.lease, now)) return true;
  const others = uses.filter((holding) => !isSame(holding, holdingOf(head)));
  return head.lease.version !== undefined && others.every((holding) => endOfHolding(record, holding) <= now);
}

/** Where a renewal that nobody heard the answer of can have brought it at most. */
function latestEnd(lease: Lease): Instant {
  if (!lease.renewal) return endOf(lease);
  return wallOf(lease) === never ? endOf(lease) + lease.renewal.by : wallOf(lease);
}
