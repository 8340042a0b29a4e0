import { expect, test } from 'vitest';
import { wanted } from './focus.ts';
import { tallyOf, World } from './world.ts';

const worlds = 600;

test(`in ${worlds} random worlds every promise is kept, and every act meets every fault`, {
  timeout: 300_000,
}, async () => {
  const tally: Record<string, number> = {};
  for (let seed = 1; seed <= worlds; seed++) {
    const world = new World(seed);
    expect(await world.live(), `npm run worlds -- --seed ${seed} --log`).toEqual([]);
    for (const [key, times] of Object.entries(tallyOf(world))) tally[key] = (tally[key] ?? 0) + times;
  }
  expect(wanted.filter((key) => !tally[key])).toEqual([]);
});
