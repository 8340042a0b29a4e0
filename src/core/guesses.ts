/** Dates that were noted before a provider had said what time it is: by a clock that may have been wrong by any length. */
import type { Failure } from './failure.ts';
import { type HeldLease, type SecretRecord, type SinkState, without } from './record.ts';
import type { Facts } from './rules.ts';
import { type Duration, days, type Instant, seconds } from './time.ts';

/** No clock is taken to be wrong by more. */
export const farthest: Duration = days(1);

/** Who waits to be told what time it is looks again so soon. */
export const soon: Duration = seconds(5);

type Since = Pick<Facts, 'startedAt' | 'isTimeGuessed' | 'heard'>;

/**
 * Was that after this process started? What others have dated in the provider's time cannot be compared with our start
 * before we know that time, nor where the provider is wrong about it by now; what we guess ourselves can.
 */
const isSinceStart = (
  what: string,
  at: Instant | undefined,
  { guesses }: Pick<SecretRecord, 'guesses'>,
  { startedAt, isTimeGuessed, heard }: Since,
): boolean =>
  at !== undefined &&
  at >= startedAt &&
  heard?.has(noteOf(what, at)) !== false &&
  (!isTimeGuessed || guesses?.includes(at) === true);

export const isTakenSinceStart = ({ lease, since }: HeldLease, record: SecretRecord, facts: Since): boolean =>
  isSinceStart(taken(lease.id), since, record, facts);

export const isObservedSinceStart = ({ lease, observedAt }: HeldLease, record: SecretRecord, facts: Since): boolean =>
  isSinceStart(seen(lease.id), observedAt, record, facts);

export const hasFailedSinceStart = (act: string, record: SecretRecord, facts: Since): boolean =>
  isSinceStart(failed(act), record.failures[act]?.at, record, facts);

const taken = (lease: string) => `taken ${lease}`;
const seen = (lease: string) => `seen ${lease}`;
const failed = (act: string) => `failed ${act}`;

/** Two things may bear the same date, and only one of them be known from us. */
export const noteOf = (what: string, at: Instant): string => `${what} at ${at}`;

/** Is it when a lease was observed? That is never dated anew: it bears the date at which it was heard. */
export const isSight = (what: string): boolean => what.startsWith(seen(''));

/** When all was heard of which it is asked whether that was since our start. */
export const heardIn = ({ leases, failures }: SecretRecord): ReadonlyMap<string, Instant> =>
  new Map([
    ...leases.map(({ lease, since }) => [taken(lease.id), since] as const),
    ...leases.flatMap(({ lease, observedAt }) =>
      observedAt === undefined ? [] : [[seen(lease.id), observedAt] as const],
    ),
    ...Object.entries(failures).map(([act, { at }]) => [failed(act), at] as const),
  ]);

/** All that we date ourselves. What a provider has dated came with an answer, and that said what time it is. */
const datesOf = ({ leases, acquires = [], failures, intent, doubt, succeeded, ...record }: SecretRecord): Instant[] =>
  [
    ...leases.flatMap(({ lease, supersededAt, observedAt }) => [lease.expiresAt, supersededAt, observedAt]),
    ...Object.values(record.sinks).flatMap(({ has, known }) => [has?.seenAt, known?.since]),
    ...Object.values(failures).map(({ at }) => at),
    ...Object.values(record.requests ?? {}),
    ...Object.values(succeeded ?? {}),
    ...acquires,
    intent?.at,
    doubt?.since,
    doubt?.until,
    record.credentialSince,
    record.untoldSince,
  ].filter((at) => at !== undefined);

/** What the record has that it had not before is a guess. */
export function guessed(before: SecretRecord, after: SecretRecord): SecretRecord {
  const known = new Set(datesOf(before));
  const earlier = new Set(before.guesses);
  const guesses = [...new Set(datesOf(after))].filter((at) => earlier.has(at) || !known.has(at));
  return guesses.length > 0 ? { ...after, guesses } : without(after, 'guesses');
}

/**
 * The provider has said what time it is. `own` answers with what is to be added to what this process has guessed. What
 * another guessed happened at the latest now: we wait from now where we have to wait, and look far back where we look.
 */
export function corrected(
  record: SecretRecord,
  own: (guess: Instant) => Duration | undefined,
  now: Instant,
): SecretRecord {
  const { guesses, intent, doubt, ...rest } = record;
  if (!guesses) return record;
  const right = (at: Instant, others: Instant): Instant => {
    const by = own(at);
    return !guesses.includes(at) ? at : by === undefined ? others : at + by;
  };
  const latest = (at: Instant) => right(at, now);
  const past = (at: Instant) => right(at, Math.min(at, now));
  const early = (at: Instant) => right(at, Math.min(at, now) - farthest);
  const each = (dates: Readonly<Record<string, Instant>>) =>
    Object.fromEntries(Object.entries(dates).map(([key, at]) => [key, past(at)]));
  const lease = ({ supersededAt, ...held }: HeldLease): HeldLease => ({
    ...(held.observedAt !== undefined && guesses.includes(held.observedAt) ? without(held, 'observedAt') : held),
    ...(held.lease.expiresAt !== undefined && { lease: { ...held.lease, expiresAt: past(held.lease.expiresAt) } }),
    ...(supersededAt !== undefined && { supersededAt: latest(supersededAt) }),
  });
  const sink = ({ uses, has, known }: SinkState): SinkState => ({
    uses,
    ...(has && { has: { ...has, seenAt: past(has.seenAt) } }),
    ...(known && { known: { ...known, since: latest(known.since) } }),
  });
  const failure = (one: Failure): Failure => {
    const at = past(one.at);
    return { ...one, at, notBefore: one.notBefore + at - one.at };
  };
  const isLost = intent !== undefined && guesses.includes(intent.at) && own(intent.at) === undefined;
  const since = [...(doubt ? [doubt.since] : []), ...(isLost ? [intent.at] : [])].map(early);
  return {
    ...rest,
    leases: rest.leases.map(lease),
    sinks: Object.fromEntries(Object.entries(rest.sinks).map(([name, state]) => [name, sink(state)])),
    failures: Object.fromEntries(Object.entries(rest.failures).map(([key, one]) => [key, failure(one)])),
    ...(intent && { intent: { ...intent, at: latest(intent.at) } }),
    ...(since.length > 0 && {
      doubt: { since: Math.min(...since), until: isLost || !doubt ? now : latest(doubt.until) },
    }),
    ...(rest.acquires && { acquires: rest.acquires.map(latest).sort((a, b) => b - a) }),
    ...(rest.requests && { requests: each(rest.requests) }),
    ...(rest.succeeded && { succeeded: each(rest.succeeded) }),
    ...(rest.credentialSince !== undefined && { credentialSince: past(rest.credentialSince) }),
    ...(rest.untoldSince !== undefined && { untoldSince: past(rest.untoldSince) }),
  };
}
