/** A lease of type `redis` is a real user in a real Redis: what the sandbox calls dead stops working. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { type Visitor, visit } from './asking.ts';
import { aSandbox } from './infisical/builder.ts';
import type { Sandbox } from './infisical/sandbox.ts';

let redis: RedisServer;
let sandbox: Sandbox;
let visitor: Visitor;
const clients: Redis[] = [];

beforeEach(async () => {
  redis = await aRedis();
  const builder = aSandbox().withRedis({ socket: redis.socket, keys: 'orders:*' }).with({ minimumTtl: 100 });
  sandbox = await builder.withDynamicSecret({ name: 'orders', type: 'redis', defaultTTL: '1h' }).start();
  visitor = await visit(sandbox);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  const { troubles } = sandbox.books();
  await sandbox.close();
  await redis.stop();
  expect(troubles).toEqual([]);
});

/** A consumer that logs in once, as the program beside leasekeeper does. */
function consumer(data: Record<string, unknown>): Redis {
  const login = { username: String(data['DB_USERNAME']), password: String(data['DB_PASSWORD']) };
  const client = new Redis({ path: redis.socket, ...login, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

describe('a redis lease', () => {
  test('lets its holder work on the keys it is for, and neither on others nor on the server', async () => {
    const client = consumer((await visitor.lease('orders')).data);
    await client.set('orders:1', 'paid');
    expect(await client.get('orders:1')).toBe('paid');
    await expect(client.set('invoices:1', 'x')).rejects.toThrow(/NOPERM/);
    await expect(client.call('ACL', 'LIST')).rejects.toThrow(/NOPERM/);
  });

  test('that is revoked throws out who is logged in and lets nobody in again', async () => {
    const lease = await visitor.lease('orders');
    const client = consumer(lease.data);
    await client.ping();
    const thrownOut = once(client, 'end');
    expect((await visitor.revoke(lease.id)).status).toBe(200);
    await thrownOut;
    expect(await sandbox.control.accepts(lease.data)).toBe(false);
    expect((await visitor.read(lease.id)).status).toBe(404);
  });

  test('that comes to its end is gone from the server and from Redis', async () => {
    const lease = await visitor.lease('orders', '300ms');
    const client = consumer(lease.data);
    await client.ping();
    await once(client, 'end');
    expect(await sandbox.control.accepts(lease.data)).toBe(false);
    expect((await visitor.read(lease.id)).status).toBe(404);
    const [book] = sandbox.books().leases;
    expect(book).toMatchObject({ endedBy: 'expired', expireAt: Date.parse(lease.expireAt) });
    expect(book?.endedAt).toBeGreaterThanOrEqual(Date.parse(lease.expireAt));
  });

  test('that was renewed works on past its first end, as far as its second', async () => {
    const lease = await visitor.lease('orders', '1h');
    await visitor.renew(lease.id, '1h');
    sandbox.control.skew(3_700_000);
    expect(await sandbox.control.accepts(lease.data)).toBe(true);
    expect((await visitor.read(lease.id)).status).toBe(200);
    sandbox.control.skew(3_600_000);
    while (await sandbox.control.accepts(lease.data)) await new Promise(setImmediate);
    expect((await visitor.read(lease.id)).status).toBe(404);
  });

  test('cannot be had, renewed or ended while Redis itself is dead, and the revocation says so with a 200', async () => {
    const lease = await visitor.lease('orders');
    await redis.kill();
    await expect(visitor.lease('orders')).rejects.toThrow('500');
    expect((await visitor.renew(lease.id)).status).toBe(500);
    const answer = await visitor.revoke(lease.id);
    expect(answer).toMatchObject({ status: 200, body: { lease: { status: 'Failed to delete' } } });
    expect((await visitor.read(lease.id)).status).toBe(200);
    expect(sandbox.books().leases[0]).not.toHaveProperty('endedAt');
  });

  test('that is revoked by force is off the books, although its credential lives on', async () => {
    const lease = await visitor.lease('orders');
    sandbox.control.target('down');
    expect((await visitor.revoke(lease.id, { isForced: true })).status).toBe(200);
    expect(await sandbox.control.accepts(lease.data)).toBe(true);
    const [book] = sandbox.books().leases;
    expect(book).toMatchObject({ endedBy: 'forced' });
    expect(book).not.toHaveProperty('credentialEndedAt');
  });
});
