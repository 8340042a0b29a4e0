/** `Retry-After`: until when one who answers wants to be left alone. */
import { type Clock, type Instant, seconds } from '../core/time.ts';
import type { Reply } from './caller.ts';

export interface Clocks {
  /** On which the answer is given. */
  readonly clock: Clock;
  /** By which a date is understood where the answer has no date of its own. */
  readonly wallClock: Clock;
}

/**
 * In seconds, or as a date: which is on the clock of who answers, and so is `Date` (RFC 9110, 10.2.3). Absent where
 * nothing is said, nothing that can be understood, or a time that has passed.
 */
export function retryAtOf({ headers }: Pick<Reply, 'headers'>, { clock, wallClock }: Clocks): Instant | undefined {
  const wish = String(headers['retry-after'] ?? '').trim();
  const there = Date.parse(String(headers['date'] ?? ''));
  const wait = /^\d+$/.test(wish)
    ? seconds(Number(wish))
    : Date.parse(wish) - (Number.isNaN(there) ? wallClock.now() : there);
  return Number.isFinite(wait) && wait > 0 ? clock.now() + wait : undefined;
}

/** For `LeaseError`, of an answer that is no yes. Only who has no time just now is believed to mean it. */
export function silence(reply: Pick<Reply, 'status' | 'headers'>, clocks: Clocks): { readonly notBefore?: Instant } {
  const notBefore = reply.status === 429 || reply.status === 503 ? retryAtOf(reply, clocks) : undefined;
  return notBefore === undefined ? {} : { notBefore };
}
