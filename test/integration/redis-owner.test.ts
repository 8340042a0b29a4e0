/** Who owns a prefix of a real Redis: one daemon at a time, and the next as soon as that is gone. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Claim, type ClaimOptions, claim, instanceId } from '../../src/state/owner.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';

let redis: RedisServer;
let admin: Redis;
let scratch: string;
beforeAll(async () => {
  redis = await aRedis();
  admin = new Redis({ path: redis.socket });
  scratch = await mkdtemp(join(tmpdir(), 'lk-owner-'));
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
  await rm(scratch, { recursive: true, force: true });
});

describe('one daemon at a time under a prefix', () => {
  let count = 0;
  const start = () => {
    const keys = `{owner${++count}}`;
    const times = { life: 600, renewEvery: 100, patience: 2_000, askEvery: 50 };
    const lost: unknown[] = [];
    const take = async (identity: string, more: Partial<ClaimOptions> = {}): Promise<Claim> => {
      const options = { redis: admin, keys, identity, pid: process.pid, times, ...more };
      const claimed = await claim({ onLost: (owner) => lost.push(owner), ...options });
      onTestFinished(() => claimed.release());
      return claimed;
    };
    return { keys, take, lost, times };
  };

  test('a second one of another identity is refused while the first lives, with its process and host', async () => {
    const { take, lost, times } = start();
    await take('one', { pid: 4711 });
    // Seen to be renewed, it is not waited for: the patience of an hour is not spent.
    const two = take('two', { times: { ...times, patience: 3_600_000 } });
    await expect(two).rejects.toThrow(/process 4711 on \S+; stop it, or give this one a prefix of its own/);
    expect(lost).toEqual([]);
  });

  test('an abandoned claim is waited for, and taken', async () => {
    const { take, times } = start();
    // One that never renews, as after a crash.
    await take('one', { times: { ...times, renewEvery: 3_600_000 } });
    await take('two');
  });

  test('who releases lets the next in at once', async () => {
    const { keys, take } = start();
    const first = await take('one');
    await first.release();
    expect(await admin.exists(`${keys}:owner`)).toBe(0);
    await take('two', { times: { patience: 0 } });
  });

  test('after a restart our own claim is ours, and the former process is told when it still lives', async () => {
    const { take } = start();
    let tell: (owner: unknown) => void = () => {};
    const told = new Promise((resolve) => {
      tell = resolve;
    });
    const former = await take('same', { onLost: tell });
    await take('same', { pid: 4712 });
    expect(await told).toMatchObject({ pid: 4712 });
    await former.release();
    await expect(take('other')).rejects.toThrow('process 4712');
  });

  test('a claim outlives its first term, and a flushed Redis', async () => {
    const { keys, take } = start();
    await take('one');
    await admin.del(`${keys}:owner`);
    while ((await admin.exists(`${keys}:owner`)) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(take('two')).rejects.toThrow('another leasekeeper');
  });

  test('what somebody else wrote there is not overwritten', async () => {
    const { keys, take } = start();
    await admin.set(`${keys}:owner`, 'something of theirs');
    await expect(take('one')).rejects.toThrow('another leasekeeper');
    expect(await admin.get(`${keys}:owner`)).toBe('something of theirs');
  });

  test('the identity is made once for each data directory, also by many at a time, and is ours to read', async () => {
    const dataDir = await mkdtemp(join(scratch, 'data-'));
    const names = await Promise.all(Array.from({ length: 10 }, () => instanceId(dataDir)));
    expect(new Set(names).size).toBe(1);
    expect(names[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(await instanceId(dataDir)).toBe(names[0]);
    expect((await stat(join(dataDir, 'instance-id'))).mode & 0o777).toBe(0o600);
    expect(await instanceId(await mkdtemp(join(scratch, 'data-')))).not.toBe(names[0]);
  });
});
