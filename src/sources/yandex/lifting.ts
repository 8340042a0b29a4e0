/**
 * An end that somebody has set, lifted for as long as it takes to build upon the version, and set again whatever becomes
 * of that. What is to be set again is remembered as long as the process lives, and by nobody else: of a version that has
 * no end any more nobody can tell whether it was we who lifted it or a person, and that is never to be undone.
 */
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { type Duration, type Instant, minutes, seconds } from '../../core/time.ts';
import type { Version } from './answers.ts';
import type { Asking } from './client.ts';
import { Refusal, rpc } from './failures.ts';
import { keyFor, keys } from './idempotency.ts';
import type { Listing, LockboxApi } from './lockbox-api.ts';
import { inSeconds, stateOf } from './versions.ts';

/** Setting it again is not cut short by whatever has cut short the building. */
const patience: Duration = seconds(10);

/** A date that is over, or almost, comes a little later: the next try is to have time to build. */
const leastLeft: Duration = minutes(5);

/** After so many tries in a row that failed once they were accepted the rest is left to the next call. */
const mostFailures = 5;

export interface Lifting {
  /**
   * The end of that lease, as the record has it, is lifted while `build` is at work. Throws what `build` throws; and
   * `unavailable`, unsure, where the end could not be set again, so that the intent stays open and that is made up for.
   */
  around<T>(lease: Ending, intent: string, signal: AbortSignal, build: () => Promise<T>): Promise<T>;
  /**
   * Sets again what this process could not, also of versions that no lease is about: not where one has another end by
   * what was `listed` just now, which somebody may have lifted again when it is looked at next. Throws where it cannot yet.
   */
  makeUp(signal: AbortSignal, listed?: Pick<Listing, 'versions'>): Promise<void>;
}

type Ending = Pick<Lease, 'id' | 'expiresAt'>;

/** `isForGood`: such ends are to be lifted anyway. */
export function lifting(
  api: LockboxApi,
  { clock, pause }: Pick<Asking, 'clock' | 'pause'>,
  isForGood = false,
): Lifting {
  /** By version, what could not be set again. */
  const owed = new Map<string, { readonly end: Instant; readonly intent: string }>();
  const keysOf = { cancelVersionDestruction: keys(), scheduleVersionDestruction: keys() };

  /** By this try or by one before it, but once. Throws what the server refuses with. */
  async function once(verb: keyof typeof keysOf, body: object, own: string, signal: AbortSignal): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        await api.change(verb, body, { signal, key: keysOf[verb].present(own) });
        return;
      } catch (error) {
        if (!(error instanceof Refusal) || error.status !== undefined || failures === mostFailures) throw error;
        keysOf[verb].spend(own);
      }
    }
  }

  /** Answers whether it is done. The server may refuse what is not scheduled. */
  async function lift(id: string, end: Instant, intent: string, signal: AbortSignal): Promise<boolean> {
    try {
      await once('cancelVersionDestruction', { versionId: id }, keyFor(`${intent}/lift/${id}/${end}`), signal);
      return true;
    } catch (error) {
      if (error instanceof Refusal && error.status !== undefined && isPast(error)) return false;
      throw error;
    }
  }

  const seen = async (id: string, signal: AbortSignal): Promise<Version | undefined> =>
    (await api.versions(signal)).versions.find((one) => one.id === id);

  /** Not once more where that was done and somebody has lifted it since; nor where somebody has set another meanwhile. */
  async function setAgain(id: string, end: Instant, intent: string, signal: AbortSignal): Promise<void> {
    const body = { versionId: id, pendingPeriod: inSeconds(Math.max(leastLeft, end - clock.now())) };
    try {
      const present = await seen(id, signal);
      if (present && stateOf(present) === 'active') {
        await once('scheduleVersionDestruction', body, keyFor(`${intent}/again/${id}/${end}`), signal);
      }
      owed.delete(id);
    } catch (error) {
      throw notSetAgain(id, end, error);
    }
  }

  return {
    async around(lease, intent, signal, build) {
      const { id } = lease;
      const end = endOf(lease);
      // As late as can be: what somebody sets from here on is set again to what it was.
      if ((await seen(id, signal))?.destroyAt !== lease.expiresAt) throw moved(id);
      if (!(await lift(id, end, intent, signal))) throw moved(id);
      // Only what is known: of what nobody answered it may be a person who has lifted it by now.
      if (!isForGood) owed.set(id, { end, intent });
      const built = build();
      if (isForGood) return built;
      await built.catch(() => undefined);
      await within(pause, patience, (own) => setAgain(id, end, intent, own));
      return built;
    },

    async makeUp(signal, listed) {
      for (const one of listed?.versions ?? []) if (stateOf(one) !== 'active') owed.delete(one.id);
      for (const [id, { end, intent }] of owed) await setAgain(id, end, intent, signal);
    },
  };
}

/** Of a lease that has one. */
const endOf = ({ expiresAt = 0 }: Ending): Instant => expiresAt;

/** It has no end to be lifted, or is no more. */
const isPast = ({ rpc: code }: Refusal): boolean => code === rpc.failedPrecondition || code === rpc.notFound;

const moved = (id: string): LeaseError =>
  new LeaseError('unavailable', `somebody has changed the end of version ${id} meanwhile: that is seen first`);

const notSetAgain = (id: string, end: Instant, error: unknown): LeaseError =>
  new LeaseError(
    'unavailable',
    `the destruction of version ${id}, which somebody had scheduled for ${new Date(end).toISOString()}, was cancelled` +
      ` to build upon it, and could not be scheduled again yet: ${error instanceof Error ? error.message : 'why?'}`,
    { unsure: true, cause: error },
  );

/** With a time of its own. */
async function within<T>(
  pause: Asking['pause'],
  length: Duration,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [late, done] = [new AbortController(), new AbortController()];
  pause(length, done.signal).then(
    () => late.abort(),
    () => undefined,
  );
  try {
    return await work(late.signal);
  } finally {
    done.abort();
  }
}
