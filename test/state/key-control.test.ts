/** Whether a Redis was written with our keys; and what becomes of everything when a key is replaced by another. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { controlKeys, keepEntry } from '../../src/state/key-control.ts';
import type { KeyRing } from '../../src/state/keys.ts';
import { RedisRefused } from '../../src/state/redis-probe.ts';
import { aRecord, counted, keptIn, valuesOf, withLeases } from '../conformance/store-suite.ts';
import { aRing } from '../support/key-ring.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aStore } from './redis-subject.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await aRedis();
});
afterAll(() => redis.stop());

/** A start with those keys. */
const started = async (ring: KeyRing, prefix?: string) => {
  const subject = await aStore(redis, { ring, ...(prefix !== undefined && { prefix }) });
  const { access, keys, sealing } = subject;
  const loaded = { place: '/data/seal.key', isNew: false };
  const options = { redis: access.store, keys, sealing, loaded, server: 'at redis://r:6379' };
  const control = await controlKeys(options);
  await keepEntry(options, control);
  await subject.store.reseal(control.former);
  return { ...subject, ...control };
};

const dumpOf = async (raw: Awaited<ReturnType<typeof aStore>>['raw']) => {
  const keys = (await raw.keys('*')).sort();
  return Promise.all(keys.map(async (key) => [key, (await raw.dumpBuffer(key))?.toString('hex')]));
};

describe('a Redis that was written with another key', () => {
  test.each([
    ['as the key of the fingerprints says', async () => undefined],
    ['as a record says', async (entry: () => Promise<unknown>) => void (await entry())],
  ])('is refused before anything is written, %s', async (_, spoil) => {
    const { store, raw, prefix, keys } = await started(aRing(1));
    await store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'S3CRET'));
    await spoil(() => raw.del(`${keys}:key`));
    const before = await dumpOf(raw);
    const refusal = await started(aRing(2), prefix).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RedisRefused);
    const { message } = refusal as Error;
    for (const word of [
      'at redis://r:6379',
      keys,
      '/data/seal.key',
      aRing(1).present.id,
      aRing(2).present.id,
      'put the former key back',
      'another state.prefix',
    ]) {
      expect(message).toContain(word);
    }
    expect(await dumpOf(raw)).toEqual(before);
    expect((await started(aRing(1), prefix)).former).toEqual([]);
  });

  test('is refused before there is any record', async () => {
    const { prefix } = await started(aRing(1));
    await expect(started(aRing(2), prefix)).rejects.toThrow(aRing(1).present.id);
  });

  test('is refused as well where only one of many records was', async () => {
    const { store, prefix, another } = await started(aRing(1));
    for (let i = 0; i < 600; i++) await store.update(`db-${i}`, counted);
    const stranger = await another({ ring: aRing(2) });
    await stranger.store.remove('db-599');
    await stranger.store.update('db-599', counted);
    await expect(started(aRing(1), prefix)).rejects.toThrow(aRing(2).present.id);
    const { former, another: next } = await started(aRing(2, 1), prefix);
    expect(new Set(former).size).toBe(599);
    expect((await (await next({ ring: aRing(2) })).store.load('db-0')).record.failures).toHaveProperty('counter');
  });
});

test('a Redis that has nothing, or garbage, is taken', async () => {
  const { keys, prefix, raw, markKey } = await started(aRing(1));
  await raw.del(`${keys}:key`);
  await raw.sadd(`${keys}:key`, 'not a text');
  await raw.set(`${keys}:secrets`, 'not a set');
  expect((await started(aRing(1), prefix)).markKey).toEqual(markKey);
  await raw.set(`${keys}:key`, `${aRing(1).present.id}.garbage`);
  expect((await started(aRing(1), prefix)).markKey).toEqual(markKey);
  await raw.del(`${keys}:secrets`);
  await raw.sadd(`${keys}:secrets`, 'a', 'b', 'c');
  await raw.set(`${keys}:record:a`, 'not a hash');
  await raw.hset(`${keys}:record:b`, 'mac', 'of nobody');
  expect((await started(aRing(1), prefix)).former).toEqual([]);
});

describe('a key that takes the place of another', () => {
  const rotated = async () => {
    const first = await started(aRing(1));
    await first.store.update('orders-db', () => withLeases({ one: 0, two: 3 }), valuesOf('one', 'first'));
    await first.store.update('orders-db', (record) => record, valuesOf('two', 'second'));
    await first.store.update('report', () => aRecord);
    return { first, second: await started(aRing(2, 1), first.prefix) };
  };
  const kept = { 'one/0': { password: 'first' }, 'two/3': { password: 'second' } };

  test('loses nothing, and leaves the fingerprints as they were', async () => {
    const { first, second } = await rotated();
    expect(second.former.toSorted()).toEqual(['orders-db', 'report']);
    expect(second.markKey).toEqual(first.markKey);
    expect(second.unreadable).toEqual([]);
    expect(await keptIn(second.store)).toEqual(kept);
    expect((await second.store.load('report')).record).toEqual(aRecord);
  });

  test('can stand alone after one start: all is written anew', async () => {
    const { first, second } = await rotated();
    const third = await started(aRing(2), first.prefix);
    expect(third.markKey).toEqual(first.markKey);
    expect(third.former).toEqual([]);
    expect(await keptIn(third.store)).toEqual(kept);
    expect((await third.store.load('report')).record).toEqual(aRecord);
    expect(third.unreadable).toEqual([]);
    const all = JSON.stringify(await second.raw.hgetall(second.key()));
    expect(all).not.toContain(`${aRing(1).present.id}.`);
    await expect(started(aRing(1), first.prefix)).rejects.toThrow('put the former key back');
  });

  test('can be replaced again, and back', async () => {
    const { first } = await rotated();
    await started(aRing(3, 2), first.prefix);
    const last = await started(aRing(1, 3), first.prefix);
    expect(last.markKey).toEqual(first.markKey);
    expect(await keptIn(last.store)).toEqual(kept);
  });

  test('does not need the sealed key of the fingerprints to know them', async () => {
    const first = await started(aRing(1));
    await first.store.update('orders-db', counted);
    await first.raw.del(`${first.keys}:key`);
    expect((await started(aRing(2, 1), first.prefix)).markKey).toEqual(first.markKey);
  });

  test('leaves a record that cannot be read as it is', async () => {
    const first = await started(aRing(1));
    await first.store.update('orders-db', counted);
    await first.raw.hset(first.key(), 'record', '{}');
    const before = await first.raw.hgetall(first.key());
    const second = await started(aRing(2, 1), first.prefix);
    expect(second.unreadable).toHaveLength(1);
    expect(await first.raw.hgetall(first.key())).toEqual(before);
  });

  test('seals anew what is saved, also where it was not resealed at the start', async () => {
    const first = await aStore(redis, { ring: aRing(1) });
    await first.store.update('orders-db', () => withLeases({ one: 0 }), valuesOf('one', 'first'));
    const second = await first.another({ ring: aRing(2, 1) });
    await second.store.update('orders-db', counted);
    expect(await keptIn((await first.another({ ring: aRing(2) })).store)).toEqual({ 'one/0': { password: 'first' } });
  });
});
