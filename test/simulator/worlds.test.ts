import { expect, test } from 'vitest';
import type { Policy } from '../../src/core/rules.ts';
import { days, hours, type Instant, minutes } from '../../src/core/time.ts';
import type { Nature } from './nature.ts';
import type { Plan } from './plan.ts';
import { World } from './world.ts';

const worlds = Number(process.env['WORLDS'] ?? 600);
const first = Number(process.env['SEED'] ?? 1);

test(`in ${worlds} random worlds every promise is kept, and afterwards everything is healthy`, async () => {
  const acts = new Set<string>();
  for (let seed = first; seed < first + worlds; seed++) {
    const world = new World(seed);
    expect(await world.live(), `SEED=${seed} WORLDS=1 npx vitest run worlds`).toEqual([]);
    for (const act of Object.keys(world.counts)) acts.add(act);
  }
  if (worlds < 100) return;
  // The worlds are wild enough only if everything that can be decided was decided in some of them.
  expect([...acts].sort()).toEqual([
    'acquire EndOfLife',
    'acquire Expired',
    'acquire NothingHeld',
    'acquire Outdated',
    'acquire RenewalFailing',
    'acquire RotationDue',
    'acquire ValuesLost',
    'check Unseen',
    'observe InDoubt',
    'observe PollDue',
    'read ValuesNeeded',
    'reload Unacknowledged',
    'renew RenewalDue',
    'retire GraceOver',
    'search LeaseMayBeLost',
    'verify Unproven',
    'write Undelivered',
  ]);
});

const policy: Policy = { renewAt: 2 / 3, jitter: 0.1, grace: minutes(5) };
const quiet: Partial<Plan> = {
  policy,
  sinks: 2,
  verifies: false,
  outages: [],
  crashes: [],
  background: 0,
  lies: 0,
  losses: 0,
  meddling: 0,
};

const aToken = (ttl: number, maxTerms: number): Nature => ({
  kind: 'token',
  ttl,
  maxTerms,
  renewal: { from: 'now', canShorten: false, pastTheWall: 'killed', changesValues: true },
  canRead: false,
  canObserve: false,
  canSearch: false,
  honoursKeys: false,
});

test.each([
  { name: '15 minutes of 1 hour', nature: aToken(minutes(15), 4), for: days(30) },
  { name: '1 hour of 24', nature: aToken(hours(1), 24), for: days(365) },
  { name: '30 days of 30', nature: aToken(days(30), 1), for: days(365) },
])('a token of $name is never renewed to death and never missed', async ({ nature, ...plan }) => {
  const world = new World(1, { ...quiet, nature, trouble: plan.for });
  expect(await world.live()).toEqual([]);
  const { ttl = 1, maxTerms = 1 } = nature;
  // Not more logins than twice what the wall makes necessary.
  expect(world.provider.leases.size).toBeLessThanOrEqual((2 * plan.for) / (ttl * maxTerms) + 2);
});

test('a restart takes, writes and reloads nothing again: what is held is looked at, and kept', async () => {
  const renewal = { from: 'expiry', canShorten: true, pastTheWall: 'refused', changesValues: false } as const;
  const nature: Nature = { ...aToken(hours(6), 4), kind: 'dynamic', renewal, canObserve: true };
  const world = new World(1, { ...quiet, nature, crashes: [hours(1), hours(2)], trouble: hours(3) });
  expect(await world.live()).toEqual([]);
  expect(world.counts).toMatchObject({ 'acquire NothingHeld': 1, 'write Undelivered': 2, 'observe InDoubt': 2 });
  expect(Object.keys(world.counts).filter((act) => act.startsWith('acquire'))).toEqual(['acquire NothingHeld']);
});

test('where only the renewal is broken, a replacement arrives before the end', async () => {
  const nature = aToken(minutes(30), 100);
  const world = new World(1, { ...quiet, nature, trouble: hours(12) });
  const { source } = world.provider;
  world.provider.source = (life, faults) => ({
    ...source.call(world.provider, life, faults),
    renew: () => Promise.reject(new Error('broken')),
  });
  expect(await world.live()).toEqual([]);
  expect(world.counts['acquire RenewalFailing']).toBeGreaterThan(10);
});

test('a provider that is back after a day finds us within the longest delay', async () => {
  const outage = { place: 'provider', from: hours(1), to: hours(25) } as const;
  const world = new World(7, { ...quiet, nature: aToken(minutes(30), 8), trouble: hours(26), outages: [outage] });
  expect(await world.live()).toEqual([]);
  const back = [...world.provider.leases.values()].find(({ issuedAt }) => issuedAt >= outage.to);
  expect((back?.issuedAt ?? Number.POSITIVE_INFINITY) - outage.to).toBeLessThan(minutes(6));
});

test('a rotation by schedule makes one version for each date, however the provider and the process fail', async () => {
  for (let seed = first; seed < first + Math.min(worlds / 10, 100); seed++) {
    const nature: Nature = { ...aToken(1, 1), kind: 'rotated', canRead: true, canObserve: true, honoursKeys: true };
    const { ttl: _, maxTerms: __, renewal: ___, ...rotated } = nature;
    const nightly = (issued: Instant) => (Math.floor(issued / days(1)) + 1) * days(1);
    const crashes = Array.from({ length: 9 }, (_, day) => days(day + 1) + ((seed * 37 * (day + 1)) % 900));
    const plan = { nature: { ...rotated, observeEvery: minutes(10) }, policy: { ...policy, rotateAfter: nightly } };
    const world = new World(seed, { ...quiet, ...plan, crashes, background: 0.1, trouble: days(9) + minutes(1) });
    expect(await world.live(), `seed ${seed}`).toEqual([]);
    const versions = [...world.provider.leases.values()].filter(({ key }) => key !== 'others');
    expect(
      versions.map(({ issuedAt }) => Math.floor(issuedAt / days(1))),
      `seed ${seed}`,
    ).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});
