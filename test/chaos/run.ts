/** One run: everything is started, struck for a time, left in peace, judged and taken down again, whatever happens. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Duration } from '../../src/core/time.ts';
import { freePort } from '../support/ports.ts';
import { aRedis } from '../support/redis.ts';
import type { Scene } from './blow-kinds.ts';
import { strikeUntil } from './blows.ts';
import { watchBreath } from './breath.ts';
import { chanceOf } from './chance.ts';
import { clientSecretFile, configurationOf, storeKeyFile } from './configuration.ts';
import { aCrowd, type Places } from './crowd.ts';
import { aDisk, writeStep } from './disks.ts';
import type { Evidence } from './evidence.ts';
import { livedToItsEnd } from './judge.ts';
import { aKeeperProcess, type SaidLine } from './keeper-process.ts';
import { identityOf, type Lives, sandboxOf } from './lives.ts';
import { othersAt, storeOf } from './others.ts';
import { signalStranger, startOf, thoseAt } from './processes.ts';
import { aProxy, oneNetwork } from './proxy.ts';
import { byUrl, embedded } from './redis-under-test.ts';
import { aSandboxProcess, aStoreProcess } from './sandbox-process.ts';
import { leftAt } from './store-judge.ts';
import { openTimeline } from './timeline.ts';

export interface RunOptions {
  readonly lives: Lives;
  readonly length: Duration;
  readonly seed: number;
  readonly redis: 'embedded' | 'url';
  /** The program under test. */
  readonly bundle: string;
  readonly neverRereads: boolean;
  /** Peace lasts until a lease has lived to its end, which takes longer where others need the machine as well. */
  readonly isWhole: boolean;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

export interface Run {
  readonly evidence: Evidence;
  readonly lines: readonly SaidLine[];
  /** How the disks were filled. */
  readonly disks: string;
}

/** How long a peaceful start and the healing at the end may take. */
const patience = 90_000;

type Undo = () => Promise<unknown> | unknown;

export async function runOnce(options: RunOptions): Promise<Run> {
  const undo: Undo[] = [];
  const dir = await mkdtemp(join(tmpdir(), 'lk-chaos-'));
  try {
    return await live(options, dir, undo);
  } finally {
    for (const act of undo.reverse()) await Promise.resolve(act()).catch(() => undefined);
    // What outlived even that: killed by its pid, and only where its command line names our directory.
    for (const { pid } of thoseAt(dir)) signalStranger(pid, startOf(pid), 'SIGKILL');
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function live(options: RunOptions, dir: string, undo: Undo[]): Promise<Run> {
  const { lives, length, seed, say, signal } = options;
  const places: Places = { secrets: join(dir, 'secrets'), run: join(dir, 'run') };
  const dataDir = join(dir, 'data');
  await mkdir(places.run, { mode: 0o700 });
  await mkdir(join(dir, 'redis'));
  const bundle = join(dir, 'leasekeeper.js');
  await copyFile(options.bundle, bundle);
  const step = join(places.run, 'step.sh');
  await writeStep(step);
  const sinkDisk = await aDisk(places.secrets, 192);
  undo.push(() => sinkDisk.remove());
  const isEmbedded = options.redis === 'embedded';
  const dataDisk = isEmbedded ? await aDisk(dataDir, 32 * 1024) : undefined;
  undo.push(() => dataDisk?.remove());

  await mkdir(join(dir, 'target'));
  const target = await aRedis({ dir: join(dir, 'target') });
  undo.push(() => target.stop());
  const spec = sandboxOf(lives, {
    port: await freePort(),
    flavour: seed % 2 === 0 ? '2026' : '2025',
    targets: { redis: { socket: target.socket } },
    stateFile: join(dir, 'sandbox.json'),
  });
  const sandbox = await aSandboxProcess(spec);
  undo.push(() => sandbox.stop());
  const proxy = await aProxy(sandbox.url);
  undo.push(() => proxy.close());
  const store = await aStoreProcess(storeOf(lives));
  undo.push(() => store.stop());
  const doors = await Promise.all(
    (['lockbox', 'payload', 'operation', 'iam'] as const).map(
      async (host) => [host, await aProxy(store.endpoints[host])] as const,
    ),
  );
  undo.push(() => Promise.all(doors.map(([, door]) => door.close())));
  await writeFile(storeKeyFile(places), JSON.stringify(store.keyFile), { mode: 0o600 });
  for (const { name = '' } of spec.identities ?? []) {
    await writeFile(clientSecretFile(places, name), identityOf(name).clientSecret, { mode: 0o600 });
  }

  const timeline = openTimeline();
  undo.push(watchBreath(timeline));
  let pidOfKeeper = () => 0;
  const redis = isEmbedded ? embedded(dataDir, () => pidOfKeeper()) : await byUrl(join(dir, 'redis'));
  undo.push(() => redis.stop());
  const port = await freePort();
  const file = join(dir, 'leasekeeper.yaml');
  const endpoints = Object.fromEntries(doors.map(([host, { url }]) => [host, url]));
  const where = { url: proxy.url, store: { endpoints, ids: store.ids } };
  const around = { lives, places, dataDir, redis: redis.setting, ...where, port, step };
  await writeFile(file, configurationOf(around));
  const keeper = aKeeperProcess([process.execPath, bundle, 'run', '-c', file], timeline, () => undefined);
  pidOfKeeper = keeper.pid;
  undo.push(() => keeper.stop());
  const urls = { sandbox: sandbox.url, store: store.url };
  const crowd = aCrowd(lives, places, urls, options.neverRereads);
  undo.push(() => crowd.stop());

  const isWell = async () => {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(
      () => undefined,
    );
    await ready?.arrayBuffer();
    return ready?.status === 200;
  };
  if ((await until(isWell, signal)) === undefined && !signal.aborted) {
    throw new Error(
      `the daemon was never ready: ${keeper.lines
        .slice(-20)
        .map(({ text }) => text)
        .join('\n')}`,
    );
  }
  // Each program has been told, and the daemon knows it.
  const isSettled = async () => (await isWell()) && crowd.isUp() && (await owedAt(port)) === 0;
  if ((await until(isSettled, signal)) === undefined && !signal.aborted) throw new Error('it never came to rest');
  await pause(2_000);
  say(`all is running (${dir}); blows from here on`);
  const network = oneNetwork([proxy, ...doors.map(([, door]) => door)]);
  const scene: Scene = { keeper, redis, sandbox, store, network, sinkDisk, dataDisk, timeline, lives };
  const others = othersAt(store, lives);
  undo.push(() => others.stop());
  const seen = new Set<number>();
  const ticker = setInterval(() => {
    for (const [i, { kind, note, from }] of timeline.blows.entries()) {
      if (seen.has(i)) continue;
      seen.add(i);
      say(`  ${new Date(from).toISOString().slice(11, 23)}  ${kind}${note === '' ? '' : ` (${note})`}`);
    }
  }, 500);
  undo.push(() => clearInterval(ticker));
  await strikeUntil(Date.now() + length, scene, chanceOf(seed), signal);
  clearInterval(ticker);
  await others.stop();
  const peaceAt = Date.now();
  const healedAfter = await until(isWell, signal);
  if (options.isWhole) await until(async () => (await sandbox.books()).leases.some(livedToItsEnd), signal);
  // Some uses in peace; and what was to be delivered has been.
  await pause(3_000);
  const isAtRest = async () => crowd.stale().length === 0 && leftAt(await store.books(), lives).length === 0;
  await until(isAtRest, signal);
  const stale = crowd.stale();
  const stored = await store.books();
  const books = await sandbox.books();
  const record = await redis.contents().catch(() => '');
  await crowd.stop();
  const exit = await keeper.stop();
  const leftProcesses = thoseAt(dataDir).map(({ command }) => command);
  const longest = Math.max(...lives.secrets.map(({ ttl, maxTtl }) => maxTtl ?? ttl));
  await sandbox.order({ kind: 'skew', by: longest });
  await pause(1_000);
  const last = await sandbox.books();
  const { passages } = proxy;
  const evidence: Evidence = {
    lives,
    timeline,
    crowd: { ...crowd, words: [...crowd.words, ...others.words] },
    books,
    last,
    store: stored,
    stale,
    record,
    passages,
    ends: keeper.ends,
    exit,
    healedAfter: healedAfter === undefined ? undefined : healedAfter - peaceAt,
    isInterrupted: signal.aborted,
    leftProcesses,
  };
  // The logs of the steps go with the directory.
  const runs = crowd.runs();
  const disks = [sinkDisk.how, ...(dataDisk === undefined ? [] : [`data directory: ${dataDisk.how}`])].join('; ');
  return { evidence: { ...evidence, crowd: { ...evidence.crowd, runs: () => runs } }, lines: keeper.lines, disks };
}

/** How many sinks or programs wait for something, by the daemon's own metrics: a beginning, no judgement. */
async function owedAt(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(2_000) });
  const text = await response.text();
  return text.split('\n').filter((line) => /^leasekeeper_delivery_owed\{.* 1$/.test(line)).length;
}

/** When it came to be so; `undefined` where it did not in time. */
async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<number | undefined> {
  const limit = Date.now() + patience;
  while (Date.now() < limit && !signal.aborted) {
    if (await isSo().catch(() => false)) return Date.now();
    await pause(100);
  }
  return undefined;
}
