/** Which leases have to be proven before any sink sees them, and what becomes of those that nobody can prove. */
import { keyOf } from './agenda.ts';
import type { LeaseStep } from './decide.ts';
import { endOf, isExpired } from './lease.ts';
import { type HeldLease, headOf, holdingOf, isSame, keptAlive, newestOf, type SecretRecord } from './record.ts';
import type { Facts, Rules } from './rules.ts';
import { inDangerFrom, stakeOf } from './timetable.ts';

/** A new lease is proven before any sink sees it, and values are read back where they are needed and can be. */
export function proofs(record: SecretRecord, rules: Rules, { now, atHand }: Facts): LeaseStep[] {
  // What waits for it is as urgent as what is used meanwhile.
  const deadline = Math.min(...keptAlive(record, now).map(({ lease }) => endOf(lease)));
  return [...new Set([newestOf(record), headOf(record)])].flatMap((held): LeaseStep[] => {
    if (!held || isExpired(held.lease, now) || !areValuesNeeded(held, record, rules)) return [];
    const base = { to: held.lease.id, at: now, ...stakeOf(held, rules), deadline };
    if (!isAtHand(held, atHand)) return rules.can.read ? [{ ...base, act: 'read', because: 'ValuesNeeded' }] : [];
    if (held.verified) return [];
    const verify: LeaseStep = { ...base, act: 'verify', because: 'Unproven' };
    if (!rules.trusts) return [verify];
    const dangerAt = inDangerFrom(record, ({ lease }) => lease !== held.lease.id, now);
    // Whoever asks for ever must not thereby take the time in which it can still be given out.
    const emergencyAt = Math.min(base.emergencyAt, dangerAt);
    // Only while the last word is that nobody could be asked: a no is a word.
    const isUnheard = record.failures[keyOf(verify)]?.code === 'unavailable';
    const accept: LeaseStep = { ...base, emergencyAt, act: 'accept', because: 'Unprovable', at: dangerAt };
    return [{ ...verify, emergencyAt }, ...(isUnheard ? [accept] : [])];
  });
}

export const isAtHand = (held: HeldLease, atHand: Facts['atHand']): boolean =>
  atHand.some((holding) => isSame(holdingOf(held), holding));

/** Does something that cannot do without the values wait for this lease? */
export const areValuesNeeded = (held: HeldLease, record: SecretRecord, rules: Rules): boolean =>
  !held.verified ||
  (held === headOf(record) && rules.sinks.some((sink) => !isSame(holdingOf(held), record.sinks[sink]?.has)));
