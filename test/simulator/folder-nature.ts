/** What a folder of static secrets of a simulated Infisical is like, what is taken of it, and what others do to it. */
import { type Duration, minutes } from '../../src/core/time.ts';
import type { Dice } from './timeline.ts';

export interface FolderNature {
  /** Where it lies. Secrets with the same path are taken of the same folder. */
  readonly path: string;
  readonly poll: Duration;
  /** Only these are taken. Absent: all that there is. */
  readonly names?: readonly string[];
  readonly isEmptyAllowed: boolean;
  /** That one is given new values by us. Absent: others change all of them. */
  readonly generate?: string;
  readonly server: {
    /** The project is named by its id, and not by its slug: then the newer interface is asked, if there is one. */
    readonly isById: boolean;
    readonly hasNewInterface: boolean;
    /** A proxy before it weakens its etags. */
    readonly isProxied: boolean;
    /** From the beginning somebody has to say yes to every change of ours. */
    readonly isGuarded: boolean;
  };
  /** Share of our requests right before or after which somebody else changes something. */
  readonly racing: number;
  /** How often others change something besides. 0: never. */
  readonly meddling: Duration;
}

/** Two rows that Infisical rotates together. */
export const pair = ['USER', 'PASSWORD'] as const;
/** What we generate where we generate something. */
export const generated = 'KEY';
/** What there is in every folder to begin with. */
export const firstNames = ['API', generated, ...pair] as const;

/** Nobody meddles. */
export const calmFolder: FolderNature = {
  path: '/s',
  poll: minutes(2),
  isEmptyAllowed: false,
  server: { isById: true, hasNewInterface: false, isProxied: false, isGuarded: false },
  racing: 0,
  meddling: 0,
};

export function someFolder(dice: Dice, kind: 'static' | 'generated', path: string, poll: Duration): FolderNature {
  const isTroubled = dice.chance(0.8);
  const some = (first: number, ...rest: number[]) => (isTroubled ? dice.oneOf(first, ...rest) : 0);
  const names = dice.oneOf<readonly string[] | undefined>(undefined, undefined, pair, ['API', ...pair]);
  const isOurs = kind === 'generated';
  return {
    path,
    poll,
    ...(names && { names: isOurs ? [generated, ...names] : names }),
    isEmptyAllowed: !isOurs && dice.chance(0.15),
    ...(isOurs && { generate: generated }),
    server: {
      isById: dice.chance(0.7),
      hasNewInterface: dice.chance(0.5),
      isProxied: dice.chance(0.2),
      isGuarded: isOurs && isTroubled && dice.chance(0.5),
    },
    racing: some(0, 0.05, 0.15),
    meddling: some(minutes(4), minutes(8), minutes(15)),
  };
}

/** As another secret sees it that is taken of the same folder. */
export const sharing = ({ names: _, generate: __, ...folder }: FolderNature, dice: Dice): FolderNature => ({
  ...folder,
  isEmptyAllowed: false,
  ...(dice.chance(0.6) && { names: dice.oneOf<readonly string[]>(pair, ['API'], [generated]) }),
});
