/** The latest that was heard of every secret of the configuration. Gauges and readiness are functions of it. */
import type { BlockReason } from '../core/failure.ts';
import { emptyRecord, type SecretRecord } from '../core/record.ts';
import type { Instant } from '../core/time.ts';
import type { KeeperEvent, Subject } from '../keeper/events.ts';

export interface Known {
  readonly subject: Subject;
  /** Empty until the first is heard of. */
  readonly record: SecretRecord;
  /** When a look will be next, in the provider's time. Absent: nobody looked yet. */
  readonly nextLookAt?: Instant;
  /** By act, when it last succeeded, as far as this process saw. */
  readonly succeededAt: Readonly<Record<string, Instant>>;
}

export interface Latest {
  /** A secret is in the configuration, or its part of it has changed: what is known of it stays. */
  watch(subject: Subject): void;
  /** It has left the configuration. */
  forget(secret: string): void;
  /** Events of secrets that are not watched are ignored: a late job of one that has left. */
  listen(event: KeeperEvent): void;
  get(secret: string): Known | undefined;
  all(): Iterable<Known>;
  /** Why nothing is asked of a provider, and until when, in the provider's time. Absent: it may be asked. */
  blocked(provider: string): Blocked | undefined;
}

export interface Blocked {
  readonly until: Instant;
  readonly because?: BlockReason;
}

const sinkActs: readonly string[] = ['check', 'write', 'reload'];

/** Was this done to a sink, not to a lease? */
export const isDelivery = (step: { readonly act: string }): boolean => sinkActs.includes(step.act);

export function createLatest(): Latest {
  const secrets = new Map<string, Known>();
  const blocks = new Map<string, Blocked>();
  const update = (secret: string, change: (known: Known) => Partial<Known>) => {
    const known = secrets.get(secret);
    if (known) secrets.set(secret, { ...known, ...change(known) });
  };
  return {
    watch: (subject) => {
      const known = secrets.get(subject.name);
      secrets.set(subject.name, { record: emptyRecord, succeededAt: {}, ...known, subject });
    },
    forget: (secret) => {
      secrets.delete(secret);
    },
    listen: (event) => {
      switch (event.type) {
        case 'blocked': {
          const { provider, until, because } = event;
          if (until === undefined) blocks.delete(provider);
          else blocks.set(provider, { until, ...(because && { because }) });
          return;
        }
        case 'changed':
          return update(event.secret, () => ({ record: event.record }));
        case 'decided':
          return update(event.secret, ({ subject }) =>
            event.sink !== undefined || isDelivery(event.step)
              ? {}
              : { nextLookAt: event.step.act === 'wait' ? event.step.until : subject.now() },
          );
        case 'done':
          return update(event.secret, ({ succeededAt }) =>
            event.outcome === 'ok' ? { succeededAt: { ...succeededAt, [event.step.act]: event.at } } : {},
          );
      }
    },
    get: (secret) => secrets.get(secret),
    all: () => secrets.values(),
    blocked: (provider) => blocks.get(provider),
  };
}
