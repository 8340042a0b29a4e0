/** Two records that were one: what became of each since is put together, and nothing of either is lost. */
import { isDeepStrictEqual } from 'node:util';
import { type HeldLease, isSame, type SecretRecord, type Sequence, type SinkState, without } from './record.ts';
import type { Instant } from './time.ts';

/**
 * `mine` and `theirs` both came from `base`. Each part is as the one has it that changed it; where both did it is mine,
 * but of a lease it is the later word of its provider. A lease that only one of them took is held from now on, behind
 * mine: superseded and ended by the ordinary rules, unless a sink uses it.
 */
export function merged(base: SecretRecord, mine: SecretRecord, theirs: SecretRecord): SecretRecord {
  const { succeeded: _, requests: __, ...rest } = partwise(base, mine, theirs, latest) as unknown as SecretRecord;
  const succeeded = partwise<Instant>(base.succeeded, mine.succeeded, theirs.succeeded, latest);
  const requests = partwise<Instant>(base.requests, mine.requests, theirs.requests, latest);
  const sequence = laterOf(mine.sequence, theirs.sequence);
  const leases = partwise(byId(base), byId(mine), byId(theirs), laterWord);
  return {
    ...rest,
    leases: Object.values(leases),
    sinks: partwise(base.sinks, mine.sinks, theirs.sinks, usedByEither),
    failures: partwise(base.failures, mine.failures, theirs.failures, latest),
    ...(mine.guesses && theirs.guesses && { guesses: [...mine.guesses, ...theirs.guesses] }),
    ...(sequence && { sequence }),
    ...((mine.succeeded || theirs.succeeded) && { succeeded }),
    ...((mine.requests || theirs.requests) && { requests }),
  };
}

/** No number is given out twice: what either of us has given is behind us. */
const laterOf = (mine: Sequence | undefined, theirs: Sequence | undefined): Sequence | undefined =>
  mine && theirs && theirs.number <= mine.number ? mine : (theirs ?? mine);

/** Ids that are numbers would come first, whoever is newer: none of these is one. */
const byId = ({ leases }: SecretRecord): Readonly<Record<string, HeldLease>> =>
  Object.fromEntries(leases.map((held) => [`:${held.lease.id}`, held]));

/** Ours is what was decided here, and what the sinks beside us were given. */
const latest = <T>(mine: T): T => mine;

const laterWord = (mine: HeldLease, theirs: HeldLease): HeldLease => (seenAt(theirs) > seenAt(mine) ? theirs : mine);

const seenAt = ({ observedAt }: HeldLease): number => observedAt ?? Number.NEGATIVE_INFINITY;

/** What either of us wrote may be in use, and what one of us does not know the other cannot. */
const usedByEither = (mine: SinkState, theirs: SinkState): SinkState => ({
  ...without(mine, 'known'),
  ...(mine.known && theirs.known && { known: mine.known.since > theirs.known.since ? mine.known : theirs.known }),
  uses: [...theirs.uses.filter((use) => !mine.uses.some((other) => isSame(use, other))), ...mine.uses],
});

/** In my order, and then in theirs. What one of them has dropped, and the other left as it was, is gone. */
function partwise<T>(
  base: object = {},
  mine: object = {},
  theirs: object = {},
  both: (mine: T, theirs: T) => T,
): Record<string, T> {
  const was = new Map<string, T>(Object.entries(base));
  const ours = new Map<string, T>(Object.entries(mine));
  const others = new Map<string, T>(Object.entries(theirs));
  const parts: [string, T][] = [];
  for (const key of new Set([...ours.keys(), ...others.keys()])) {
    const a = ours.get(key);
    const b = others.get(key);
    const isMineNew = !isDeepStrictEqual(a, was.get(key));
    const isTheirsNew = !isDeepStrictEqual(b, was.get(key));
    const chosen = isMineNew && isTheirsNew && a !== undefined && b !== undefined ? both(a, b) : isMineNew ? a : b;
    // Changed by one and dropped by the other: what somebody still had something to say of is kept.
    const part = chosen ?? (isMineNew && isTheirsNew ? b : undefined);
    if (part !== undefined) parts.push([key, part]);
  }
  return Object.fromEntries(parts);
}
