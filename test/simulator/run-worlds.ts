/**
 * Lives through any number of random worlds on all cores: `npm run worlds -- --count 20000 [--from SEED | --fresh]`.
 * One world with all that happens in it: `npm run worlds -- --seed SEED --log`. Less of one that fails, written to a
 * file: `--seed SEED --shrink`, and that again: `--plan FILE --log`.
 */
import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { wanted } from './focus.ts';
import { folderMeddlings } from './folder-meddlers.ts';
import { aPlan } from './plan.ts';
import { limitings } from './rations.ts';
import { brokenIn, type Case, shrink } from './shrink.ts';
import { Dice } from './timeline.ts';
import { meddlings } from './version-meddlers.ts';
import type { Report } from './worker.ts';
import { World } from './world.ts';

/** So often every act meets every fault in a run that is long enough to ask for it. */
const enough = 50;
const longRun = 15_000;
const batch = 20;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '600' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    plan: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    for: { type: 'string', default: '120' },
    fresh: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});

if (values.seed !== undefined && values.shrink) await less(Number(values.seed));
else if (values.seed !== undefined) await one(new World(Number(values.seed)));
else if (values.plan !== undefined) await one(worldOf(JSON.parse(await readFile(values.plan, 'utf8'))));
else await all();

function worldOf({ seed, plan }: Case): World {
  return new World(seed, plan);
}

/** A smaller world in which the same goes wrong, found within `--for` seconds. */
async function less(seed: number): Promise<void> {
  const file = join(await mkdtemp(join(tmpdir(), 'world-')), 'plan.json');
  const end = performance.now() + 1000 * Number(values.for);
  const say = ({ plan }: Case) => console.log(`${JSON.stringify(plan).length} characters of plan still fail`);
  const start = { seed, plan: aPlan(new Dice(seed), seed) };
  const least = await shrink(start, say, () => performance.now() > end);
  const text = JSON.stringify(least, undefined, 1);
  await writeFile(file, text);
  console.log(`${text}\n${(await brokenIn(least)).join('\n')}\nnpm run worlds -- --plan ${file} --log`);
}

/** A world with its log. */
async function one(world: World): Promise<void> {
  if (values.log) {
    world.log = (line) => console.log(line);
    console.log(JSON.stringify(world.plan, undefined, 1));
  }
  const broken = await world.live();
  console.log(broken.length > 0 ? broken.join('\n') : 'all promises kept');
  process.exitCode = broken.length > 0 ? 1 : 0;
}

async function all(): Promise<void> {
  const count = Number(values.count);
  const from = values.fresh ? randomInt(1_000_000, 2 ** 31 - count) : Number(values.from);
  console.log(`${count} worlds from seed ${from}`);
  const tally: Record<string, number> = {};
  const failed: number[] = [];
  let next = from;
  let over = 0;
  const begun = performance.now();
  const place = await mkdtemp(join(tmpdir(), 'worlds-'));
  const bundle = await workerIn(place);
  await Promise.all(
    Array.from({ length: Number(values.jobs) }, () => {
      const worker = fork(bundle, { execArgv: ['--max-semi-space-size=32', '--stack-trace-limit=0'] });
      const more = () => {
        const seeds = Array.from({ length: Math.min(batch, from + count - next) }, (_, i) => next + i);
        next += seeds.length;
        if (seeds.length > 0) worker.send(seeds);
        else worker.disconnect();
      };
      more();
      return new Promise<void>((resolve, reject) => {
        worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
        worker.on('message', (reports: readonly Report[]) => {
          for (const { seed, broken, tally: some } of reports) {
            over++;
            for (const [key, times] of Object.entries(some)) tally[key] = (tally[key] ?? 0) + times;
            if (over % 1000 === 0) console.log(`${over} worlds, ${Math.round((performance.now() - begun) / 1000)} s`);
            if (broken.length === 0) continue;
            failed.push(seed);
            console.log(`seed ${seed}: npm run worlds -- --seed ${seed} --log\n  ${broken.slice(0, 4).join('\n  ')}`);
          }
          more();
        });
      });
    }),
  ).finally(() => rm(place, { recursive: true }));
  const least = count >= longRun ? enough : 1;
  const all = [...wanted, ...meddlings, ...folderMeddlings, ...limitings];
  const rare = all.filter((key) => (tally[key] ?? 0) < least);
  for (const key of all) console.log(`${String(tally[key] ?? 0).padStart(8)}  ${key}`);
  console.log(`${over} worlds in ${Math.round((performance.now() - begun) / 1000)} s, ${failed.length} failed`);
  if (failed.length > 0) console.log(`failed: ${failed.sort((a, b) => a - b).join(' ')}`);
  if (count >= 600 && rare.length > 0) console.log(`did not happen ${least} times: ${rare.join(', ')}`);
  process.exitCode = failed.length > 0 || (count >= 600 && rare.length > 0) ? 1 : 0;
}

/** One file, compiled once: what a loader does to the code for people who debug it takes a quarter of the time. */
async function workerIn(place: string): Promise<string> {
  const outfile = join(place, 'worker.mjs');
  const entryPoints = [join(import.meta.dirname, 'worker.ts')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', target: 'node20.18', format: 'esm' });
  return outfile;
}
