/** What can go wrong, in the five words the core understands, and how long to wait after it. */
import type { VersionFacts } from './lease.ts';
import { type Duration, days, type Instant, minutes, seconds, tolerance } from './time.ts';

/** What a failure means to us. A provider's own codes are translated to these at its border. */
export type FailureCode =
  /** Try again later; what we hold is still good. */
  | 'unavailable'
  /** Our own credential is wrong or dead; trying again with the same one does harm. */
  | 'denied'
  /** The lease no longer exists. */
  | 'gone'
  /** The lease will not be renewed again; replace it. */
  | 'refused'
  /** The request, the configuration or the values are wrong; only a person can help. */
  | 'invalid';

/** A version that was to be had, and that nobody can read since somebody has set its end. */
export interface Doomed {
  readonly which: VersionFacts['which'];
  readonly endsAt: Instant;
}

/** The only error sources, sinks and verifiers throw on purpose. Its message never contains a value. */
export class LeaseError extends Error {
  override readonly name = 'LeaseError';
  readonly code: FailureCode;
  /** The provider asked to be left alone until then (`Retry-After`, a lockout). */
  readonly notBefore: Instant | undefined;
  /** The request may have taken effect all the same: a timeout, a cut connection. */
  readonly unsure: boolean;
  /** Somebody may put it right at any time, and asking again costs nothing. */
  readonly passing: boolean;
  /** It was taken just now, and has its effect once somebody else has said yes, which `observe` will see: unsure till then. */
  readonly pending: boolean;
  readonly doomed: Doomed | undefined;

  constructor(code: FailureCode, message: string, options: LeaseErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.notBefore = options.notBefore;
    this.pending = options.pending ?? false;
    this.unsure = options.unsure ?? this.pending;
    this.passing = options.passing ?? false;
    this.doomed = options.doomed;
  }
}

/** Why a provider is not asked. */
export type BlockReason =
  /** We have no access token that it would take. */
  | 'NoToken'
  /** It rejected the token that was shown; another is on its way. */
  | 'TokenRejected'
  /** It asked to be left alone: `Retry-After`. */
  | 'RetryAfter'
  /** It did not answer again and again. */
  | 'CircuitOpen'
  /** All the requests that we allow ourselves at a time are under way. */
  | 'ProviderBusy';

/** The provider could not be asked, or did not look at what we asked. Not a failure: nothing happened, nobody counts it. */
export class ProviderBlocked extends Error {
  override readonly name = 'ProviderBlocked';
  readonly because: BlockReason;
  /** Ask again then, or when told earlier that it may be asked. */
  readonly until: Instant;
  /** Said of requests of this kind alone, see `Kinds`. Absent: of all. */
  readonly kind: string | undefined;
  /** Nobody was asked: it is our own idea of how much the provider takes. */
  readonly isUnsent: boolean;

  constructor(because: BlockReason, until: Instant, kind?: string, isUnsent = false) {
    super(because);
    this.because = because;
    this.until = until;
    this.kind = kind;
    this.isUnsent = isUnsent;
  }
}

export interface LeaseErrorOptions extends ErrorOptions {
  readonly notBefore?: Instant;
  readonly unsure?: boolean;
  readonly passing?: boolean;
  readonly pending?: boolean;
  readonly doomed?: Doomed;
}

/** Who has not said yes by then to what is `pending` has said no, or never heard of it. */
export const longestPending: Duration = days(7);

/** Anything else that is thrown is a bug or a broken connection: try again, and do not trust the outcome. */
export const asLeaseError = (error: unknown): LeaseError =>
  error instanceof LeaseError
    ? error
    : new LeaseError('unavailable', 'unexpected error', { cause: error, unsure: true });

/** What the record remembers of a failing act. Never a message. */
export interface Failure {
  /** How many came in a row, none of them longer than `memory` after it was to be tried again. */
  readonly count: number;
  /** How many of them were rejections of our credential. */
  readonly denied: number;
  /** Of a proof: how many of them said no. Who could not be asked has not. */
  readonly noes?: number;
  readonly at: Instant;
  readonly code: FailureCode;
  /** The provider's own wish, or the penalty for a rejection. Not even an approaching end overrules it. */
  readonly notBefore: Instant;
  /** It succeeded since. Said to people; the row goes on, see `resumed`. */
  readonly isOver?: true;
  /** Somebody may put it right at any time. */
  readonly passing?: true;
  readonly doomed?: Doomed;
}

/** The shortest time between two tries of anything. */
const shortestDelay: Duration = seconds(1);
const longestDelay: Duration = minutes(5);
/** A configuration does not mend itself; ask rarely. */
const longestDelayWhenInvalid: Duration = minutes(60);
/** A try that long overdue starts a new row. A success only makes it shorter: a lease may die as soon as it is taken. */
export const memory: Duration = minutes(15);
/** After one rejection, and after more: providers lock out who insists. */
const whenDenied: Duration = seconds(60);
const whenDeniedAgain: Duration = minutes(5);
/** No provider silences us for longer. */
export const longestSilence: Duration = minutes(10);

/** Add one failure to a row of them. */
export function another(before: Failure | undefined, error: LeaseError, at: Instant): Failure {
  const previous = before && isStrange(before, at) ? { ...before, at, notBefore: at } : before;
  const isInRow = previous && at - waitedFor(previous, longestOf(previous)) <= memory;
  const row = isInRow ? previous : { count: 0, denied: 0 };
  // After a rejection an answer that was lost is taken for another: providers count, also what we did not hear.
  const isDenied = error.code === 'denied' || (error.unsure && row.denied > 0);
  const denied = row.denied + (isDenied ? 1 : 0);
  const penalty = !isDenied ? 0 : denied > 1 ? whenDeniedAgain : whenDenied;
  const wish = Math.max(previous?.notBefore ?? at, error.notBefore ?? at);
  // Who could not be asked has not said that it is saved.
  const isSilent = error.code === 'unavailable' && !previous?.isOver;
  const doomed = error.doomed ?? (isSilent ? previous?.doomed : undefined);
  return {
    count: row.count + 1,
    denied,
    at,
    code: error.code,
    notBefore: Math.max(Math.min(wish, at + longestSilence), at + penalty),
    ...(error.passing && { passing: true }),
    ...(doomed && { doomed }),
  };
}

/** A success since has shown that it can be done: what fails then waits as after so many failures at most. */
const afterSuccess = 3;

/** The row that a failure goes on with, where what was done between brought what it was done for. */
export const resumed = (row: Failure | undefined): Failure | undefined =>
  row?.isOver ? { ...row, count: Math.min(row.count, afterSuccess) } : row;

/** One that lies far ahead was noted by a clock that was set back since: when that was nobody knows. */
export const isStrange = (failure: Failure, now: Instant): boolean => failure.at > now + tolerance;

/** How long somebody waits whose stake lives so much longer: at most an eighth of it. Nobody hurries for the dead. */
export const patience = (left: Duration, longest: Duration = longestDelay): Duration =>
  left > 0 ? Math.max(shortestDelay, Math.min(longest, left / 8)) : longest;

/**
 * When to try again. The wait doubles, but before `deadline` it never exceeds an eighth of the life that is left, so
 * that the last hour sees more tries, not fewer. Past the deadline there is nothing left to hurry for.
 */
export function nextTry(failure: Failure | undefined, deadline: Instant, now: Instant): Instant {
  if (!failure || isStrange(failure, now)) return Number.NEGATIVE_INFINITY;
  return waitedFor(failure, patience(deadline - failure.at, longestOf(failure)));
}

/** The end of the wait that follows a failure, where none is longer than that. */
const waitedFor = ({ at, count, notBefore }: Failure, longest: Duration): Instant =>
  Math.max(Math.floor(at + Math.min(shortestDelay * 2 ** (count - 1), longest)), notBefore);

const longestOf = ({ code, passing }: Failure): Duration =>
  code === 'invalid' && !passing ? longestDelayWhenInvalid : longestDelay;
