/** The store suite on the store in memory, and on a real Redis; and what only Redis can do to a record. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/state/redis.ts';
import { RedisStore } from '../../src/state/redis-store.ts';
import { aSealing } from '../support/key-ring.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { counted, storeSuite } from './store-suite.ts';

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
  const rolledBack: string[] = [];
  const store = new RedisStore({
    redis: access.store,
    keys: access.keys,
    sealing: aSealing(access.keys),
    onUnreadable: (secret, because) => unreadable.push(`${secret}: ${because}`),
    onRolledBack: (secret) => rolledBack.push(secret),
  });
  return { access, store, prefix, unreadable, rolledBack, end: async () => access.close() };
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
