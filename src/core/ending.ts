/** What is done to leases that nobody uses any more, or shall use: what of the agenda can always wait. */
import type { LeaseStep, Step } from './decide.ts';
import { soon } from './guesses.ts';
import { endOf } from './lease.ts';
import { searchAt } from './lost.ts';
import { type HeldLease, keptAlive, type SecretRecord } from './record.ts';
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
 * was never fit for a sink was never in one.
 */
export function retirement(
  { lease, supersededAt, verified, stray }: HeldLease,
  record: SecretRecord,
  rules: Rules,
  { now, cutOff, isTimeGuessed }: Facts,
): LeaseStep[] {
  if (supersededAt === undefined) return [];
  const over = supersededAt + (verified || stray ? rules.grace : 0);
  // Others may use what our memory says that nobody does; what is dead, nobody.
  const sure = cutOff === undefined ? over : Math.max(over, endOf(lease));
  const at = isTimeGuessed ? Math.max(sure, now + soon) : sure;
  return [{ act: 'retire', to: lease.id, because: 'GraceOver', at, ...noStake(record, rules, now) }];
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
