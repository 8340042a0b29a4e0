/** Says what others do to the version of a store that is in use: end it, move or lift its end, freeze it, crowd it. Always said. */
import { type Lease, versionQuota } from '../core/lease.ts';
import { newestOf } from '../core/record.ts';
import { sayDuration } from '../core/time.ts';
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
    const { which, frozen, count = 0 } = lease.version;
    const isSame = before?.id === lease.id;
    const say = (level: Line['level'], words: string, more: Line['fields'] = {}) =>
      tell({ level, message: `${secret}: ${words}`, fields: { secret, version: lease.id, which, ...more } });

    const formerEnd = isSame ? before.expiresAt : undefined;
    const end = lease.expiresAt;
    if (end !== undefined && end !== formerEnd) {
      const left = sayDuration(Math.max(0, end - subject.now()));
      const what = formerEnd === undefined ? 'is to be destroyed' : 'is to be destroyed at another time:';
      // Its successor is there, and we cannot have it.
      const one = outdated ? 'the version that is in use' : `its ${which} version`;
      const words = `${one} ${what} in ${left}; until then somebody can cancel that at the provider`;
      say('error', words, { destroyAt: iso(end) });
    } else if (end === undefined && before?.expiresAt !== undefined) {
      say(
        'info',
        isSame
          ? 'its version is not to be destroyed any more'
          : 'another version takes the place of the one that is to be destroyed',
      );
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
