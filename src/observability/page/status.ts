/** What the status page shows: each secret with its leases, sinks, failures and last acts. Dates and names, never values. */
import { endOf, isExpired, wallOf } from '../../core/lease.ts';
import { type HeldLease, headOf, isUsed, newestOf, type SecretRecord } from '../../core/record.ts';
import type { State } from '../../core/status.ts';
import type { Clock, Duration, Instant } from '../../core/time.ts';
import type { KeeperEvent, Subject } from '../../keeper/events.ts';
import { createLatest, isDelivery, type Known } from '../latest.ts';
import { holdsOf, meanings, type View, viewOf } from '../view.ts';
import { sayAct, sayFrozen, sayReason } from '../words.ts';

/** Dates are milliseconds on this machine's wall clock, whatever the provider's says; one that is absent never comes. */
type OnWall = number;

export interface SecretStatus {
  readonly name: string;
  readonly source: string;
  readonly provider: string;
  readonly isToken: boolean;
  readonly isRequired: boolean;
  readonly state: State;
  /** In words, the most important first. */
  readonly reasons: readonly string[];
  readonly termStart?: OnWall;
  /** The first end of a value that a sink holds. */
  readonly expiresAt?: OnWall;
  readonly wallAt?: OnWall;
  readonly renewsAt?: OnWall;
  readonly destroyAt?: OnWall;
  readonly nextLookAt?: OnWall;
  readonly leases: readonly LeaseStatus[];
  readonly sinks: readonly SinkStatus[];
  readonly failures: readonly FailureStatus[];
  /** The latest first. */
  readonly acts: readonly ActStatus[];
}

export interface LeaseStatus {
  /** The provider's name for it, cut short. */
  readonly id: string;
  readonly role: 'in use' | 'new' | 'in grace' | 'left behind';
  readonly since: OnWall;
  readonly termStart: OnWall;
  readonly endsAt?: OnWall;
  readonly wallAt?: OnWall;
  /** When it is ended: its grace is over then. */
  readonly graceEndsAt?: OnWall;
}

export interface SinkStatus {
  readonly name: string;
  readonly type: string;
  readonly holds: 'newest' | 'older' | 'ended' | 'nothing';
  readonly isOwed: boolean;
  /** The newest is there, and its program was not told. */
  readonly isUntold: boolean;
  readonly endsAt?: OnWall;
}

export interface FailureStatus {
  /** What failed: `renewing`. */
  readonly doing: string;
  readonly count: number;
  readonly code: string;
  readonly at: OnWall;
  readonly message?: string;
  readonly nextTryAt?: OnWall;
}

export interface ActStatus {
  /** What was done: `renewed`; or what failed. */
  readonly what: string;
  readonly because: string;
  readonly isOk: boolean;
  readonly at: OnWall;
  /** In a row, this one included. */
  readonly times: number;
  readonly message?: string;
}

export interface Statuses {
  listen(event: KeeperEvent): void;
  watch(subject: Subject): void;
  forget(secret: string): void;
  names(): readonly string[];
  get(secret: string): SecretStatus | undefined;
}

/** So many acts of each secret are shown. */
const mostActs = 8;

/** `clock`: the steady one. `wall`: what the dates are shown on. */
export function createStatuses({ clock, wall }: { readonly clock: Clock; readonly wall: Clock }): Statuses {
  const latest = createLatest(clock);
  const acts = new Map<string, readonly ActStatus[]>();
  return {
    listen(event) {
      latest.listen(event);
      if (event.type !== 'done' || event.outcome === 'blocked') return;
      const known = latest.get(event.secret);
      if (!known) return;
      const { step, outcome, message, at } = event;
      // There is nobody behind it to be told.
      if (step.act === 'reload' && known.subject.idleReloads.includes(step.to)) return;
      const said = sayAct(step, known.subject.isToken, sinkOf(step));
      const isOk = outcome === 'ok';
      const words = message === undefined ? {} : { message };
      const act = { what: isOk ? said.past : said.doing, because: sayReason(step.because), isOk, ...words };
      const before = acts.get(event.secret) ?? [];
      const [last, ...rest] = before;
      const isSame = last?.what === act.what && last.isOk === isOk;
      const shown = { ...act, at: at + shiftOf(known, wall), times: isSame ? last.times + 1 : 1 };
      acts.set(event.secret, [shown, ...(isSame ? rest : before)].slice(0, mostActs));
    },
    watch: latest.watch,
    forget(secret) {
      latest.forget(secret);
      acts.delete(secret);
    },
    names: () => latest.all().map(({ subject }) => subject.name),
    get(secret) {
      const known = latest.get(secret);
      return known && statusOf(known, acts.get(secret) ?? [], clock, wall);
    },
  };
}

/** From the provider's time to ours. */
const shiftOf = ({ subject }: Known, wall: Clock): Duration => wall.now() - subject.now();

const sinkOf = (step: { readonly act: string; readonly to?: string }): string | undefined =>
  isDelivery(step) ? step.to : undefined;

function statusOf(known: Known, acts: readonly ActStatus[], clock: Clock, wall: Clock): SecretStatus {
  const { subject, record, failed, nextLookAt, blocked } = known;
  const view = viewOf(known);
  const shift = shiftOf(known, wall);
  const date = <Name extends string>(name: Name, at: Instant | undefined) => dated(name, at, shift);
  return {
    name: subject.name,
    source: subject.source,
    provider: subject.provider,
    isToken: subject.isToken,
    isRequired: subject.required,
    state: view.state,
    reasons: reasonsOf(view, blocked && { because: blocked.because, left: blocked.until - clock.now() }),
    ...date('termStart', view.termStart),
    ...date('expiresAt', view.expiresAt),
    ...date('wallAt', view.maxExpiresAt),
    ...date('renewsAt', view.renewsAt),
    ...(view.version && date('destroyAt', view.versionEndsAt)),
    ...date('nextLookAt', nextLookAt),
    leases: leasesOf(record, subject, shift),
    sinks: view.sinks.map((sink) => ({
      name: sink.name,
      type: sink.type,
      holds: holdsOf(sink),
      isOwed: sink.isOwed,
      isUntold: sink.isUntold,
      ...date('endsAt', sink.endsAt),
    })),
    failures: Object.entries(view.failing).map(([key, { count, code, at }]) => {
      const [act = key, to] = key.split(/:(.*)/s);
      const { message, nextTryAt } = failed[key] ?? {};
      const step = to === undefined ? { act } : { act, to };
      const doing = sayAct(step, subject.isToken, sinkOf(step)).doing;
      const words = message === undefined ? {} : { message };
      return { doing, count, code, at: at + shift, ...words, ...date('nextTryAt', nextTryAt) };
    }),
    acts,
  };
}

function reasonsOf(
  { state, version, failures }: View,
  blocked: { readonly because: string | undefined; readonly left: Duration } | undefined,
): readonly string[] {
  const frozen = version?.frozen ? [sayFrozen(version.frozen)] : [];
  const failing = Object.values(failures).some((count) => count > 0);
  const asked = blocked && state !== 'healthy' ? ['its provider is not asked at the moment'] : [];
  const after = failing && state === 'healthy' ? ['something failed lately, and nothing is due'] : [];
  return [meanings[state], ...frozen, ...asked, ...after];
}

function leasesOf(record: SecretRecord, subject: Subject, shift: Duration): readonly LeaseStatus[] {
  const now = subject.now();
  const newest = newestOf(record);
  const head = headOf(record);
  return record.leases.slice(0, mostLeases).map((held) => {
    const { lease, since, termStart, supersededAt } = held;
    const graceEndsAt = supersededAt === undefined ? undefined : supersededAt + subject.rules.grace;
    return {
      id: short(lease.id),
      role: roleOf(held, isExpired(lease, now), held === newest && held !== head, isUsed(record, lease.id)),
      since: since + shift,
      termStart: termStart + shift,
      ...dated('endsAt', endOf(lease), shift),
      ...dated('wallAt', wallOf(lease), shift),
      ...dated('graceEndsAt', graceEndsAt, shift),
    };
  });
}

/** Many more would be a fault of ours; the page is to show it all the same. */
const mostLeases = 20;

function roleOf(held: HeldLease, isOver: boolean, isNew: boolean, isInUse: boolean): LeaseStatus['role'] {
  if (held.supersededAt !== undefined) return isOver ? 'left behind' : 'in grace';
  return isNew && !isInUse ? 'new' : 'in use';
}

const short = (id: string): string => (id.length > 13 ? `${id.slice(0, 12)}…` : id);

const dated = <Name extends string>(
  name: Name,
  at: Instant | undefined,
  shift: Duration,
): { readonly [N in Name]?: OnWall } =>
  (at === undefined || !Number.isFinite(at) ? {} : { [name]: at + shift }) as { readonly [N in Name]?: OnWall };
