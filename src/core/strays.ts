/**
 * What a process before us may have brought to sinks that it could not say any more: cut off from the store it goes on
 * by itself, and killed then it is the only one who knew. Until each sink is known to have let go of it, it is in use.
 */
import type { Lease } from './lease.ts';
import { isIssuedAfter } from './lost.ts';
import { type HeldLease, headOf, holdingOf, isSame, type SecretRecord, type Use, without } from './record.ts';
import type { Facts, Rules } from './rules.ts';
import { type Duration, type Instant, minutes, seconds } from './time.ts';

/** So far the provider's dates may be from our idea of when we started. */
const margin: Duration = minutes(2);
/** And as a rule no further. */
const apart: Duration = seconds(10);

/**
 * Leases that a search has found. One that came to no sink is used by nobody. Where every sink is known to have another,
 * nobody uses the others either; but somebody may have until just now, unless they were issued to us, who never had the
 * answer.
 */
export function withFound(
  record: SecretRecord,
  found: readonly Lease[],
  rules: Rules,
  facts: Looked,
  now: Instant,
): SecretRecord {
  const open = rules.sinks.filter((sink) => !isPaid(record, sink, rules, facts.seen));
  const isUnused = (lease: Lease) => rules.sinks.every((sink) => cannotHaveHad(record, sink, lease, facts));
  const held = found.map((lease) => ({
    lease,
    since: lease.issuedAt,
    termStart: lease.issuedAt,
    generation: 0,
    verified: false,
    ...((open.length === 0 || isUnused(lease)) && { supersededAt: now }),
    ...(!isUnused(lease) &&
      (open.length > 0 || lease.issuedAt <= facts.startedAt + margin) && { stray: true as const }),
  }));
  const strange = held.filter(({ supersededAt }) => supersededAt === undefined);
  return usedBy({ ...record, leases: [...record.leases, ...held] }, open, strange);
}

/** When we started, and the sinks that we have looked into since. */
export type Looked = Pick<Facts, 'startedAt' | 'seen' | 'writable'>;

/**
 * A process begins: what it finds may be in every sink, also where the record knows only of what was there before. A
 * version that was superseded may have been made current again since.
 */
export function inherited(record: SecretRecord, { sinks }: Rules): SecretRecord {
  const present = record.leases.filter(({ lease, supersededAt }) => supersededAt === undefined || lease.version);
  const isNew = (held: HeldLease) =>
    sinks.some((sink) => !record.sinks[sink]?.uses.some(({ lease }) => lease === held.lease.id));
  const strange = present.filter(isNew);
  if (strange.length === 0) return record;
  const marked = record.leases.map((held) =>
    strange.includes(held) ? { ...without(held, 'supersededAt'), stray: true as const } : held,
  );
  return usedBy({ ...record, leases: marked }, sinks, strange);
}

/** What came into use last is the last. When these did nobody knows: it is to be the first that is let go. */
function usedBy(record: SecretRecord, sinks: readonly string[], leases: readonly HeldLease[]): SecretRecord {
  const withThem = (uses: readonly Use[]): readonly Use[] => {
    const missing = leases.filter(({ lease }) => uses.every((holding) => holding.lease !== lease.id));
    return [...missing.map((held) => ({ ...holdingOf(held), perhaps: true as const })), ...uses];
  };
  const states = sinks.map((sink) => {
    const state = record.sinks[sink] ?? { uses: [] };
    return [sink, { ...state, uses: withThem(state.uses) }] as const;
  });
  return { ...record, sinks: { ...record.sinks, ...Object.fromEntries(states) } };
}

/** No process can have brought it there: all that came there since it was issued is noted, as is still to be seen there. */
function cannotHaveHad(record: SecretRecord, sink: string, lease: Lease, facts: Looked): boolean {
  const { known } = record.sinks[sink] ?? {};
  if (!known || !isLookedInto(record, sink, facts)) return false;
  return isIssuedAfter(lease, known.since + (known.wasEmpty ? -apart : margin), record);
}

export const isLookedInto = (
  record: SecretRecord,
  sink: string,
  { seen, writable }: Omit<Looked, 'startedAt'>,
): boolean => (record.sinks[sink]?.has ? seen : writable).includes(sink);

/** The sink is known to have the head, and the program behind it to have taken it up. */
function isPaid(record: SecretRecord, sink: string, { reloads }: Rules, seen: readonly string[]): boolean {
  const head = headOf(record);
  const has = record.sinks[sink]?.has;
  if (!head || !has?.reloaded || !seen.includes(sink) || !isSame(holdingOf(head), has)) return false;
  return !reloads || isSame(has, record.acknowledged);
}
