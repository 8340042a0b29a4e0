/** What the provider's books say of one lease, and what follows from it. */
import { type Duration, type Instant, seconds } from '../../src/core/time.ts';

export const never = Number.POSITIVE_INFINITY;

export interface Issued {
  readonly id: string;
  /** The key of the acquire that made it, or `others`. */
  readonly key: string;
  readonly issuedAt: Instant;
  readonly maxExpiresAt: Instant;
  /** By generation: a renewal that makes new values leaves the old ones their end. The last is the present one. */
  readonly terms: { readonly from: Instant; end: Instant }[];
  /** When it was ended before its time. */
  endedAt: Instant;
  /** When somebody else, or a whim of the provider, last shortened its life. */
  surprisedAt: Instant;
  /** When we were told that it exists no longer. */
  goneAt?: Instant;
  /** The end that we were last told of. Another one says that an answer was lost. */
  told?: { readonly end: Instant; readonly at: Instant };
  /** Its values never work where they are tried out. */
  isFit: boolean;
  /** The answer that brought it was heard, and what came of it saved. */
  isOurs: boolean;
}

/** What a source needs to know of a lease: dates, never values. */
export interface Word {
  readonly issued: Issued;
  readonly expiresAt: Instant;
  readonly value: string;
}

export const endOfTerm = (issued: Issued): Instant => issued.terms.at(-1)?.end ?? issued.issuedAt;

export const idOf = (value: string | undefined): string => /^VALUE:(.*)\.\d+$/.exec(value ?? '')?.[1] ?? '';

/** The emergency window of a term, as the promise has it. */
export const windowOf = (term: Duration): Duration => Math.max(term / 20, Math.min(term / 4, seconds(60)));
