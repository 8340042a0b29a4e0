/** How long sinks held values that had ended: the measure of our first promise, counted from dates and not from events. */
import type { SecretRecord } from '../core/record.ts';
import { statusOf } from '../core/status.ts';
import type { Clock, Duration, Instant } from '../core/time.ts';
import type { Subject } from '../keeper/events.ts';

/** What is counted of one sink. Never falls. */
export interface Dead {
  readonly sink: string;
  readonly total: Duration;
}

export interface DeadTime {
  /** From now on this is the record. Time before the first record is not counted: we cannot know. */
  record(subject: Subject, record: SecretRecord): void;
  forget(secret: string): void;
  /** Up to now, for each sink of the secret. */
  totals(subject: Subject): Dead[];
}

interface Counted {
  /** Up to when, on the steady clock, `totals` are right. */
  until: Instant;
  /** By sink that uses anything, the first end of that, in the provider's time. */
  ends: Readonly<Record<string, Instant>>;
  readonly totals: Map<string, Duration>;
}

export function createDeadTime(clock: Clock): DeadTime {
  const secrets = new Map<string, Counted>();

  /** Of the time since the last count, the part that lies after the end. A corrected skew can move that end, not time. */
  const count = (counted: Counted, subject: Subject) => {
    const now = clock.now();
    const passed = Math.max(0, now - counted.until);
    for (const [sink, end] of Object.entries(counted.ends)) {
      const dead = Math.min(passed, Math.max(0, subject.now() - end));
      counted.totals.set(sink, (counted.totals.get(sink) ?? 0) + dead);
    }
    counted.until = now;
  };

  return {
    record: (subject, record) => {
      const { ends } = statusOf(record, subject.rules, subject.now());
      const counted = secrets.get(subject.name);
      if (!counted) return void secrets.set(subject.name, { until: clock.now(), ends, totals: new Map() });
      count(counted, subject);
      counted.ends = ends;
    },
    forget: (secret) => {
      secrets.delete(secret);
    },
    totals: (subject) => {
      const counted = secrets.get(subject.name);
      if (counted) count(counted, subject);
      return subject.rules.sinks.map((sink) => ({ sink, total: counted?.totals.get(sink) ?? 0 }));
    },
  };
}
