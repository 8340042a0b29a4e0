/** The file of the embedded Redis, damaged as a power failure or a bad disk leaves it, with real servers. */
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type EmbeddedRedis, type EmbeddedRedisOptions, startEmbeddedRedis } from '../../src/state/embedded-redis.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lk-file-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

interface Scene {
  readonly dataDir: string;
  /** Where each piece of the file is. */
  readonly piece: (ending: string) => Promise<string>;
  readonly said: string[];
  start(options?: Partial<EmbeddedRedisOptions>): Promise<EmbeddedRedis>;
  /** What is known under the name `kept`. */
  kept(redis: EmbeddedRedis): Promise<string | null>;
  /** The damaged files that were kept, with what is in them. */
  copies(): Promise<readonly string[]>;
}

/** A Redis was told that `kept` is `yes`, and ended in order. */
async function aScene(): Promise<Scene> {
  const dataDir = await mkdtemp(join(scratch, 'data-'));
  const directory = join(dataDir, 'appendonlydir');
  const said: string[] = [];
  const start: Scene['start'] = async (options) => {
    const onDamage = (words: string) => void said.push(words);
    const redis = await startEmbeddedRedis({ dataDir, searchPath: '/usr/bin:/bin', onDamage, ...options });
    onTestFinished(() => redis.stop());
    return redis;
  };
  const first = await start();
  await using(first, (client) => client.set('kept', 'yes'));
  await first.stop();
  return {
    dataDir,
    said,
    start,
    piece: async (ending) => join(directory, (await readdir(directory)).find((name) => name.endsWith(ending)) ?? ''),
    kept: (redis) => using(redis, (client) => client.get('kept')),
    copies: async () => (await readdir(dataDir)).filter((name) => name.includes('.broken-')).sort(),
  };
}

async function using<T>({ socket }: EmbeddedRedis, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ path: socket });
  client.on('error', () => undefined);
  try {
    return await act(client);
  } finally {
    client.disconnect();
  }
}

describe('a damaged append-only file', () => {
  test('with zeros at its end loses nothing but them', async () => {
    const { dataDir, piece, said, start, kept, copies } = await aScene();
    await appendFile(await piece('.incr.aof'), Buffer.alloc(4096));
    const damaged = await readFile(await piece('.incr.aof'));
    expect(await kept(await start())).toBe('yes');
    const [copy = '', ...others] = await copies();
    expect(others).toEqual([]);
    expect(said).toEqual([expect.stringContaining(`it is kept as ${join(dataDir, copy)}. What could not be read`)]);
    expect(await readFile(join(dataDir, copy, 'appendonly.aof.1.incr.aof'))).toEqual(damaged);
    for (const name of ['', ...(await readdir(join(dataDir, copy)))]) {
      expect((await stat(join(dataDir, copy, name))).mode & 0o077, name).toBe(0);
    }
  });

  test.each<[string, (scene: Scene) => Promise<void>]>([
    ['an empty manifest', async ({ piece }) => truncate(await piece('.manifest'), 0)],
    ['a manifest of zeros', async ({ piece }) => writeFile(await piece('.manifest'), Buffer.alloc(88))],
    ['a base of zeros', async ({ piece }) => writeFile(await piece('.base.rdb'), Buffer.alloc(88))],
    ['a base that was cut off', async ({ piece }) => truncate(await piece('.base.rdb'), 20)],
    ['a piece that is missing', async ({ piece }) => rm(await piece('.incr.aof'))],
  ])('with %s is kept elsewhere, and Redis started empty', async (_, damage) => {
    const scene = await aScene();
    await damage(scene);
    const { said, start, kept, copies } = scene;
    const redis = await start();
    expect(await kept(redis)).toBeNull();
    const [copy = '', ...others] = await copies();
    expect(others).toEqual([]);
    expect(said).toEqual([expect.stringMatching(`${copy}. It cannot be repaired, and Redis is started empty`)]);
    await using(redis, (client) => client.set('kept', 'again'));
    await redis.stop();
    expect(await kept(await start())).toBe('again');
    expect(said).toHaveLength(1);
  });

  test('is kept elsewhere too where nothing is installed that repairs it', async () => {
    const { dataDir, piece, said, start, kept, copies } = await aScene();
    await appendFile(await piece('.incr.aof'), Buffer.alloc(4096));
    // As where redis-check-aof is missing: a program by that name that can do nothing comes first.
    const tools = await mkdtemp(join(dataDir, 'tools-'));
    await symlink('/usr/bin/redis-server', join(tools, 'redis-server'));
    await symlink('/bin/false', join(tools, 'redis-check-aof'));
    expect(await kept(await start({ searchPath: `${tools}:/usr/bin:/bin` }))).toBeNull();
    expect(said).toEqual([expect.stringContaining('cannot be repaired')]);
    expect(await copies()).toHaveLength(1);
  });

  test('is repaired while we run', async () => {
    const { piece, said, start, kept } = await aScene();
    const deaths: (string | undefined)[][] = [];
    const redis = await start({ onDeath: (how, _pause, words) => deaths.push([how, words]) });
    await appendFile(await piece('.incr.aof'), Buffer.alloc(4096));
    const former = redis.pid ?? 0;
    process.kill(former, 'SIGKILL');
    while (redis.pid === undefined || redis.pid === former) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await kept(redis)).toBe('yes');
    expect(said).toHaveLength(1);
    expect(deaths).toEqual([['killed by SIGKILL', undefined]]);
  });

  test('is kept three times at most, and the oldest goes', async () => {
    const { dataDir, piece, start, copies } = await aScene();
    const old = ['2020', '2021', '2022'].map((year) => `appendonlydir.broken-${year}`);
    for (const name of old) await mkdir(join(dataDir, name));
    await appendFile(await piece('.incr.aof'), Buffer.alloc(4096));
    await start();
    expect(await copies()).toEqual([...old.slice(1), expect.stringMatching(/broken-2[^/]*Z$/)]);
  });

  test('is left alone where Redis may only not read it', async () => {
    const { piece, said, start, copies } = await aScene();
    const file = await piece('.incr.aof');
    await rm(file);
    await mkdir(file);
    await expect(start()).rejects.toThrow(/ended as soon as it was started.*: .*error reading the append only file/s);
    expect([said, await copies()]).toEqual([[], []]);
  });
});

test('why Redis cannot be started again is said in the same words each time, and what it says apart from them', async () => {
  const { piece, start } = await aScene();
  let third = () => {};
  const thrice = new Promise<void>((resolve) => {
    third = resolve;
  });
  const deaths: { how: string; words: string | undefined }[] = [];
  const redis = await start({
    onDeath: (how, _, words) => void (deaths.push({ how, words }) === 3 && third()),
  });
  const file = await piece('.incr.aof');
  await rm(file);
  await mkdir(file);
  process.kill(redis.pid ?? 0, 'SIGKILL');
  await thrice;
  const [, second, last] = deaths;
  expect(second?.how).toBe('redis-server ended as soon as it was started (exit code 1)');
  expect(last?.how).toBe(second?.how);
  expect(second?.words).toContain('error reading the append only file');
  expect(second?.words).not.toMatch(/\d\d:\d\d:\d\d/);
});
