/** What a random world is made of, and what will go wrong in it. The seed decides everything. */
import type { Policy } from '../../src/core/rules.ts';
import { type Duration, type Instant, minutes } from '../../src/core/time.ts';
import type { Focus, Pace } from './chaos.ts';
import { focusOf, type Provocation, provocationsOf } from './focus.ts';
import { type FolderNature, sharing } from './folder-nature.ts';
import type { LimitsPlan } from './limits.ts';
import { aFolder, aNature, type Kind, kindOf, type Nature } from './nature.ts';
import type { Program } from './place.ts';
import type { RedisFault } from './redis.ts';
import { withLimits } from './scarcity.ts';
import { Dice } from './timeline.ts';
import type { Place } from './troubles.ts';
import { someWoes, touchClocks, type Woe } from './woes.ts';

export interface SecretPlan {
  readonly name: string;
  readonly nature: Nature;
  readonly policy: Policy;
  /** It is rotated so often. A number, where the policy's rule is a function: a plan can be written down. */
  readonly rotatesEvery?: Duration;
  /** By sink, how each program behind it is told to take up what is there. */
  readonly sinks: readonly (readonly Program['told'][])[];
  readonly isVerified: boolean;
  readonly isExclusive: boolean;
}

export interface HousePlan {
  readonly name: string;
  /** Its requests want to see a token, which is kept by the same loop. */
  readonly token?: SecretPlan;
  readonly secrets: readonly SecretPlan[];
  /** Absent: it takes as many requests as come. */
  readonly limits?: LimitsPlan;
}

export interface Plan {
  readonly houses: readonly HousePlan[];
  /** How long there may be trouble. */
  readonly trouble: Duration;
  readonly outages: readonly { readonly place: Place; readonly from: Instant; readonly to: Instant }[];
  readonly crashes: readonly Instant[];
  readonly pace: Pace;
  /** Shares: of calls that fail, of answers that lie, of leases that never work, of wake-ups that are lost or late. */
  readonly background: number;
  readonly lies: number;
  readonly unfit: number;
  readonly losses: number;
  readonly delays: number;
  /** Shares of the store's calls that fail or are slow. */
  readonly storeFails: number;
  readonly storeIsSlow: number;
  /** Each process keeps secrets from memory while the store is away. */
  readonly hasLifeline: boolean;
  readonly redis: readonly RedisFault[];
  /** How far the machine's clock is wrong in each life, one after the other. Absent: all clocks are nearly right. */
  readonly clockErrors?: readonly Duration[];
  /** How often others meddle. */
  readonly meddling: number;
  readonly focus?: Focus;
  readonly provocations: readonly Provocation[];
  readonly woes: readonly Woe[];
}

/** Everything goes well. */
export const quiet: Omit<Plan, 'houses' | 'trouble'> = {
  outages: [],
  crashes: [],
  pace: 'brisk',
  background: 0,
  lies: 0,
  unfit: 0,
  losses: 0,
  delays: 0,
  storeFails: 0,
  storeIsSlow: 0,
  hasLifeline: false,
  redis: [],
  meddling: 0,
  provocations: [],
  woes: [],
};

/** Trouble of every kind, in most worlds little of it. */
export const aPlan = (dice: Dice, seed: number): Plan => withLimits(plenty(dice, seed), new Dice(seed ^ 0x11a175));

function plenty(dice: Dice, seed: number): Plan {
  const focus = focusOf(seed);
  const houses = someHouses(dice, focus.kinds);
  const first = houses[0]?.secrets[0]?.nature;
  const term = first?.ttl ?? minutes(20);
  const trouble = first?.ttl ? term * dice.between(4, 9) : minutes(dice.between(60, 140));
  const isRough = dice.chance(0.7);
  const hasLifeline = dice.chance(0.6);
  // With dice of their own: worlds without them are what they were before there were any. What is rare stays as it was.
  const woes = focus.fault === 'forgotten' ? [] : someWoes(new Dice(seed ^ 0x5eed), trouble);
  const some = (share: number, ...of: [number, ...number[]]) => (isRough && dice.chance(share) ? dice.oneOf(...of) : 0);
  return {
    houses: houses.map((house) => withNeeds(house, focus.doing, term)),
    trouble,
    outages: Array.from({ length: some(1, 0, 1, 2, 4, 8) }, () => anOutage(dice, houses, trouble, term)),
    crashes: Array.from({ length: some(0.6, 1, 2, 4, 8) }, () => dice.between(0, trouble)),
    pace: dice.oneOf('brisk', 'brisk', 'brisk', 'mixed', 'mixed', 'sluggish'),
    background: some(1, 0, 0.02, 0.1),
    lies: some(1, 0, 0, 0.05),
    unfit: dice.oneOf(0, 0, 0.1),
    losses: some(1, 0, 0, 0.05),
    delays: some(1, 0, 0, 0.05),
    storeFails: some(1, 0, 0, 0, 0.01),
    storeIsSlow: some(1, 0, 0, 0, 0.02),
    hasLifeline,
    redis: Array.from({ length: hasLifeline ? dice.oneOf(0, 0, 1, 2) : 0 }, () => aRedisFault(dice, trouble, term)),
    ...(touchClocks(woes) && { clockErrors: [0] }),
    ...(dice.chance(0.35) && { clockErrors: [0, 1, 2].map(() => dice.between(minutes(-10), minutes(10))) }),
    meddling: some(0.5, term * 4, term * 2),
    focus,
    provocations: provocationsOf(focus.doing, trouble, term),
    woes,
  };
}

function someHouses(dice: Dice, kinds: readonly Kind[]): readonly HousePlan[] {
  const kind = kinds[dice.between(0, kinds.length)] ?? kindOf(dice);
  const first = aSecret(dice, 's1', kind);
  const least = (first.nature.ttl ?? minutes(10)) / 2;
  const hasToken = kind !== 'token' && dice.chance(0.35);
  const others = Array.from({ length: dice.chance(0.2) ? dice.between(1, 3) : 0 }, (_, i) =>
    aSecret(dice, `s${i + 2}`, hasToken ? 'dynamic' : kindOf(dice), least),
  );
  const { folder } = first.nature;
  const beside = folder && dice.chance(0.4) ? [besides(first, sharing(folder, dice))] : [];
  const token = { ...aSecret(dice, 'token-A', 'token', least), sinks: [], isVerified: false };
  const house: HousePlan = { name: 'A', secrets: [first, ...beside, ...others], ...(hasToken && { token }) };
  return dice.chance(0.15) ? [house, { name: 'B', secrets: [aSecret(dice, 'b1', kindOf(dice), least)] }] : [house];
}

/** Who makes what comes after what there is. */
const ours: readonly Kind[] = ['rotated', 'generated'];
const theirs: readonly Kind[] = ['followed', 'static'];

function aSecret(dice: Dice, name: string, kind: Kind, least?: Duration): SecretPlan {
  const nature = aNature(dice, kind, least, `/${name}`);
  const term = nature.ttl ?? minutes(20);
  const every = term * (kind === 'generated' ? 0.25 + dice.roll() : 0.5 + dice.roll() * 3);
  const rotates = ours.includes(kind) || (!theirs.includes(kind) && dice.chance(0.15));
  const told = (): Program['told'] => dice.oneOf('never', 'by the sink', 'by the sink', 'by the secret');
  const sinks = Array.from({ length: dice.oneOf(1, 1, 2, 3) }, () => [told(), ...(dice.chance(0.15) ? [told()] : [])]);
  return {
    name,
    nature,
    policy: {
      renewAt: 0.4 + dice.roll() * 0.4,
      jitter: dice.roll() * 0.2,
      grace: Math.floor(term * dice.roll() * 0.3),
    },
    ...(rotates && { rotatesEvery: every }),
    sinks,
    isVerified: dice.chance(0.25),
    isExclusive: dice.chance(0.5),
  };
}

/** Another secret that is taken of the same folder. */
const besides = (first: SecretPlan, folder: FolderNature): SecretPlan => {
  const { rotatesEvery: _, ...secret } = first;
  return { ...secret, name: 'beside', nature: aFolder('static', folder), sinks: [['by the sink']], isVerified: false };
};

const usualRenewal: Partial<Record<Kind, NonNullable<Nature['renewal']>>> = {
  token: { from: 'now', canShorten: false, pastTheWall: 'killed', changesValues: true },
  dynamic: { from: 'expiry', canShorten: true, pastTheWall: 'refused', changesValues: false },
};

/** What the focus needs so that it can happen at all. */
function withNeeds(house: HousePlan, doing: string, term: Duration): HousePlan {
  const [first, ...others] = house.secrets;
  if (!first || house.name !== 'A') return house;
  const { nature } = first;
  const renewal = nature.renewal ?? usualRenewal[nature.kind];
  const needs: Record<string, Partial<SecretPlan>> = {
    // Before the end of what it is to replace.
    'acquire RotationDue': {
      rotatesEvery: term * 1.5,
      nature: { ...nature, ...(renewal && { renewal, maxTerms: 7.5 }) },
    },
    'verify Unproven': { isVerified: true },
    'reload Unacknowledged': { sinks: [['by the sink'], ['by the secret']] },
    'reload everything': { sinks: [['by the secret'], ['never', 'by the secret']] },
    'acquire RenewalFailing': { nature: { ...nature, ...(renewal && { renewal }), maxTerms: 24 } },
    'renew RenewalDue': { nature: { ...nature, ...(renewal && { renewal }), maxTerms: 7.5 } },
    ...(nature.versions && {
      'acquire Outdated': { nature: { ...nature, versions: { ...nature.versions, isPinned: false } } },
    }),
    'acquire EndOfLife': { nature: { ...nature, maxTerms: 1.2 } },
  };
  return { ...house, secrets: [{ ...first, ...needs[doing] }, ...others] };
}

function aRedisFault(dice: Dice, trouble: Duration, term: Duration): RedisFault {
  const at = dice.between(0, trouble);
  const what = dice.oneOf('away', 'frozen', 'slow', 'full', 'wiped', 'older');
  return { at, what, for: Math.min(trouble - at, term * (0.2 + dice.roll() * 2)) };
}

function anOutage(dice: Dice, houses: readonly HousePlan[], trouble: Duration, term: Duration) {
  const from = dice.between(0, trouble);
  const house = dice.oneOf(houses[0], ...houses.slice(1));
  const secret = dice.oneOf(house?.secrets[0], ...(house?.secrets.slice(1) ?? []));
  const sink = `${secret?.name}/sink${dice.between(0, secret?.sinks.length ?? 1)}`;
  const place = dice.oneOf(
    `provider/${house?.name}`,
    `provider/${house?.name}`,
    `login/${house?.name}`,
    `renew/${house?.name}`,
    `acquire/${house?.name}`,
    `payload/${house?.name}`,
    `sink/${sink}`,
    `reload/${sink}`,
    `reload/${secret?.name}`,
    `proof/${secret?.name}`,
    'store',
  );
  const length = place === 'store' ? dice.between(1000, 30_000) : dice.roll() ** 2 * term * 2;
  return { place, from, to: Math.min(trouble, from + length) };
}

/** Long enough for the longest back-off and what follows it; at the longest, where sinks were wiped or proofs have failed. */
export function healing({ houses, unfit, meddling, provocations }: Plan) {
  const secrets = houses.flatMap((house) => house.secrets);
  const grace = Math.max(...secrets.map(({ policy }) => policy.grace));
  // What was said not to work three times is taken for a configuration that is wrong: for an hour.
  const isRejected = unfit > 0 && secrets.some(({ isVerified }) => isVerified);
  const isMeddled = secrets.some(({ nature: { versions, folder } }) => (versions ?? folder)?.meddling);
  const isSlow = meddling > 0 || isMeddled || provocations.length > 0 || isRejected;
  return { least: grace + minutes(17), most: grace + (isSlow ? minutes(95) : minutes(20)) };
}
