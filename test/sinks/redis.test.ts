import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { hours } from '../../src/core/time.ts';
import { redis as plugin, type RedisOptions, redisSink } from '../../src/sinks/redis/redis.ts';
import { aRedisSubject, password, type RedisSubject, rights } from '../conformance/fixtures/sink-redis.ts';
import { type Certificates, certificates } from '../sources/certificates.ts';
import { freePort } from '../support/ports.ts';
import { readmeFile } from '../support/readme.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aDelivery, someSinkDeps } from '../support/sink-parts.ts';

const canary = 'CANARY-9a8b7c6d';
const going = (): AbortSignal => new AbortController().signal;
const failureOf = async (promise: Promise<unknown> | undefined): Promise<LeaseError> => {
  const error = await promise?.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LeaseError)) throw new Error(`no failure: ${String(error)}`);
  expect(inspect(error, { depth: null })).not.toMatch(new RegExp(`${canary}|${password}`));
  return error;
};

let server: RedisServer;
let subject: RedisSubject;
beforeAll(async () => {
  server = await aRedis({ tcp: true });
});
afterAll(() => server.stop());
beforeEach(async () => {
  subject = await aRedisSubject(server, 'hash');
});
afterEach(() => subject.end());

const aSink = (change: Partial<RedisOptions> = {}) =>
  redisSink({ ...subject.options, ...change }, someSinkDeps({ env: { REDIS_PASSWORD: password, WRONG: canary } }));
const write = (sequence: number, values: Record<string, string> = { A: canary }, sink = subject.sink) =>
  sink.write(aDelivery(values, { sequence }), going());

describe('the sequence', () => {
  test('keeps a later one from being overwritten, and the error says how to go on', async () => {
    await write(8, { A: 'later' });
    const error = await failureOf(write(7));
    expect(error).toMatchObject({ code: 'invalid', unsure: false });
    expect(error.message).toContain('the key app:db holds later values (8)');
    expect(error.message).toContain('remove app:db:leasekeeper');
    expect(await subject.read()).toEqual({ A: 'later' });
    await subject.admin.del('app:db:leasekeeper');
    await write(7);
    expect(await subject.read()).toEqual({ A: canary });
  });

  test('is compared as a number', async () => {
    await write(9, { A: 'nine' });
    await write(1_763_784_000_000, { A: 'many' });
    expect(await subject.read()).toEqual({ A: 'many' });
    expect((await failureOf(write(10))).message).toContain('(1763784000000)');
  });

  test('has the same content written once, and told once, and other content again', async () => {
    const heard: string[] = [];
    const listener = subject.admin.duplicate();
    listener.on('message', (_, text) => heard.push(text));
    await listener.subscribe('changes');
    const sink = aSink({ publish: 'changes' });
    await write(1, { A: canary }, sink);
    const before = await subject.snapshot();
    await write(1, { A: canary }, sink);
    expect(await subject.snapshot()).toEqual(before);
    await write(1, { A: 'repaired' }, sink);
    await write(2, { A: 'new' }, sink);
    await expect.poll(() => heard).toEqual(['1', '1', '2']);
    listener.disconnect();
  });

  test('is what programs are told when the new values are there already', async () => {
    const listener = subject.admin.duplicate();
    await listener.subscribe('changes');
    const heard = new Promise((resolve) => listener.on('message', () => resolve(subject.read())));
    await write(1, { A: 'new' }, aSink({ publish: 'changes' }));
    expect(await heard).toEqual({ A: 'new' });
    listener.disconnect();
  });
});

describe('what is there already', () => {
  test('is replaced whole, fields of others included', async () => {
    await subject.admin.hset('app:db', 'B', '2');
    await write(1);
    expect(await subject.read()).toEqual({ A: canary });
    const text = await aRedisSubject(server, 'string');
    await text.admin.set('app:db', 'by hand');
    await write(1, { A: '1' }, text.sink);
    expect(await text.read()).toEqual({ A: '1' });
    await text.end();
  });

  test('is left alone where it is no such thing', async () => {
    await subject.admin.rpush('app:db', 'a job');
    for (const told of [await failureOf(subject.sink.check?.(going())), await failureOf(write(1))]) {
      expect(told.code).toBe('invalid');
      expect(told.message).toContain('the key app:db holds a list, which is none of ours');
    }
    expect(await subject.admin.lrange('app:db', 0, -1)).toEqual(['a job']);
  });

  test('is not removed where it is none of ours', async () => {
    await subject.admin.hset('app:db', 'B', '2');
    await subject.sink.remove?.(going());
    expect(await subject.read()).toEqual({ B: '2' });
    await write(1);
    await subject.admin.hset('app:db', 'A', 'of another');
    await subject.sink.remove?.(going());
    expect(await subject.read()).toEqual({ A: 'of another' });
    expect(await subject.admin.keys('*')).toEqual(['app:db']);
  });

  test.each(['0', 'app:db'])('odd names and values come through whole', async (key) => {
    const values = { __proto__x: '1', 'a b': '\'"\\\n\0ключ🔑', [key]: '', constructor: 'x'.repeat(65_536) };
    const sink = aSink({ key: `app:${key}` });
    const mark = await write(1, values, sink);
    expect({ ...(await subject.admin.hgetall(`app:${key}`)) }).toEqual(values);
    expect(await sink.holds?.(mark, going())).toBe(true);
  });

  test('thousands of fields come through whole', async () => {
    const values = Object.fromEntries(Array.from({ length: 9_000 }, (_, i) => [`K${i}`, String(i)]));
    const mark = await write(1, values);
    expect({ ...(await subject.admin.hgetall('app:db')) }).toEqual(values);
    expect(await subject.sink.holds?.(mark, going())).toBe(true);
  });
});

describe('a time to live', () => {
  const timed = () => aSink({ ttl: hours(3) });

  test('is given to all of it, and again each time that it is found to be there', async () => {
    const sink = timed();
    const mark = await write(1, { A: canary }, sink);
    const keys = ['app:db', 'app:db:leasekeeper'];
    const lives = () => Promise.all(keys.map((key) => subject.admin.pttl(key)));
    for (const life of await lives()) expect(life).toBeGreaterThan(hours(3) - 60_000);
    for (const key of keys) await subject.admin.pexpire(key, 60_000);
    expect(await sink.holds?.(mark, going())).toBe(true);
    for (const life of await lives()) expect(life).toBeGreaterThan(hours(3) - 60_000);
    for (const key of keys) await subject.admin.pexpire(key, 60_000);
    await write(1, { A: canary }, sink);
    for (const life of await lives()) expect(life).toBeGreaterThan(hours(3) - 60_000);
    expect(await subject.admin.keys('*')).toHaveLength(2);
  });

  test('is not given to what is not ours', async () => {
    const sink = timed();
    const mark = await write(1, { A: canary }, sink);
    await subject.admin.hset('app:db', 'A', 'of another');
    await subject.admin.pexpire('app:db', 60_000);
    expect(await sink.holds?.(mark, going())).toBe(false);
    expect(await subject.admin.pttl('app:db')).toBeLessThanOrEqual(60_000);
  });

  test('that is configured later has it written anew', async () => {
    const mark = await write(1);
    expect(await timed().holds?.(mark, going())).toBe(false);
    await write(1, { A: canary }, timed());
    expect(await subject.admin.pttl('app:db')).toBeGreaterThan(0);
    await write(1);
    expect([await subject.admin.pttl('app:db'), await subject.admin.pttl('app:db:leasekeeper')]).toEqual([-1, -1]);
  });
});

describe('a Redis that cannot be used', () => {
  test.each([
    ['with a wrong password', { password: { env: 'WRONG' } }, 'denied', 'WRONGPASS: it rejects our user'],
    ['without a password', { username: undefined, password: undefined }, 'denied', 'NOPERM: our user may not'],
    ['whose password is not there', { password: { file: '/none' } }, 'denied', 'the credential file /none'],
    ['with a key that is not ours', { key: 'jobs' }, 'denied', 'NOPERM: our user may not'],
    ['with a database that is none', { url: 'redis://127.0.0.1:PORT/99' }, 'unavailable', 'ERR: it refuses'],
    ['whose certificate is not there', { url: 'rediss://127.0.0.1:PORT', tls: { ca: '/none' } }, 'invalid', '/none'],
    ['that does not speak TLS', { url: 'rediss://127.0.0.1:PORT' }, 'unavailable', '127.0.0.1'],
  ] as const)('is told of, %s', async (_, change, code, words) => {
    await subject.admin.call('ACL', 'SETUSER', 'default', 'resetkeys');
    const { url = subject.options.url } = change as { url?: string };
    const sink = aSink({ ...change, url: url.replace('PORT', String(server.port)) });
    for (const told of [await failureOf(sink.check?.(going())), await failureOf(write(1, { A: canary }, sink))]) {
      expect(told).toMatchObject({ code, unsure: false });
      expect(told.message).toContain(words);
    }
    await subject.admin.call('ACL', 'SETUSER', 'default', '~*');
  });

  test('is told of where nobody listens', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const error = await failureOf(write(1, { A: canary }, aSink({ url })));
    expect(error).toMatchObject({ code: 'unavailable', unsure: false });
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('may have taken what it did not answer to', async () => {
    await subject.admin.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    const error = await failureOf(write(1, { A: canary }, aSink({ timeout: 300 })));
    expect(error).toMatchObject({ code: 'unavailable', unsure: true });
    expect(error.message).toContain('not in time');
    await subject.admin.call('CLIENT', 'UNPAUSE');
  });

  test('is reached by the password that is there now', async () => {
    const env: Record<string, string> = { REDIS_PASSWORD: password };
    const sink = redisSink(subject.options, someSinkDeps({ env }));
    await write(1, { A: '1' }, sink);
    await subject.admin.call('ACL', 'SETUSER', 'keeper', 'resetpass', '>another');
    env['REDIS_PASSWORD'] = 'another';
    await write(2, { A: '2' }, sink);
    expect(await subject.read()).toEqual({ A: '2' });
  });
});

test('what a user needs is what the README says', () => {
  const readme = readFileSync(readmeFile, 'utf8');
  const named = rights.split(' ').filter((right) => /^\+/.test(right));
  expect(named.length).toBeGreaterThan(8);
  for (const right of named) expect(readme).toContain(right);
});

test('the database of the address is the one that is written to', async () => {
  await write(1, { A: '3' }, aSink({ url: `redis://localhost:${server.port}/3` }));
  expect(await subject.read()).toBeUndefined();
  const third = new Redis({ path: server.socket, db: 3 });
  expect(await third.hget('app:db', 'A')).toBe('3');
  await third.flushdb();
  third.disconnect();
});

test('one text is what a file would be', async () => {
  const text = { as: 'string', key: 'app:text' } as const;
  await write(1, { B: "it's", A: '1' }, aSink({ ...text, format: 'dotenv', keys: { X: 'B' } }));
  expect(await subject.admin.get('app:text')).toBe(`X="it's"\n`);
  const error = await failureOf(write(2, { LD_PRELOAD: canary }, aSink({ ...text, format: 'dotenv' })));
  expect(error.code).toBe('invalid');
});

test('its name is the place, and nothing that would be a credential', () => {
  const parsed = (url: string) => plugin.schema.parse({ type: 'redis', url, key: 'a:b' });
  expect(parsed('rediss://redis.infra:6380/2')).toMatchObject({
    name: 'redis:redis.infra:6380/2/a:b',
    isShared: false,
  });
  expect(parsed('redis://[::1]/0').target).toBe('[::1]/a:b');
});

describe('over TLS', () => {
  let made: Certificates;
  beforeAll(async () => {
    made = await certificates();
  });
  afterAll(() => made.remove());

  test('a Redis is asked only where it is trusted, and is shown our certificate', async () => {
    const authority = await made.authority('redis');
    const [theirs, own] = [await authority.issue('server', 'IP:127.0.0.1'), await authority.issue('leasekeeper')];
    const stranger = await made.authority('stranger');
    const port = await freePort();
    const tls = ['--tls-port', String(port), '--tls-auth-clients', 'yes', '--tls-ca-cert-file', authority.ca.certFile];
    const secure = await aRedis({
      args: [...tls, '--tls-cert-file', theirs.certFile, '--tls-key-file', theirs.keyFile],
    });
    const url = `rediss://127.0.0.1:${port}`;
    const files = { ca: authority.ca.certFile, cert: own.certFile, key: own.keyFile };
    const open = { url, username: undefined, password: undefined, timeout: 5_000 };
    try {
      await aSink({ ...open, tls: files }).check?.(going());
      await write(1, { A: '1' }, aSink({ ...open, tls: files }));
      await failureOf(write(2, { A: canary }, aSink({ ...open, tls: { ...files, ca: stranger.ca.certFile } })));
      await failureOf(write(2, { A: canary }, aSink({ ...open, tls: { ca: files.ca } })));
      const admin = new Redis({ path: secure.socket });
      expect({ ...(await admin.hgetall('app:db')) }).toEqual({ A: '1' });
      admin.disconnect();
    } finally {
      await secure.stop();
    }
  });
});
