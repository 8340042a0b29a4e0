import { expect, test } from 'vitest';
import { ProviderBlocked } from '../../src/core/failure.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { Chaos } from './chaos.ts';
import { Limits } from './limits.ts';
import type { HousePlan } from './plan.ts';
import { aDynamic, aSecret, aStatic, policy, quietPlan } from './quiet.ts';
import { Rations, TooMany } from './rations.ts';
import { Dice, Timeline } from './timeline.ts';
import { Troubles } from './troubles.ts';
import { World } from './world.ts';

const aWorld = (house: Omit<HousePlan, 'name'>, trouble: number, crashes: readonly number[]) =>
  new World(1, { ...quietPlan, houses: [{ name: 'A', ...house }], trouble, crashes });

test('where there is just enough for all, all stay alive: the first rush, a restart, and what is due at once', async () => {
  const many = Array.from({ length: 60 }, (_, i) =>
    aSecret(aDynamic(minutes(20), 4), { name: `s${i}`, policy: { ...policy, jitter: 0 }, sinks: [['never']] }),
  );
  const limits = { read: 20, write: 20, secrets: 20 };
  const world = aWorld({ secrets: many, limits }, hours(2), [minutes(50), minutes(51)]);
  expect(await world.live()).toEqual([]);
  expect(world.chaos.counts.get('we keep to a limit')).toBeGreaterThan(10);
  // The first of all are under way before anybody has been told; two processes begin anew.
  expect(world.houses[0]?.limits?.refusals).toBeLessThan(30);
});

test('many folders are followed by no more requests than are taken', async () => {
  const many = Array.from({ length: 20 }, (_, i) => {
    const nature = aStatic('static', minutes(1));
    const folder = nature.folder && { ...nature.folder, path: `/s${i}` };
    return aSecret({ ...nature, ...(folder && { folder }) }, { name: `s${i}`, sinks: [['never']] });
  });
  const world = aWorld({ secrets: many, limits: { read: 1, write: 1, secrets: 24 } }, minutes(40), [minutes(20)]);
  for (const [i, { folder }] of world.kept.entries()) {
    world.timeline.at(minutes(30) + seconds(i), () => folder?.server.set({ API: 'VALUE:other' }));
  }
  expect(await world.live()).toEqual([]);
  expect(world.houses[0]?.limits?.refusals).toBeLessThan(10);
});

test('a provider takes so many of each kind in a minute, and says how many more', async () => {
  const timeline = new Timeline();
  const limits = new Limits({ read: 1, write: 2, secrets: 1 }, timeline);
  const told = (route: string) => {
    const { remaining, reset, isOver } = limits.take(route, false);
    return { remaining, reset, isOver };
  };
  expect(told('renew')).toEqual({ remaining: 1, reset: 60, isOver: false });
  await timeline.runUntil(seconds(20) + 1);
  expect(told('renew')).toEqual({ remaining: 0, reset: 40, isOver: false });
  expect(told('observe')).toEqual({ remaining: 0, reset: 60, isOver: false });
  expect(told('renew')).toEqual({ remaining: 0, reset: 40, isOver: true });
  expect(told('acquire')).toEqual({ remaining: 1, reset: 60, isOver: false });
  await timeline.runUntil(minutes(1));
  expect(told('renew')).toEqual({ remaining: 1, reset: 60, isOver: false });
  expect([limits.refusals, limits.foolish]).toEqual([1, []]);
});

test('promise 5: who runs into a limit with open eyes, or on and on, is told of', () => {
  const timeline = new Timeline();
  const limits = new Limits({ read: 1, write: 2, secrets: 1 }, timeline);
  for (let i = 0; i < 18; i++) limits.take('renew', false);
  for (let i = 0; i < 9; i++) limits.take('renew', false, false);
  expect(limits.foolish).toEqual([]);
  limits.take('renew', false);
  expect(limits.foolish.join()).toMatch(/^renew was refused 17 times/);
  limits.take('observe', true);
  expect(limits.foolish.length).toBe(1);
  limits.take('observe', true);
  expect(limits.foolish.join()).toContain('the limit of observe was run into with open eyes');
});

test('a process keeps to what it was told: its answers alone tell it, and a new one knows nothing', async () => {
  const timeline = new Timeline();
  const dice = new Dice(1);
  const chaos = new Chaos(timeline, dice, new Troubles(timeline), { focus: undefined, background: 0, pace: 'brisk' });
  const limits = new Limits({ read: 1, write: 4, secrets: 1 }, timeline);
  const ask = (rations: Rations, isAwaited = true) => {
    const ration = rations.begin('observe', 'observe', 0);
    try {
      ration.arrive(isAwaited);
    } finally {
      if (isAwaited) ration.hear();
    }
  };
  const first = new Rations(limits, timeline, chaos);
  ask(first, false);
  // Nobody has heard that this was the only one.
  expect(() => ask(first)).toThrow(TooMany);
  expect(() => ask(first)).toThrow(ProviderBlocked);
  expect(() => ask(new Rations(limits, timeline, chaos))).toThrow(TooMany);
  await timeline.runUntil(minutes(1));
  ask(first);
  expect(limits.foolish).toEqual([]);
  expect(limits.refusals).toBe(2);
});
