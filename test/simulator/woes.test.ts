import { expect, test } from 'vitest';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { Life } from './life.ts';
import type { Plan } from './plan.ts';
import { aDynamic, aSecret, aStory, aToken } from './quiet.ts';
import { Timeline } from './timeline.ts';
import { type Time, timesBy } from './times.ts';
import { aWorld } from './unattended.ts';
import type { Woe } from './woes.ts';
import { World } from './world.ts';

const trouble = hours(6);
const natures = { 'a lease': aDynamic(hours(1), 4), 'a token': aToken(hours(1), 4) };

async function lived(nature: Plan['houses'][number]['secrets'][number]['nature'], woes: readonly Woe[], seed = 1) {
  const world = new World(seed, aStory(aSecret(nature), { trouble, woes, clockErrors: [0] }));
  const begun: { readonly at: number; readonly late: number }[] = [];
  world.log = (line) => {
    const [, at, late] = /^(\d+) begins .* (\d+) ms late$/.exec(line) ?? [];
    if (at !== undefined) begun.push({ at: Number(at), late: Number(late) });
  };
  const broken = await world.live();
  const spent = world.kept.map(({ issuer, places }) => [
    issuer.leases.size,
    ...places.flatMap(({ writes, reloads }) => [writes, reloads]),
  ]);
  return { world, broken, begun, done: world.done, spent };
}

/** As a process begins whose machine's clock is nine minutes ahead. */
function timesOf(world: World, life: Life, onMoved: () => void = () => undefined) {
  const doings = { newKey: () => '', onEvent: () => undefined, kill: () => undefined };
  return timesBy({ ...world, ...doings, hasLifeline: true, clockError: () => minutes(9) }, life, onMoved);
}

test('a process that is stopped hears its timers and the answers to what it sent when it goes on, in either order', async () => {
  for (const areTimersFirst of [true, false]) {
    const timeline = new Timeline();
    const life = new Life(timeline);
    const ghosts: number[] = [];
    life.onGhost = () => ghosts.push(timeline.now());
    const heard: string[] = [];
    const say = (what: string) => heard.push(`${what} at ${timeline.now()}`);
    const way = { there: 100, back: 100, signal: life.deadline(seconds(5)) };
    life
      .send(() => say('arrived'), way)
      .then(
        () => say('answered'),
        () => say('given up'),
      );
    life.deadline(seconds(1)).addEventListener('abort', () => say('timer'));
    void life.pass(150).then(() => say('passed'));
    timeline.at(50, () => life.stop());
    timeline.at(minutes(1), () => life.goOn(areTimersFirst));
    await timeline.runUntil(minutes(2));
    const order = areTimersFirst ? ['timer', 'passed', 'given up'] : ['passed', 'answered', 'timer'];
    expect(heard).toEqual(['arrived at 100', ...order.map((what) => `${what} at ${minutes(1)}`)]);
    expect(ghosts).toEqual([]);
    life.stop();
    void life.send(() => undefined, { there: 0, back: 0 });
    expect(ghosts).toEqual([minutes(2)]);
  }
});

test('whoever is stopped for most of an hour does nothing meanwhile, and takes nothing anew after it', async () => {
  for (const [name, nature] of Object.entries(natures)) {
    const calm = await lived(nature, []);
    const [at, length] = [minutes(5), minutes(30)];
    const { broken, begun, world, spent } = await lived(nature, [{ what: 'stopped', at, for: length }]);
    expect(broken, name).toEqual([]);
    expect(begun.filter((one) => one.at > at && one.at < at + length)).toEqual([]);
    expect(begun.length).toBeGreaterThan(10);
    expect(world.judge.excuses.ran(0, hours(1))).toBe(minutes(30));
    expect(spent[0]?.[0], name).toBeLessThanOrEqual(calm.spent[0]?.[0] ?? 0);
  }
});

test('a wall clock that is set by hours, forwards or back, changes nothing; nor does a proxy that stamps one answer or two', async () => {
  for (const [name, nature] of Object.entries(natures)) {
    const calm = await lived(nature, []);
    expect(calm.broken, name).toEqual([]);
    for (const by of [hours(5), -hours(5)]) {
      const set = await lived(nature, [{ what: 'wall', at: hours(2) + seconds(7), for: 0, by }]);
      expect([set.broken, set.spent, set.done], `${name}, set by ${by}`).toEqual([[], calm.spent, calm.done]);
      for (const times of [1, 2]) {
        const page = await lived(nature, [{ what: 'page', at: hours(1), for: 0, by, times }]);
        expect(page.world.houses[0]?.pages).toEqual([]);
        expect([page.broken, page.spent, page.done], `${name}, ${times} pages`).toEqual([[], calm.spent, calm.done]);
      }
    }
  }
});

test('where the dates of the provider are wrong for a while nothing lapses that can be asked about', async () => {
  for (const by of [minutes(7), -minutes(7)]) {
    const woes: Woe[] = [{ what: 'dates', at: minutes(30), for: hours(2), by }];
    const { broken, world } = await lived(natures['a lease'], woes);
    expect(broken).toEqual([]);
    expect(world.houses[0]?.turnedAt).toBeGreaterThan(minutes(150));
    expect(world.houses[0]?.hasMisled).toBe(false);
  }
});

test('one lie about the time that follows another turns our idea of it once more, also where another process hears it', async () => {
  const { world, life } = aWorld();
  const [house] = world.houses;
  if (!house) return expect.unreachable('there is one');
  const time = timesOf(world, life)(house);
  const hear = (some: Time) =>
    [1, 2, 3].forEach(() => void some.heard(world.timeline.now() - 100, world.timeline.now()));
  house.dateError = minutes(7);
  hear(time);
  expect([house.turnedAt, house.hasMisled]).toEqual([0, true]);
  await world.timeline.runUntil(minutes(20));
  hear(time);
  expect(house.turnedAt).toBe(0);
  house.dateError = -minutes(7);
  const next = timesOf(world, life)(house);
  expect([house.turnedAt, house.hasMisled]).toEqual([minutes(20), true]);
  await world.timeline.runUntil(minutes(40));
  house.dateError = minutes(7);
  hear(next);
  expect([house.turnedAt, house.hasMisled]).toEqual([minutes(40), true]);
});

test('who begins before a lie about the time, and is told it by that, knows no better of what others noted than who begins later', async () => {
  for (const { toldAt, isInherited } of [
    { toldAt: 0, isInherited: false },
    { toldAt: minutes(3), isInherited: true },
  ]) {
    const { world, life } = aWorld();
    const [house] = world.houses;
    if (!house) return expect.unreachable('there is one');
    const { excuses } = world.judge;
    world.troubles.outage('provider/A', 0, toldAt);
    timesOf(world, life)(house);
    await world.timeline.runUntil(minutes(2));
    house.dateError = minutes(7);
    await world.timeline.runUntil(minutes(5));
    expect(excuses.wasInherited(house)).toBe(false);
    excuses.restarts.push(0);
    expect(excuses.wasInherited(house), `told at ${toldAt}`).toBe(isInherited);
  }
});

test('who is told that the clock has moved finds the time known, as with the client', async () => {
  const { world, life } = aWorld();
  const [house] = world.houses;
  if (!house) return expect.unreachable('there is one');
  world.troubles.outage('provider/A', 0, seconds(5));
  const known: (boolean | undefined)[] = [];
  const time = timesOf(world, life, () => known.push(time.knowsTime?.()))(house);
  expect(time.knowsTime?.()).toBe(false);
  await world.timeline.runUntil(seconds(20));
  expect(known).toEqual([true]);
});

test('what Redis loses of the schedule begins within seconds of its date all the same', async () => {
  for (const what of ['deleted', 'put off', 'taken'] as const) {
    for (const share of [1, 0.5]) {
      const at = hours(1) + minutes(10);
      const { broken, begun } = await lived(natures['a lease'], [{ what, at, for: 0, share }]);
      expect(broken, what).toEqual([]);
      const late = begun.filter((one) => one.at > at).map((one) => one.late);
      expect(Math.max(...late), what).toBeGreaterThanOrEqual(seconds(1));
      expect(Math.max(...late), what).toBeLessThan(seconds(16));
    }
  }
});
