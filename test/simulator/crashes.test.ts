import { describe, expect, test } from 'vitest';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import type { Blow } from './life.ts';
import { type HousePlan, quiet } from './plan.ts';
import { aDynamic, aSecret, aStatic, aToken, aVersion, policy } from './quiet.ts';
import { World } from './world.ts';

const grace = minutes(1);
const dynamic = aSecret(aDynamic(minutes(40), 2), {
  policy: { ...policy, grace },
  sinks: [['by the sink'], ['by the secret']],
});

/** Quiet stories of some two hours: a first lease, a renewal, a replacement at the wall, the end of what it replaces. */
const stories: Readonly<Record<string, HousePlan>> = {
  'a lease that is renewed, replaced and ended': { name: 'A', secrets: [dynamic] },
  'a lease that is proven first': { name: 'A', secrets: [{ ...dynamic, isVerified: true, sinks: [['never']] }] },
  'a token': {
    name: 'A',
    secrets: [aSecret(aToken(minutes(40), 2), { policy: { ...policy, grace }, sinks: [['by the sink']] })],
  },
  'a lease behind a token': {
    name: 'A',
    secrets: [{ ...dynamic, sinks: [['by the sink']] }],
    token: aSecret(aToken(minutes(40), 2), { name: 'token-A', sinks: [], policy: { ...policy, grace } }),
  },
  'a version that is rotated': {
    name: 'A',
    secrets: [
      aSecret(
        { ...aVersion('rotated'), observeEvery: hours(1) },
        {
          policy: { ...policy, grace, rotateAfter: (issued) => issued + minutes(50) },
          sinks: [['by the secret']],
        },
      ),
    ],
  },
  'a static secret that we rotate': {
    name: 'A',
    secrets: [
      aSecret(aStatic('generated', minutes(40)), {
        policy: { ...policy, grace, rotateAfter: (issued) => issued + minutes(70) },
        sinks: [['by the secret']],
      }),
    ],
  },
};

interface Lived {
  readonly world: World;
  readonly broken: readonly string[];
  /** Calls to anybody. */
  readonly calls: number;
  readonly crashedAt: number;
}

async function live(house: HousePlan, nth: number, falls: Blow['falls']): Promise<Lived> {
  const world = new World(1, { ...quiet, houses: [house], trouble: minutes(110) });
  let calls = 0;
  let crashedAt = Number.POSITIVE_INFINITY;
  world.blow = () => {
    if (world.timeline.now() > minutes(110) || calls++ !== nth) return undefined;
    return {
      falls,
      strike: () => {
        crashedAt = world.timeline.now();
        world.crash();
      },
    };
  };
  return { broken: await world.live(), world, calls, crashedAt };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** What was done to others, by secret: leases taken, sinks written, programs told. */
const spent = ({ world }: Lived) =>
  world.kept.map(({ issuer, places }) => ({
    leases: issuer.leases.size,
    writes: sum(places.map(({ writes }) => writes)),
    reloads: Math.max(0, ...places.map(({ reloads }) => reloads)),
  }));

describe.each(Object.entries(stories))('%s: killed', (name, house) => {
  test.each(['before', 'after'] as const)(
    'right %s any call, no lease is lost or left, and at most one of everything is done again',
    async (falls) => {
      const calm = await live(house, -1, falls);
      expect(calm.broken).toEqual([]);
      expect(calm.calls).toBeGreaterThan(100);
      const usual = spent(calm);
      for (let nth = 0; nth < calm.calls; nth++) {
        const lived = await live(house, nth, falls);
        const which = `${name}: killed ${falls} call ${nth}, at ${lived.crashedAt}`;
        expect(lived.broken, which).toEqual([]);
        expect(lived.crashedAt, which).toBeLessThan(minutes(110) + seconds(1));
        for (const [i, more] of spent(lived).entries()) {
          const { leases = 0, writes = 0, reloads = 0 } = usual[i] ?? {};
          expect(more.leases, which).toBeLessThanOrEqual(leases + 1);
          expect(more.writes, which).toBeLessThanOrEqual(writes + (lived.world.kept[i]?.places.length ?? 0));
          expect(more.reloads, which).toBeLessThanOrEqual(reloads + 1);
        }
        lostAndFound(lived, which);
      }
    },
    300_000,
  );
});

/** The first time that it is asked the slower of two sinks has answered by then. */
const firstLook = 280;

/**
 * Where nobody else takes leases, one that no record knows is ended soon after the next start; and a grace later only
 * where the process that was killed had not seen yet that nothing was in the sinks.
 */
function lostAndFound({ world, crashedAt }: Lived, which: string): void {
  const limit = crashedAt < firstLook ? minutes(1) + grace : minutes(1);
  for (const { issuer, isExclusive } of world.kept) {
    if (!isExclusive || !issuer.nature.canSearch) continue;
    for (const issued of issuer.leases.values()) {
      const restartedAt = world.life?.startedAt ?? 0;
      if (!issuer.found.has(issued.id)) continue;
      expect(issued.endedAt - restartedAt, `${which}: ${issued.id}`).toBeLessThan(limit);
    }
  }
}
