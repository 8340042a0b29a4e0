/** Redis goes back in time: what this process has seen is answered, and written back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aRecord, counted, keptIn, valuesOf, withLeases } from '../conformance/store-suite.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aStore } from './redis-subject.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await aRedis();
});
afterAll(() => redis.stop());

const saved = async () => {
  const subject = await aStore(redis, { entry: 'the sealed key' });
  await subject.store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'first'));
  const snapshot = await subject.raw.hgetall(subject.key());
  await subject.store.update('orders-db', () => withLeases({ two: 0, one: 0 }), valuesOf('two', 'second'));
  const latest = await subject.store.update('orders-db', counted);
  return { ...subject, snapshot, latest };
};
const all = { 'one/0': { password: 'first' }, 'two/0': { password: 'second' } };

type Subject = Awaited<ReturnType<typeof saved>>;
const losses: readonly (readonly [string, (subject: Subject) => Promise<unknown>])[] = [
  ['is empty', ({ raw }) => raw.flushall()],
  [
    'has an older record',
    async ({ raw, key, snapshot }) => {
      await raw.del(key());
      await raw.hset(key(), snapshot);
    },
  ],
  [
    'has something else there',
    async ({ raw, key }) => {
      await raw.del(key());
      await raw.set(key(), 'x');
    },
  ],
  ['has lost all but the revision', ({ raw, key }) => raw.hdel(key(), 'record', 'mac', 'values:one', 'values:two')],
];

describe.each(losses)('a Redis that %s', (_, lose) => {
  test('is not believed, but told what we know, values and all', async () => {
    const subject = await saved();
    const { store, latest, rolledBack, another, keys, raw } = subject;
    await lose(subject);
    const { record, revision } = await store.load('orders-db');
    expect(record).toEqual(latest.record);
    expect(revision).toBeGreaterThan(latest.revision);
    expect(rolledBack).toEqual(['orders-db']);
    const second = await another();
    expect(await second.store.load('orders-db')).toEqual({ record, revision });
    expect(await keptIn(second.store)).toEqual(all);
    expect(await second.store.list()).toContain('orders-db');
    expect(await raw.get(`${keys}:key`)).toBe('the sealed key');
    expect(await store.load('orders-db')).toEqual({ record, revision });
    expect(rolledBack).toEqual(['orders-db']);
  });

  test('has a change applied to what we know', async () => {
    const subject = await saved();
    const { store, latest, another } = subject;
    await lose(subject);
    const { record, revision } = await store.update('orders-db', counted);
    expect(revision).toBeGreaterThan(latest.revision);
    expect(record.failures['counter']?.count).toBe(2);
    expect(await keptIn((await another()).store)).toEqual(all);
  });

  test('gives the values that we know', async () => {
    const subject = await saved();
    await lose(subject);
    expect(await keptIn(subject.store)).toEqual(all);
  });
});

test('what cannot be read is answered from memory, alarmed, and written anew', async () => {
  const { store, raw, key, latest, unreadable, rolledBack, another } = await saved();
  await raw.hset(key(), 'record', '{}', 'revision', '999999');
  expect((await store.load('orders-db')).record).toEqual(latest.record);
  expect(unreadable).toEqual(['orders-db: its signature does not fit']);
  expect(rolledBack).toEqual([]);
  expect((await (await another()).store.load('orders-db')).record).toEqual(latest.record);
});

test('a removal by another process is no loss', async () => {
  const { store, another } = await saved();
  await (await another()).store.remove('orders-db');
  expect((await store.load('orders-db')).record.leases).toEqual([]);
  expect((await store.update('orders-db', counted)).record.leases).toEqual([]);
});

test('a removal is forgotten, and its record not written back', async () => {
  const { store, raw, rolledBack } = await saved();
  await store.remove('orders-db');
  await raw.flushall();
  expect((await store.load('orders-db')).record.leases).toEqual([]);
  await store.verify();
  expect(await raw.dbsize()).toBe(0);
  expect(rolledBack).toEqual([]);
});

test('an answer that comes late is not taken for a loss', async () => {
  const { store, rolledBack } = await aStore(redis);
  await store.update('orders-db', counted);
  for (let i = 0; i < 20; i++) {
    await Promise.all([
      store.load('orders-db'),
      store.update('orders-db', counted),
      store.load('orders-db'),
      store.values('orders-db'),
      store.update('orders-db', counted),
    ]);
  }
  expect((await store.load('orders-db')).record.failures['counter']?.count).toBe(41);
  expect(rolledBack).toEqual([]);
});

describe('what nobody asks for', () => {
  const many = async () => {
    const subject = await aStore(redis);
    for (let i = 0; i < 120; i++) await subject.store.update(`db-${i}`, () => aRecord);
    return subject;
  };

  test('is written back as soon as Redis is asked whether it has gone back in time', async () => {
    const { store, raw, rolledBack, another } = await many();
    await raw.flushall();
    await store.verify();
    expect(new Set(rolledBack).size).toBe(120);
    expect(rolledBack).toHaveLength(120);
    const second = await another();
    for (let i = 0; i < 120; i++) expect((await second.store.load(`db-${i}`)).record).toEqual(aRecord);
  });

  test('is not lost sight of because others were saved meanwhile', async () => {
    const { store, raw, another } = await many();
    await raw.flushall();
    for (let i = 0; i < 3; i++) await store.update('db-0', counted);
    await store.verify();
    expect((await (await another()).store.load('db-119')).record).toEqual(aRecord);
  });

  test('is written back later where Redis cannot take it now', async () => {
    const full = await aRedis();
    try {
      const { store, raw, another } = await aStore(full);
      await store.update('orders-db', () => aRecord);
      await raw.flushall();
      await raw.config('SET', 'maxmemory', '1');
      expect((await store.load('orders-db')).record).toEqual(aRecord);
      await expect(store.verify()).rejects.toThrow('OOM');
      await raw.config('SET', 'maxmemory', '0');
      await store.verify();
      expect((await (await another()).store.load('orders-db')).record).toEqual(aRecord);
    } finally {
      await full.stop();
    }
  });

  test('is not read where nothing was lost', async () => {
    const { store, raw } = await many();
    await store.verify();
    await raw.config('RESETSTAT');
    await store.verify();
    expect(await raw.info('commandstats')).not.toContain('cmdstat_hgetall');
  });
});
