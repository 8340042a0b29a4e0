/** What was promised of versions of a store: nobody uses one that is destroyed, none is made twice, and none is left. */
import type { Duration, Instant } from '../../src/core/time.ts';
import { seconds } from '../../src/core/time.ts';
import type { LockboxBooks, VersionBook } from '../sandbox/yandex/books.ts';
import type { Refusal } from './crowd.ts';
import type { Detail, Evidence, Row } from './evidence.ts';
import type { Lives, SecretPlan } from './lives.ts';
import { clockTime } from './timeline.ts';

type Store = Pick<LockboxBooks, 'now' | 'versions' | 'currents'>;

/** What two clocks, and a look that is due, may be apart; so long it may take to bring a version to its program. */
const slack: Duration = seconds(3);
const handover: Duration = seconds(10);
/** How often the store is asked. */
const poll: Duration = seconds(1);

export function storeRows(evidence: Evidence): readonly Row[] {
  const { store, lives, stale } = evidence;
  const ours = store.versions.filter(({ by }) => by === 'keeper');
  const soon = lives.secrets.filter(isRotated).flatMap((plan) => tooSoon(store, plan));
  const left = leftAt(store, lives).map((version) => ({ version, why: whyLeft(version, evidence) }));
  const kept = left.filter(({ why }) => why === undefined);
  return [
    {
      name: 'versions of the store, by us / by others',
      value: `${ours.length} / ${store.versions.length - ours.length}`,
    },
    { name: '  payloads that were read', value: String(store.payloadReads.length) },
    row('versions added sooner than their policy asks for', soon.map(detailOf)),
    row(
      'versions left, neither current nor to be destroyed',
      kept.map(({ version }) => detailOf(version)),
    ),
    { name: '  forgotten with all that was remembered', value: String(left.length - kept.length) },
    row(
      'programs left with a version that is not current',
      stale.map((name) => ({ at: store.now, text: name })),
    ),
  ];
}

const row = (name: string, details: readonly Detail[]): Row => ({
  name,
  value: String(details.length),
  isKept: details.length === 0,
  details,
});

const isRotated = ({ kind }: SecretPlan): boolean => kind === 'rotated';

const detailOf = ({ id, secret, createdAt, by, scheduled, endedAt }: VersionBook): Detail => ({
  at: createdAt,
  text: `version ${id} of ${secret}: added by ${by} at ${clockTime(createdAt)}, scheduled ${scheduled.length} times, ${endedAt === undefined ? 'alive' : `destroyed at ${clockTime(endedAt)}`}`,
});

export function sayVersion(name: string, { versions }: Store): string {
  const version = versions.find(({ id }) => id === name);
  return version === undefined ? 'no version has these values' : detailOf(version).text;
}

/** One intent makes one version, whoever was killed in between. */
function tooSoon({ versions }: Store, { name, ttl }: SecretPlan): readonly VersionBook[] {
  const all = versions.filter(({ secret }) => secret === name);
  return all.filter(({ by, createdAt }, i) => {
    const before = all[i - 1];
    return by === 'keeper' && before !== undefined && createdAt < before.createdAt + ttl - slack;
  });
}

/** Versions that we rotated away, long enough ago, and that nobody has scheduled. */
export function leftAt(store: Store, { secrets, grace }: Lives): readonly VersionBook[] {
  const rotated = secrets.filter(isRotated).map(({ name }) => name);
  return store.versions.filter(({ id, secret, endedAt, scheduled, cancelled }) => {
    if (!rotated.includes(secret) || endedAt !== undefined || scheduled.length > cancelled.length) return false;
    const followedAt = successionOf(store, id);
    return followedAt !== undefined && followedAt < store.now - grace - handover;
  });
}

/** When another took its place for the last time; never, where it is current. */
function successionOf({ versions, currents }: Store, id: string): Instant | undefined {
  const secret = versions.find((version) => version.id === id)?.secret;
  const all = currents.filter((one) => one.secret === secret);
  return all[all.findLastIndex(({ version }) => version === id) + 1]?.at;
}

/** Without Redis and without the process that knew of it, nobody knows of a version any more. */
function whyLeft({ id }: VersionBook, { store, lives, timeline }: Evidence): string | undefined {
  const from = successionOf(store, id) ?? store.now;
  const to = from + lives.grace + handover;
  const isStruck = (part: 'redis' | 'daemon') => timeline.calm([part], from - slack, to) < to - from + slack;
  return isStruck('redis') && isStruck('daemon') ? 'nobody knows of it' : undefined;
}

/**
 * What we have scheduled is never forgiven. What others have is where provider, daemon and the sink's disk never worked
 * together for a moment while both it and its successor were there, or not yet for long enough afterwards.
 */
export function whyVersionForgiven({ at, name }: Refusal, { store, lives, timeline }: Evidence): string | undefined {
  const version = store.versions.find(({ id }) => id === name);
  if (version?.endedAt === undefined || version.scheduled.at(-1)?.by !== 'somebody') return undefined;
  const from = successionOf(store, name) ?? version.endedAt;
  const needed = Math.min(seconds(5), lives.peace * 0.6) + 2 * poll;
  const parts = ['provider', 'daemon', 'sink'] as const;
  if (timeline.longestCalm(parts, from, version.endedAt) >= needed) return undefined;
  return timeline.calm(parts, version.endedAt, at) < seconds(60) ? 'there was no calm' : undefined;
}
