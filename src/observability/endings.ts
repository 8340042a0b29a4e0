/** Says the moment a value that is in use ends, and when it is replaced: nothing else may happen at that moment. Both are always said. */
import type { timer } from '../clock.ts';
import { type Instant, sayDuration, seconds } from '../core/time.ts';
import type { Known } from './latest.ts';
import { sayEnded, viewOf } from './view.ts';
import { iso, type Line } from './words.ts';

export interface Endings {
  /** The record has changed, or time has passed. */
  check(known: Known): void;
  forget(secret: string): void;
  close(): void;
}

export interface EndingsOptions {
  readonly tell: (line: Line) => unknown;
  readonly timer: typeof timer;
  readonly get: (secret: string) => Known | undefined;
}

/** Somebody ended it: less may be a clock. */
const noticeable = seconds(2);

export function createEndings({ tell, timer, get }: EndingsOptions): Endings {
  /** By secret: the sinks whose value has ended, and since when we say so. */
  const ended = new Map<string, Map<string, Instant>>();
  /** By secret and sink: until when it was said to be good. */
  const promised = new Map<string, Map<string, Instant>>();
  /** Secrets all of whose leases a person, or the end of the daemon, wants ended. */
  const unwanted = new Set<string>();
  const timers = new Map<string, () => void>();

  const stop = (secret: string) => {
    timers.get(secret)?.();
    timers.delete(secret);
  };

  const check = (known: Known) => {
    const { name: secret, isToken } = known.subject;
    const now = known.subject.now();
    const { sinks, state } = viewOf(known);
    const before = ended.get(secret) ?? new Map<string, Instant>();
    const after = new Map<string, Instant>();
    const untils = promised.get(secret);
    const { leases } = known.record;
    const isWanted = leases.some((held) => !held.unwanted);
    // Nobody is to be woken by what was asked for. What was ended is no longer in the record.
    const isMeant = unwanted.has(secret) && !isWanted;
    if (isWanted) unwanted.delete(secret);
    else if (leases.length > 0) unwanted.add(secret);
    for (const each of sinks) {
      const { name: sink, hasEnded, endsAt } = each;
      const since = before.get(sink);
      if (hasEnded) after.set(sink, since ?? now);
      if (hasEnded && since === undefined) {
        const what = isToken ? 'our own access token has ended' : sayEnded(each);
        const until = untils?.get(sink);
        const early = until === undefined || endsAt === undefined ? 0 : until - endsAt;
        const when = early >= noticeable && Number.isFinite(early) ? ` ${sayDuration(early)} before its time` : '';
        const refused = each.isUntold ? '' : ': it is no longer accepted';
        const message = `${secret}: ${what}${isMeant ? ', as was asked for' : `${when}${refused}`}`;
        const endedAt = iso(endsAt);
        tell({
          level: isMeant ? 'warn' : 'error',
          message,
          fields: { secret, sink, state, ...(endedAt && { endedAt }) },
        });
      } else if (!hasEnded && since !== undefined) {
        const what = isToken
          ? 'we have a living access token'
          : each.isUntold
            ? `the program of ${sink} uses a living value`
            : `${sink} holds a living value`;
        const message = `${secret}: ${what} again after ${sayDuration(now - since)}`;
        tell({ level: 'info', message, fields: { secret, sink, state } });
      }
    }
    ended.set(secret, after);
    promised.set(secret, new Map(sinks.flatMap(({ name, endsAt }) => (endsAt === undefined ? [] : [[name, endsAt]]))));
    stop(secret);
    const next = Math.min(...sinks.map(({ endsAt }) => endsAt ?? Number.POSITIVE_INFINITY).filter((end) => end > now));
    if (next === Number.POSITIVE_INFINITY) return;
    const again = () => {
      const latest = get(secret);
      if (latest) check(latest);
    };
    timers.set(secret, timer(next - now, again));
  };

  return {
    check,
    forget: (secret) => {
      stop(secret);
      ended.delete(secret);
      promised.delete(secret);
      unwanted.delete(secret);
    },
    close: () => {
      for (const secret of [...timers.keys()]) stop(secret);
    },
  };
}
