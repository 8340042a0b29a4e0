/** The latest that was heard of every secret of the configuration. Gauges and readiness are functions of it. */
import { keyOf } from '../core/agenda.ts';
import { type BlockReason, nextTry } from '../core/failure.ts';
import { emptyRecord, endOfHolding, newestOf, type SecretRecord } from '../core/record.ts';
import { holdsUp } from '../core/rules.ts';
import type { Clock, Instant } from '../core/time.ts';
import type { Done, KeeperEvent, Subject } from '../keeper/events.ts';

export interface Known {
  readonly subject: Subject;
  /** Empty until the first is heard of. */
  readonly record: SecretRecord;
  /** When a look will be next, in the provider's time. Absent: nobody looked yet. */
  readonly nextLookAt?: Instant;
  /** By act, see `keyOf`: what its last failure said, and when it is tried again. */
  readonly failed: Readonly<Record<string, Failed>>;
  /** By sink, what has to come before it is written to, in words. */
  readonly awaits: Readonly<Record<string, string>>;
  /** Its provider is not asked now. */
  readonly blocked?: Blocked;
}

export interface Failed {
  /** For people; it contains no value. */
  readonly message?: string;
  /** In the provider's time. */
  readonly nextTryAt: Instant;
  /** A lease was taken, and did not prove itself. */
  readonly isRejection?: true;
}

/** `until` is on our clock. */
export interface Blocked {
  readonly until: Instant;
  readonly because?: BlockReason;
  /** Requests of this kind alone. */
  readonly kind?: string;
}

export interface Latest {
  /** A secret is in the configuration, or its part of it has changed: what is known of it stays. */
  watch(subject: Subject): void;
  /** It has left the configuration. */
  forget(secret: string): void;
  /** Events of secrets that are not watched are ignored: a late job of one that has left. */
  listen(event: KeeperEvent): void;
  get(secret: string): Known | undefined;
  all(): readonly Known[];
}

const sinkActs: readonly string[] = ['try', 'check', 'write', 'reload', 'remove'];

/** Was this done to a sink, not to a lease? */
export const isDelivery = (step: { readonly act: string }): boolean => sinkActs.includes(step.act);

/** Was that the last no, for which a lease was given up? Then another one is tried at that time, or later. */
export function rejectionOf({ step, outcome, record, at }: Done): { readonly nextTryAt: Instant } | undefined {
  if (step.act !== 'verify' || outcome === 'ok' || outcome === 'unavailable') return undefined;
  const isGivenUp = record.leases.some(({ lease, supersededAt }) => lease.id === step.to && supersededAt !== undefined);
  if (!isGivenUp) return undefined;
  const used = Object.values(record.sinks).flatMap(({ uses }) => uses.map((each) => endOfHolding(record, each)));
  return {
    nextTryAt: Math.max(at, nextTry(record.failures['acquire'], Math.min(...used.filter((end) => end > at)), at)),
  };
}

/** A lease was taken, and nothing was gained by it: what is the matter with it, in words. */
export function uselessOf({ step, outcome, record, at }: Done): string | undefined {
  const failure = record.failures['acquire'];
  if (step.act !== 'acquire' || outcome !== 'ok' || !failure || failure.isOver || failure.at !== at) return undefined;
  return newestOf(record) ? 'the provider gave what we had already' : 'what the provider gave had ended when it came';
}

/** The door through which it is asked for: a provider's logins have one of their own, named like the token. */
export const doorOf = ({ isToken, name, provider }: Subject): string => (isToken ? name : provider);

/** Does it keep a secret from what it lives on? */
const concerns = (blocked: Blocked, { rules: { kinds } }: Subject): boolean =>
  !kinds || [kinds.renew, kinds.acquire].some((taken) => taken !== undefined && holdsUp(blocked, taken));

/** `clock`: on which blocks are dated. */
export function createLatest(clock: Clock): Latest {
  const secrets = new Map<string, Omit<Known, 'blocked'>>();
  const blocks = new Map<string, Blocked>();
  const update = (secret: string, change: Partial<Known>) => {
    const known = secrets.get(secret);
    if (known) secrets.set(secret, { ...known, ...change });
  };
  const completed = (known: Omit<Known, 'blocked'>): Known => {
    const blocked = blocks.get(doorOf(known.subject));
    return blocked && blocked.until > clock.now() && concerns(blocked, known.subject) ? { ...known, blocked } : known;
  };
  return {
    watch: (subject) => {
      secrets.set(subject.name, { record: emptyRecord, failed: {}, awaits: {}, ...secrets.get(subject.name), subject });
    },
    forget: (secret) => {
      secrets.delete(secret);
    },
    listen: (event) => {
      switch (event.type) {
        case 'blocked': {
          const { provider, until, because, kind } = event;
          if (until === undefined) blocks.delete(provider);
          else blocks.set(provider, { until, ...(because && { because }), ...(kind !== undefined && { kind }) });
          return;
        }
        case 'changed':
          return update(event.secret, { record: event.record });
        case 'done': {
          const { secret, step, outcome, message, next, at } = event;
          const known = secrets.get(secret);
          if (!known) return;
          if (step.act === 'write') {
            const { [step.to]: _, ...others } = known.awaits;
            const awaited = outcome === 'blocked' && message !== undefined ? { [step.to]: message } : {};
            update(secret, { awaits: { ...others, ...awaited } });
          }
          if (outcome === 'blocked') return;
          const nextTryAt = next.act === 'wait' ? next.until : at;
          const failed = { ...(message !== undefined && { message }), nextTryAt };
          const { [keyOf(step)]: _, ...others } = known.failed;
          const rejection = rejectionOf(event);
          if (rejection) {
            const words = { message: `the new lease was rejected: ${message ?? outcome}`, isRejection: true as const };
            return update(secret, { failed: { ...others, acquire: { ...words, nextTryAt: rejection.nextTryAt } } });
          }
          const useless = uselessOf(event);
          if (useless !== undefined)
            return update(secret, { failed: { ...others, acquire: { message: useless, nextTryAt } } });
          return update(secret, { failed: outcome === 'ok' ? others : { ...others, [keyOf(step)]: failed } });
        }
        case 'decided': {
          const { secret, step, sink } = event;
          const subject = secrets.get(secret)?.subject;
          if (!subject || sink !== undefined) return;
          return update(secret, { nextLookAt: step.act === 'wait' ? step.until : subject.now() });
        }
      }
    },
    get: (secret) => {
      const known = secrets.get(secret);
      return known && completed(known);
    },
    all: () => [...secrets.values()].map(completed),
  };
}
