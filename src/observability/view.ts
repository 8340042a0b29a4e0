/** What is known of one secret, put as metrics, readiness and the log say it: one place between them and the core. */
import { newestOf, type SecretRecord } from '../core/record.ts';
import { statusOf } from '../core/status.ts';
import type { Instant } from '../core/time.ts';
import { endsBySink } from './dead-time.ts';
import type { Blocked, Known } from './latest.ts';

export const states = ['healthy', 'pending', 'overdue', 'failing', 'blocked', 'rejected', 'frozen', 'expired'] as const;
export type SecretState = (typeof states)[number];

/** Dates in the provider's time; `Infinity`: never. */
export interface View {
  readonly state: SecretState;
  /** The first end of what any sink uses. Absent: none uses anything yet. */
  readonly expiresAt?: Instant;
  /** These three are absent while there is no lease. */
  readonly termStart?: Instant;
  readonly maxExpiresAt?: Instant;
  readonly renewsAt?: Instant;
  readonly owed: readonly string[];
  readonly superseded: number;
  /** By act, failures in a row; 0 once it has succeeded since. */
  readonly failures: Readonly<Record<string, number>>;
  readonly succeededAt: Readonly<Record<string, Instant>>;
  readonly sinks: readonly SinkView[];
}

export interface SinkView {
  readonly name: string;
  readonly type: string;
  /** Written whole, and taken up by the program behind it. */
  readonly isDelivered: boolean;
  readonly isOwed: boolean;
  /** The first end of what it uses. Absent: it uses nothing yet. */
  readonly endsAt?: Instant;
  readonly hasEnded: boolean;
}

export function viewOf({ subject, record, succeededAt }: Known, blocked: Blocked | undefined): View {
  const { rules } = subject;
  const now = subject.now();
  const status = statusOf(record, rules, now);
  const newest = newestOf(record);
  const ends = endsBySink(record, rules.sinks);
  const sinks = rules.sinks.map((name): SinkView => {
    const { uses = [], has } = record.sinks[name] ?? {};
    const endsAt = ends[name] ?? Number.POSITIVE_INFINITY;
    return {
      name,
      type: subject.sinkTypes[name] ?? 'unknown',
      isDelivered: has?.reloaded ?? false,
      isOwed: status.owed.includes(name),
      hasEnded: endsAt <= now,
      ...(uses.length > 0 && { endsAt }),
    };
  });
  const used = sinks.flatMap(({ endsAt }) => (endsAt === undefined ? [] : [endsAt]));
  const successes = { ...successesIn(record), ...succeededAt };
  return {
    state: stateOf(status.state, used.length > 0, blocked !== undefined && blocked.until > now),
    owed: status.owed,
    superseded: status.superseded,
    failures: failuresIn(record, successes),
    succeededAt: successes,
    sinks,
    ...(used.length > 0 && { expiresAt: Math.min(...used) }),
    ...(newest && {
      termStart: newest.termStart,
      maxExpiresAt: newest.lease.maxExpiresAt ?? Number.POSITIVE_INFINITY,
      renewsAt: status.renewsAt ?? Number.POSITIVE_INFINITY,
    }),
  };
}

/** A value that has ended is the worst; a provider that may not be asked explains why something is overdue. */
const stateOf = (state: SecretState, isDelivered: boolean, isBlocked: boolean): SecretState => {
  if (isBlocked && (state === 'overdue' || state === 'failing')) return 'blocked';
  return state === 'healthy' && !isDelivered ? 'pending' : state;
};

/** What the record itself tells of successes, also of those before this process started. */
function successesIn(record: SecretRecord): Readonly<Record<string, Instant>> {
  const newest = newestOf(record);
  const seen = Object.values(record.sinks).flatMap(({ has }) => (has ? [has.seenAt] : []));
  return {
    ...(newest && { acquire: newest.since }),
    ...(newest && newest.termStart > newest.since && { renew: newest.termStart }),
    ...(newest?.observedAt !== undefined && newest.observedAt > newest.termStart && { observe: newest.observedAt }),
    ...(seen.length > 0 && { check: Math.max(...seen) }),
  };
}

/** The record keeps a row of failures beyond a success, for the back-off; to people a success ends it. */
function failuresIn(record: SecretRecord, succeededAt: Readonly<Record<string, Instant>>) {
  const failures: Record<string, number> = Object.fromEntries(Object.keys(succeededAt).map((act) => [act, 0]));
  for (const [key, failure] of Object.entries(record.failures)) {
    const act = key.split(':', 1)[0] ?? key;
    const isOver = failure.at <= (succeededAt[act] ?? Number.NEGATIVE_INFINITY);
    failures[act] = Math.max(failures[act] ?? 0, isOver ? 0 : failure.count);
  }
  return failures;
}
