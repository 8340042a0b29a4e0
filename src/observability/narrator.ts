/** Tells people what happens to their secrets: which line, at which level, for which event of the keeper. */
import type { timer } from '../clock.ts';
import type { BlockReason } from '../core/failure.ts';
import { type Clock, type Duration, type Instant, sayDuration, seconds } from '../core/time.ts';
import type { Done, KeeperEvent, Subject } from '../keeper/events.ts';
import { createEndings } from './endings.ts';
import { createLatest, isDelivery, type Known, rejectionOf, uselessOf } from './latest.ts';
import { createVersions } from './versions.ts';
import { type View, viewOf } from './view.ts';
import { iso, type Line, sayAct, sayCount, sayLife, sayNext, sayReason } from './words.ts';

export interface Narrator {
  listen(event: KeeperEvent): void;
  watch(subject: Subject): void;
  forget(secret: string): void;
  close(): void;
}

export interface NarratorOptions {
  readonly clock: Clock;
  /** Answers whether it was printed. */
  readonly tell: (line: Line) => boolean;
  readonly timer: typeof timer;
  readonly isDebug: () => boolean;
}

/** What merely looks, and finds things as they were, is no news. */
const quiet: readonly string[] = ['observe', 'try', 'check', 'read', 'search'];

export function createNarrator({ clock, tell, timer, isDebug }: NarratorOptions): Narrator {
  const latest = createLatest(clock);
  const endings = createEndings({ tell, timer, get: (secret) => latest.get(secret) });
  const versions = createVersions(tell);
  /** Failures since the last success of the same effort, by secret and effort; and whether any of them was printed. */
  const rows = new Map<string, { readonly count: number; readonly isSaid: boolean }>();
  /** Providers of which we said that they are not asked. */
  const silent = new Set<string>();
  /** How often we said of one that it may be asked again. */
  let ends = 0;

  const done = (event: Done, known: Known) => {
    const { step, outcome, next } = event;
    const { subject } = known;
    const { name, isToken } = subject;
    const now = subject.now();
    const view = viewOf(known);
    const to = 'to' in step ? step.to : undefined;
    const sink = isDelivery(step) ? to : undefined;
    const said = sayAct(step, isToken, sink);
    const effort = `${name} ${effortOf(step.act)} ${sink ?? ''}`;
    const fields = {
      secret: name,
      provider: subject.provider,
      source: subject.source,
      act: step.act,
      because: step.because,
      ...(to !== undefined && { [sink === undefined ? 'lease' : 'sink']: to }),
      outcome,
      took: event.took / 1000,
      state: view.state,
      ...dated('expiresAt', view.expiresAt),
      nextAct: next.act,
      ...dated('nextAt', next.act === 'wait' ? next.until : next.at),
    };
    const cause = `${name} ${step.act} ${sink ?? ''}`;
    const goesOn = sayNext(next, now, isToken);
    if (outcome === 'blocked') {
      // Other secrets have to bring theirs first: who brings it has it done.
      const isAwaiting = sink !== undefined && event.message !== undefined;
      const message = isAwaiting
        ? `${name}: ${sink} ${event.message}`
        : `${name}: ${said.doing} has to wait; ${goesOn}`;
      tell({ level: isAwaiting ? 'info' : 'debug', message, fields, cause });
      return;
    }
    const useless = uselessOf(event);
    if (outcome === 'ok' && useless === undefined) {
      const { count: failures, isSaid } = rows.get(effort) ?? { count: 0, isSaid: false };
      rows.delete(effort);
      const isIdle = step.act === 'reload' && sink !== undefined && subject.idleReloads.includes(sink);
      const isNews = failures > 0 || !(isIdle || quiet.includes(step.act) || (isToken && sink !== undefined));
      const how =
        failures > 0
          ? `${said.past} after ${sayCount(failures, 'failure')}`
          : `${said.past}, because ${sayReason(step.because)}`;
      const rest = isOver(next, subject, sink) ? undefined : goesOn;
      tell({
        level: !isNews ? 'debug' : alarming.includes(step.act) ? 'warn' : 'info',
        message: [`${name}: ${how}`, lifeOf(known, sink, now), rest].filter(Boolean).join('; '),
        fields: failures > 0 ? { ...fields, failures } : fields,
        // Nobody is left with the failure as the last word; and what befalls another lease is no repetition.
        ...(!isSaid && { cause: `${cause} ${step.because} ${known.record.leases[0]?.lease.id}` }),
      });
      return;
    }
    const { count, isSaid } = rows.get(effort) ?? { count: 0, isSaid: false };
    const failures = count + 1;
    const level = isUrgent(event, view, now) ? 'error' : 'warn';
    const life = view.expiresAt === undefined ? 'no sink has a value yet' : `in use: ${sayLife(view.expiresAt, now)}`;
    const often = failures > 1 ? `, ${failures} times in a row` : '';
    const words = useless ?? (event.message ? `${outcome}: ${event.message}` : outcome);
    const rejection = rejectionOf(event);
    if (rejection) {
      const until = iso(rejection.nextTryAt);
      const old = view.expiresAt === undefined ? life : `the one before serves ${sayUntil(view.expiresAt, now)}`;
      const message = `${name}: rejected the new lease (${words}); ${old}; the next is tried after ${until}`;
      tell({ level: 'error', message, fields: { ...fields, failures }, cause: `${cause} rejected` });
      rows.delete(effort);
      return;
    }
    const message = `${name}: ${said.doing} failed${often} (${words}); ${life}; ${goesOn}`;
    const isPrinted = tell({ level, message, fields: { ...fields, failures }, cause: `${cause} ${outcome}` });
    rows.set(effort, { count: failures, isSaid: isSaid || isPrinted });
  };

  const blocked = ({ provider, until, because, kind }: Extract<KeeperEvent, { type: 'blocked' }>) => {
    const fields = { provider, ...(because && { because }), ...(kind && { kind }), ...dated('until', until) };
    if (until === undefined) {
      if (!silent.delete(provider)) return;
      ends += 1;
      tell({ level: 'info', message: `${provider}: may be asked again`, fields });
      return;
    }
    const level = because === 'ProviderBusy' ? 'debug' : because === 'NoToken' ? 'info' : 'warn';
    const length = Math.max(0, until - clock.now());
    const left = `for ${sayDuration(length)}`;
    const why = because && because !== 'NoToken' ? `${left}, because ${blockReasons[because]}` : left;
    // A token ends it at once, whenever that comes.
    const said = because === 'NoToken' ? 'until we have an access token' : why;
    // Short ones may come and go all the time. A long one is said where the last word was that the former is over.
    const cause = `${provider} ${because} ${kind ?? ''} ${length < longBlock ? '' : ends}`;
    const what = kind === undefined ? '' : ` (${kind})`;
    const isPrinted = tell({ level, message: `${provider}: not asked${what} ${said}`, fields, cause });
    if (isPrinted && level !== 'debug') silent.add(provider);
  };

  const debug = (event: KeeperEvent) => {
    if (!isDebug() || (event.type !== 'decided' && event.type !== 'begun')) return;
    const { secret } = event;
    if (event.type === 'begun') {
      const fields = { secret, late: event.lateness / 1000 };
      tell({ level: 'debug', message: `${secret}: begun`, fields });
      return;
    }
    const { step } = event;
    const at = dated('at', step.act === 'wait' ? step.until : step.at);
    const about = 'to' in step ? { to: step.to } : {};
    const fields = { secret, act: step.act, because: step.because, ...about, ...at };
    tell({ level: 'debug', message: `${secret}: ${step.act}, because ${step.because}`, fields });
  };

  return {
    listen: (event) => {
      latest.listen(event);
      debug(event);
      if (event.type === 'blocked') return blocked(event);
      const known = latest.get(event.secret);
      if (!known) return;
      if (event.type === 'done') done(event, known);
      if (event.type === 'changed') {
        endings.check(known);
        versions.check(known);
      }
      if (event.type === 'orphaned' && event.count > 0) {
        const leases = sayCount(event.count, 'lease');
        const message = `${event.secret}: ${leases} left to end by date: nobody can end what we lost, or tell whose it is`;
        const fields = { secret: event.secret, orphaned: event.count };
        tell({ level: 'warn', message, fields, cause: `${event.secret} orphaned` });
      }
    },
    watch: latest.watch,
    forget: (secret) => {
      latest.forget(secret);
      endings.forget(secret);
      versions.forget(secret);
      for (const key of rows.keys()) if (key.startsWith(`${secret} `)) rows.delete(key);
    },
    close: endings.close,
  };
}

/** Done as it should be, and not well all the same. */
const alarming: readonly string[] = ['accept', 'remove'];

const sayUntil = (end: Instant, now: Instant): string =>
  end <= now ? 'no more: it has ended' : (iso(end)?.replace(/^/, 'until ') ?? 'on');

/** So long a block is no small matter. */
const longBlock: Duration = seconds(30);

/** Taking a lease makes up for renewals that failed. */
const effortOf = (act: string): string => (act === 'acquire' || act === 'renew' ? 'alive' : act);

const blockReasons: Readonly<Record<Exclude<BlockReason, 'NoToken'>, string>> = {
  TokenRejected: 'it rejected our access token',
  RetryAfter: 'it asked to be left alone',
  CircuitOpen: 'it does not answer, or only with failures',
  ProviderBusy: 'all the requests we allow ourselves are under way',
};

/** Is there nothing more to say? A sink's next date is not that of its secret, and not every sink has a program to tell. */
function isOver(next: Done['next'], { idleReloads }: Subject, sink: string | undefined): boolean {
  if (sink === undefined) return false;
  return next.act === 'wait' || (next.act === 'reload' && 'to' in next && idleReloads.includes(next.to));
}

const dated = (name: string, at: Instant | undefined) => {
  const text = iso(at);
  return text === undefined ? {} : { [name]: text };
};

/** How long the newest lease lives, or what that sink now holds. */
function lifeOf({ record }: Known, sink: string | undefined, now: Instant): string | undefined {
  const [newest] = record.leases;
  if (sink !== undefined || !newest || newest.supersededAt !== undefined) return undefined;
  return sayLife(newest.lease.expiresAt ?? Number.POSITIVE_INFINITY, now);
}

/** Only a person can help, or consumers are about to lose what they use, or have lost it. */
function isUrgent({ step, outcome }: Done, view: View, now: Instant): boolean {
  if ((outcome === 'invalid' && step.act !== 'verify') || (outcome === 'denied' && step.act === 'acquire')) return true;
  if (view.expiresAt === undefined || step.act === 'retire' || step.act === 'search') return false;
  return view.expiresAt <= now || step.emergencyAt <= now;
}
