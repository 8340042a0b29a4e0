/** When to look for what an acquire without an answer may have left at the provider. */
import { farthest } from './guesses.ts';
import type { Lease } from './lease.ts';
import type { SecretRecord } from './record.ts';
import type { Rules } from './rules.ts';
import { type Duration, type Instant, minutes, seconds } from './time.ts';
import { longestCall } from './timetable.ts';

/** A provider may still be working on a request whose answer we lost; look for its outcome when that is over. */
export const settling: Duration = minutes(2);

/** By then it is there, as a rule: what is ours to end is not left alive for longer than it has to be. */
const firstSearch: Duration = longestCall + seconds(10);

/** When the last acquire was begun whose outcome is unknown. */
export const latestLost = ({ intent, doubt }: SecretRecord): Instant | undefined => intent?.at ?? doubt?.until;

/**
 * What acquires may have left at the provider without our knowing, now that one was answered. `hadAny`: there may have
 * been others before the first that we remember, and nobody knows since when.
 */
export function doubtAfter(record: SecretRecord, hadAny: boolean, now: Instant): SecretRecord['doubt'] {
  const { leases, succeeded, intent, doubt } = record;
  const isFirst = leases.length === 0 && succeeded?.['acquire'] === undefined;
  return isFirst && hadAny
    ? { since: -farthest, until: Math.max(doubt?.until ?? Number.NEGATIVE_INFINITY, intent?.at ?? now) }
    : doubt;
}

/** Where it may be ended: once early, and once when nothing can come any more. Elsewhere it is counted, once. */
export function searchAt(record: SecretRecord, { exclusive }: Rules): Instant | undefined {
  const latest = latestLost(record);
  if (latest === undefined) return undefined;
  const isSearched = (record.succeeded?.['search'] ?? Number.NEGATIVE_INFINITY) > latest;
  return latest + (exclusive && !isSearched ? firstSearch : settling);
}

/** When what was lost may have been issued, by the dates that the provider gives its leases. */
export function lostBetween(record: SecretRecord): { readonly from: Instant; readonly to: Instant } | undefined {
  const latest = latestLost(record);
  if (latest === undefined) return undefined;
  const from = record.doubt?.since ?? latest;
  const ahead = misdating(record, latest);
  return { from: from + Math.min(0, ahead), to: latest + settling + Math.max(0, ahead) };
}

/** Was it issued after this, whatever dates the provider gives? */
export const isIssuedAfter = ({ issuedAt }: Lease, at: Instant, record: SecretRecord): boolean =>
  issuedAt - Math.max(0, misdating(record, latestLost(record))) > at;

/**
 * How far those dates are ahead of what its answers taught us of the time, as the lease shows that was taken since: who
 * dates the answers may be somebody else.
 */
function misdating({ leases, succeeded }: SecretRecord, latest = Number.POSITIVE_INFINITY): Duration {
  const takenAt = succeeded?.['acquire'] ?? Number.NEGATIVE_INFINITY;
  const [newest] = leases;
  return newest && takenAt >= latest ? newest.lease.issuedAt - takenAt : 0;
}

/**
 * Which of these may be what an acquire brought whose outcome we do not know? Where nobody else takes leases, all of
 * them: dates may have been wrong.
 */
export function strangersIn(record: SecretRecord, found: readonly Lease[], { exclusive }: Rules): readonly Lease[] {
  const between = lostBetween(record);
  if (!between) return [];
  const unknown = found.filter((lease) => record.leases.every((held) => held.lease.id !== lease.id));
  return exclusive ? unknown : unknown.filter(({ issuedAt }) => issuedAt <= between.to);
}
