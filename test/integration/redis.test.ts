/** Connecting to real Redis servers: those that will not do are refused in words, those that come and go are watched. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ConnectOptions, connect, type RedisAccess } from '../../src/state/redis.ts';
import { RedisStore } from '../../src/state/redis-store.ts';
import { counted } from '../conformance/store-suite.ts';
import { aSealing } from '../support/key-ring.ts';
import { freePort } from '../support/ports.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';

let redis: RedisServer;
let admin: Redis;
let scratch: string;
beforeAll(async () => {
  redis = await aRedis({ tcp: true });
  admin = new Redis({ path: redis.socket });
  scratch = await mkdtemp(join(tmpdir(), 'lk-connect-'));
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function connected(options: Partial<ConnectOptions> = {}): Promise<RedisAccess> {
  const place = { socket: redis.socket };
  const access = await connect({ place, prefix: 'test', patience: 1_500, ...options });
  onTestFinished(() => access.close());
  return access;
}

const url = () => `redis://127.0.0.1:${redis.port}/0`;

/** A user of the running Redis, with these rights. */
async function aUser(name: string, ...rights: string[]) {
  await admin.call('ACL', 'SETUSER', name, 'reset', 'on', '>pa55-word', ...rights);
  return { url: url(), username: name, password: async () => 'pa55-word' };
}

/** A running Redis as if it said something else. In a text that is counted, as INFO, both are of the same length. */
async function disguised(from: string | RegExp, to: string, of = redis): Promise<string> {
  const socket = join(await mkdtemp(join(scratch, 'proxy-')), 'redis.sock');
  const server = createServer((near) => {
    const far = createConnection(of.socket);
    near.pipe(far);
    far.on('data', (chunk) => near.write(chunk.toString('latin1').replace(from, to), 'latin1'));
    for (const [one, other] of [[near, far] as const, [far, near] as const]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }).listen(socket);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return socket;
}

describe('a Redis that will not do is refused, in one sentence with its remedy:', () => {
  test('one that is not there', async () => {
    const port = await freePort();
    const place = { url: `redis://127.0.0.1:${port}/0` };
    await expect(connected({ place })).rejects.toThrow(/127\.0\.0\.1:\d+\/0 cannot be reached: ECONNREFUSED/);
  });

  test('one that does not know our password, without saying it', async () => {
    const place = { url: url(), username: 'nobody', password: async () => 'CANARY-word' };
    const refused = connected({ place });
    await expect(refused).rejects.toThrow(/cannot be reached: WRONGPASS; look at username and password/);
    await expect(refused).rejects.not.toThrow('CANARY');
  });

  test('one that wants a password where we have none', async () => {
    const locked = await aRedis({ tcp: true });
    onTestFinished(() => locked.stop());
    const client = new Redis({ path: locked.socket });
    await client.config('SET', 'requirepass', 'secret');
    client.disconnect();
    const place = { url: `redis://127.0.0.1:${locked.port}` };
    await expect(connected({ place })).rejects.toThrow(/NOAUTH; look at username and password/);
  });

  test('one that is too old', async () => {
    const version = /redis_version:(\S+)/.exec(await admin.info())?.[0] ?? '';
    const old = 'redis_version:5.0.14'.padEnd(version.length, '1').slice(0, version.length);
    const place = { socket: await disguised(version, old) };
    await expect(connected({ place })).rejects.toThrow(/is version 5\.0\S+: leasekeeper needs 6\.2 or later/);
  });

  test.each([['allkeys-lru'], ['volatile-ttl']])('one that evicts keys by %s', async (policy) => {
    await admin.config('SET', 'maxmemory-policy', policy);
    try {
      await expect(connected()).rejects.toThrow(`maxmemory-policy ${policy}`);
      const place = await aUser('unprivileged', '+@all', '-config', '~*', '&*');
      await expect(connected({ place })).rejects.toThrow(`maxmemory-policy ${policy}`);
    } finally {
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
    }
  });

  test.each([
    [
      'runs no scripts for us',
      ['+@all', '-eval', '~*'],
      /does not run scripts for us \(NOPERM\): allow EVAL and EVALSHA/,
    ],
    ['runs no scripts by their hash', ['+@all', '-evalsha', '~*'], /does not run scripts.*EVALSHA/],
    [
      'tells nothing of itself',
      ['+@all', '-info', '~*'],
      /does not let us call INFO \(NOPERM\): grant the user \+info/,
    ],
    [
      'forbids commands',
      ['+@all', '-zadd', '-xadd', '-bzpopmin', '~*'],
      /grant the user \+zadd \+bzpopmin \+xadd on the keys/,
    ],
    ['forbids our keys', ['+@all', '~other:*'], /keys that begin with \{test\}/],
  ])('one that %s', async (_, rights, words) => {
    const place = await aUser('restricted', ...rights);
    await expect(connected({ place })).rejects.toThrow(words);
  });

  test('one whose certificates we cannot read', async () => {
    const place = { url: url().replace('redis:', 'rediss:'), tls: { ca: '/nowhere/ca.pem' } };
    await expect(connected({ place })).rejects.toThrow('/nowhere/ca.pem for Redis cannot be read: ENOENT');
  });
});

describe('a Redis that will do', () => {
  test('may forbid CONFIG, and all keys but ours', async () => {
    const rights = ['+@all', '-@admin', '-@dangerous', '+info', '~{test}:*'];
    const access = await connected({ place: await aUser('modest', ...rights) });
    const store = new RedisStore({ redis: access.store, keys: access.keys, sealing: aSealing(access.keys) });
    expect((await store.update('orders-db', counted)).revision).toBeGreaterThan(0);
  });

  test('is warned of where it does not tell how it evicts', async () => {
    const warnings: string[] = [];
    await admin.call('ACL', 'SETUSER', 'default', '-config');
    try {
      const socket = await disguised('maxmemory_policy:', 'maxmemory_p_licy:');
      await connected({ place: { socket }, onWarning: (text) => warnings.push(text) });
    } finally {
      await admin.call('ACL', 'SETUSER', 'default', '+config');
    }
    expect(warnings).toEqual([expect.stringContaining('make sure that it is noeviction')]);
  });

  test('leaves no key behind that was only made to see', async () => {
    const before = await admin.keys('*');
    await connected({ prefix: 'tidy' });
    expect(await admin.keys('*')).toEqual(before);
  });

  test('is reached by TLS with a CA and a certificate of our own, and only so', async () => {
    const files = certificates(await mkdtemp(join(scratch, 'tls-')));
    const port = await freePort();
    await aTlsRedis(port, files);
    const place = { url: `rediss://127.0.0.1:${port}/0` };
    const access = await connected({ place: { ...place, tls: files } });
    expect(await access.store.ping()).toBe('PONG');
    const duplicate = access.worker();
    onTestFinished(() => duplicate.disconnect());
    expect(await duplicate.ping()).toBe('PONG');
    await expect(connected({ place: { ...place, tls: { cert: files.cert, key: files.key } } })).rejects.toThrow(
      'cannot be reached',
    );
    await expect(connected({ place: { ...place, tls: { ca: files.ca } } })).rejects.toThrow('cannot be reached');
  });

  test('is shown the certificates of this hour at each connection, and never half a file', async () => {
    const files = certificates(await mkdtemp(join(scratch, 'tls-')));
    const port = await freePort();
    const first = await aTlsRedis(port, files);
    const errors: string[] = [];
    const place = { url: `rediss://127.0.0.1:${port}/0`, tls: files };
    const access = await connected({ place, onError: ({ message }) => errors.push(message) });
    const again = () => new Promise((resolve) => access.store.once('ready', resolve));
    const whole = await readFile(files.cert);
    await writeFile(files.cert, whole.subarray(0, 100));
    await Promise.all([again(), access.store.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no')]);
    expect(errors).toContain(`the TLS file ${files.cert} for Redis is no whole PEM file`);

    certificates(dirname(files.ca));
    await first.stop();
    const back = again();
    await aTlsRedis(port, files);
    await back;
    expect(await access.store.ping()).toBe('PONG');
    // One that is made later begins with them.
    const later = access.producer();
    onTestFinished(() => later.disconnect());
    const refused: unknown[] = [];
    later.on('error', (error) => refused.push(error));
    await new Promise((resolve) => later.once('ready', resolve));
    expect(refused).toEqual([]);
  });

  test('is given the password of this hour at each connection, also by those that BullMQ makes', async () => {
    let password = 'first';
    await admin.call('ACL', 'SETUSER', 'rotated', 'reset', 'on', '>first', '+@all', '~*');
    const access = await connected({ place: { url: url(), username: 'rotated', password: async () => password } });
    const worker = access.worker();
    const blocking = worker.duplicate();
    for (const client of [worker, blocking]) {
      client.on('error', () => undefined);
      onTestFinished(() => client.disconnect());
      await client.ping();
    }
    const back = [access.store, worker, blocking].map((client) => new Promise((r) => client.once('ready', r)));
    password = 'second';
    await admin.call('ACL', 'SETUSER', 'rotated', 'resetpass', '>second');
    await admin.call('CLIENT', 'KILL', 'USER', 'rotated');
    await Promise.all(back);
    expect(await access.store.ping()).toBe('PONG');
    expect(await blocking.ping()).toBe('PONG');
  });
});

describe('a Redis that became a replica is left, to be found where the master is now,', () => {
  const six = '-ERR Error running script (call to f_$1): @user_script:1: @user_script: 1: -READONLY You can';
  test.each([
    ['as Redis 7 says it', /READONLY/, 'READONLY'],
    ['as Redis 6 says it of a script', /-READONLY You can(?=.* script: (\w+))/, six],
  ])('%s', async (_, from, to) => {
    const server = await aRedis();
    onTestFinished(() => server.stop());
    const access = await connected({ place: { socket: await disguised(from, to, server) } });
    const client = new Redis({ path: server.socket });
    onTestFinished(() => client.disconnect());
    await client.call('REPLICAOF', '127.0.0.1', String(await freePort()));
    const again = new Promise((resolve) => access.store.once('ready', resolve));
    const save = access.store.eval("return redis.call('SET', KEYS[1], '1')", 1, '{test}:a');
    await expect(save).rejects.toThrow('READONLY You can');
    await again;
  });
});

describe('the health of a Redis', () => {
  const watched = async (server: RedisServer) => {
    const said: boolean[] = [];
    let tell = () => {};
    const access = await connected({
      place: { socket: server.socket },
      commandTime: 200,
      heartbeat: 50,
      onHealth: (isUp) => {
        said.push(isUp);
        tell();
      },
    });
    const until = async (count: number) => {
      while (said.length < count) await new Promise<void>((resolve) => (tell = resolve));
    };
    return { access, said, until };
  };

  test('is told when it goes and when it comes; what is asked meanwhile fails at once', async () => {
    const server = await aRedis();
    const { access, said, until } = await watched(server);
    expect(access.isUp).toBe(true);
    await server.kill();
    await until(2);
    const store = new RedisStore({ redis: access.store, keys: access.keys, sealing: aSealing(access.keys) });
    await expect(store.load('orders-db')).rejects.toThrow();
    expect(access.isUp).toBe(false);
    const again = await aRedis({ dir: server.dir });
    onTestFinished(async () => {
      await again.stop();
      await server.stop();
    });
    await until(3);
    expect(said).toEqual([true, false, true]);
    expect((await store.update('orders-db', counted)).record.failures['counter']?.count).toBe(1);
  });

  test('is down where it listens and does not answer', async () => {
    const server = await aRedis();
    onTestFinished(() => server.stop());
    const { said, until } = await watched(server);
    process.kill(server.pid, 'SIGSTOP');
    try {
      await until(2);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await until(3);
    expect(said).toEqual([true, false, true]);
  });
});

/** A Redis that listens there by TLS alone, to those who have a certificate. */
async function aTlsRedis(port: number, files: ReturnType<typeof certificates>): Promise<RedisServer> {
  const tls = ['--tls-port', String(port), '--tls-ca-cert-file', files.ca];
  const own = ['--tls-cert-file', files.cert, '--tls-key-file', files.key, '--tls-auth-clients', 'yes'];
  const server = await aRedis({ args: [...tls, ...own] });
  onTestFinished(() => server.stop());
  return server;
}

/** A CA, and a certificate of 127.0.0.1 that serves both sides. */
function certificates(dir: string): { ca: string; cert: string; key: string } {
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl(...fresh, '-subj', '/CN=test ca', '-keyout', file('ca.key'), '-out', file('ca.pem'));
  const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-addext', 'subjectAltName=IP:127.0.0.1'];
  openssl(...fresh, '-subj', '/CN=redis', ...signed, '-keyout', file('own.key'), '-out', file('own.pem'));
  return { ca: file('ca.pem'), cert: file('own.pem'), key: file('own.key') };
}
