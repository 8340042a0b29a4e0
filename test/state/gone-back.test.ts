/** Redis goes back in time: what this process has seen is answered, and written back. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RedisStore } from '../../src/state/redis-store.ts';
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

test.each([
  ['a record that was changed', { record: '{}' }, []],
  ['a removal that nobody signed', { removed: 'S3CRET', revision: '99' }, ['record', 'mac']],
] as const)('%s is alarmed and not believed', async (_, changes, gone) => {
  const { store, raw, key, latest, unreadable, another } = await saved();
  await raw.hset(key(), changes);
  if (gone.length > 0) await raw.hdel(key(), ...gone);
  expect((await store.load('orders-db')).record).toEqual(latest.record);
  expect(unreadable).toHaveLength(1);
  expect((await (await another()).store.load('orders-db')).record).toEqual(latest.record);
});

test('what others made of an older record, up to the revision that we know, is taken as it is', async () => {
  const { store, raw, key, snapshot, another, latest } = await saved();
  await raw.del(key());
  await raw.hset(key(), snapshot);
  const { store: other } = await another();
  await other.update('orders-db', () => withLeases({ three: 0 }));
  const theirs = await other.update('orders-db', (record) => record);
  expect(theirs.revision).toBe(latest.revision);
  expect(await store.load('orders-db')).toEqual(theirs);
  expect((await store.update('orders-db', counted)).record.leases).toEqual(theirs.record.leases);
});

test('a removal by another process is no loss', async () => {
  const { store, another } = await saved();
  await (await another()).store.remove('orders-db');
  expect((await store.load('orders-db')).record.leases).toEqual([]);
  expect((await store.update('orders-db', counted)).record.leases).toEqual([]);
});

test('what another process begins anew after a removal is newer than what we know', async () => {
  const { store, rolledBack, another } = await saved();
  await (await another()).store.remove('orders-db');
  await (await another()).store.update('orders-db', () => withLeases({ three: 0 }));
  expect((await store.load('orders-db')).record).toEqual(withLeases({ three: 0 }));
  expect(rolledBack).toEqual([]);
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

test('a loss is seen, however often others are saved before somebody asks for it', async () => {
  const { store, raw, key, keys, rolledBack } = await aStore(redis);
  await store.update('orders-db', counted);
  await store.update('mail', counted);
  const backup = { record: await raw.dumpBuffer(key()), saves: await raw.dumpBuffer(`${keys}:saves`) };
  const latest = await store.update('orders-db', counted);
  await raw.restore(key(), 0, backup.record, 'REPLACE');
  await raw.restore(`${keys}:saves`, 0, backup.saves, 'REPLACE');
  for (let i = 0; i < 3; i++) await store.update('mail', counted);
  await store.verify();
  expect(rolledBack).toEqual(['orders-db']);
  expect(await raw.hget(key(), 'record')).toBe(JSON.stringify(latest.record));
  await store.verify();
  expect(rolledBack).toEqual(['orders-db']);
});

test('an answer that comes late is not taken for a loss', async () => {
  const { access, keys, sealing, store: other } = await aStore(redis);
  const rolledBack: string[] = [];
  const answers: (() => void)[] = [];
  const slow = async (key: string) => {
    const answer = await access.store.hgetall(key);
    await new Promise<void>((resolve) => answers.push(resolve));
    return answer;
  };
  // The way to Redis as it is, but for loads that take their time.
  const late = new Proxy(access.store, { get: (real, name) => (name === 'hgetall' ? slow : Reflect.get(real, name)) });
  const onRolledBack = (secret: string) => void rolledBack.push(secret);
  const store = new RedisStore({ redis: late, keys, sealing, onRolledBack });
  /** Each as soon as it is there, until all is over: how many loads it takes is nobody's business. */
  const answered = async <T>(asked: Promise<T>) => {
    let isOver = false;
    const over = asked.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      for (const answer of answers.splice(0)) answer();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return over;
  };
  const never = store.load('orders-db');
  while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await other.update('orders-db', counted);
  const second = store.load('orders-db');
  await answered(Promise.all([store.update('orders-db', counted), never, second]));
  const stale = store.load('orders-db');
  while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const latest = await store.update('orders-db', counted);
  expect(await answered(stale)).toEqual(latest);
  expect(latest.record.failures['counter']?.count).toBe(3);
  expect(rolledBack).toEqual([]);
});

describe('a backup of what was before a loss', () => {
  /** Saved often, lost while nobody ran, and begun anew by another process. */
  const begunAnew = async () => {
    const { raw, key, keys, store, another } = await aStore(redis);
    const begun = Date.now();
    for (let i = 0; i < 20; i++) await store.update('orders-db', counted);
    // As `revisionAfter` relies on it: less than a save for each millisecond. A fast machine is done sooner.
    while (Date.now() <= begun + 20) await new Promise((resolve) => setImmediate(resolve));
    const backup = { record: await raw.dumpBuffer(key()), saves: await raw.dumpBuffer(`${keys}:saves`) };
    await raw.flushall();
    const next = await another();
    return { ...next, raw, key, keys, backup };
  };
  type BegunAnew = Awaited<ReturnType<typeof begunAnew>>;
  const restore = async ({ raw, key, keys, backup }: BegunAnew) => {
    await raw.flushall();
    await raw.restore(key(), 0, backup.record, 'REPLACE');
    await raw.restore(`${keys}:saves`, 0, backup.saves, 'REPLACE');
  };

  test('is older than what was begun anew since, however often was saved then', async () => {
    const subject = await begunAnew();
    const { store } = subject;
    await store.update('orders-db', () => withLeases({ new: 0 }));
    await restore(subject);
    expect((await store.load('orders-db')).record).toEqual(withLeases({ new: 0 }));
  });

  test('is seen as soon as Redis is asked, also by who only ever read', async () => {
    const subject = await begunAnew();
    const { another, raw, key } = subject;
    await subject.store.update('orders-db', () => withLeases({ new: 0 }));
    const { store } = await another();
    await store.load('orders-db');
    await store.verify();
    await restore(subject);
    await store.verify();
    expect((await (await another()).store.load('orders-db')).record).toEqual(withLeases({ new: 0 }));
    expect(await raw.hget(key(), 'revision')).toMatch(/^\d{13}$/);
  });
});

describe('what nobody asks for', () => {
  const many = async () => {
    const subject = await aStore(redis);
    for (let i = 0; i < 10; i++) await subject.store.update('db-0', counted);
    for (let i = 0; i < 120; i++) await subject.store.update(`db-${i}`, () => aRecord);
    return subject;
  };
  const reads = async (raw: Awaited<ReturnType<typeof many>>['raw'], work: () => Promise<unknown>) => {
    await raw.config('RESETSTAT');
    await work();
    return Number(/cmdstat_hgetall:calls=(\d+)/.exec(await raw.info('commandstats'))?.[1] ?? 0);
  };

  test('is written back as soon as Redis is asked whether it has gone back in time', async () => {
    const { store, raw, rolledBack, another } = await many();
    await raw.flushall();
    await store.verify();
    expect(new Set(rolledBack).size).toBe(120);
    expect(rolledBack).toHaveLength(120);
    const second = await another();
    for (let i = 0; i < 120; i++) expect((await second.store.load(`db-${i}`)).record).toEqual(aRecord);
    expect(await reads(raw, () => store.verify())).toBe(0);
  });

  test('is written back as soon as one is seen to be lost, and nobody waits for it', async () => {
    const { store, raw, key } = await many();
    await raw.flushall();
    await store.load('db-7');
    await vi.waitFor(async () => expect(await raw.exists(key('db-119'))).toBe(1), 30_000);
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

  test('is looked at again where one record was lost that Redis could not take, and no more once it is back', async () => {
    const full = await aRedis();
    try {
      const { store, raw, key, another } = await aStore(full);
      await store.update('orders-db', () => aRecord);
      const lose = async () => {
        await raw.del(key());
        await raw.config('SET', 'maxmemory', '1');
        await store.load('orders-db');
        await raw.config('SET', 'maxmemory', '0');
      };
      await lose();
      await store.verify();
      expect((await (await another()).store.load('orders-db')).record).toEqual(aRecord);
      const there = await raw.hgetall(key());
      await lose();
      await raw.hset(key(), there);
      await store.load('orders-db');
      expect(await reads(raw, () => store.verify())).toBe(0);
    } finally {
      await full.stop();
    }
  });

  test('is not read where nothing was lost', async () => {
    const { store, raw } = await many();
    expect(await reads(raw, () => store.verify())).toBe(0);
  });

  test('is asked for once, however often it is asked whether it was lost', async () => {
    const { store, raw } = await many();
    await raw.flushall();
    expect(await reads(raw, () => Promise.all([store.verify(), store.verify()]))).toBe(120);
  });
});
