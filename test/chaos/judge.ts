/** Was anything that was promised not kept? Judged by the sandbox's books and by what the programs saw, never by the daemon's own word. */
import type { Instant } from '../../src/core/time.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import type { LeaseBook } from '../sandbox/infisical/books.ts';
import type { Load, Refusal } from './crowd.ts';
import { type Detail, type Evidence, type Row, windowOf } from './evidence.ts';
import { isVersion } from './lives.ts';
import { sayVersion, storeRows, whyVersionForgiven } from './store-judge.ts';
import { clockTime, type Timeline } from './timeline.ts';
import { earlyLeases, earlyLogins, type Waste } from './waste.ts';

/** One of ours that lived all its life: renewed, replaced by another, and then ended by us. */
export const livedToItsEnd = ({ endedBy, renewals }: LeaseBook): boolean =>
  endedBy === 'revoked' && renewals.length > 0;

export function judge(evidence: Evidence): readonly Row[] {
  const { crowd, books, last, timeline, ends, exit, healedAfter } = evidence;
  const refusals = crowd.refusals.map((refusal) => ({ refusal, why: whyForgiven(refusal, evidence) }));
  const failed = refusals.filter(({ why }) => why === undefined).map(({ refusal }) => refusal);
  const doubles = doubledReloads([...crowd.loads, ...crowd.runs()], timeline);
  const kills = timeline.blows
    .filter(({ kind }) => /^(daemon|redis): (kill|away|all lost)|^daemon: ended/.test(kind))
    .reduce((sum, { kind }) => sum + (kind.includes('again') ? 2 : 1), 0);
  const left = leftBehind(evidence);
  const unknown = books.leases.filter(({ id, endedAt }) => endedAt === undefined && !evidence.record.includes(id));
  const survivors = unknown.filter(({ id }) => last.leases.find((one) => one.id === id)?.endedAt === undefined);
  const crashes = ends.filter(({ hadStarted }) => hadStarted);
  const replaced = last.leases.filter(livedToItsEnd);
  const renewed = books.leases.reduce((sum, { renewals }) => sum + renewals.length, 0);
  return [
    { name: 'uses of a credential', value: String(crowd.uses()), isKept: crowd.uses() > 0 },
    { name: 'uses that nobody answered (the sandbox was away)', value: String(crowd.unreachable()) },
    zero('failed uses while the provider was reachable', failed.map(asDetail(evidence))),
    { name: 'failed uses forgiven (no calm before the end)', value: String(refusals.length - failed.length) },
    { name: 'leases taken / renewals', value: `${books.leases.length} / ${renewed}`, isKept: renewed > 0 },
    { name: '  renewed, replaced and then ended by us', value: String(replaced.length) },
    zero('leases left beyond their TTL', left),
    zero('leases that no record knows, not ended after their TTL', survivors.map(leaseDetail)),
    { name: '  of them alive at the end of the run', value: String(unknown.length), details: unknown.map(leaseDetail) },
    ...storeRows(evidence),
    { name: 'reads of all files by the reader', value: String(crowd.reads()), isKept: crowd.reads() > 0 },
    zero(
      'torn reads',
      crowd.torn.map((text) => ({ at: last.now, text })),
    ),
    { name: 'reloads', value: String(crowd.loads.length + crowd.runs().length) },
    zero('doubled reloads of one generation', doubles.wrong),
    {
      name: '  allowed: the word that it was done was lost with a kill',
      value: `${doubles.allowed.length}, of one step at most ${doubles.mostOfOne}`,
      isKept: doubles.mostOfOne <= kills,
      details: doubles.allowed,
    },
    ...wasteRow('new leases per kill', earlyLeases(evidence), kills),
    ...wasteRow('logins per kill', earlyLogins(evidence), kills),
    zero(
      'times that the daemon ended by itself',
      crashes.map(({ at, how }) => ({ at, text: `it ended: ${how}` })),
    ),
    { name: '  before it had started', value: String(ends.length - crashes.length) },
    {
      name: 'well again after the last blow',
      value: evidence.isInterrupted
        ? 'interrupted'
        : healedAfter === undefined
          ? 'never'
          : `${(healedAfter / 1000).toFixed(1)} s`,
      isKept: healedAfter !== undefined || evidence.isInterrupted,
    },
    { name: 'exit code of the daemon', value: String(exit), isKept: exit === 0 },
    zero(
      'processes left by the daemon',
      evidence.leftProcesses.map((text) => ({ at: last.now, text })),
    ),
    zero(
      'faults of this run itself',
      [...crowd.words, ...last.troubles, ...evidence.store.troubles].map((text) => ({ at: last.now, text })),
    ),
  ];
}

const zero = (name: string, details: readonly Detail[]): Row => ({
  name,
  value: String(details.length),
  isKept: details.length === 0,
  details,
});

function wasteRow(name: string, waste: readonly Waste[], kills: number): readonly Row[] {
  const worst = Math.max(0, ...waste.map(({ early, lost }) => early.length - lost));
  const words = waste.map(({ what, early, lost }) => `${what} ${early.length}${lost > 0 ? ` (${lost} lost)` : ''}`);
  const perKill = kills === 0 ? worst : worst / kills;
  return [
    {
      name: `${name} (at most 1), of the worst secret`,
      value: `${perKill.toFixed(2)}, ${kills} kills`,
      isKept: worst <= kills,
      details: waste.flatMap(({ early }) => early),
    },
    { name: '  sooner than their age asked for', value: words.join(', ') },
  ];
}

/**
 * A credential that was ended by us while it was in use is never forgiven. One that ran out is where provider, daemon
 * and the sink's disk never worked together for a moment before its end, or not yet for long enough after it. Redis
 * excuses nothing: we have to live without it.
 */
function whyForgiven(refusal: Refusal, evidence: Evidence): string | undefined {
  if (isVersion(refusal.secret)) return whyVersionForgiven(refusal, evidence);
  const { books, last, lives, timeline } = evidence;
  const lease = [...books.leases, ...last.leases].find(({ username }) => username === refusal.name);
  if (refusal.secret.kind !== 'token' && lease?.endedBy !== 'expired') return undefined;
  const end = Math.min(
    refusal.at,
    refusal.endsAt ?? Number.POSITIVE_INFINITY,
    lease?.expireAt ?? Number.POSITIVE_INFINITY,
  );
  // A token that is refused before its end was ended by somebody, and that was us.
  if (refusal.endsAt !== undefined && refusal.at < refusal.endsAt - seconds(1)) return undefined;
  const window = windowOf(refusal.secret.ttl);
  const needed = Math.min(seconds(5), window, lives.peace * 0.6);
  const parts = ['provider', 'daemon', 'sink'] as const;
  if (timeline.longestCalm(parts, end - 2 * window, end) >= needed) return undefined;
  return timeline.calm(parts, end, refusal.at) < minutes(1) ? 'there was no calm' : undefined;
}

const asDetail =
  ({ books, store }: Evidence) =>
  ({ at, consumer, name, mark, endsAt, secret }: Refusal): Detail => {
    if (isVersion(secret)) return { at, text: `${consumer} (${mark}) was refused; ${sayVersion(name, store)}` };
    const lease = books.leases.find(({ username }) => username === name);
    const ended =
      lease === undefined
        ? `its value says it ends at ${endsAt === undefined ? 'no time' : clockTime(endsAt)}`
        : `lease ${lease.id} ${lease.endedBy ?? 'lives'} ${lease.endedAt === undefined ? '' : clockTime(lease.endedAt)}, expiry ${clockTime(lease.expireAt)}`;
    return { at, text: `${consumer} of ${secret.name}: ${name} (${mark}) was refused; ${ended}` };
  };

const leaseDetail = (lease: LeaseBook): Detail => ({
  at: lease.createdAt,
  text: `lease ${lease.id} of ${lease.secret}: taken ${clockTime(lease.createdAt)}, renewed ${lease.renewals.length} times, expiry ${clockTime(lease.expireAt)}, ${lease.endedBy ?? 'alive'}`,
});

/** Renewed although its successor was in the sinks for longer than a grace; or alive when all should be over. */
function leftBehind({ books, last, lives, crowd }: Evidence): readonly Detail[] {
  const slack = minutes(1);
  const late = books.leases.filter((lease) => {
    const successors = books.leases.filter((one) => one.secret === lease.secret && one.createdAt > lease.createdAt);
    const takenUp = successors.flatMap(({ username }) => crowd.seen.get(username) ?? []);
    // A lease that nobody knows any more is left to the end that it has; nobody may give it another.
    return lease.renewals.some(({ at }) => at > Math.min(...takenUp) + lives.grace + slack);
  });
  const alive = last.leases.filter(({ endedAt }) => endedAt === undefined);
  return [...late, ...alive].map(leaseDetail);
}

/** So long after a step was run a kill may still take with it the word that it was. */
const unsure = seconds(3);

interface Doubled {
  readonly wrong: readonly Detail[];
  readonly allowed: readonly Detail[];
  /** One kill may cost each step one more run. */
  readonly mostOfOne: number;
}

function doubledReloads(all: readonly Load[], timeline: Timeline): Doubled {
  const wrong: Detail[] = [];
  const allowed: Detail[] = [];
  const seen = new Map<string, Instant>();
  const ofStep = new Map<string, number>();
  for (const { at, step, mark } of [...all].sort((a, b) => a.at - b.at)) {
    const key = `${step} ${mark}`;
    const first = seen.get(key);
    seen.set(key, at);
    if (first === undefined) continue;
    const wasLost = timeline.calm(['daemon', 'redis'], first - seconds(1), first + unsure) < unsure + seconds(1);
    const text = `${step} was told of ${mark} at ${clockTime(first)} and again at ${clockTime(at)}`;
    (wasLost ? allowed : wrong).push({ at, text });
    if (wasLost) ofStep.set(step, (ofStep.get(step) ?? 0) + 1);
  }
  return { wrong, allowed, mostOfOne: Math.max(0, ...ofStep.values()) };
}
