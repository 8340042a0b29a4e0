/** Every way in which Lockbox and IAM can fail or be interfered with, as the client on the other side of the wire sees it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { minutes, seconds } from '../../src/core/time.ts';
import { say } from './asking.ts';
import type { LockboxSandbox } from './yandex/sandbox.ts';
import { ps256 } from './yandex/signing.ts';
import { hosts } from './yandex/spec.ts';
import { type Keeper, keeperAt, lockboxes, outcomeOf, withDb } from './yandex-asking.ts';

const { start } = lockboxes();
let sandbox: LockboxSandbox;
let at: Keeper;

beforeEach(async () => {
  sandbox = await start(withDb);
  at = keeperAt(sandbox);
});

const add = (value = 'pw-2') => at.order('addVersion', { payloadEntries: [{ key: 'password', textValue: value }] });
const get = () => at.ask('lockbox', 'GET', `/lockbox/v1/secrets/${sandbox.secret().id}`);
const versions = () => sandbox.secret().versions().length;
const logIn = () =>
  say(sandbox.endpoints.iam, {
    method: 'POST',
    path: '/iam/v1/tokens',
    body: JSON.stringify({ jwt: ps256(sandbox.account.keyFile, { now: sandbox.books().now }) }),
  });

describe('told to fail, the sandbox', () => {
  test('resets a connection before anything is done', async () => {
    sandbox.control.fault({ kind: 'refuse', on: 'version-add' });
    await expect(add()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(versions()).toBe(1);
  });

  test('cuts the connection after the work was done, or without doing it', async () => {
    sandbox.control.fault({ kind: 'cut', work: true, on: 'version-add', times: 1 });
    sandbox.control.fault({ kind: 'cut', work: false, on: 'version-add', after: 1 });
    await expect(add()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(versions()).toBe(2);
    await expect(add()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(versions()).toBe(2);
  });

  test('never answers, having done the work or not', async () => {
    for (const work of [true, false]) {
      const off = sandbox.control.fault({ kind: 'hang', work, on: 'version-add' });
      const before = versions();
      const asked = sandbox.books().counts['version-add'] ?? 0;
      const answered = add().then(
        () => 'answered',
        () => 'ended',
      );
      while (sandbox.books().counts['version-add'] === asked) await new Promise(setImmediate);
      // Another round of requests, each of which is answered.
      await get();
      await get();
      expect(versions() - before).toBe(work ? 1 : 0);
      off();
      await sandbox.control.down();
      expect(await answered).toBe('ended');
      await sandbox.control.up();
    }
  });

  test('refuses connections to one host or to all, and comes back on the same ports', async () => {
    await sandbox.control.down(undefined, 'payload');
    await expect(at.payload()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect((await get()).status).toBe(200);
    await sandbox.control.down();
    await expect(get()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await sandbox.control.up('lockbox');
    expect((await get()).status).toBe(200);
    await sandbox.control.up();
    expect(await at.readable()).toBe('200');
    for (const host of hosts)
      expect((await say(sandbox.endpoints[host], { method: 'GET', path: '/' })).status).toBe(404);
  });

  test.each([
    [503, 14],
    [500, 13],
    [504, 4],
    [501, 12],
    [499, 1],
    [400, 3],
    [401, 16],
    [403, 7],
    [404, 5],
    [418, 13],
  ])('answers with status %i and code %i, without the work', async (status, code) => {
    sandbox.control.fault({ kind: 'fail', status, on: 'version-add', times: 1 });
    await expect(add()).rejects.toThrow(`${status}/${code}`);
    expect(versions()).toBe(1);
    await add();
    expect(versions()).toBe(2);
  });

  test('answers with the code and the words it is told', async () => {
    sandbox.control.fault({ kind: 'fail', status: 409, code: 10, message: 'Somebody was faster' });
    expect((await get()).body).toMatchObject({ code: 10, message: 'Somebody was faster' });
  });

  test('limits the rate with a Retry-After, or without one', async () => {
    sandbox.control.fault({ kind: 'limit', retryAfter: 7, times: 1 });
    sandbox.control.fault({ kind: 'limit', after: 1 });
    expect(await get()).toMatchObject({ status: 429, headers: { 'retry-after': '7' }, body: { code: 8 } });
    const second = await get();
    expect(second.status).toBe(429);
    expect(second.headers).not.toHaveProperty('retry-after');
  });

  test('sends what a front says of itself, or nothing at all', async () => {
    sandbox.control.fault({ kind: 'page', status: 503, times: 1 });
    sandbox.control.fault({ kind: 'page', status: 404, empty: true, after: 1 });
    const page = await get();
    expect(page).toMatchObject({ status: 503, headers: { 'content-type': 'text/plain' } });
    expect(page.text).toMatch(/^upstream connect error/);
    expect(await get()).toMatchObject({ status: 404, text: '' });
  });

  test('lies about the end of a token and of a version, without changing it', async () => {
    sandbox.control.scheduleDestruction(minutes(10));
    sandbox.control.fault({ kind: 'lie', endsIn: -60_000 });
    const { now } = sandbox.books();
    expect(Date.parse((await at.current())?.destroyAt ?? '')).toBeLessThan(now);
    const { iamToken, expiresAt } = (await logIn()).body as { iamToken: string; expiresAt: string };
    expect(Date.parse(expiresAt)).toBeLessThan(now);
    const path = '/computeMetadata/v1/instance/service-accounts/default/token';
    const metadata = await at.ask('metadata', 'GET', path, { headers: { 'metadata-flavor': 'Google' } });
    expect([-60, -61]).toContain((metadata.body as { expires_in: number }).expires_in);
    sandbox.control.clearFaults();
    expect(Date.parse((await at.current())?.destroyAt ?? '')).toBeGreaterThan(now + minutes(9));
    expect(sandbox.control.acceptsToken(iamToken)).toBe(true);
  });

  test('shows a wrong date in its header alone, or has a wrong clock altogether', async () => {
    const off = sandbox.control.fault({ kind: 'date', by: minutes(10) });
    const askedAt = Date.now();
    expect(Date.parse(String((await get()).headers['date'])) - askedAt).toBeGreaterThan(minutes(9));
    off();
    sandbox.control.skew(-minutes(10));
    expect(Date.parse(String((await get()).headers['date'])) - askedAt).toBeLessThan(-minutes(9));
    const { expiresAt } = (await logIn()).body as { expiresAt: string };
    expect(Date.parse(expiresAt) - askedAt).toBeLessThan(minutes(711));
    await add();
    expect(sandbox.books().versions[1]?.createdAt).toBeLessThan(askedAt - minutes(9));
  });

  test('takes its time, and the books show it', async () => {
    sandbox.control.fault({ kind: 'slow', from: 60, to: 80, on: 'secret-get' });
    await get();
    const [request] = sandbox.books().requests;
    expect(request).toMatchObject({ route: 'secret-get', faults: ['slow'], status: 200 });
    expect((request?.answeredAt ?? 0) - (request?.at ?? 0)).toBeGreaterThanOrEqual(59);
  });

  test('breaks off, swells, or misnames its answer', async () => {
    sandbox.control.fault({ kind: 'half', times: 1 });
    await expect(get()).rejects.toMatchObject({ code: 'ECONNRESET' });
    sandbox.control.fault({ kind: 'huge', bytes: 3_000_000, times: 1 });
    expect((await get()).text.length).toBeGreaterThan(3_000_000);
    sandbox.control.fault({ kind: 'type', contentType: 'text/html' });
    expect((await get()).headers['content-type']).toBe('text/html');
  });

  test('knows no other faults, routes or orders', () => {
    const { fault } = sandbox.control;
    expect(() => fault({ kind: 'explode' } as never)).toThrow('explode');
    expect(() => fault({ kind: 'refuse', on: 'secrets-get' as never })).toThrow('secrets-get');
    expect(() => fault({ kind: 'meanwhile', when: 'after', order: { kind: 'explode' } as never })).toThrow('order');
    for (const act of ['setCurrent', 'destroyVersion', 'deactivate', 'revokeKeys'] as const)
      expect(() => sandbox.control[act]('nope')).toThrow('nope');
  });
});

describe('somebody else', () => {
  test('adds a version right before ours is added, and it is merged into ours', async () => {
    const order = { kind: 'add-version', entries: { extra: 'theirs', username: null } } as const;
    sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-add', times: 1 });
    await add();
    expect(versions()).toBe(3);
    expect(await at.payload()).toEqual({ password: 'pw-2', extra: 'theirs' });
  });

  test('adds one right after the current one was asked for, so that a payload without a version is another', async () => {
    const order = { kind: 'add-version', entries: { password: 'theirs' } } as const;
    sandbox.control.fault({ kind: 'meanwhile', when: 'after', order, on: 'secret-get', times: 1 });
    const seen = await at.current();
    expect(await at.payload(seen?.id)).toMatchObject({ password: 'pw-1' });
    expect(await at.payload()).toMatchObject({ password: 'theirs' });
  });

  test('sets the current version back before our answer is there', async () => {
    const [first = ''] = sandbox.secret().versions();
    const order = { kind: 'set-current', version: first } as const;
    sandbox.control.fault({ kind: 'meanwhile', when: 'after', order, on: 'version-add' });
    const { metadata } = await add();
    expect((await at.current())?.id).toBe(first);
    expect(await at.readable(metadata.versionId)).toBe('200');
  });

  test('destroys a version between two of our requests', async () => {
    sandbox.control.fault({ kind: 'meanwhile', when: 'after', order: { kind: 'destroy' }, on: 'secret-get', times: 1 });
    expect((await at.current())?.status).toBe('ACTIVE');
    expect(await at.readable()).toBe('400/9');
    expect((await at.current())?.status).toBe('DESTROYED');
  });

  test('takes our token away in the middle of it', async () => {
    const order = { kind: 'revoke-tokens' } as const;
    sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'payload-get', times: 1 });
    expect(outcomeOf(await get())).toBe('200');
    expect(await at.readable()).toBe('401/16');
  });

  test('says how values are made from now on, by the rules of the server', async () => {
    sandbox.control.specify({ passwordKey: 'password', length: 8 });
    sandbox.control.addVersion();
    expect(await at.payload()).toEqual({ password: expect.stringMatching(/^.{8}$/) });
    expect(() => sandbox.control.addVersion({ password: 'x' })).toThrow('omitted');
    sandbox.control.specify();
    sandbox.control.addVersion({ password: 'x' });
    expect(await at.payload()).toEqual({ password: 'x' });
    expect(sandbox.books().versions.map(({ by }) => by)).toEqual(['somebody', 'somebody', 'somebody']);
  });
});

test('a sandbox can be closed twice, and with requests under way', async () => {
  sandbox.control.fault({ kind: 'hang', work: false });
  sandbox.control.scheduleDestruction(seconds(1));
  const answered = expect(get()).rejects.toMatchObject({ code: 'ECONNRESET' });
  while (sandbox.books().counts['secret-get'] === undefined) await new Promise(setImmediate);
  await sandbox.close();
  await sandbox.close();
  await answered;
});
