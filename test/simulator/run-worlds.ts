/**
 * Lives through any number of random worlds on all cores: `npm run worlds -- --count 20000 [--from SEED | --fresh]`.
 * One world with all that happens in it: `npm run worlds -- --seed SEED --log`.
 */
import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { wanted } from './focus.ts';
import { tallyOf, World } from './world.ts';

/** A worker's answer. */
interface Report {
  readonly seed: number;
  readonly broken: readonly string[];
  readonly tally: Readonly<Record<string, number>>;
}

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
    fresh: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
  },
});

if (values.worker) work();
else if (values.seed !== undefined) await one(Number(values.seed));
else await all();

/** A world with its log. */
async function one(seed: number): Promise<void> {
  const world = new World(seed);
  if (values.log) {
    world.log = (line) => console.log(line);
    console.log(JSON.stringify(world.plan, undefined, 1));
  }
  const broken = await world.live();
  console.log(broken.length > 0 ? broken.join('\n') : 'all promises kept');
  process.exitCode = broken.length > 0 ? 1 : 0;
}

/** Lives through the worlds it is told to. */
function work(): void {
  process.on('message', (seeds: readonly number[]) => {
    const reports = seeds.reduce<Promise<Report[]>>(
      async (before, seed) => [...(await before), await report(seed)],
      Promise.resolve([]),
    );
    void reports.then((all) => process.send?.(all));
  });
}

async function report(seed: number): Promise<Report> {
  const world = new World(seed);
  const broken = await world.live().catch((error: unknown) => [String(error instanceof Error ? error.stack : error)]);
  return { seed, broken, tally: tallyOf(world) };
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
  await Promise.all(
    Array.from({ length: Number(values.jobs) }, () => {
      const worker = fork(import.meta.filename, ['--worker'], { execArgv: process.execArgv });
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
            if (broken.length === 0) continue;
            failed.push(seed);
            console.log(`seed ${seed}: npm run worlds -- --seed ${seed} --log\n  ${broken.slice(0, 4).join('\n  ')}`);
          }
          if (over % 1000 === 0) console.log(`${over} worlds, ${Math.round((performance.now() - begun) / 1000)} s`);
          more();
        });
      });
    }),
  );
  const least = count >= longRun ? enough : 1;
  const rare = wanted.filter((key) => (tally[key] ?? 0) < least);
  for (const key of wanted) console.log(`${String(tally[key] ?? 0).padStart(8)}  ${key}`);
  console.log(`${over} worlds in ${Math.round((performance.now() - begun) / 1000)} s, ${failed.length} failed`);
  if (failed.length > 0) console.log(`failed: ${failed.sort((a, b) => a - b).join(' ')}`);
  if (count >= 600 && rare.length > 0) console.log(`did not happen ${least} times: ${rare.join(', ')}`);
  process.exitCode = failed.length > 0 || (count >= 600 && rare.length > 0) ? 1 : 0;
}
