/** The port to where leases come from. */
import type { Lease } from '../core/lease.ts';
import type { Material } from '../core/material.ts';
import type { Kinds } from '../core/rules.ts';
import type { Clock, Duration, Instant } from '../core/time.ts';
import type { Observation } from '../core/transitions.ts';

/**
 * An absent method is an absent ability, and the keeper plans around it. At most one call is under way per secret.
 *
 * Every method throws `LeaseError` with the code that fits, `unsure` where the request may have taken effect, and no
 * value in the message; or `ProviderBlocked` where the provider could not be asked at all, which nobody counts as a
 * failure. It rejects soon after the signal aborts: the caller's signal carries the deadline of the call.
 *
 * Dates are in the provider's time: as its answers say, relative lifetimes counted on `clock` from when the request
 * was sent.
 */
export interface Source {
  /**
   * Take a lease. Without a predecessor: what is there already will do, if there is something. With one: a successor
   * of it, or the same lease again where the provider has no other.
   */
  acquire(call: AcquireCall): Promise<Acquired>;
  /** Extend a lease in place. `material` only where the values changed. Never asked for where it would not land. */
  renew?(lease: Lease, call: RenewCall): Promise<{ readonly lease: Lease; readonly material?: Material }>;
  /** Read the values of a lease again. Absent: they are shown once, at `acquire`. */
  read?(lease: Lease, call: Call): Promise<Material>;
  /** What does the provider say of this lease today? Absent: we believe our record. */
  observe?(lease: Lease, call: Call): Promise<Observation>;
  /**
   * End a lease. Ending what has ended is success. Absent: it is left to expire. Answers `'left'` where it could not
   * be ended and dies by its own end: a token whose value is no longer at hand.
   */
  revoke?(lease: Lease, call: RevokeCall): Promise<'ended' | 'left'>;
  /**
   * Which leases does the provider know that were created since then and that we do not know? Asked after an
   * `acquire` without an answer. Absent: nothing can be lost, because `acquire` only reads or honours its key.
   */
  search?(lost: Lost, call: Call): Promise<readonly Lease[]>;
  /** How often to `observe` a lease of that term. Absent: only after a restart, or when a renewal ended in doubt. */
  observeEvery?(term: Duration | undefined): Duration;
  /** Of requests that the provider limits kind by kind. Absent: what it says of one holds up all. */
  readonly kinds?: Kinds;
  /** `renew` has to show the present values. */
  readonly renewsByValue?: true;
  /** The provider's time: our steady clock, corrected for skew. */
  readonly clock: Clock;
  /** How far `clock` may be off, either way. */
  readonly uncertainty: () => Duration;
  /** Has the provider said what time it is, or answered and not said? Until then `clock` is our machine's. Absent: yes. */
  readonly knowsTime?: () => boolean;
  /** A keyed fingerprint of the credential that `acquire` would use now. A rejected one is tried anew once it changes. */
  credential?(): Promise<string>;
}

export interface Acquired {
  readonly lease: Lease;
  readonly material: Material;
}

export interface Call {
  readonly signal: AbortSignal;
}

export interface LeaseCall extends Call {
  /** The values of the lease, where this process has them. */
  readonly material?: Material;
}

export interface RevokeCall extends LeaseCall {
  /** The lease never passed its proofs: nobody has had it from us, as far as we know. What others have made is none of ours then. */
  readonly isUnproven?: true;
  /**
   * The lease has failed its proofs, and this one is used in its place: what others read is to be this one again before
   * anything is ended. Where that cannot be had nothing is ended, and the error calls for a person.
   */
  readonly instead?: Lease;
  /** The values of that one, where this process has them. */
  readonly insteadMaterial?: Material;
  /** It was asked for before, not long ago, and was `pending`: it is not asked for again. */
  readonly isAsked?: true;
}

export interface RenewCall extends LeaseCall {
  /** Sent any later it might not land: throw instead (`unavailable`, and sure). Compared with `clock` right before sending. */
  readonly sendBy: Instant;
}

export interface AcquireCall extends Call {
  /** The same for every try of one operation, also after a crash: the provider's idempotency key. */
  readonly key: string;
  readonly predecessor?: Lease;
  /** Ids of those that have failed their proofs: what we made of them ourselves is not to be had again. */
  readonly rejected?: readonly string[];
}

export interface Lost {
  /** Created since then; */
  readonly since: Instant;
  /** and none of these. */
  readonly known: readonly string[];
}
