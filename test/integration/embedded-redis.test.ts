/** The embedded Redis with real servers, real parents, and SIGKILL. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
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
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type EmbeddedRedis, type EmbeddedRedisOptions, startEmbeddedRedis } from '../../src/state/embedded-redis.ts';
import { identityOf } from '../../src/state/process-identity.ts';
import { redisCommand } from '../../src/state/redis-binary.ts';
import { childrenOf, commandLineOf } from '../support/daemon.ts';

let scratch: string;
let parent: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lk-embedded-'));
  parent = join(scratch, 'parent.mjs');
  await build({
    entryPoints: ['test/support/redis-parent.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: parent,
  });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const searchPath = '/usr/bin:/bin';
const aDirectory = () => mkdtemp(join(scratch, 'data-'));

async function started(options: Partial<EmbeddedRedisOptions> & { dataDir: string }): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({ searchPath, ...options });
  onTestFinished(() => redis.stop());
  return redis;
}

function clientOf(socket: string): Redis {
  const client = new Redis({ path: socket, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

/** Unlike `once` it does not mind the errors of reconnecting. */
const heard = (client: Redis, event: string) => new Promise<void>((resolve) => client.once(event, () => resolve()));

async function gone(pid: number): Promise<void> {
  while (await identityOf(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

interface Parent {
  readonly child: ChildProcess;
  /** Of its Redis. */
  readonly pid: number;
  readonly socket: string;
  /** What it says next. */
  told(): Promise<unknown>;
}

/** A daemon of its own that can be killed. */
async function aParent(dataDir: string, path = searchPath, under: readonly string[] = []): Promise<Parent> {
  const [program = '', ...args] = [...under, process.execPath, parent, dataDir, path];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = async () => JSON.parse(String((await lines.next()).value));
  return { child, told, ...(await told()) };
}

/** A PATH on which there is a redis-server, and nothing to tie its life to ours with. */
async function withoutSetpriv(): Promise<string> {
  const tools = await aDirectory();
  await symlink('/usr/bin/redis-server', join(tools, 'redis-server'));
  return tools;
}

/** As if another process had started the Redis in this directory. */
async function pretendParent(dataDir: string, process: { pid: number; startedAt: string }): Promise<void> {
  const file = join(dataDir, 'embedded-redis.json');
  const note = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...note, parent: process }));
}

describe('an embedded Redis', () => {
  test('keeps what it was told over an orderly end, in files that only we can read', async () => {
    const dataDir = join(await aDirectory(), 'new');
    const first = await started({ dataDir });
    await clientOf(first.socket).set('kept', 'yes');
    const pid = first.pid ?? 0;
    await first.stop();
    expect(await identityOf(pid)).toBeUndefined();
    const second = await started({ dataDir });
    expect(await clientOf(second.socket).get('kept')).toBe('yes');
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(dataDir, { recursive: true })) {
      expect((await stat(join(dataDir, name))).mode & 0o077, name).toBe(0);
    }
  });

  test('does not listen on any port, and evicts nothing', async () => {
    const redis = await started({ dataDir: await aDirectory() });
    const client = clientOf(redis.socket);
    expect(await client.config('GET', 'port')).toEqual(['port', '0']);
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await client.config('GET', 'hz')).toEqual(['hz', '100']);
  });

  test('is started again on its file when it is killed, and its clients find it by themselves', async () => {
    const deaths: string[] = [];
    const redis = await started({ dataDir: await aDirectory(), onDeath: (how) => deaths.push(how) });
    const client = clientOf(redis.socket);
    await client.set('kept', 'yes');
    await client.config('SET', 'appendfsync', 'always');
    await client.set('kept', 'still');
    const former = redis.pid ?? 0;
    const back = heard(client, 'close').then(() => heard(client, 'ready'));
    process.kill(former, 'SIGKILL');
    await back;
    expect(await client.get('kept')).toBe('still');
    expect(redis.pid).not.toBe(former);
    expect(deaths).toEqual(['killed by SIGKILL']);
  });

  test('goes with the shell that watches over it, and is never there twice', async () => {
    const redis = await started({ dataDir: await aDirectory(), searchPath: await withoutSetpriv() });
    const client = clientOf(redis.socket);
    await client.ping();
    const shell = redis.pid ?? 0;
    const [former = 0, ...others] = await childrenOf(shell).then((all) =>
      all.filter((pid) => commandLineOf(pid).includes('redis')),
    );
    expect([former > 0, others]).toEqual([true, []]);
    const back = heard(client, 'close').then(() => heard(client, 'ready'));
    process.kill(shell, 'SIGKILL');
    await back;
    expect(await identityOf(former)).toBeUndefined();
    expect(await client.ping()).toBe('PONG');
  });

  test('is killed and started again when it does not answer any more', async () => {
    const deaths: string[] = [];
    const times = { askEvery: 50, silence: 300 };
    const redis = await started({ dataDir: await aDirectory(), times, onDeath: (how) => deaths.push(how) });
    const client = clientOf(redis.socket);
    await client.ping();
    const back = heard(client, 'close').then(() => heard(client, 'ready'));
    process.kill(redis.pid ?? 0, 'SIGSTOP');
    await back;
    expect(await client.ping()).toBe('PONG');
    expect(deaths[0]).toContain('did not answer');
  });

  test.each([['its socket'], ['the directory of its socket']])('is started again when %s is removed', async (what) => {
    const dataDir = join(await aDirectory(), what === 'its socket' ? 'short' : 'long'.repeat(30));
    let died = (_: string) => {};
    const death = new Promise<string>((resolve) => {
      died = resolve;
    });
    const times = { askEvery: 50 };
    const redis = await started({ dataDir, runtimeDir: await aDirectory(), times, onDeath: (how) => died(how) });
    const client = clientOf(redis.socket);
    await client.set('kept', 'yes');
    await rm(what === 'its socket' ? redis.socket : dirname(redis.socket), { recursive: true });
    expect(await death).toContain('was removed, and it was ended');
    // In order: what it was told last is in its file.
    await heard(client, 'ready');
    expect(await client.get('kept')).toBe('yes');
    expect((await stat(dirname(redis.socket))).mode & 0o777).toBe(0o700);
  });

  test('is left alone while we cannot ask it for want of file descriptors', async () => {
    const { child, pid, socket, told } = await aParent(await aDirectory(), searchPath, ['prlimit', '--nofile=200']);
    child.stdin?.write('exhaust\n');
    expect(await told()).toEqual({ exhausted: 'EMFILE' });
    child.stdin?.write('look\n');
    expect(await told()).toEqual({ looked: 'unasked' });
    child.stdin?.write('release\n');
    expect(await clientOf(socket).ping()).toBe('PONG');
    expect(await identityOf(pid)).toBeDefined();
  });

  test('is never there twice, also where the start of another came to nothing after it was there', async () => {
    const dataDir = await aDirectory();
    const deaths: string[] = [];
    let heardOf = (_: string) => {};
    const third = new Promise<void>((resolve) => {
      heardOf = (how) => void (deaths.push(how) === 3 && resolve());
    });
    const redis = await started({ dataDir, onDeath: (how) => heardOf(how) });
    const client = clientOf(redis.socket);
    await client.ping();
    // What it is noted in cannot be written, as where the disk is full.
    const inTheWay = join(dataDir, 'embedded-redis.json.new');
    await mkdir(inTheWay);
    process.kill(redis.pid ?? 0, 'SIGKILL');
    await third;
    await rm(inTheWay, { recursive: true });
    while (redis.pid === undefined || (await client.ping().catch(() => '')) !== 'PONG') {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const all = (await childrenOf(process.pid)).filter((pid) => commandLineOf(pid).includes(dataDir));
    expect(all).toEqual([redis.pid]);
    expect(deaths.slice(0, 2)).toEqual(['killed by SIGKILL', expect.stringContaining('EISDIR')]);
  });

  test('repairs a file whose end was cut off', async () => {
    const dataDir = await aDirectory();
    const first = await started({ dataDir });
    const client = clientOf(first.socket);
    for (let i = 0; i < 10; i++) await client.set(`key${i}`, 'x'.repeat(100));
    await first.stop();
    const files = await readdir(join(dataDir, 'appendonlydir'));
    const file = join(dataDir, 'appendonlydir', files.find((name) => name.endsWith('.incr.aof')) ?? '');
    await truncate(file, (await stat(file)).size - 30);
    const second = await started({ dataDir });
    const again = clientOf(second.socket);
    expect(await again.get('key8')).toHaveLength(100);
    expect(await again.get('key9')).toBeNull();
  });

  test.each([['with setpriv'], ['without setpriv']])('dies with a daemon that is killed, %s', async (how) => {
    const dataDir = await aDirectory();
    const path = how === 'with setpriv' ? searchPath : await withoutSetpriv();
    const { child, pid, socket } = await aParent(dataDir, path);
    const client = clientOf(socket);
    await client.config('SET', 'appendfsync', 'always');
    await client.set('kept', 'yes');
    const closed = heard(client, 'close');
    child.kill('SIGKILL');
    await closed;
    await gone(pid);
    const next = await started({ dataDir });
    expect(await clientOf(next.socket).get('kept')).toBe('yes');
  });

  test('ends with a daemon that stops in order, without setpriv too', async () => {
    const { child, pid } = await aParent(await aDirectory(), await withoutSetpriv());
    child.stdin?.write('stop\n');
    await once(child, 'exit');
    expect(await identityOf(pid)).toBeUndefined();
  });

  test('ends with us also while it is started again and does not answer', async () => {
    const dataDir = await aDirectory();
    const binary = join(dataDir, 'redis-server-once');
    const script = `#!/bin/sh\n[ -e ${dataDir}/begun ] && exec sleep 6000\ntouch ${dataDir}/begun\nexec redis-server "$@"\n`;
    await writeFile(binary, script, { mode: 0o755 });
    const redis = await started({ dataDir, binary, times: { start: 6_000_000 } });
    process.kill(redis.pid ?? 0, 'SIGKILL');
    const sleeping = async () =>
      (await childrenOf(process.pid)).filter((pid) => commandLineOf(pid).startsWith('sleep'));
    while ((await sleeping()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await redis.stop();
    expect(await sleeping()).toEqual([]);
  });

  test('is started again when there are file descriptors again', async () => {
    const { child, pid, socket, told } = await aParent(await aDirectory(), searchPath, ['prlimit', '--nofile=200']);
    child.stdin?.write('exhaust\n');
    expect(await told()).toEqual({ exhausted: 'EMFILE' });
    process.kill(pid, 'SIGKILL');
    expect(await told()).toEqual({ death: 'killed by SIGKILL' });
    expect(await told()).toEqual({ death: expect.stringContaining('it could not be run: EMFILE') });
    child.stdin?.write('release\n');
    expect(await clientOf(socket).ping()).toBe('PONG');
    expect(child.exitCode).toBeNull();
  });

  test('takes the place of an orphan whose daemon is dead, with all that it knew', async () => {
    const dataDir = await aDirectory();
    // Its parent is only pretended to be dead: it must not start another meanwhile.
    const first = await started({ dataDir, times: { shortestPause: 600_000 } });
    await clientOf(first.socket).set('kept', 'yes');
    const orphan = first.pid ?? 0;
    await pretendParent(dataDir, { pid: 4_194_303, startedAt: '1' });
    const second = await startEmbeddedRedis({ dataDir, searchPath });
    onTestFinished(() => second.stop());
    await gone(orphan);
    expect(await clientOf(second.socket).get('kept')).toBe('yes');
    await first.stop();
  });

  test('kills an orphan that does not answer any more', async () => {
    const dataDir = await aDirectory();
    const { child, pid } = await aParent(dataDir);
    await pretendParent(dataDir, { pid: 4_194_303, startedAt: '1' });
    child.kill('SIGSTOP');
    process.kill(pid, 'SIGSTOP');
    const redis = await started({ dataDir });
    expect(await identityOf(pid)).toBeUndefined();
    expect(await clientOf(redis.socket).ping()).toBe('PONG');
  });

  test('never touches the Redis of a daemon that lives, nor one of unknown origin', async () => {
    const dataDir = await aDirectory();
    const { child, pid, socket } = await aParent(dataDir);
    await expect(started({ dataDir })).rejects.toThrow(`belongs to process ${child.pid}`);
    await rm(join(dataDir, 'embedded-redis.json'));
    await expect(started({ dataDir })).rejects.toThrow('that we did not start');
    expect(await clientOf(socket).ping()).toBe('PONG');
    expect(await identityOf(pid)).toBeDefined();
  });

  test('puts its socket elsewhere where the path of the data directory is too long', async () => {
    const dataDir = join(await aDirectory(), 'long'.repeat(30));
    await expect(started({ dataDir })).rejects.toThrow('too long for a unix socket');
    const runtimeDir = await aDirectory();
    const redis = await started({ dataDir, runtimeDir });
    expect(redis.socket.startsWith(runtimeDir)).toBe(true);
    expect(await clientOf(redis.socket).config('GET', 'dir')).toEqual(['dir', dataDir]);
  });

  test('takes a data directory whose name needs quoting', async () => {
    const dataDir = join(await aDirectory(), 'a "b"\\c d');
    await mkdir(dataDir);
    const redis = await started({ dataDir });
    expect(await clientOf(redis.socket).ping()).toBe('PONG');
  });
});

describe('the redis-server of this machine', () => {
  test('may go by the name of its checker', async () => {
    const tools = await aDirectory();
    await symlink('/usr/bin/redis-check-rdb', join(tools, 'redis-check-rdb'));
    const dataDir = await aDirectory();
    const { args } = await redisCommand(dataDir, tools, undefined, []);
    const link = args.find((word) => word === join(dataDir, 'redis-server'));
    const redis = await started({ dataDir, binary: link });
    expect(await clientOf(redis.socket).ping()).toBe('PONG');
  });

  test('is missed in words that say what to install', async () => {
    const dataDir = await aDirectory();
    await expect(redisCommand(dataDir, await aDirectory(), undefined, [])).rejects.toThrow(
      'apt-get install -y --no-install-recommends redis-server',
    );
    await appendFile(join(dataDir, 'no-program'), '');
    await expect(started({ dataDir, binary: join(dataDir, 'no-program') })).rejects.toThrow('no-program');
  });
});
