/** What is known of one secret, put as metrics, readiness and the log say it: one place between them and the core. */
import { headOf, holdingOf, isSame } from '../core/record.ts';
import { type State, type Status, statusOf } from '../core/status.ts';
import type { Instant } from '../core/time.ts';
import type { Known } from './latest.ts';

/** What each state means to a person. */
export const meanings: Readonly<Record<State, string>> = {
  healthy: 'every sink holds the newest values',
  pending: 'a sink does not hold the newest values yet',
  overdue: 'a renewal or replacement is due',
  failing: 'something is due, and fails',
  blocked: 'the provider cannot be asked now',
  rejected: 'our own credential was rejected',
  frozen: 'somebody stopped it at the provider; what was delivered stays',
  expired: 'a value in use has ended',
};

export const states = Object.keys(meanings) as readonly State[];

export interface View extends Status {
  readonly sinks: readonly SinkView[];
}

export interface SinkView {
  readonly name: string;
  readonly type: string;
  /** What was written is there whole. The program behind it may not have taken it up yet. */
  readonly isWritten: boolean;
  /** The newest values are there, and a program may use older ones all the same: it was not told yet. */
  readonly isUntold: boolean;
  readonly isOwed: boolean;
  /** The first end of what it uses, in the provider's time. Absent: it uses nothing yet. */
  readonly endsAt?: Instant;
  readonly hasEnded: boolean;
}

export function viewOf({ subject, record, blocked }: Known): View {
  const { rules, sinkTypes } = subject;
  const now = subject.now();
  const status = statusOf(record, rules, now, blocked !== undefined);
  const head = headOf(record);
  const sinks = rules.sinks.map((name): SinkView => {
    const endsAt = status.ends[name];
    const has = record.sinks[name]?.has;
    const isOwed = status.owed.includes(name);
    return {
      name,
      type: sinkTypes[name] ?? 'unknown',
      isWritten: has !== undefined,
      isUntold: isOwed && head !== undefined && isSame(holdingOf(head), has),
      isOwed,
      hasEnded: endsAt !== undefined && endsAt <= now,
      ...(endsAt !== undefined && { endsAt }),
    };
  });
  return { ...status, sinks };
}

/** What is in the sink itself; a program behind it may still use what was there before. */
export function holdsOf({ endsAt, hasEnded, isWritten, isUntold, isOwed }: SinkView) {
  if (endsAt === undefined || (hasEnded && !isWritten)) return 'nothing';
  if (isUntold) return 'newest';
  if (hasEnded) return 'ended';
  return isOwed ? 'older' : 'newest';
}

/** Of a sink whose value has ended, whose that is: an empty sink and a new one in it are no help to a program that was not told. */
export function sayEnded({ name, isUntold, isWritten }: SinkView): string {
  if (isUntold) return `a value that ${name} held before has ended, and its program was not told of the new one`;
  return isWritten ? `the value that ${name} holds has ended` : `the value that ${name} held has ended`;
}
