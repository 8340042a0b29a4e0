import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { wanted } from './focus.ts';
import { folderMeddlings } from './folder-meddlers.ts';
import { limitings } from './rations.ts';
import { meddlings } from './version-meddlers.ts';
import { tallyOf, World } from './world.ts';

const worlds = 600;
const fresh = 40;
/** So often others do each thing that they can do to versions; 50 times in a long run, as every act meets every fault. */
const enough = 10;

/** Answers with how often every act met every fault. */
async function live(from: number, count: number): Promise<Record<string, number>> {
  const tally: Record<string, number> = {};
  for (let seed = from; seed < from + count; seed++) {
    const world = new World(seed);
    expect(await world.live(), `npm run worlds -- --seed ${seed} --log`).toEqual([]);
    for (const [key, times] of Object.entries(tallyOf(world))) tally[key] = (tally[key] ?? 0) + times;
  }
  return tally;
}

test(`in ${worlds} random worlds every promise is kept, and every act meets every fault`, async () => {
  const tally = await live(1, worlds);
  expect(wanted.filter((key) => !tally[key])).toEqual([]);
  const all = [...meddlings, ...folderMeddlings, ...limitings];
  expect(all.filter((key) => (tally[key] ?? 0) < enough).map((key) => `${key}: ${tally[key] ?? 0}`)).toEqual([]);
}, 600_000);

test(`in ${fresh} worlds that nobody has seen before every promise is kept`, async () => {
  await live(randomInt(1_000_000, 2 ** 31 - fresh), fresh);
}, 300_000);
