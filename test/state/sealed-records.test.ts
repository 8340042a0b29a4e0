/** What lies in Redis: sealed and signed, and good for nothing in another place. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptyRecord } from '../../src/core/record.ts';
import { aRecord, counted, keptIn, valuesOf, withLeases } from '../conformance/store-suite.ts';
import { aRing } from '../support/key-ring.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aStore } from './redis-subject.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await aRedis();
});
afterAll(() => redis.stop());

const password = 'a-password-that-nobody-may-read';

describe('values in Redis', () => {
  const saved = async () => {
    const subject = await aStore(redis);
    await subject.store.update('orders-db', () => withLeases({ one: 0, two: 5 }), valuesOf('one', password));
    await subject.store.update('orders-db', (record) => record, valuesOf('two', 'another'));
    return subject;
  };

  test('cannot be read, nor told to be the same', async () => {
    const { store, raw, key } = await saved();
    const first = await raw.hget(key(), 'values:one');
    const all = JSON.stringify(await raw.hgetall(key()));
    for (const dress of [password, Buffer.from(password).toString('base64'), Buffer.from(password).toString('hex')]) {
      expect(all).not.toContain(dress.slice(4, 24));
    }
    await store.update('orders-db', (record) => record, valuesOf('one', password));
    expect(await raw.hget(key(), 'values:one')).not.toBe(first);
  });

  test('are not those of another lease, or of another generation of the same', async () => {
    const { raw, key, another } = await saved();
    const one = (await raw.hget(key(), 'values:one')) ?? '';
    await raw.hset(key(), 'values:two', one);
    const second = await another();
    expect(await keptIn(second.store)).toEqual({ 'one/0': { password } });
    expect(second.unreadable).toEqual(['orders-db: the values of the lease two cannot be unsealed']);
    const third = await another();
    await third.store.update('orders-db', () => withLeases({ one: 1 }));
    await raw.hset(key(), 'values:one', one);
    expect(await keptIn((await another()).store)).toEqual({});
  });

  test('are not those of another secret, though its lease is called the same', async () => {
    const { store, raw, key, another } = await saved();
    await store.update('other', () => withLeases({ one: 0 }), valuesOf('one', 'of-other'));
    await raw.hset(key('other'), 'values:one', (await raw.hget(key(), 'values:one')) ?? '');
    expect(await keptIn((await another()).store, 'other')).toEqual({});
  });

  test('are not those of another prefix, nor is the record', async () => {
    const { raw, key } = await saved();
    const other = await aStore(redis);
    await raw.copy(key(), other.key());
    expect(await keptIn(other.store)).toEqual({});
    expect(other.unreadable).toEqual(['orders-db: its signature does not fit']);
    await other.store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'mine'));
    await raw.hset(other.key(), 'values:one', (await raw.hget(key(), 'values:one')) ?? '');
    expect(await keptIn((await other.another()).store)).toEqual({});
  });

  test.each([
    ['one bit is another', (text: string) => `${text.slice(0, 40)}${text[40] === 'A' ? 'B' : 'A'}${text.slice(41)}`],
    ['it is cut short', (text: string) => text.slice(0, 30)],
    ['it is nothing', () => ''],
    ['it says to be of another key', (text: string) => `${'0'.repeat(16)}${text.slice(16)}`],
  ])('are not there where %s', async (_, damage) => {
    const { raw, key, another } = await saved();
    await raw.hset(key(), 'values:one', damage((await raw.hget(key(), 'values:one')) ?? ''));
    const { store, unreadable } = await another();
    expect(await keptIn(store)).toEqual({ 'two/5': { password: 'another' } });
    expect(unreadable).toHaveLength(1);
    const stays = await keptIn((await another()).store);
    await store.update('orders-db', counted);
    expect(await keptIn((await another()).store)).toEqual(stays);
  });

  test('of a key that nobody has go with the next save', async () => {
    const { raw, key, another } = await saved();
    await raw.hset(key(), 'values:one', `${'0'.repeat(16)}.abc`);
    await (await another()).store.update('orders-db', counted);
    expect(await raw.hkeys(key())).not.toContain('values:one');
  });

  test('are gone with their lease, with what else lies there, and with the record', async () => {
    const { store, raw, key, keys } = await saved();
    await raw.hset(key(), 'values:stray', 'x', 'stray', 'y');
    await store.load('orders-db');
    await store.update('orders-db', () => withLeases({ two: 5 }));
    expect((await raw.hkeys(key())).sort()).toEqual(['mac', 'record', 'revision', 'values:two']);
    await store.remove('orders-db');
    expect((await raw.hkeys(key())).sort()).toEqual(['removed', 'revision']);
    expect(await raw.pttl(key())).toBeGreaterThan(0);
    expect(await raw.smembers(`${keys}:secrets`)).toEqual([]);
    await store.update('orders-db', counted);
    expect(await raw.pttl(key())).toBe(-1);
  });
});

describe('a record in Redis', () => {
  test.each([
    ['is no JSON', { record: '{"leases":' }],
    ['was changed', { record: JSON.stringify({ ...aRecord, rejectedCredential: 'S3CRET' }) }],
    ['is not signed', { mac: '' }],
    ['is signed by a stranger', { mac: `${'0'.repeat(16)}.S3CRET` }],
    ['has the signature of something else', { mac: `${aRing().present.id}.S3CRET` }],
    ['is said to be of another revision', { revision: '7' }],
    ['has a revision that is no number', { revision: 'S3CRET' }],
  ])('that %s is reported without a quotation, and counts as lost', async (_, changes) => {
    const { store, raw, key, another } = await aStore(redis);
    await store.update('orders-db', () => aRecord);
    await raw.hset(key(), changes);
    const second = await another();
    expect(await second.store.load('orders-db')).toEqual({ record: emptyRecord, revision: 0 });
    expect(second.unreadable).toHaveLength(1);
    expect(second.unreadable.join()).not.toContain('S3CRET');
    expect((await second.store.update('orders-db', counted)).record.leases).toEqual([]);
    expect((await (await another()).store.load('orders-db')).record.failures['counter']?.count).toBe(1);
  });

  test('that was signed and does not have the shape of one counts as lost', async () => {
    const { sealing, raw, key, store, unreadable } = await aStore(redis);
    for (const text of ['["S3CRET"]', '{"leases":[],"sinks":{}}', JSON.stringify({ ...aRecord, acquires: 'S3CRET' })]) {
      await raw.hset(key(), { revision: '3', record: text, mac: sealing.sign('orders-db', 3, text) });
      expect((await store.load('orders-db')).record).toEqual(emptyRecord);
    }
    expect(unreadable).toHaveLength(3);
    expect(unreadable.join()).not.toContain('S3CRET');
  });

  test('of an earlier revision cannot be passed off as a later one', async () => {
    const { store, raw, key, another } = await aStore(redis);
    await store.update('orders-db', () => aRecord);
    const old = await raw.hgetall(key());
    await store.update('orders-db', counted);
    await raw.hset(key(), { ...old, revision: '2' });
    const second = await another();
    expect((await second.store.load('orders-db')).record).toEqual(emptyRecord);
    expect(second.unreadable).toEqual(['orders-db: its signature does not fit']);
  });

  test('of another secret is not accepted for this one', async () => {
    const { store, raw, key, another } = await aStore(redis);
    await store.update('orders-db', () => aRecord);
    await raw.copy(key(), key('other'));
    expect((await (await another()).store.load('other')).record).toEqual(emptyRecord);
  });

  test('keeps what a later version of the program wrote into it', async () => {
    const { store, raw, key, another } = await aStore(redis);
    await store.update('orders-db', () => ({ ...aRecord, invented: { later: 1 } }));
    await (await another()).store.update('orders-db', counted);
    expect(JSON.parse((await raw.hget(key(), 'record')) ?? '')).toMatchObject({ invented: { later: 1 } });
  });

  test('takes the place of whatever else lies there', async () => {
    const { store, raw, key, keys } = await aStore(redis);
    await raw.set(key(), 'not a hash');
    await raw.set(`${keys}:secrets`, 'not a set');
    await raw.set(`${keys}:saves`, 'not a number');
    expect(await store.list()).toEqual([]);
    expect(await store.load('orders-db')).toEqual({ record: emptyRecord, revision: 0 });
    expect((await store.update('orders-db', counted)).revision).toBeGreaterThan(0);
    expect(await store.list()).toEqual(['orders-db']);
    await raw.hset(key('empty'), 'nothing', 'of ours');
    expect((await store.update('empty', counted)).revision).toBeGreaterThan(0);
    expect(await raw.hkeys(key('empty'))).not.toContain('nothing');
  });
});

describe('a Redis without memory', () => {
  test('refuses the whole save, and what was there stays', async () => {
    const full = await aRedis();
    const { store, raw, key, another } = await aStore(full);
    try {
      await store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'first'));
      const before = await raw.hgetall(key());
      await raw.config('SET', 'maxmemory', '1');
      const save = () => store.update('orders-db', () => withLeases({ two: 0 }), valuesOf('two', 'second'));
      await expect(save()).rejects.toThrow('OOM');
      await expect(store.update('new', counted)).rejects.toThrow('OOM');
      expect(await raw.hgetall(key())).toEqual(before);
      expect(await raw.exists(key('new'))).toBe(0);
      expect(await keptIn(store)).toEqual({ 'one/0': { password: 'first' } });
      await raw.config('SET', 'maxmemory', '0');
      await save();
      expect(await keptIn((await another()).store)).toEqual({ 'two/0': { password: 'second' } });
    } finally {
      await full.stop();
    }
  });
});
