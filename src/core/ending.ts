/** What is done to leases that nobody uses any more, or shall use: what of the agenda can always wait. */
import type { LeaseStep, Step } from './decide.ts';
import { soon } from './guesses.ts';
import { endOf } from './lease.ts';
import { searchAt } from './lost.ts';
import { type HeldLease, headOf, isUsed, keptAlive, type SecretRecord } from './record.ts';
import type { Facts, Rules } from './rules.ts';
import { isLookedInto } from './strays.ts';
import { type Duration, type Instant, minutes, seconds } from './time.ts';
import { timetable } from './timetable.ts';

const never = Number.POSITIVE_INFINITY;

/** A person wants it dead, whoever uses it: said by hand, or in the configuration for when we end. */
export function revocations(record: SecretRecord, rules: Rules, { now }: Facts): LeaseStep[] {
  return record.leases
    .filter((held) => held.unwanted)
    .map((held) => ({
      act: 'retire',
      to: held.lease.id,
      because: 'Requested',
      at: endableFrom(held, record, now),
      ...noStake(record, rules, now),
    }));
}

/** So long after it is there those who use a version that is to be dead may take to its successor. */
const takingOver: Duration = minutes(5);

/**
 * A version that we make is what everybody reads until there is another: its store would not end it, and there is no
 * hurry to take from its users what works until they have the next.
 */
function endableFrom({ lease, supersededAt }: HeldLease, record: SecretRecord, now: Instant): Instant {
  if (!lease.version || lease.followed || supersededAt !== undefined) return now;
  const head = headOf(record);
  if (!head || head.unwanted) return never;
  return isUsed(record, lease.id) ? head.since + takingOver : now;
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

/** By then we have looked into the sinks, as a rule: what was found before that could be in any of them. */
const lookingAround: Duration = seconds(10);

export function search(record: SecretRecord, rules: Rules, facts: Facts): Step[] {
  const { now, startedAt, isTimeGuessed } = facts;
  const lostAt = searchAt(record, rules);
  if (lostAt === undefined || !rules.can.search) return [];
  const isBlind = rules.exclusive && rules.sinks.some((sink) => !isLookedInto(record, sink, facts));
  const due = isBlind ? Math.max(lostAt, startedAt + lookingAround) : lostAt;
  const at = isTimeGuessed ? Math.max(due, now + soon) : due;
  return [{ act: 'search', because: 'LeaseMayBeLost', at, ...noStake(record, rules, now) }];
}

/** What can wait for ever: but a call that hangs must not eat up the emergency window of what is alive. */
const noStake = (record: SecretRecord, rules: Rules, now: Instant) => ({
  deadline: never,
  emergencyAt: Math.min(...keptAlive(record, now).map((held) => timetable(held, rules).emergencyAt)),
});
