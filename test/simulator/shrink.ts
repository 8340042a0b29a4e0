/** Finds a smaller plan in which the same promise is broken: what a person has to read is what it takes. */
import type { Instant } from '../../src/core/time.ts';
import { type HousePlan, type Plan, quiet, type SecretPlan } from './plan.ts';
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

/** What is said of a broken promise, whenever and of whomever it is said. */
const kindOf = (what: string): string =>
  what
    .replace(/ at \d+:/, '')
    .split(' ')
    .filter((word, i) => i < 2 || /^[a-z]+$/.test(word))
    .join(' ');

/** Until `isOver`, or nothing can be left out any more. */
export async function shrink(
  start: Case,
  onSmaller: (smaller: Case) => void,
  isOver: () => boolean = () => false,
): Promise<Case> {
  const broken = await brokenIn(start);
  const kinds = new Set(broken.map(kindOf));
  const failing = async (plan: Plan, first: number): Promise<Case | undefined> => {
    for (let i = 0; i < throws && !isOver(); i++) {
      const seed = first + i;
      if ((await brokenIn({ seed, plan })).some((what) => kinds.has(kindOf(what)))) return { seed, plan };
    }
    return undefined;
  };
  const plan = until(Math.min(...broken.map((what) => Number(/ at (\d+):/.exec(what)?.[1] ?? Infinity))), start.plan);
  let present = (await failing(plan, start.seed)) ?? start;
  onSmaller(present);
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

/** Without what comes after that: nothing before it becomes another by that. */
function until(end: Instant, plan: Plan): Plan {
  const isBefore = ({ at }: { readonly at: Instant }) => at <= end;
  return {
    ...plan,
    outages: plan.outages.filter(({ from }) => from <= end),
    crashes: plan.crashes.filter((crash) => crash <= end),
    redis: plan.redis.filter(({ at, for: before, what }) => isBefore({ at: what === 'older' ? at - before : at })),
    provocations: plan.provocations.filter(isBefore),
    woes: plan.woes.filter(isBefore),
  };
}

/** What can be done without by a number. */
const shares = (Object.keys(quiet) as (keyof typeof quiet)[]).filter((key) => quiet[key] === 0);

/** Every plan with one thing less, the greatest first. */
function* smallerThan(plan: Plan): Generator<Plan> {
  for (const houses of fewer(plan.houses)) if (houses.length > 0) yield { ...plan, houses };
  for (const [i, house] of plan.houses.entries()) {
    for (const less of smallerHouses(house)) yield { ...plan, houses: plan.houses.with(i, less) };
  }
  for (const key of shares) if (plan[key] !== 0) yield { ...plan, [key]: 0 };
  if (plan.pace !== 'brisk') yield { ...plan, pace: 'brisk' };
  if (plan.focus) {
    const { focus: _, ...rest } = plan;
    yield rest;
  }
  for (const outages of fewer(plan.outages)) yield { ...plan, outages };
  for (const crashes of fewer(plan.crashes)) yield { ...plan, crashes };
  for (const woes of fewer(plan.woes)) yield { ...plan, woes };
  for (const redis of fewer(plan.redis)) yield { ...plan, redis };
  if (plan.clockErrors) {
    const { clockErrors: _, ...rest } = plan;
    yield rest;
  }
  if (plan.hasLifeline && plan.redis.length === 0) yield { ...plan, hasLifeline: false };
  for (const provocations of fewer(plan.provocations)) yield { ...plan, provocations };
  for (const share of [0.5, 0.8]) yield { ...plan, trouble: Math.ceil(plan.trouble * share) };
}

function* smallerHouses(house: HousePlan): Generator<HousePlan> {
  for (const secrets of fewer(house.secrets)) if (secrets.length > 0) yield { ...house, secrets };
  if (house.limits) {
    const { limits: _, ...rest } = house;
    yield rest;
  }
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
  const { versions } = secret.nature;
  for (const trouble of ['racing', 'failing', 'late', 'meddling'] as const) {
    if (!versions || versions[trouble] === 0) continue;
    yield { ...secret, nature: { ...secret.nature, versions: { ...versions, [trouble]: 0 } } };
  }
  const { folder } = secret.nature;
  for (const trouble of ['racing', 'meddling'] as const) {
    if (!folder || folder[trouble] === 0) continue;
    yield { ...secret, nature: { ...secret.nature, folder: { ...folder, [trouble]: 0 } } };
  }
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
