/** What a secret of a simulated Lockbox is like, how it is kept, and what others do to it. */
import { type Duration, days, hours, minutes } from '../../src/core/time.ts';
import type { Dice } from './timeline.ts';

export interface VersionsNature {
  /** The configuration names the first version. */
  readonly isPinned: boolean;
  /** Who makes the values of the versions that we add. Absent: others add them. */
  readonly generate?: 'lockbox' | 'leasekeeper';
  readonly onDestroyScheduled: 'alert' | 'cancel' | 'rotate';
  readonly watchVersions: boolean;
  readonly pendingPeriod: Duration;
  /** What nobody knows of the server (contract 12), and what older ones lack. */
  readonly server: {
    readonly setsCurrent: boolean;
    readonly buildsOnScheduled: boolean;
    readonly showsDestroyed: boolean;
    readonly abortsConcurrent: boolean;
  };
  /** Shares: of changes that are not done at once, of those that fail after they were accepted. */
  readonly late: number;
  readonly failing: number;
  /** Share of our requests right before or after which somebody else changes something. */
  readonly racing: number;
  /** How often others change something besides. 0: never. */
  readonly meddling: Duration;
}

/** Nobody meddles, and everything is done at once. */
export const calmVersions: VersionsNature = {
  isPinned: false,
  onDestroyScheduled: 'alert',
  watchVersions: false,
  pendingPeriod: days(7),
  server: { setsCurrent: true, buildsOnScheduled: false, showsDestroyed: true, abortsConcurrent: false },
  late: 0,
  failing: 0,
  racing: 0,
  meddling: 0,
};

export function someVersions(dice: Dice, kind: 'followed' | 'rotated'): VersionsNature {
  const isOurs = kind === 'rotated';
  const isTroubled = dice.chance(0.8);
  const some = (first: number, ...rest: number[]) => (isTroubled ? dice.oneOf(first, ...rest) : 0);
  return {
    isPinned: !isOurs && dice.chance(0.4),
    ...(isOurs && { generate: dice.oneOf<'lockbox' | 'leasekeeper'>('lockbox', 'leasekeeper') }),
    onDestroyScheduled: isOurs
      ? dice.oneOf<'alert' | 'cancel' | 'rotate'>('alert', 'cancel', 'rotate', 'rotate')
      : dice.oneOf<'alert' | 'cancel'>('alert', 'cancel'),
    watchVersions: dice.chance(0.3),
    pendingPeriod: dice.oneOf(hours(1), days(7)),
    server: {
      setsCurrent: dice.chance(0.85),
      buildsOnScheduled: dice.chance(0.3),
      showsDestroyed: dice.chance(0.6),
      abortsConcurrent: dice.chance(0.3),
    },
    late: some(0, 0.1, 0.4),
    failing: some(0, 0, 0.1, 0.3),
    racing: some(0, 0.05, 0.15),
    meddling: some(minutes(4), minutes(10), minutes(20)),
  };
}
