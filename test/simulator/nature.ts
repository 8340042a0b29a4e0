/** What a simulated provider honestly is. */
import { type Duration, hours, minutes, seconds } from '../../src/core/time.ts';
import type { Dice } from './timeline.ts';

export interface Nature {
  readonly kind: 'token' | 'dynamic' | 'iam' | 'followed' | 'rotated';
  /** Absent: no expiry. */
  readonly ttl?: Duration;
  /** How many terms the wall is away. Absent: there is none. */
  readonly maxTerms?: number;
  readonly renewal?: {
    readonly from: 'now' | 'expiry';
    readonly canShorten: boolean;
    /** What happens to a lease that is asked to live past its wall. */
    readonly pastTheWall: 'killed' | 'refused';
    readonly changesValues: boolean;
  };
  readonly canRead: boolean;
  readonly canObserve: boolean;
  readonly canSearch: boolean;
  /** The same key makes one lease only. */
  readonly honoursKeys: boolean;
  readonly observeEvery?: Duration;
}

const plain = { canRead: false, canObserve: false, canSearch: false, honoursKeys: false };

export function aNature(dice: Dice): Nature {
  const ttl = dice.oneOf(minutes(1), minutes(5), minutes(15), hours(1), hours(6));
  const kind = dice.oneOf<Nature['kind']>('token', 'token', 'dynamic', 'dynamic', 'iam', 'followed', 'rotated');
  const wall = dice.chance(0.8) ? { maxTerms: dice.oneOf(1, 1.2, 2, 4, 7.5, 24) } : {};
  switch (kind) {
    case 'token': {
      const pastTheWall = dice.oneOf<'killed' | 'refused'>('killed', 'killed', 'refused');
      const renewal = { from: 'now', canShorten: false, pastTheWall, changesValues: dice.chance(0.7) } as const;
      return { ...plain, kind, ttl, ...wall, renewal };
    }
    case 'dynamic': {
      const renewal = {
        from: 'expiry',
        canShorten: dice.chance(0.5),
        pastTheWall: 'refused',
        changesValues: false,
      } as const;
      return { ...plain, kind, ttl, ...wall, renewal, canObserve: true, canSearch: true, observeEvery: ttl / 5 };
    }
    case 'iam':
      return { ...plain, kind, ttl };
    case 'followed':
      return { ...plain, kind, canRead: true, canObserve: true, honoursKeys: true, observeEvery: seconds(60) };
    case 'rotated':
      return { ...plain, kind, canRead: true, canObserve: true, honoursKeys: true, observeEvery: seconds(60) };
  }
}
