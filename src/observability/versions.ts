/** Says what others do to the version of a store that is in use: end it, move or lift its end, freeze it, crowd it. Always said. */
import { type Lease, type VersionFacts, versionQuota } from '../core/lease.ts';
import { newestOf } from '../core/record.ts';
import { type Instant, sayDuration } from '../core/time.ts';
import type { Known } from './latest.ts';
import { iso, type Line, sayFrozen } from './words.ts';

export interface Versions {
  /** The record has changed. */
  check(known: Known): void;
  forget(secret: string): void;
}

/** So near the quota there is time left to look after it: at a version an hour four days. */
const nearQuota = 0.9 * versionQuota;

export function createVersions(tell: (line: Line) => unknown): Versions {
  const seen = new Map<string, Lease>();

  const check = ({ subject, record }: Known) => {
    const { name: secret } = subject;
    const { lease, outdated } = newestOf(record) ?? {};
    if (!lease?.version) return;
    const before = seen.get(secret);
    seen.set(secret, lease);
    const { which, frozen, current, count = 0 } = lease.version;
    const isSame = before?.id === lease.id;
    const say = (level: Line['level'], words: string, more: Line['fields'] = {}) =>
      tell({ level, message: `${secret}: ${words}`, fields: { secret, version: lease.id, which, ...more } });

    const tellEnd = (id: string, end: Instant, one: string) => {
      const formerEnd = before && endIn(before, id);
      if (end === formerEnd) return;
      const left = sayDuration(Math.max(0, end - subject.now()));
      const what = formerEnd === undefined ? 'is to be destroyed' : 'is to be destroyed at another time:';
      const words = `${one} ${what} in ${left}; until then somebody can cancel that at the provider`;
      say('error', words, { version: id, destroyAt: iso(end) });
    };
    // Its successor is there, and we cannot have it.
    const isPast = outdated || current !== undefined;
    if (lease.expiresAt !== undefined) {
      tellEnd(lease.id, lease.expiresAt, isPast ? 'the version that is in use' : `its ${which} version`);
    }
    if (current) tellEnd(current.id, current.endsAt, 'its current version');
    if (before && hasEnd(before) && !hasEnd(lease)) {
      const isOfCurrent = isSame && before.expiresAt === undefined;
      const which = isOfCurrent ? 'ofCurrent' : endIn(before, lease.id) === undefined ? 'ofFormer' : 'ofThis';
      const hasCome = isOfCurrent && frozen === 'NoCurrentVersion';
      if (!hasCome) say('info', noMore[which]);
    }

    const { othersEndAt, othersEnding } = lease.version;
    const former: Partial<VersionFacts> = before?.version ?? {};
    if (othersEndAt !== undefined && isNews(lease.version, former)) {
      const left = sayDuration(Math.max(0, othersEndAt - subject.now()));
      const { count: ending = 1, soonest: version } = othersEnding ?? {};
      const others =
        ending === 1
          ? `another of its versions is to be destroyed in ${left}`
          : `${ending} others of its versions are to be destroyed, the first in ${left}`;
      const words = `${others}; until then somebody can cancel that at the provider`;
      say('warn', words, { version, which: 'other', destroyAt: iso(othersEndAt) });
    } else if (othersEndAt === undefined && (former.othersEndAt ?? 0) > subject.now()) {
      say('info', 'no other of its versions is to be destroyed any more', { version: undefined, which: 'other' });
    }

    const formerly = before?.version?.frozen;
    if (frozen && frozen !== formerly && frozen !== 'DestructionScheduled') {
      say('error', `${sayFrozen(frozen)}; what was delivered stays`, { frozen });
    } else if (!frozen && formerly && formerly !== 'DestructionScheduled') {
      say('info', 'it can be read at the provider again');
    }

    if (count >= nearQuota && (before?.version?.count ?? 0) < nearQuota) {
      say(
        'warn',
        `the provider keeps ${count} versions of it, and ${versionQuota} at most: have those destroyed that nobody uses`,
      );
    }
  };

  return {
    check,
    forget: (secret) => {
      seen.delete(secret);
    },
  };
}

/** Of several ends the first is known and how many: one that has come or was lifted is no news. */
function isNews({ othersEndAt, othersEnding }: VersionFacts, former: Partial<VersionFacts>): boolean {
  const before = former.othersEnding?.count ?? 0;
  const count = othersEnding?.count ?? 0;
  const isLater = (othersEndAt ?? 0) > (former.othersEndAt ?? Number.POSITIVE_INFINITY);
  return count > before || (othersEndAt !== former.othersEndAt && !(count < before && isLater));
}

/** Which is current without an end is not known before it is held. */
const noMore = {
  ofThis: 'its version is not to be destroyed any more',
  ofFormer: 'another version takes the place of the one that is to be destroyed',
  ofCurrent: 'its current version is not to be destroyed any more, or another one has taken its place',
} as const;

/** The end that was set for a version, as far as a lease tells of it. */
function endIn(lease: Lease, id: string): Instant | undefined {
  const { current } = lease.version ?? {};
  return lease.id === id ? lease.expiresAt : current?.id === id ? current.endsAt : undefined;
}

const hasEnd = (lease: Lease): boolean => lease.expiresAt !== undefined || lease.version?.current !== undefined;
