/** What a provider tells us of one incarnation of a secret, and the arithmetic of extending it. */
import { type Duration, type Instant, minutes } from './time.ts';

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
}

/** The provider's renewal arithmetic, as data, so that the decision can know where a renewal would land. */
export interface Renewal {
  /** Does a renewal count from the moment of the call, or from the present expiry? */
  readonly from: 'now' | 'expiry';
  readonly by: Duration;
  /** The least that may be asked for. */
  readonly atLeast: Duration;
  /** Is less than `by` granted where that is what fits under the wall? */
  readonly canShorten: boolean;
}

export const isExpired = (lease: Lease, now: Instant): boolean => now >= endOf(lease);

/** Its not-after as a number: `Infinity` where it has none. */
export const endOf = (lease: Lease): Instant => lease.expiresAt ?? Number.POSITIVE_INFINITY;

/** When a renewal asked for at `now` would expire; `undefined` where it would be refused, kill, or gain too little. */
export function renewedExpiry(lease: Lease, now: Instant): Instant | undefined {
  const { renewal, expiresAt, maxExpiresAt = Number.POSITIVE_INFINITY } = lease;
  if (!renewal || expiresAt === undefined || isExpired(lease, now)) return undefined;
  const wanted = (renewal.from === 'now' ? now : expiresAt) + renewal.by;
  const landing = renewal.canShorten ? Math.min(wanted, maxExpiresAt) : wanted;
  // The provider counts from when the request arrives, and its clock is not ours: keep clear of the wall.
  const margin = renewal.from === 'now' ? Math.min(longestMargin, renewal.by / 10) : 0;
  if ((!renewal.canShorten && landing + margin > maxExpiresAt) || landing <= expiresAt) return undefined;
  return isWorthwhile(renewal, landing, now) ? landing : undefined;
}

const longestMargin: Duration = minutes(1);

/** A renewal that leaves less than half a term is not worth another: the lease is close to its wall. */
export const isWorthwhile = (renewal: Renewal, landing: Instant, now: Instant): boolean =>
  landing - now >= renewal.by / 2;
