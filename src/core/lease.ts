/** What a provider tells us of one incarnation of a secret, and the arithmetic of extending it. */
import { type Duration, type Instant, seconds } from './time.ts';

/**
 * One incarnation of a secret: an access token, a dynamic-secret lease, a Lockbox version. Dates, never values.
 * Always the provider's latest word: each answer replaces the whole of it, so a date may appear, move or vanish.
 */
export interface Lease {
  /** The provider's own name for it, or a keyed fingerprint. Unique within the secret, and safe to log. */
  readonly id: string;
  readonly issuedAt: Instant;
  /** Not-after, as far as is known today. Absent: it lives until somebody says otherwise. */
  readonly expiresAt?: Instant;
  /** The wall: no renewal reaches past it. Absent: there is none. */
  readonly maxExpiresAt?: Instant;
  /** How the provider extends it. Absent: it can only be replaced. */
  readonly renewal?: Renewal;
  /** Others make its successors and `observe` notices them; to acquire early would bring the same lease again. */
  readonly followed?: true;
  /** What a rotation replaces is as old as that: since then something else of the values has changed. Absent: all is new. */
  readonly unrotatedSince?: Instant;
  /** Far from its end the provider answers an `acquire` with the same lease again: that is no failure. */
  readonly repeats?: true;
  /** What is known of it where it is one version of a value that a store keeps. */
  readonly version?: VersionFacts;
}

/** Among the versions of a value that a store keeps. */
export interface VersionFacts {
  /** Why this one: the store calls it current, or the configuration names it. */
  readonly which: 'current' | 'pinned';
  /** Others have stopped it: nobody can read it at the store any more. What has been delivered stays. */
  readonly frozen?: Frozen;
  /** How many versions the store keeps, as far as it was asked. */
  readonly count?: number;
  /** The one that the store calls current, where that is another than this and somebody has set its end. */
  readonly current?: { readonly id: string; readonly endsAt: Instant };
  /** The soonest end of any of the others, as far as they are watched and one is set that we have not set ourselves. */
  readonly othersEndAt?: Instant;
  /** How many such ends are set, and which of them is the soonest. */
  readonly othersEnding?: { readonly count: number; readonly soonest: string };
  /** Where the others are watched: those that others made and we have ended ourselves, until they are destroyed. */
  readonly endedByUs?: readonly string[];
}

/** So many versions a store keeps of one value, those that were destroyed not counted. Contract: Lockbox 3. */
export const versionQuota = 1_000;

export type Frozen = 'SecretInactive' | 'NoCurrentVersion' | 'DestructionScheduled';

/** The provider's renewal arithmetic, as data, so that the decision can know where a renewal would land. */
export interface Renewal {
  /** Does a renewal count from the moment of the call, or from the present expiry? */
  readonly from: 'now' | 'expiry';
  readonly by: Duration;
  /** The least that may be asked for. */
  readonly atLeast: Duration;
  /** Is less than `by` granted where that is what fits under the wall? */
  readonly canShorten: boolean;
  /** Somebody has set an end where there was none: it is lifted as soon as that is seen. */
  readonly atOnce?: true;
}

export const isExpired = (lease: Lease, now: Instant): boolean => now >= endOf(lease);

/** Its not-after as a number: `Infinity` where it has none. */
export const endOf = (lease: Lease): Instant => lease.expiresAt ?? Number.POSITIVE_INFINITY;

/** Its wall as a number: `Infinity` where it has none. */
export const wallOf = (lease: Lease): Instant => lease.maxExpiresAt ?? Number.POSITIVE_INFINITY;

/** Until when a renewal whose answer nobody heard may have prolonged it. */
export const latestEndOf = (lease: Lease): Instant => Math.min(wallOf(lease), endOf(lease) + (lease.renewal?.by ?? 0));

/**
 * When a renewal asked for at `now` would expire; `undefined` where it would be refused, kill, or gain too little.
 * It may take `margin` to arrive, or the provider's clock be ahead by as much.
 */
export function renewedExpiry(lease: Lease, now: Instant, margin: Duration = 0): Instant | undefined {
  const { renewal, expiresAt } = lease;
  if (!renewal || expiresAt === undefined || isExpired(lease, now)) return undefined;
  const start = renewal.from === 'now' ? now : expiresAt;
  const latest = renewal.from === 'now' ? start + margin : start;
  const fits = wallOf(lease) - latest;
  if (renewal.canShorten ? fits < renewal.atLeast : fits < renewal.by) return undefined;
  const landing = Math.min(start + renewal.by, wallOf(lease));
  return landing > expiresAt && isWorthwhile(renewal, landing, now) ? landing : undefined;
}

/** Sent any later, a renewal that may take `margin` to arrive might land behind the wall, or find the lease dead. */
export function latestSending(lease: Lease, margin: Duration): Instant {
  const { renewal } = lease;
  if (renewal?.from !== 'now') return endOf(lease);
  const least = renewal.canShorten ? renewal.atLeast : renewal.by;
  return Math.min(endOf(lease), wallOf(lease) - least - margin);
}

/** A renewal that leaves less than half a term is not worth another: the lease is close to its wall. */
const isWorthwhile = (renewal: Renewal, landing: Instant, now: Instant): boolean => landing - now >= renewal.by / 2;

/** Clocks are compared by the second, and answers take time: a renewal so much shorter is as good as predicted. */
const tolerance: Duration = seconds(5);

/** What a renewal taught us that was asked for at `askedAt`. */
export type Lesson = 'as predicted' | 'a wall' | 'refused';

export function lessonOf(before: Lease, after: Lease, askedAt: Instant, now: Instant): Lesson {
  const landing = endOf(after);
  if (landing <= endOf(before) || landing <= now) return 'refused';
  const predicted = renewedExpiry(before, askedAt) ?? Number.NEGATIVE_INFINITY;
  if (landing >= predicted - tolerance) return 'as predicted';
  // An end that others have set once more while we lifted it is no wall: it can be lifted again.
  return before.renewal?.atOnce ? 'refused' : 'a wall';
}

/** The provider's word, and a wall that it does not tell of but once made us feel; unless it has moved since. */
export const behindWall = (lease: Lease, wall: Instant | undefined): Lease =>
  wall === undefined || endOf(lease) > wall + tolerance
    ? lease
    : { ...lease, maxExpiresAt: Math.min(wallOf(lease), wall) };
