/** What is known of one secret, put as metrics, readiness and the log say it: one place between them and the core. */
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
  readonly isOwed: boolean;
  /** The first end of what it uses, in the provider's time. Absent: it uses nothing yet. */
  readonly endsAt?: Instant;
  readonly hasEnded: boolean;
}

export function viewOf({ subject, record, blocked }: Known): View {
  const { rules, sinkTypes } = subject;
  const now = subject.now();
  const status = statusOf(record, rules, now, blocked !== undefined);
  const sinks = rules.sinks.map((name): SinkView => {
    const endsAt = status.ends[name];
    return {
      name,
      type: sinkTypes[name] ?? 'unknown',
      isWritten: record.sinks[name]?.has !== undefined,
      isOwed: status.owed.includes(name),
      hasEnded: endsAt !== undefined && endsAt <= now,
      ...(endsAt !== undefined && { endsAt }),
    };
  });
  return { ...status, sinks };
}
