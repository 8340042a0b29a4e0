/** The store suite on the store in memory, and on a real Redis; and what only Redis can do to a record. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { emptyRecord } from '../../src/core/record.ts';
import { connect } from '../../src/state/redis.ts';
import { RedisStore } from '../../src/state/redis-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aRecord, counted, storeSuite } from './store-suite.ts';

storeSuite('in memory', async () => ({ store: new MemoryStore(), end: async () => undefined }));

let redis: RedisServer;
beforeAll(async () => {
  redis = await aRedis();
});
afterAll(() => redis.stop());

let count = 0;
const open = async (prefix = `suite${++count}`) => {
  const unreadable: string[] = [];
  const access = await connect({ place: { socket: redis.socket }, prefix, commandTime: 300 });
  const store = new RedisStore({
    redis: access.store,
    keys: access.keys,
    onUnreadable: (secret, because) => unreadable.push(`${secret}: ${because}`),
  });
  return { access, store, prefix, unreadable, end: async () => access.close() };
};

storeSuite('in Redis', async () => {
  const one = await open();
  const two = await open(one.prefix);
  return {
    store: one.store,
    other: two.store,
    end: async () => {
      await one.end();
      await two.end();
    },
  };
});

describe('the store in Redis', () => {
  const start = async () => {
    const subject = await open();
    const raw = new Redis({ path: redis.socket });
    onTestFinished(async () => {
      raw.disconnect();
      await subject.end();
    });
    return { ...subject, raw, key: `{${subject.prefix}}:record:orders-db` };
  };

  test.each([
    ['is no JSON', '{"leases":'],
    ['is something else', '["a"]'],
    ['lacks a part', '{"leases":[],"sinks":{}}'],
    ['has a list that is none', JSON.stringify({ ...aRecord, acquires: 'S3CRET' })],
    ['has a date that is none', JSON.stringify({ ...aRecord, intent: { key: 'k', at: 'S3CRET' } })],
  ])('reports a record that %s, quotes nothing of it, and treats it as lost', async (_, text) => {
    const { store, raw, key, unreadable } = await start();
    const before = await store.update('orders-db', () => aRecord);
    await raw.hset(key, 'record', text);
    expect(await store.load('orders-db')).toEqual({ record: emptyRecord, revision: before.revision });
    expect(unreadable).toHaveLength(1);
    expect(unreadable.join()).not.toContain('S3CRET');
    const after = await store.update('orders-db', counted);
    expect(after.record.leases).toEqual([]);
    expect(after.revision).toBeGreaterThan(before.revision);
  });

  test('treats a key of another kind in its place as a lost record, and replaces it', async () => {
    const { store, raw, key } = await start();
    await raw.set(key, 'not a hash');
    expect((await store.load('orders-db')).record).toEqual(emptyRecord);
    expect((await store.update('orders-db', counted)).revision).toBe(1);
    expect((await store.load('orders-db')).record.failures['counter']?.count).toBe(1);
  });

  test('keeps fields that a later version of the program wrote', async () => {
    const { store, raw, key } = await start();
    await store.update('orders-db', () => aRecord);
    await raw.hset(key, 'record', JSON.stringify({ ...aRecord, invented: { later: 1 } }));
    await store.load('orders-db');
    await store.update('orders-db', counted);
    expect(JSON.parse((await raw.hget(key, 'record')) ?? '')).toMatchObject({ invented: { later: 1 } });
  });

  test('goes on where all was flushed under it, and where the script was forgotten', async () => {
    const { store, raw } = await start();
    await store.update('orders-db', () => aRecord);
    await raw.flushall();
    await raw.script('FLUSH');
    expect(await store.update('orders-db', counted)).toMatchObject({ revision: 1, record: { leases: [] } });
  });

  test('gives up a command that Redis does not answer, and goes on when it does', async () => {
    const { store } = await start();
    await store.update('orders-db', counted);
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await expect(store.load('orders-db')).rejects.toThrow();
      await expect(store.update('orders-db', counted)).rejects.toThrow();
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    const { record } = await store.load('orders-db');
    const { record: next } = await store.update('orders-db', counted);
    expect(next.failures['counter']?.count).toBe((record.failures['counter']?.count ?? 0) + 1);
  });
});
