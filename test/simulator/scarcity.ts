/** How scarce requests are in a world: at some providers there is room, at others just enough, at some for many at once. */
import { hours, minutes } from '../../src/core/time.ts';
import type { LimitsPlan } from './limits.ts';
import type { HousePlan, Plan, SecretPlan } from './plan.ts';
import type { Dice } from './timeline.ts';

/** Once in so many worlds. */
const shares = { roomy: 0.08, tight: 0.05, crowded: 0.025 } as const;

/** Where there is just enough nothing else may take of it: what goes wrong by itself is asked for again. */
const calm = { pace: 'brisk', background: 0, outages: [], provocations: [], lies: 0, unfit: 0, storeFails: 0 } as const;

export function withLimits(plan: Plan, dice: Dice): Plan {
  const [house, ...others] = plan.houses;
  const [first] = house?.secrets ?? [];
  const roll = dice.roll();
  if (!house || !first || first.nature.versions || roll > shares.roomy + shares.tight + shares.crowded) return plan;
  const { ttl = minutes(5) } = first.nature;
  if (roll < shares.roomy || ttl < minutes(5)) return { ...plan, houses: [limited(house, dice, 8), ...others] };
  // A day with many takes as long to simulate as a hundred worlds.
  const isCrowded = roll > shares.roomy + shares.tight && ttl <= hours(1);
  const crowd = isCrowded ? Array.from({ length: dice.between(4, 8) }, (_, i) => like(first, `c${i}`)) : [];
  const secrets = [...house.secrets, ...crowd];
  // A folder is asked for all the time; leases only when they are due, and most of them not in the same minute.
  const each = isCrowded && !first.nature.folder ? 0.3 : 1;
  const { focus: _, ...rest } = plan;
  // Who was stopped finds in one minute what was due in many, and by a wrong time all is due again and again.
  const woes = plan.woes.filter(({ what }) => what !== 'stopped' && what !== 'dates');
  return { ...rest, ...calm, woes, houses: [limited({ ...house, secrets }, dice, each), ...others] };
}

/** So many for each secret, and a few more: of a crowd not all come through in one minute. */
function limited(house: HousePlan, dice: Dice, each: number): HousePlan {
  const needed = Math.ceil(each * (house.secrets.length + (house.token ? 1 : 0)));
  const some = (): number => needed + dice.oneOf(1, 2, 4);
  const limits: LimitsPlan = {
    read: some(),
    write: some(),
    secrets: some(),
    // Of all kinds: after a restart each is looked at, renewed and perhaps replaced within a minute or two. Where there
    // is room there is for each kind.
    ...(dice.chance(0.3) && { own: (each > 1 ? 2 * needed : needed) + 2 * house.secrets.length + dice.oneOf(2, 4, 8) }),
  };
  return { ...house, limits };
}

/** Due whenever that one is. */
function like(first: SecretPlan, name: string): SecretPlan {
  const { folder } = first.nature;
  const nature = { ...first.nature, ...(folder && { folder: { ...folder, path: `/${name}` } }) };
  return { ...first, name, nature, sinks: [['by the sink']] };
}
