/** What a simulated provider honestly is, for one secret. */
import { type Duration, hours, minutes } from '../../src/core/time.ts';
import { type FolderNature, someFolder } from './folder-nature.ts';
import type { Dice } from './timeline.ts';
import { someVersions, type VersionsNature } from './versions-nature.ts';

export type Kind = 'token' | 'dynamic' | 'iam' | 'followed' | 'rotated' | 'static' | 'generated';

export interface Nature {
  readonly kind: Kind;
  /** Absent: no expiry. */
  readonly ttl?: Duration;
  /** How many terms the wall is away. Absent: there is none, as for a periodic token. */
  readonly maxTerms?: number;
  /** The wall is not told: it is learnt by running into it. */
  readonly isWallHidden?: boolean;
  /** Absent: the values cannot be made to live longer. */
  readonly renewal?: {
    readonly from: 'now' | 'expiry';
    /** Does the client ask for less where that is what fits? */
    readonly canShorten: boolean;
    /** What happens to a lease that is asked to live past its wall. */
    readonly pastTheWall: 'killed' | 'clamped' | 'refused';
    readonly changesValues: boolean;
  };
  readonly canObserve: boolean;
  readonly canSearch: boolean;
  readonly observeEvery?: Duration;
  /** How many logins the present credential is good for. */
  readonly uses?: number;
  /** Of a store of versions. */
  readonly versions?: VersionsNature;
  /** Of static secrets. */
  readonly folder?: FolderNature;
}

export const plain = { canObserve: false, canSearch: false };

/** The least that may be asked of a dynamic secret's renewal. */
export const shortestRenewal: Duration = minutes(1);

const ttls: readonly [Duration, ...Duration[]] = [minutes(1), minutes(2), minutes(5), minutes(15), hours(1), hours(3)];

export const kindOf = (dice: Dice): Kind =>
  dice.oneOf('token', 'token', 'dynamic', 'dynamic', 'dynamic', 'iam', 'followed', 'rotated', 'static', 'generated');

/** `least`: the pace of the world; what is much faster than its first secret only takes time to simulate. */
export function aNature(dice: Dice, kind: Kind, least: Duration = 0, path = '/s'): Nature {
  const wall = dice.chance(0.8) ? { maxTerms: dice.oneOf(1, 1, 1.2, 2, 4, 7.5, 24) } : {};
  switch (kind) {
    case 'token':
      return aToken(dice, wall, least);
    case 'dynamic': {
      const ttl = aTtl(dice, least);
      const renewal = {
        from: 'expiry',
        canShorten: dice.chance(0.7),
        pastTheWall: 'refused',
        changesValues: false,
      } as const;
      return {
        ...plain,
        ...wall,
        kind,
        ttl,
        canObserve: true,
        canSearch: true,
        observeEvery: ttl / 2,
        isWallHidden: dice.chance(0.2),
        ...(dice.chance(0.85) && { renewal }),
      };
    }
    case 'iam':
      return { ...plain, kind, ttl: aTtl(dice, least) };
    case 'followed':
    case 'rotated':
      return {
        ...plain,
        kind,
        canObserve: true,
        observeEvery: Math.max(minutes(2), least / 10),
        versions: someVersions(dice, kind),
      };
    case 'static':
    case 'generated':
      return aFolder(kind, someFolder(dice, kind, path, Math.max(minutes(2), least / 10)));
  }
}

export const aFolder = (kind: 'static' | 'generated', folder: FolderNature): Nature => ({
  ...plain,
  kind,
  canObserve: true,
  observeEvery: folder.poll,
  folder,
});

const aTtl = (dice: Dice, least: Duration): Duration => Math.max(dice.oneOf(...ttls), least);

function aToken(dice: Dice, wall: { readonly maxTerms?: number }, least: Duration): Nature {
  const kind = 'token';
  if (dice.chance(0.08)) return { ...plain, kind };
  const ttl = aTtl(dice, least);
  const pastTheWall = dice.oneOf<'killed' | 'clamped'>('killed', 'killed', 'clamped');
  const renewal = { from: 'now', canShorten: false, pastTheWall, changesValues: dice.chance(0.7) } as const;
  const isWallHidden = pastTheWall === 'clamped' && dice.chance(0.5);
  return { ...plain, ...wall, kind, ttl, renewal, isWallHidden, ...(dice.chance(0.15) && { uses: 40 }) };
}
