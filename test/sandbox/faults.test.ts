/** Every way of failing, as the client on the other side of the wire sees it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { logIn, type Visitor, visit } from './asking.ts';
import { aSandbox } from './infisical/builder.ts';
import type { Sandbox } from './infisical/sandbox.ts';

let sandbox: Sandbox;
let visitor: Visitor;

beforeEach(async () => {
  sandbox = await aSandbox().withDynamicSecret({ name: 'orders' }).with({ connectionTimeout: 150 }).start();
  visitor = await visit(sandbox);
});

afterEach(async () => {
  const { troubles } = sandbox.books();
  await sandbox.close();
  expect(troubles).toEqual([]);
});

const leases = () => sandbox.books().leases;

describe('told to fail, the sandbox', () => {
  test('resets a connection before anything is done', async () => {
    sandbox.control.fault({ kind: 'refuse', on: 'lease-create' });
    await expect(visitor.lease('orders')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(leases()).toHaveLength(0);
  });

  test('cuts the connection after the work was done, or without doing it', async () => {
    sandbox.control.fault({ kind: 'cut', work: true, on: 'lease-create', times: 1 });
    sandbox.control.fault({ kind: 'cut', work: false, on: 'lease-create', after: 1 });
    await expect(visitor.lease('orders')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(leases()).toHaveLength(1);
    await expect(visitor.lease('orders')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(leases()).toHaveLength(1);
  });

  test('never answers, having done the work or not', async () => {
    for (const work of [true, false]) {
      const off = sandbox.control.fault({ kind: 'hang', work, on: 'login' });
      const before = sandbox.books().logins.length;
      const answered = logIn(sandbox).then(
        () => 'answered',
        () => 'ended',
      );
      // Two rounds of other requests, well over the time in which it would otherwise be answered or cut.
      await visitor.lease('orders');
      const waited = new Promise((resolve) => setTimeout(() => resolve('silent'), 250));
      expect(await Promise.race([answered, waited])).toBe('silent');
      expect(sandbox.books().logins.length - before).toBe(work ? 1 : 0);
      off();
      await sandbox.control.down();
      expect(await answered).toBe('ended');
      await sandbox.control.up();
    }
  });

  test('refuses connections while it is down and comes back on the same port', async () => {
    await sandbox.control.down();
    await expect(logIn(sandbox)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await sandbox.control.up();
    expect((await logIn(sandbox)).status).toBe(200);
  });

  test('answers with any status, in the envelope, without the work', async () => {
    sandbox.control.fault({ kind: 'fail', status: 503, on: 'lease-create', times: 1 });
    await expect(visitor.lease('orders')).rejects.toThrow('503');
    expect(leases()).toHaveLength(0);
    await visitor.lease('orders');
    expect(leases()).toHaveLength(1);
    sandbox.control.fault({ kind: 'fail', status: 403, error: 'TokenError', message: 'no', on: 'login' });
    expect((await logIn(sandbox)).body).toMatchObject({ statusCode: 403, error: 'TokenError', message: 'no' });
  });

  test('limits the rate with a Retry-After, or without one', async () => {
    sandbox.control.fault({ kind: 'limit', retryAfter: 7, times: 1 });
    sandbox.control.fault({ kind: 'limit', after: 1 });
    const first = await logIn(sandbox);
    expect(first).toMatchObject({ status: 429, headers: { 'retry-after': '7' }, body: { error: 'RateLimitExceeded' } });
    const second = await logIn(sandbox);
    expect(second.status).toBe(429);
    expect(second.headers).not.toHaveProperty('retry-after');
  });

  test('sends the page of a proxy', async () => {
    sandbox.control.fault({ kind: 'page', status: 502 });
    const answer = await logIn(sandbox);
    expect(answer).toMatchObject({ status: 502, headers: { 'content-type': 'text/html' } });
    expect(answer.text).toContain('<html>');
  });

  test('lies about the end of a lease and of a token, without changing it', async () => {
    sandbox.control.fault({ kind: 'lie', endsIn: -60_000 });
    const { id, expireAt } = await visitor.lease('orders');
    expect(Date.parse(expireAt)).toBeLessThan(sandbox.books().now);
    expect((await logIn(sandbox)).body).toMatchObject({ expiresIn: -60 });
    sandbox.control.clearFaults();
    const read = (await visitor.read(id)).body as { lease: { expireAt: string } };
    expect(Date.parse(read.lease.expireAt)).toBeGreaterThan(sandbox.books().now);
  });

  test('shows a wrong date in its header alone, or has a wrong clock altogether', async () => {
    const off = sandbox.control.fault({ kind: 'date', by: 600_000 });
    const askedAt = Date.now();
    const headerAlone = await logIn(sandbox);
    expect(Date.parse(String(headerAlone.headers['date'])) - askedAt).toBeGreaterThan(590_000);
    off();
    sandbox.control.skew(-600_000);
    const { headers, body } = await logIn(sandbox);
    expect(Date.parse(String(headers['date'])) - askedAt).toBeLessThan(-590_000);
    const [, claims = ''] = (body as { accessToken: string }).accessToken.split('.');
    const { iat } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iat: number };
    expect(iat * 1000 - askedAt).toBeLessThan(-590_000);
  });

  test('takes its time, and the books show it', async () => {
    sandbox.control.fault({ kind: 'slow', from: 60, to: 80, on: 'lease-create' });
    await visitor.lease('orders');
    const request = sandbox.books().requests.find(({ route }) => route === 'lease-create');
    expect(request?.faults).toEqual(['slow']);
    expect((request?.answeredAt ?? 0) - (request?.at ?? 0)).toBeGreaterThanOrEqual(59);
  });

  test('breaks off in the middle of the JSON', async () => {
    sandbox.control.fault({ kind: 'half' });
    await expect(logIn(sandbox)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('sends far too much, or calls it by another type', async () => {
    sandbox.control.fault({ kind: 'huge', bytes: 3_000_000, times: 1 });
    expect((await logIn(sandbox)).text.length).toBeGreaterThan(3_000_000);
    sandbox.control.fault({ kind: 'type', contentType: 'text/plain' });
    expect((await logIn(sandbox)).headers['content-type']).toBe('text/plain');
  });

  test('loses a lease together with its credential', async () => {
    const { id, data } = await visitor.lease('orders');
    await sandbox.control.forget(id);
    expect((await visitor.read(id)).status).toBe(404);
    expect(await sandbox.control.accepts(data)).toBe(false);
    expect(leases()[0]).toMatchObject({ endedBy: 'forgotten' });
  });

  test('cuts a request whose target hangs, and finishes the work unseen when the target comes back', async () => {
    sandbox.control.target('hanging', 'orders');
    await expect(visitor.lease('orders')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(leases()).toHaveLength(0);
    sandbox.control.target('up', 'orders');
    await visitor.lease('orders');
    expect(leases()).toHaveLength(2);
  });

  test('stops failing when a fault has struck often enough or is switched off', async () => {
    sandbox.control.fault({ kind: 'fail', status: 500, times: 2 });
    const off = sandbox.control.fault({ kind: 'fail', status: 503, after: 3 });
    const statuses = async (n: number) => {
      const seen: number[] = [];
      for (let i = 0; i < n; i += 1) seen.push((await logIn(sandbox)).status);
      return seen;
    };
    expect(await statuses(4)).toEqual([500, 500, 200, 503]);
    off();
    expect(await statuses(1)).toEqual([200]);
  });
});
