/** A start after any end costs nothing where the state is kept; and a start with the wrong key changes nothing. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import type { Daemon } from '../support/daemon.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aStage, type ConfigurationParts, eventually, isDelivered, type Stage, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
let server: RedisServer | undefined;
let raw: Redis | undefined;
afterEach(async (context) => {
  raw?.disconnect();
  await stage?.close(context);
  await server?.stop();
  stage = undefined;
  server = undefined;
  raw = undefined;
});

/** A token of 30 s, renewed after 6 s, and a lease of 60 s. */
const lives = () =>
  aSandbox()
    .withIdentity({ accessTokenTTL: 30, accessTokenMaxTTL: 3000 })
    .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '60s', maxTTL: '50m' })
    .with({ minimumTtl: 1000 });

async function set(builder = lives()) {
  const one = await aStage(builder);
  stage = one;
  const told = join(one.dir, 'told');
  /** A program that notes each time that it is told. */
  const reload = `    reload: [{ exec: ["/bin/sh", "-c", "echo told >> ${told}"] }]`;
  const seen = async () => {
    const { ino, mtimeMs } = await stat(one.file);
    return { ino, mtimeMs, user: (await valuesIn(one.file))['REDIS_USER'], told: await readFile(told, 'utf8') };
  };
  /** Noted in the record, too: what was not before the end is done again. */
  const delivered = async (daemon: Daemon) => {
    await isDelivered(one);
    await daemon.logged(({ act, sink, outcome }) => act === 'reload' && sink === '*' && outcome === 'ok');
  };
  const spent = () => {
    const { leases, logins } = one.sandbox.books();
    return { leases: leases.length, logins: logins.length };
  };
  const renewedToken = () => {
    const before = one.sandbox.books().tokenRenewals.length;
    return eventually('the token is renewed', () => one.sandbox.books().tokenRenewals.length > before);
  };
  return {
    ...one,
    config: (parts: ConfigurationParts = {}) => {
      const providers = '    policy: { renewAt: 20%, grace: 1s }';
      return one.configuration({ reload, providers, policy: '{ renewAt: 5%, grace: 1s }', ...parts });
    },
    isReady: () => isDelivered(one),
    seen,
    delivered,
    spent,
    renewedToken,
  };
}

/** A Redis of another's, that outlives the daemon. */
async function another(): Promise<{ state: string; redis: Redis }> {
  server = await aRedis({ tcp: true });
  raw = new Redis({ path: server.socket });
  return { state: `, redis: { url: "redis://127.0.0.1:${server.port}/0" }`, redis: raw };
}

/** All but what goes away by itself: marks that BullMQ leaves for some seconds. */
const dumpOf = async (redis: Redis) => {
  const dump: Record<string, string | undefined> = {};
  for (const key of (await redis.keys('*')).sort()) {
    if ((await redis.pttl(key)) === -1) dump[key] = (await redis.dumpBuffer(key))?.toString('hex');
  }
  return dump;
};

describe('a restart', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'after %s renews the token by its value, without a login, a new lease, a write or a reload',
    async (signal) => {
      const { daemon, config, delivered, isReady, seen, spent, renewedToken, sandbox } = await set();
      const first = await daemon({ config: config() });
      await delivered(first);
      await renewedToken();
      const before = await seen();
      first.signal(signal);
      await first.exited;
      const second = await daemon({ config: config() });
      await second.logged(({ msg }) => String(msg).startsWith('leasekeeper '));
      const renewals = sandbox.books().leases[0]?.renewals.length ?? 0;
      await renewedToken();
      await eventually('the lease is renewed', () => (sandbox.books().leases[0]?.renewals.length ?? 0) > renewals);
      await isReady();
      expect(await seen()).toEqual(before);
      expect(spent()).toEqual({ leases: 1, logins: 1 });
      expect(await second.stop()).toBe(0);
    },
  );

  test('gives a sink that was down the very value that it is owed', async () => {
    const { daemon, config, dir, file, spent } = await set();
    const late = join(dir, 'late', 'orders.json');
    const both = config().replace('    reload:', `      - { type: file, path: ${late}, format: json }\n    reload:`);
    const first = await daemon({ config: both });
    await first.logged(({ msg, level }) => level !== 'debug' && String(JSON.stringify(msg)).includes(late));
    await eventually('the other sink has it', () => existsSync(file));
    await first.kill();
    await mkdir(join(dir, 'late'));
    await daemon({ config: both });
    await eventually('the late sink has it', () => existsSync(late));
    const { DB_USERNAME, DB_PASSWORD } = JSON.parse(await readFile(late, 'utf8'));
    expect(await valuesIn(file)).toEqual({ REDIS_USER: DB_USERNAME, REDIS_PASSWORD: DB_PASSWORD });
    expect(spent()).toEqual({ leases: 1, logins: 1 });
  });

  test('as `run` after `once` takes one lease and one login in total', async () => {
    const { daemon, config, isReady, file, spent, renewedToken } = await set();
    expect(await (await daemon({ config: config(), command: 'once' })).exited).toBe(0);
    const before = await stat(file);
    await daemon({ config: config() });
    await isReady();
    await renewedToken();
    expect((await stat(file)).ino).toBe(before.ino);
    expect(spent()).toEqual({ leases: 1, logins: 1 });
    expect(await (await daemon({ config: config(), command: 'once' })).exited).toBe(0);
    expect(spent()).toEqual({ leases: 1, logins: 1 });
  });

  test('after all was flushed at run time costs nothing: it was written back', async () => {
    const { daemon, config, delivered, isReady, seen, spent, renewedToken } = await set();
    const { state, redis } = await another();
    const first = await daemon({ config: config({ state }) });
    await delivered(first);
    const before = await seen();
    await redis.flushall();
    await eventually('all is back', async () => (await redis.smembers('{leasekeeper}:secrets')).length === 2);
    await first.logged(({ msg }) => String(msg).includes('gone back in time'));
    await first.kill();
    await daemon({ config: config({ state }) });
    await renewedToken();
    await isReady();
    expect(await seen()).toEqual(before);
    expect(spent()).toEqual({ leases: 1, logins: 1 });
  });
});

test('with all state lost one lease and one login are taken, and the program is told once of what is new', async () => {
  const { daemon, config, delivered, dir, seen, spent, renewedToken } = await set();
  const first = await daemon({ config: config() });
  await delivered(first);
  await first.kill();
  const before = await seen();
  // With its Redis, which ends when it misses the daemon.
  await rm(join(dir, 'data'), { recursive: true });
  const second = await daemon({ config: config() });
  await delivered(second);
  await renewedToken();
  const after = await seen();
  expect(after.user).not.toBe(before.user);
  expect(after.told).toBe(`${before.told}told\n`);
  expect(spent()).toEqual({ leases: 2, logins: 2 });
});

describe('a key', () => {
  const key = (number: number) => `${Buffer.alloc(32, number).toString('base64')}\n`;

  test('is replaced by another without a login, a new lease, a write or a reload', async () => {
    const { daemon, config, delivered, isReady, dir, seen, spent, renewedToken } = await set();
    const file = join(dir, 'encryption.key');
    await writeFile(file, key(2), { mode: 0o600 });
    const first = await daemon({ config: config() });
    await delivered(first);
    const before = await seen();
    await first.kill();
    const own = join(dir, 'data', 'seal.key');
    const state = `, encryptionKey: { file: ${file} }`;
    for (const [keys, removable] of [
      [key(2), own],
      [key(3) + key(2), file],
      [key(3), undefined],
    ] as const) {
      await writeFile(file, keys);
      const next = await daemon({ config: config({ state }) });
      await next.logged(({ msg }) => String(msg).startsWith('leasekeeper '));
      const words = next.log.map(({ msg }) => String(msg)).filter((msg) => msg.includes('may be removed'));
      expect(words.map((msg) => removable !== undefined && msg.includes(removable))).toEqual(removable ? [true] : []);
      if (removable === own) await rm(own);
      await renewedToken();
      await isReady();
      expect(await seen()).toEqual(before);
      await next.kill();
    }
    expect(spent()).toEqual({ leases: 1, logins: 1 });
    expect(existsSync(own)).toBe(false);
  });

  test.each([
    ['was lost', (file: string) => rm(file)],
    ['is another', (file: string) => writeFile(file, key(9))],
  ])('that %s is told of, and nothing is changed, by run and once alike', async (_, spoil) => {
    const { daemon, config, delivered, isReady, dir, seen, spent } = await set();
    const { state, redis } = await another();
    const own = join(dir, 'data', 'seal.key');
    const first = await daemon({ config: config({ state }) });
    await delivered(first);
    await first.stop();
    const [before, dump, right] = [await seen(), await dumpOf(redis), await readFile(own)];
    await spoil(own);
    for (const command of ['run', 'once'] as const) {
      const wrong = await daemon({ config: config({ state }), command });
      expect(await wrong.exited).toBe(1);
      const said = wrong.log.find(({ level }) => level === 'error');
      for (const word of [
        `127.0.0.1:${server?.port}`,
        '{leasekeeper}',
        own,
        'put the former key back',
        'state.prefix',
      ]) {
        expect(said?.['msg']).toContain(word);
      }
    }
    expect(await dumpOf(redis)).toEqual(dump);
    expect(await seen()).toEqual(before);
    await writeFile(own, right);
    const last = await daemon({ config: config({ state }) });
    await isReady();
    expect(await last.stop()).toBe(0);
    expect(await seen()).toEqual(before);
    expect(spent()).toEqual({ leases: 1, logins: 1 });
  });

  test('that was lost from a data directory with its own Redis is told of, and comes back', async () => {
    const { daemon, config, isReady, dir, seen, spent } = await set();
    const own = join(dir, 'data', 'seal.key');
    await (await daemon({ config: config(), command: 'once' })).exited;
    const right = await readFile(own);
    await rm(own);
    const wrong = await daemon({ config: config() });
    expect(await wrong.exited).toBe(1);
    expect(wrong.lines.join('\n')).toContain(`${own} is not there: put the former key back`);
    expect(existsSync(own)).toBe(false);
    await writeFile(own, right);
    await daemon({ config: config() });
    await isReady();
    await eventually('the program is told', () => existsSync(join(dir, 'told')));
    expect((await seen()).told).toBe('told\n');
    expect(spent()).toEqual({ leases: 1, logins: 1 });
  });
});
