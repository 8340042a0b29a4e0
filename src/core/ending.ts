/** What is done to leases that nobody uses any more, or shall use: what of the agenda can always wait. */
import type { LeaseStep, Step } from './decide.ts';
import { soon } from './guesses.ts';
import { endOf } from './lease.ts';
import { searchAt } from './lost.ts';
import { type HeldLease, headOf, holdingOf, isEverywhere, isSame, keptAlive, type SecretRecord } from './record.ts';
import type { Facts, Rules } from './rules.ts';
import type { Instant } from './time.ts';
import { timetable } from './timetable.ts';

/** A person wants it dead, whoever uses it: said by hand, or in the configuration for when we end. */
export function revocations(record: SecretRecord, rules: Rules, { now }: Facts): LeaseStep[] {
  return record.leases
    .filter((held) => held.unwanted)
    .map(({ lease }) => ({
      act: 'retire',
      to: lease.id,
      because: 'Requested',
      at: now,
      ...noStake(record, rules, now),
    }));
}

/**
 * What nobody holds is ended after its grace, even where it should have ended by itself: ending twice is success. What
 * was never fit for a sink was never in one; but what a search has found may have been given to one by a process that
 * was killed before it could say so: it is ended when all sinks are known to have another.
 */
export function retirement(
  { lease, supersededAt, verified, observedAt }: HeldLease,
  record: SecretRecord,
  rules: Rules,
  { now, cutOff, seen, isTimeGuessed }: Facts,
): LeaseStep[] {
  if (supersededAt === undefined) return [];
  const isFound = !verified && observedAt === undefined;
  if (isFound && !isPaid(record, rules, seen) && endOf(lease) > now) return [];
  const over = supersededAt + (verified ? rules.grace : 0);
  // Others may use what our memory says that nobody does; what is dead, nobody.
  const sure = cutOff === undefined ? over : Math.max(over, endOf(lease));
  const at = isTimeGuessed ? Math.max(sure, now + soon) : sure;
  return [{ act: 'retire', to: lease.id, because: 'GraceOver', at, ...noStake(record, rules, now) }];
}

/** Every sink, and every program behind one, is known to have the head, or never had anything. */
function isPaid(record: SecretRecord, rules: Rules, seen: Facts['seen']): boolean {
  const head = headOf(record);
  const used = rules.sinks.filter((sink) => (record.sinks[sink]?.uses.length ?? 0) > 0);
  if (used.length === 0) return true;
  if (!head || !used.every((sink) => seen.includes(sink)) || !isEverywhere(record, used, holdingOf(head))) return false;
  return !rules.reloads || isSame(holdingOf(head), record.acknowledged);
}

export function search(record: SecretRecord, rules: Rules, { now, isTimeGuessed }: Facts): Step[] {
  const due = searchAt(record, rules);
  if (due === undefined || !rules.can.search) return [];
  const at = isTimeGuessed ? Math.max(due, now + soon) : due;
  return [{ act: 'search', because: 'LeaseMayBeLost', at, ...noStake(record, rules, now) }];
}

/** What can wait for ever: but a call that hangs must not eat up the emergency window of what is alive. */
const noStake = (record: SecretRecord, rules: Rules, now: Instant) => ({
  deadline: Number.POSITIVE_INFINITY,
  emergencyAt: Math.min(...keptAlive(record, now).map((held) => timetable(held, rules).emergencyAt)),
});
