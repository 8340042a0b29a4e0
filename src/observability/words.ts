/** The closed lists of the core as a person would say them. */
import type { Wait } from '../core/agenda.ts';
import type { Frozen } from '../core/lease.ts';
import { allSinks } from '../core/reloading.ts';
import { type Instant, sayDuration } from '../core/time.ts';
import type { AnyStep } from '../keeper/events.ts';

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Lines of one cause are not repeated all the time. Absent: it is always said. */
  readonly cause?: string;
}

const reasons: Readonly<Record<string, string>> = {
  NothingHeld: 'nothing was held',
  Expired: 'it had expired',
  Outdated: 'there is a newer one',
  RotationDue: 'rotation was due',
  EndOfLife: 'its end was near',
  RenewalFailing: 'renewing it kept failing',
  ValuesLost: 'its values were lost',
  InDoubt: 'it was in doubt',
  PollDue: 'it was time to ask',
  RenewalDue: 'it was due',
  ValuesNeeded: 'its values were needed',
  Unproven: 'it had to be proven',
  Unprovable: 'nobody could be asked whether it works',
  GraceOver: 'its grace was over',
  LeaseMayBeLost: 'a lease may have been lost',
  Refused: 'it was refused',
  Requested: 'it was asked for',
  Untried: 'it had not been tried',
  Unseen: 'it had not been seen for long',
  Undelivered: 'the sink did not have the newest values',
  Unacknowledged: 'the new values had not been taken up',
  Ended: 'what it held had ended',
};

const frozen: Readonly<Record<Frozen, string>> = {
  SecretInactive: 'somebody has deactivated it at the provider: activate it there',
  NoCurrentVersion: 'it has no current version at the provider: add one there, or make one current',
  DestructionScheduled: 'its version is to be destroyed: cancel that at the provider, or make another one current',
};

/** Why the provider does not show a value any more, and what a person can do about it. */
export const sayFrozen = (why: Frozen): string => frozen[why];

export const sayReason = (because: string): string => reasons[because] ?? because;

const verbs: Readonly<Record<string, readonly [past: string, doing: string]>> = {
  acquire: ['took a new lease', 'taking a lease'],
  renew: ['renewed', 'renewing'],
  observe: ['observed', 'asking about its lease'],
  read: ['read its values', 'reading its values'],
  verify: ['proven', 'proving it'],
  accept: ['taken unproven', 'taking it unproven'],
  retire: ['retired a lease that nobody uses', 'retiring a lease'],
  search: ['searched for lost leases', 'searching for lost leases'],
  try: ['can be written to', 'trying'],
  check: ['found as it was', 'checking'],
  write: ['delivered', 'delivering'],
  reload: ['taken up by its program', 'telling the program of'],
  remove: ['emptied', 'emptying'],
};

const togetherVerbs = ['told its programs', 'telling its programs'] as const;
const loginVerbs = ['logged in', 'logging in'] as const;

export interface Said {
  readonly past: string;
  readonly doing: string;
}

/** What was done, as a sentence goes on after the secret's name. Sinks are named. */
export function sayAct(step: { readonly act: string; readonly to?: string }, isToken: boolean, sink?: string): Said {
  if (step.act === 'reload' && (sink === allSinks || sink === undefined)) {
    const [past, doing] = togetherVerbs;
    return { past, doing };
  }
  const known = isToken && step.act === 'acquire' ? loginVerbs : verbs[step.act];
  const [past, doing] = known ?? [step.act, step.act];
  return sink === undefined ? { past, doing } : { past: `${sink} ${past}`, doing: `${doing} ${sink}` };
}

/** `1 failure`, `3 failures`. */
export const sayCount = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

const waits: Readonly<Record<string, string>> = {
  BackingOff: 'next try',
  Blocked: 'waits for its provider, next look',
  ProviderBusy: 'waits for its turn at the provider, next look',
};

/** What happens next, and when: `next try in 8s`, `next look in 40m`, `renewing now`. */
export function sayNext(next: AnyStep | Wait, now: Instant, isToken: boolean): string {
  if (next.act !== 'wait') return `${sayAct(next, isToken).doing} now`;
  const wait = waits[next.because] ?? 'next look';
  return `${wait} ${sayIn(next.until, now)}`;
}

const sayIn = (at: Instant, now: Instant): string =>
  at === Number.POSITIVE_INFINITY ? 'never' : at <= now ? 'now' : `in ${sayDuration(at - now)}`;

/** `good for 12m`, `ended 3m ago`, `does not end`. */
export function sayLife(end: Instant, now: Instant): string {
  if (end === Number.POSITIVE_INFINITY) return 'does not end';
  if (end === Number.NEGATIVE_INFINITY) return 'has ended';
  return end > now ? `good for ${sayDuration(end - now)}` : `ended ${sayDuration(now - end)} ago`;
}

/** For JSON. Absent where there is no such date. */
export const iso = (at: Instant | undefined): string | undefined =>
  at !== undefined && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : undefined;
