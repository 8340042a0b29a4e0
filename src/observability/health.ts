/** Whether the programs beside us can work: from the latest records, never from what happened last. */

import type { State } from '../core/status.ts';
import type { Clock, Instant } from '../core/time.ts';
import type { KeeperEvent, Subject } from '../keeper/events.ts';
import { createLatest, isDelivery, type Known } from './latest.ts';
import { holdsOf, meanings, sayEnded, type View, viewOf } from './view.ts';
import { iso, sayFrozen } from './words.ts';

export interface Health {
  listen(event: KeeperEvent): void;
  watch(subject: Subject): void;
  forget(secret: string): void;
  /** Every required secret has been delivered once to its local sinks, and none of these holds an ended value. */
  readiness(): Readiness;
  /** One secret, or a provider's token by the provider's name. Absent where there is none of that name. */
  secret(name: string): SecretHealth | undefined;
}

export interface Readiness {
  readonly isReady: boolean;
  /** Why not, one sentence each. */
  readonly reasons: readonly string[];
}

/** Dates are ISO; one that is absent is not known, or never comes. Names, dates and codes only. */
export interface SecretHealth {
  readonly secret: string;
  readonly source: string;
  readonly provider: string;
  readonly required: boolean;
  /** The same of it alone; where none of its sinks is local, of all of them. */
  readonly ready: boolean;
  readonly state: State;
  readonly reason: string;
  readonly expiresAt?: string;
  readonly maxExpiresAt?: string;
  /** When the version of a store is destroyed. Absent: nobody has set that. */
  readonly destroyAt?: string;
  readonly termStart?: string;
  readonly renewsAt?: string;
  readonly nextLookAt?: string;
  readonly blocked?: { readonly until?: string; readonly because?: string };
  readonly sinks: readonly {
    readonly name: string;
    readonly type: string;
    readonly holds: 'newest' | 'older' | 'ended' | 'nothing';
    readonly owed: boolean;
    readonly endsAt?: string;
  }[];
  readonly failures: readonly FailureHealth[];
}

export interface FailureHealth {
  readonly act: string;
  /** Where it is about one: `*` for the programs behind all of them. */
  readonly sink?: string;
  readonly count: number;
  readonly code: string;
  readonly at?: string;
  /** Absent where it happened to a process before this one. */
  readonly message?: string;
  readonly nextTryAt?: string;
}

/** Sinks that others see as well: a program beside us is not helped or hurt by them. */
const sharedSinks: readonly string[] = ['kubernetes-secret', 'webhook'];

const localIn = ({ sinks }: View): View['sinks'] => sinks.filter(({ type }) => !sharedSinks.includes(type));

/** A record tells what was in a sink before we started; a machine that was restarted may have lost it since. */
interface Progress {
  /** When this process began to watch it, in the provider's time. */
  readonly since: Instant;
  /** Sinks that this process has written to, or asked. */
  readonly seen: Set<string>;
  /** Delivered once: a file deleted later is owed, and no reason to take traffic away. */
  readonly delivered: Set<string>;
}

/** `clock`: the steady one. */
export function createHealth({ clock }: { readonly clock: Clock }): Health {
  const latest = createLatest(clock);
  const progress = new Map<string, Progress>();

  const note = ({ subject, record }: Known, event: KeeperEvent) => {
    const { since, seen, delivered } = progress.get(subject.name) ?? begin(subject);
    if (event.type === 'done' && event.outcome === 'ok' && isDelivery(event.step) && 'to' in event.step) {
      seen.add(event.step.to);
    }
    for (const sink of subject.rules.sinks) {
      const has = record.sinks[sink]?.has;
      // Not reloaded: a program that waits for us before it starts has nothing to take up.
      if (has && (seen.has(sink) || has.seenAt >= since)) delivered.add(sink);
    }
  };

  const begin = (subject: Subject): Progress => {
    const fresh = { since: subject.now(), seen: new Set<string>(), delivered: new Set<string>() };
    progress.set(subject.name, fresh);
    return fresh;
  };

  /** Why these of its sinks are not as they should be. */
  const reasonsOf = (known: Known, sinks: View['sinks']): string[] => {
    const { name } = known.subject;
    return sinks.flatMap((sink) => {
      const awaited = known.awaits[sink.name];
      const why = awaited === undefined ? '' : `, which ${awaited}`;
      if (!progress.get(name)?.delivered.has(sink.name)) return [`${name}: not yet delivered to ${sink.name}${why}`];
      return sink.hasEnded ? [`${name}: ${sayEnded(sink)}`] : [];
    });
  };

  return {
    listen: (event) => {
      latest.listen(event);
      if (event.type !== 'changed' && event.type !== 'done') return;
      const known = latest.get(event.secret);
      if (known) note(known, event);
    },
    watch: (subject) => {
      latest.watch(subject);
      if (!progress.has(subject.name)) begin(subject);
    },
    forget: (secret) => {
      latest.forget(secret);
      progress.delete(secret);
    },
    readiness: () => {
      const all = latest.all();
      const required = all.filter(({ subject }) => subject.required && !subject.isToken);
      // The door is open before the house is furnished: who knows of no secret knows nothing.
      const reasons =
        all.length === 0 ? ['starting'] : required.flatMap((known) => reasonsOf(known, localIn(viewOf(known))));
      return { isReady: reasons.length === 0, reasons };
    },
    secret: (name) => {
      const known = latest.get(name);
      if (!known) return undefined;
      const view = viewOf(known);
      // Asked about one that only others see, it is those that are meant.
      const local = localIn(view);
      return describe(known, view, reasonsOf(known, local.length > 0 ? local : view.sinks));
    },
  };
}

function describe(
  { subject, nextLookAt, failed, blocked }: Known,
  view: View,
  reasons: readonly string[],
): SecretHealth {
  return {
    secret: subject.name,
    source: subject.source,
    provider: subject.provider,
    required: subject.required,
    ready: reasons.length === 0,
    state: view.state,
    reason: [meanings[view.state], ...frozenReason(view), ...rejectedReason(failed, view), ...reasons].join('; '),
    ...(view.version && dated('destroyAt', view.versionEndsAt)),
    ...dated('expiresAt', view.expiresAt),
    ...dated('maxExpiresAt', view.maxExpiresAt),
    ...dated('termStart', view.termStart),
    ...dated('renewsAt', view.renewsAt),
    ...dated('nextLookAt', nextLookAt),
    ...(blocked && {
      blocked: { ...dated('until', blocked.until), ...(blocked.because && { because: blocked.because }) },
    }),
    sinks: view.sinks.map((sink) => ({
      name: sink.name,
      type: sink.type,
      holds: holdsOf(sink),
      owed: sink.isOwed,
      ...dated('endsAt', sink.endsAt),
    })),
    failures: Object.entries(view.failing).map(([key, { count, code, at }]): FailureHealth => {
      const [act = key, to] = key.split(/:(.*)/s);
      const { message, nextTryAt } = failed[key] ?? {};
      const sink = to !== undefined && isDelivery({ act }) ? { sink: to } : {};
      const said = message !== undefined && { message };
      return { act, ...sink, count, code, ...dated('at', at), ...said, ...dated('nextTryAt', nextTryAt) };
    }),
  };
}

const frozenReason = ({ version }: View): readonly string[] => (version?.frozen ? [sayFrozen(version.frozen)] : []);

/** As long as no other lease was taken since. */
function rejectedReason({ acquire }: Known['failed'], view: View): readonly string[] {
  if (!acquire?.isRejection || acquire.message === undefined || !((view.failures['acquire'] ?? 0) > 0)) return [];
  const until = iso(view.expiresAt);
  return [acquire.message, ...(until === undefined ? [] : [`the one before serves until ${until}`])];
}

const dated = <Name extends string>(name: Name, at: Instant | undefined): { readonly [N in Name]?: string } => {
  const text = iso(at);
  return (text === undefined ? {} : { [name]: text }) as { readonly [N in Name]?: string };
};
