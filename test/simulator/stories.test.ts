import { expect, test } from 'vitest';
import { days, hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Nature } from './nature.ts';
import type { Plan } from './plan.ts';
import { aDynamic, aSecret, aStory, aToken, aVersion, policy } from './quiet.ts';
import { World } from './world.ts';

const renewalOf = ({ renewal }: Nature) => {
  if (!renewal) throw new Error('it has none');
  return renewal;
};

const doneIn = (world: World, act: string) =>
  Object.entries(world.done)
    .filter(([key]) => key.startsWith(act))
    .reduce((sum, [, times]) => sum + times, 0);

test('a restart takes, writes and reloads nothing again: what is held is looked at, and kept', async () => {
  const plan = aStory(aSecret(aDynamic(hours(6), 4)), { crashes: [hours(1), hours(2)], trouble: hours(3) });
  const world = new World(1, plan);
  expect(await world.live()).toEqual([]);
  expect(doneIn(world, 'acquire')).toBe(1);
  expect(world.kept[0]?.places.map(({ writes, reloads }) => ({ writes, reloads }))).toEqual([
    { writes: 1, reloads: 1 },
    { writes: 1, reloads: 1 },
  ]);
  expect(doneIn(world, 'observe InDoubt')).toBe(2);
});

test('in calm weather every value is written once and taken up once, by the sink and by the secret', async () => {
  const secret = aSecret(aDynamic(hours(1), 4), { sinks: [['by the sink', 'by the secret'], ['by the secret']] });
  const world = new World(1, aStory(secret, { trouble: days(3) }));
  expect(await world.live()).toEqual([]);
  const leases = world.kept[0]?.issuer.leases.size ?? 0;
  expect(leases).toBeGreaterThan(15);
  for (const place of world.kept[0]?.places ?? []) expect(place.writes).toBe(leases);
  expect(world.kept[0]?.places[0]?.reloads).toBe(leases);
  expect(doneIn(world, 'reload')).toBe(3 * leases);
});

test('where only the renewal is broken, a replacement arrives before the end', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const outages = [{ place: 'renew/A', from: 0, to: hours(12) }];
    const world = new World(seed, aStory(aSecret(aToken(minutes(30), 100)), { outages, trouble: hours(12) }));
    expect(await world.live(), `seed ${seed}`).toEqual([]);
    expect(doneIn(world, 'acquire RenewalFailing'), `seed ${seed}`).toBeGreaterThan(10);
  }
});

test('a provider that is back after a day finds us within the longest delay', async () => {
  const outage = { place: 'provider/A', from: hours(1), to: hours(25) };
  const plan = aStory(aSecret(aToken(minutes(30), 8)), { outages: [outage], trouble: hours(26) });
  const world = new World(7, plan);
  expect(await world.live()).toEqual([]);
  const leases = [...(world.kept[0]?.issuer.leases.values() ?? [])];
  const back = leases.find(({ issuedAt, isOurs }) => isOurs && issuedAt >= outage.to);
  expect((back?.issuedAt ?? Number.POSITIVE_INFINITY) - outage.to).toBeLessThan(minutes(5) + seconds(36));
});

test('a predecessor lives on for its grace, and is ended after it', async () => {
  const grace = minutes(10);
  const clamped = { ...aToken(minutes(40), 2.5), isWallHidden: true };
  const learnt: Nature = { ...clamped, renewal: { ...renewalOf(clamped), pastTheWall: 'clamped' } };
  for (const nature of [aToken(minutes(30), 2), aDynamic(minutes(30), 3), aDynamic(hours(1), 1), learnt]) {
    const plan = aStory(aSecret(nature, { policy: { ...policy, grace } }), { trouble: days(2) });
    const world = new World(3, plan);
    const lives: number[] = [];
    for (const { issuer } of world.kept) {
      const told = issuer.onRevoke;
      issuer.onRevoke = (issued) => {
        lives.push(world.timeline.now() - (world.judge.letGo.get(issued.id) ?? 0));
        told(issued);
      };
    }
    expect(await world.live()).toEqual([]);
    expect(lives.length).toBeGreaterThan(20);
    // Our idea of the provider's time is off by seconds.
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(grace - seconds(5));
    expect(Math.max(...lives)).toBeLessThan(grace + minutes(1));
    expect(world.judge.earlyEnds, 'values that died within their grace').toEqual([]);
  }
});

test('a rotation by schedule makes one version for each date, however the provider and the process fail', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const nightly = (issued: Instant) => (Math.floor(issued / days(1)) + 1) * days(1);
    const crashes = Array.from({ length: 9 }, (_, day) => days(day + 1) + ((seed * 37 * (day + 1)) % 900));
    const secret = aSecret(aVersion('rotated'), { policy: { ...policy, rotateAfter: nightly } });
    const change: Partial<Plan> = { crashes, background: 0.1, pace: 'mixed' };
    const world = new World(seed, aStory(secret, { ...change, trouble: days(9) + minutes(1) }));
    expect(await world.live(), `seed ${seed}`).toEqual([]);
    const skew = world.houses[0]?.skew ?? 0;
    const versions = [...(world.kept[0]?.issuer.leases.values() ?? [])].filter(({ key }) => key !== 'others');
    const nights = versions.map(({ issuedAt }) => Math.floor((issuedAt + skew + seconds(5)) / days(1)));
    // Midnight is the provider's: where its clock is behind ours, the first comes soon.
    const first = skew < 0 ? 0 : 1;
    expect(nights, `seed ${seed}`).toEqual(Array.from({ length: 10 - first }, (_, i) => first + i));
  }
});

test('what hangs on a token lives through days of tokens that are revoked while they are in use', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const leases = aSecret(aDynamic(minutes(20), 3), { name: 's' });
    const token = aSecret(aToken(hours(6), 4), {
      name: 'token-A',
      sinks: [],
      policy: { ...policy, grace: minutes(1) },
    });
    const plan = aStory(leases, { trouble: days(2), background: 0.02 });
    const world = new World(seed, { ...plan, houses: [{ name: 'A', token, secrets: [leases] }] });
    const [access, db] = world.kept;
    for (let hour = 1; hour < 48; hour++) {
      world.timeline.at(hours(hour) + world.dice.between(0, minutes(50)), () => {
        for (const issued of access?.issuer.last ?? []) access?.issuer.end(issued);
      });
    }
    expect(await world.live(), `seed ${seed}`).toEqual([]);
    expect(db?.issuer.leases.size).toBeGreaterThan(40);
    // A login or two for each revocation, not a storm.
    expect(access?.issuer.leases.size, `seed ${seed}`).toBeGreaterThan(40);
    expect(access?.issuer.leases.size, `seed ${seed}`).toBeLessThan(110);
  }
});

test('a renewal that was held up before it was sent, or on its way, does not reach a token at its wall', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    // The last renewal that could land falls due within a minute of the last moment at which it may be sent.
    const ttl = minutes(10);
    const share = 0.6;
    const wall = 1 + share + (seconds(35) + lateBy(seed)) / ttl;
    const secret = aSecret(aToken(ttl, wall), { policy: { ...policy, renewAt: share, jitter: 0, grace: seconds(1) } });
    const world = new World(seed, aStory(secret, { trouble: hours(4), pace: 'sluggish' }));
    const broken = await world.live();
    expect(
      broken.filter((what) => what.startsWith('promise 5')),
      `seed ${seed}`,
    ).toEqual([]);
  }
});

/** Up to a minute more or less. */
const lateBy = (seed: number): number => seconds(((seed * 7) % 60) - 5);

test('a wrong credential is tried twice in five minutes at the most, and the right one within seconds of its coming', async () => {
  const wrong = { place: 'login/A', from: 0, to: hours(1) };
  const world = new World(2, aStory(aSecret(aToken(hours(1), 4)), { outages: [wrong], trouble: hours(2) }));
  const house = world.houses[0];
  world.timeline.at(minutes(61), () => house?.renewCredential());
  expect(await world.live()).toEqual([]);
  const rejections = house?.rejections ?? [];
  expect(rejections.filter((at) => at < minutes(5)).length).toBeLessThanOrEqual(2);
  expect(rejections.length).toBeLessThanOrEqual(14);
  expect(house?.lockouts).toEqual([]);
});
