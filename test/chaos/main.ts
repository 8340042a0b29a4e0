/**
 * `npm run chaos -- --for 10m [--seed N] [--redis embedded | url]`: real processes, struck at random. Without `--redis`
 * half of the time goes to each. Ends with 0 only if everything that was promised was kept.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { minutes, parseDuration, sayDuration } from '../../src/core/time.ts';
import { longLives, shortLives } from './lives.ts';
import { report } from './report.ts';
import { type Run, runOnce } from './run.ts';

const { values } = parseArgs({
  options: {
    for: { type: 'string', default: '10m' },
    seed: { type: 'string' },
    redis: { type: 'string' },
    /** Another build of the daemon, such as one with a planted fault. */
    bundle: { type: 'string', default: join(import.meta.dirname, '..', '..', 'dist', 'leasekeeper.js') },
    /** `never-rereads`: programs that do not take up what they are told. */
    plant: { type: 'string' },
    /** Where everything that was seen is kept. */
    keep: { type: 'string' },
    /** Not over before a lease has lived to its end. */
    whole: { type: 'boolean', default: false },
    'in-namespace': { type: 'boolean', default: false },
  },
});
const length = parseDuration(values.for);
const seed = values.seed === undefined ? randomInt(1, 1_000_000) : Number(values.seed);
const variants = values.redis === undefined ? (['embedded', 'url'] as const) : [values.redis];
const say = (text: string): void => void process.stdout.write(`${text}\n`);
if (length === undefined || !Number.isInteger(seed) || variants.some((one) => one !== 'embedded' && one !== 'url')) {
  process.stderr.write('usage: npm run chaos -- --for 10m [--seed N] [--redis embedded|url] [--keep DIR]\n');
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

if (!values['in-namespace']) process.exit(await again());
process.exit(await everything(length / variants.length));

/** The same command where mounts are its own and go with it, if that can be had: then disks can be really full. */
async function again(): Promise<number> {
  const wrappers = [['unshare', '-m'], ['unshare', '-rm'], []];
  const wrapper = wrappers.find(
    ([program, flag]) => program === undefined || spawnSync(program, [flag ?? '', 'true']).status === 0,
  );
  // Inside, since a new namespace forgets it: whatever ends us ends the run in order.
  const guard = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM', '--'] : [];
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const [program = '', ...args] = [...(wrapper ?? []), ...guard, ...self];
  const child = spawn(program, [...args, '--in-namespace', '--seed', String(seed)], { stdio: 'inherit' });
  stop.signal.addEventListener('abort', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

async function everything(each: number): Promise<number> {
  const lives = each < minutes(1.5) ? shortLives : longLives;
  let isKept = true;
  for (const redis of variants as ('embedded' | 'url')[]) {
    if (stop.signal.aborted) break;
    say(`chaos for ${sayDuration(each)} with seed ${seed}, Redis ${redis}`);
    const options = { lives, length: each, seed, redis, bundle: values.bundle, signal: stop.signal, say };
    const run = await runOnce({ ...options, neverRereads: values.plant === 'never-rereads', isWhole: values.whole });
    const words = report(run);
    say(words.text);
    if (!words.isKept) say(`again with: npm run chaos -- --for ${values.for} --seed ${seed} --redis ${redis}`);
    if (values.keep !== undefined) await keep(values.keep, redis, run, words.text);
    isKept &&= words.isKept;
  }
  return isKept && !stop.signal.aborted ? 0 : 1;
}

async function keep(dir: string, redis: string, { evidence, lines }: Run, text: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const { timeline, books, store, crowd, record } = evidence;
  const { refusals, loads, torn } = crowd;
  const seen = { blows: timeline.blows, books, store, refusals, loads, torn, runs: crowd.runs(), record };
  await writeFile(join(dir, `${redis}.report.txt`), text);
  await writeFile(join(dir, `${redis}.seen.json`), JSON.stringify(seen, undefined, 1));
  await writeFile(join(dir, `${redis}.log`), lines.map(({ at, text: line }) => `${at} ${line}`).join('\n'));
}
