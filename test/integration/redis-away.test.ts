/** The daemon while its Redis is gone, frozen, full, slow or empty: nobody's credential fails, and nothing is taken twice. */
import { readdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, type TestContext, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import type { Daemon } from '../support/daemon.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aSlowProxy } from '../support/slow-proxy.ts';
import { aStage, eventually, metric, type Stage, valuesIn } from '../support/stage.ts';

/** No life is longer than an outage of 21 s: a lease of 8 s up to 20 s, a token of 10 s up to 20 s. */
const outage = 21_000;
const lives = () =>
  aSandbox()
    .withIdentity({ accessTokenTTL: 10, accessTokenMaxTTL: 20 })
    .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '8s', maxTTL: '20s' })
    .with({ minimumTtl: 1000 });

interface Scene {
  readonly stage: Stage;
  readonly daemon: Daemon;
  readonly program: ReturnType<Stage['program']>;
  /** All went well, and nothing was taken or logged in twice. */
  check(): Promise<void>;
}

/** A daemon on its Redis, and a program that uses the credential all the time. */
async function aScene(context: TestContext, url: string | undefined, patience?: number): Promise<Scene> {
  const one = await aStage(lives());
  context.onTestFinished((finished) => one.close(finished));
  const daemon = await one.daemon({
    config: one.configuration({ state: url === undefined ? '' : `, redis: { url: "${url}" }` }),
  });
  const isThere = () =>
    stat(one.file).then(
      () => true,
      () => false,
    );
  await eventually('the credential is on disk', isThere, patience);
  const program = one.program();
  await eventually('the program works', () => program.tally.uses > 0);
  return {
    stage: one,
    daemon,
    program,
    async check() {
      const { uses } = program.tally;
      await eventually('the program goes on', () => program.tally.uses > uses + 5);
      await eventually('of all leases only the one in use lives', async () => {
        const alive = one.sandbox.books().leases.filter(({ endedAt }) => endedAt === undefined);
        return alive.length === 1 && alive[0]?.username === (await valuesIn(one.file))['REDIS_USER'];
      });
      await program.stop();
      expect(program.failures.slice(0, 3)).toEqual([]);
      const { leases, logins } = one.sandbox.books();
      // Each is replaced because it came to its end, in the second half of its life: none is taken beside another.
      expect(shortestGap(leases.map(({ createdAt }) => createdAt))).toBeGreaterThan(6_000);
      expect(shortestGap(logins.map(({ at }) => at))).toBeGreaterThan(4_000);
    },
  };
}

const shortestGap = (times: readonly number[]): number =>
  Math.min(outage, ...times.slice(1).map((at, i) => at - (times[i] ?? 0)));

async function aServer({ onTestFinished }: TestContext): Promise<{ server: RedisServer; url: string; admin: Redis }> {
  const server = await aRedis({ tcp: true });
  onTestFinished(() => server.stop());
  const admin = new Redis({ path: server.socket });
  admin.on('error', () => undefined);
  onTestFinished(() => admin.disconnect());
  return { server, url: `redis://127.0.0.1:${server.port}/0`, admin };
}

/** Of the leases that live one is in the record of Redis. */
async function isKnown(admin: Redis, { sandbox }: Stage): Promise<boolean> {
  const [key = ''] = await admin.keys('*record:orders-db*');
  const record = (key && (await admin.hget(key, 'record'))) || '';
  return sandbox.books().leases.some(({ id, endedAt }) => endedAt === undefined && record.includes(id));
}

const says = (words: string) => (line: Readonly<Record<string, unknown>>) => String(line['msg']).includes(words);
const isKept = says('it is kept from memory');
const isBack = says('Redis knows all of orders-db again');

describe.concurrent('for longer than any lease or token lives', () => {
  test('Redis is frozen', async (context) => {
    const { server, url } = await aServer(context);
    const { daemon, stage: one, check } = await aScene(context, url);
    process.kill(server.pid, 'SIGSTOP');
    try {
      await pause(outage);
      expect(await metric(one, 'leasekeeper_redis_up')).toBe(0);
      const next = await metric(one, 'leasekeeper_next_look_timestamp_seconds{secret="orders-db"}');
      expect(next).toBeGreaterThan(Date.now() / 1000 - 5);
      const { body } = await one.get('/metrics');
      // The jobs cannot be counted; all else is told as ever, from memory.
      expect(body).not.toMatch(/^leasekeeper_queue_jobs\{/m);
      const source = 'infisical/dynamic-secret';
      const end = await metric(
        one,
        `leasekeeper_lease_expiry_timestamp_seconds{secret="orders-db",source="${source}"}`,
      );
      expect(end).toBeGreaterThan(Date.now() / 1000);
      expect(await metric(one, 'leasekeeper_secret_state{secret="orders-db",state="expired"}')).toBe(0);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await daemon.logged(isBack);
    await check();
    expect(await metric(one, 'leasekeeper_redis_up')).toBe(1);
    expect(await metric(one, 'leasekeeper_queue_jobs{queue="looks",state="delayed"}')).toBeGreaterThan(0);
    const ofIt = daemon.log.filter(({ secret, msg }) => secret === 'orders-db' && String(msg).includes('Redis'));
    expect(ofIt.map(({ msg }) => msg)).toHaveLength(2);
    expect(await daemon.stop()).toBe(0);
  });

  test('Redis is dead, and comes back empty', async (context) => {
    const { server, url, admin } = await aServer(context);
    const { daemon, check } = await aScene(context, url);
    await server.kill();
    await pause(outage);
    const again = await aRedis({ dir: server.dir, ...(server.port !== undefined && { tcp: server.port }) });
    context.onTestFinished(() => again.stop());
    await daemon.logged(isBack);
    await check();
    expect(await admin.keys('*record:orders-db*')).toHaveLength(1);
  });

  test('Redis takes nothing, its memory being full', async (context) => {
    const { url, admin } = await aServer(context);
    const { daemon, stage: one, check } = await aScene(context, url);
    expect(await metric(one, 'leasekeeper_kept_from_memory')).toBe(0);
    await admin.config('SET', 'maxmemory', '1mb');
    await pause(outage);
    expect(await metric(one, 'leasekeeper_redis_up')).toBe(1);
    expect(await metric(one, 'leasekeeper_kept_from_memory')).toBeGreaterThan(0);
    await admin.config('SET', 'maxmemory', '0');
    await daemon.logged(isBack);
    await eventually('Redis knows all again', async () => (await metric(one, 'leasekeeper_kept_from_memory')) === 0);
    await check();
  });

  test('Redis answers each command after 2 s', async (context) => {
    const { server, admin } = await aServer(context);
    const proxy = await aSlowProxy(server.port ?? 0);
    context.onTestFinished(() => proxy.close());
    const { stage: one, check } = await aScene(context, proxy.url);
    proxy.delay = 2_000;
    await pause(outage);
    // Slow as it is, it is told.
    await eventually('Redis knows the lease in use', () => isKnown(admin, one));
    proxy.delay = 0;
    await check();
  });

  test('Redis answers each command after 2 s, from before the start on', async (context) => {
    const { server, admin } = await aServer(context);
    const proxy = await aSlowProxy(server.port ?? 0);
    context.onTestFinished(() => proxy.close());
    proxy.delay = 2_000;
    const { stage: one, check } = await aScene(context, proxy.url, 120_000);
    await eventually('Redis knows the lease in use', () => isKnown(admin, one));
    await check();
  });

  test('Redis is a replica that takes no writes', async (context) => {
    const { url, admin } = await aServer(context);
    const { daemon, check } = await aScene(context, url);
    await admin.replicaof('127.0.0.1', 1);
    await pause(outage);
    await admin.replicaof('NO', 'ONE');
    await daemon.logged(isBack);
    await check();
  });
});

describe('at any time', () => {
  test('Redis is emptied, again and again', async (context) => {
    const { url, admin } = await aServer(context);
    const { check } = await aScene(context, url);
    for (let i = 0; i < 6; i++) {
      await admin.flushall();
      await pause(2_500);
    }
    await check();
    expect(await admin.keys('*record:orders-db*')).toHaveLength(1);
  });

  test('Redis is told to evict keys: that is said, and again when it is over', async (context) => {
    const { url, admin } = await aServer(context);
    const { daemon, stage: one, check } = await aScene(context, url);
    expect(await metric(one, 'leasekeeper_redis_evicting')).toBe(0);
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await daemon.logged(says('evicts keys'));
    expect(await metric(one, 'leasekeeper_redis_evicting')).toBe(1);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await daemon.logged(says('evicts no keys any more'));
    await check();
  });

  test('the daemon ends in time while its Redis is away, and says what it could not save', async (context) => {
    const { server, url } = await aServer(context);
    const { daemon } = await aScene(context, url);
    await server.kill();
    await daemon.logged(isKept);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.log.some(says('Redis was not told all of orders-db'))).toBe(true);
  });
});

describe('the embedded Redis', () => {
  const pidOf = async (one: Stage): Promise<number> =>
    JSON.parse(await readFile(join(one.dir, 'data', 'embedded-redis.json'), 'utf8')).redis.pid;

  test('that is wedged is found, killed and started again on a file that was cut short, and nothing lapses meanwhile', async (context) => {
    const { daemon, stage: one, check } = await aScene(context, undefined);
    process.kill(await pidOf(one), 'SIGSTOP');
    const files = join(one.dir, 'data', 'appendonlydir');
    const log = (await readdir(files)).find((name) => name.endsWith('.incr.aof')) ?? '';
    await truncate(join(files, log), Math.floor((await stat(join(files, log))).size / 2));
    await daemon.logged(says('it did not answer, and was killed'));
    await daemon.logged(isBack);
    await check();
  });

  test('that is killed again and again costs nothing', async (context) => {
    const { stage: one, check } = await aScene(context, undefined);
    for (let i = 0; i < 5; i++) {
      process.kill(await pidOf(one), 'SIGKILL');
      await pause(2_000);
    }
    await check();
  });
});
