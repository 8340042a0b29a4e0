/** Finds a smaller plan in which the same promise is broken: what a person has to read is what it takes. */
import type { HousePlan, Plan, SecretPlan } from './plan.ts';
import { World } from './world.ts';

/** All there is to a world. */
export interface Case {
  readonly seed: number;
  readonly plan: Plan;
}

/** A smaller plan is another world: the same thing happens in it with other dice, if at all. */
const throws = 25;

export async function brokenIn({ seed, plan }: Case): Promise<readonly string[]> {
  return new World(seed, plan).live().catch((error: unknown) => [String(error)]);
}

/** `promise 4`, or the first word of whatever was thrown. */
const kindOf = (what: string): string => /^promise \d|^\S+/.exec(what)?.[0] ?? '';

/** Until `isOver`, or nothing can be left out any more. */
export async function shrink(
  start: Case,
  onSmaller: (smaller: Case) => void,
  isOver: () => boolean = () => false,
): Promise<Case> {
  const kinds = new Set((await brokenIn(start)).map(kindOf));
  const failing = async (plan: Plan, first: number): Promise<Case | undefined> => {
    for (let i = 0; i < throws && !isOver(); i++) {
      const seed = first + i;
      if ((await brokenIn({ seed, plan })).some((what) => kinds.has(kindOf(what)))) return { seed, plan };
    }
    return undefined;
  };
  let present = start;
  for (let found: Case | undefined = present; found && !isOver(); ) {
    found = undefined;
    for (const plan of smallerThan(present.plan)) {
      found = await failing(plan, present.seed);
      if (!found) continue;
      present = found;
      onSmaller(found);
      break;
    }
  }
  return present;
}

const calm = {
  background: 0,
  lies: 0,
  unfit: 0,
  losses: 0,
  delays: 0,
  storeFails: 0,
  storeIsSlow: 0,
  meddling: 0,
} as const satisfies Partial<Plan>;

/** Every plan with one thing less, the greatest first. */
function* smallerThan(plan: Plan): Generator<Plan> {
  for (const houses of fewer(plan.houses)) if (houses.length > 0) yield { ...plan, houses };
  for (const [i, house] of plan.houses.entries()) {
    for (const less of smallerHouses(house)) yield { ...plan, houses: plan.houses.with(i, less) };
  }
  for (const key of Object.keys(calm) as (keyof typeof calm)[]) if (plan[key] !== 0) yield { ...plan, [key]: 0 };
  if (plan.pace !== 'brisk') yield { ...plan, pace: 'brisk' };
  if (plan.focus) {
    const { focus: _, ...rest } = plan;
    yield rest;
  }
  for (const outages of fewer(plan.outages)) yield { ...plan, outages };
  for (const crashes of fewer(plan.crashes)) yield { ...plan, crashes };
  for (const provocations of fewer(plan.provocations)) yield { ...plan, provocations };
  for (const share of [0.5, 0.8]) yield { ...plan, trouble: Math.ceil(plan.trouble * share) };
}

function* smallerHouses(house: HousePlan): Generator<HousePlan> {
  for (const secrets of fewer(house.secrets)) if (secrets.length > 0) yield { ...house, secrets };
  if (house.token) {
    const { token: _, ...rest } = house;
    yield rest;
  }
  for (const [i, secret] of house.secrets.entries()) {
    for (const less of smallerSecrets(secret)) yield { ...house, secrets: house.secrets.with(i, less) };
  }
}

function* smallerSecrets(secret: SecretPlan): Generator<SecretPlan> {
  for (const sinks of fewer(secret.sinks)) if (sinks.length > 0) yield { ...secret, sinks };
  if (secret.isVerified) yield { ...secret, isVerified: false };
  if (secret.rotatesEvery !== undefined) {
    const { rotatesEvery: _, ...rest } = secret;
    yield rest;
  }
}

/** None of them, half of them, all but one. */
function* fewer<T>(all: readonly T[]): Generator<readonly T[]> {
  if (all.length === 0) return;
  yield [];
  const half = Math.floor(all.length / 2);
  if (half > 0) yield all.slice(half);
  if (half > 0) yield all.slice(0, half);
  if (all.length > 2) for (let i = 0; i < all.length; i++) yield all.filter((_, other) => other !== i);
}
