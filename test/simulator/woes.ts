/** What befalls the process and its clocks, the provider's clock, and the schedule in Redis. From dice of their own. */
import { type Duration, hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Dice } from './timeline.ts';
import type { Loss } from './wakes.ts';
import type { World } from './world.ts';

export type Woe = { readonly at: Instant; readonly for: Duration } & (
  | /** The process is stopped, and goes on. */ { readonly what: 'stopped' }
  | /** Our wall clock is set, once and for all. */ { readonly what: 'wall'; readonly by: Duration }
  | /** The provider's dates are wrong, and right again. */ { readonly what: 'dates'; readonly by: Duration }
  /** One or two answers bear a proxy's date. */
  | { readonly what: 'page'; readonly by: Duration; readonly times: number }
  /** Redis loses jobs, and no records: so large a share of them. */
  | { readonly what: Loss; readonly share: number }
);

const kinds = ['stopped', 'stopped', 'wall', 'dates', 'page', 'deleted', 'put off', 'taken'] as const;

/** What has to have been counted after enough worlds. */
export const wantedWoes: readonly string[] = [...new Set(kinds)].map((what) => `woe ${what}`);

/** Once in so many worlds there are some. */
const share = 0.4;

export function someWoes(dice: Dice, trouble: Duration): readonly Woe[] {
  if (!dice.chance(share)) return [];
  return Array.from({ length: dice.oneOf(1, 1, 2, 3) }, () => aWoe(dice, dice.oneOf(...kinds), trouble));
}

function aWoe(dice: Dice, what: Woe['what'], trouble: Duration): Woe {
  const at = dice.between(0, trouble);
  const lasting = (length: Duration) => ({ at, for: Math.min(trouble - at, length) });
  const side = dice.oneOf(-1, 1);
  switch (what) {
    case 'stopped':
      return { what, ...lasting(dice.between(seconds(5), minutes(dice.oneOf(1, 10, 60)))) };
    case 'wall':
      return { what, ...lasting(0), by: side * dice.between(minutes(1), hours(12)) };
    case 'dates':
      return { what, ...lasting(minutes(dice.between(1, 60))), by: side * dice.between(minutes(1), minutes(10)) };
    case 'page':
      return { what, ...lasting(0), by: side * dice.between(minutes(1), hours(12)), times: dice.between(1, 3) };
    default:
      return { what, ...lasting(0), share: dice.oneOf(1, 1, 0.3) };
  }
}

/** Do they touch the time that a process reckons with? */
export const touchClocks = (woes: readonly Woe[]): boolean =>
  woes.some(({ what }) => what === 'wall' || what === 'dates' || what === 'page');

export function befall(world: World, woe: Woe): void {
  const { timeline, wakes, chaos } = world;
  const now = timeline.now();
  const house = world.houses[0];
  world.log?.(`${now} woe: ${JSON.stringify(woe)}`);
  chaos.happened(`woe ${woe.what}`);
  switch (woe.what) {
    case 'stopped':
      world.stop(woe.for);
      return;
    case 'wall':
      world.wallError += woe.by;
      // Redis's dates are the machine's: until it is told all of them anew nothing begins by them.
      if (woe.by < 0) wakes.lose('put off', 1, now + seconds(5));
      return;
    case 'dates':
      if (!house) return;
      house.dateError = woe.by;
      timeline.at(now + woe.for, () => {
        house.dateError = 0;
      });
      return;
    case 'page':
      if (house) house.pages = Array.from({ length: woe.times }, () => woe.by);
      return;
    default:
      wakes.lose(woe.what, woe.share);
  }
}
