/** The Lockbox sandbox as a process of its own: found by the line it prints, judged and told what to do over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { say } from './asking.ts';
import type { LockboxBooks } from './yandex/books.ts';
import { ps256 } from './yandex/signing.ts';
import type { Host, LockboxSpec } from './yandex/spec.ts';
import type { KeyFile } from './yandex/world.ts';

interface Ready {
  readonly endpoints: Readonly<Record<Host, string>>;
  readonly books: string;
  readonly faults: string;
  readonly pid: number;
  readonly account: { readonly id: string; readonly keyFile: KeyFile };
  readonly secrets: readonly { readonly id: string; readonly name: string }[];
}

const spec: LockboxSpec = { secrets: [{ name: 'db', entries: { password: 'pw-1' } }], defaults: 'printed' };
let child: ChildProcess;
let ready: Ready;

beforeAll(async () => {
  const main = new URL('./yandex/main.ts', import.meta.url).pathname;
  const sandbox = spawn(process.execPath, ['--import', 'tsx', main, '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child = sandbox;
  sandbox.stdin.write(`${JSON.stringify(spec)}\n`);
  const [line] = (await once(createInterface({ input: sandbox.stdout }), 'line')) as [string];
  ready = JSON.parse(line) as Ready;
});

afterAll(() => {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
});

const tell = (order: object, path = '') =>
  say(ready.faults.replace('/faults', path === '' ? '/faults' : path), {
    method: 'POST',
    path: '',
    body: JSON.stringify(order),
  });
const books = async () => (await say(ready.books, { method: 'GET', path: '' })).body as LockboxBooks;

async function token(): Promise<string> {
  const jwt = ps256(ready.account.keyFile, { now: (await books()).now });
  const sent = { method: 'POST', path: '/iam/v1/tokens', body: JSON.stringify({ jwt }) };
  return ((await say(ready.endpoints.iam, sent)).body as { iamToken: string }).iamToken;
}

test('answers, fails as it is told, does what others would do, and shows its books', async () => {
  expect(ready.pid).toBe(child.pid);
  const authorization = `Bearer ${await token()}`;
  const path = `/lockbox/v1/secrets/${ready.secrets[0]?.id}`;
  const get = () => say(ready.endpoints.lockbox, { method: 'GET', path, headers: { authorization } });
  const told = await tell({ kind: 'fail', status: 503, on: 'secret-get', times: 1 });
  expect(told.body).toEqual({ ok: true });
  expect((await get()).status).toBe(503);
  const { made } = (await tell({ kind: 'add-version', entries: { password: 'pw-2' } })).body as { made: string };
  expect((await get()).body).toMatchObject({ description: '', currentVersion: { id: made } });
  await tell({ kind: 'schedule', in: 60_000 });
  await tell({ kind: 'skew', by: 61_000 });
  expect((await get()).body).toMatchObject({ currentVersion: { status: 'DESTROYED' } });
  expect((await tell({ values: { any: 'pw-1' } }, '/accepts')).body).toEqual({ accepted: true });
  expect((await tell({ values: { any: 'pw-2' } }, '/accepts')).body).toEqual({ accepted: false });
  expect((await tell({ values: { any: 'pw-2' } }, '/whereabouts')).body).toEqual([
    { secret: 'db', version: made, status: 'DESTROYED', isCurrent: true },
  ]);
  const seen = await books();
  expect(seen.requests.map(({ status }) => status)).toEqual([200, 503, 200, 200]);
  expect(seen.troubles).toEqual([]);
  for (const value of ['pw-1', 'pw-2', authorization.slice(7)]) expect(JSON.stringify(seen)).not.toContain(value);
});

test('takes every order, and answers with what came of it', async () => {
  const outcome = async (order: object) => {
    const { status, body } = await tell(order);
    return { status, made: (body as { made?: unknown }).made };
  };
  const base = (await books()).versions[0]?.id;
  const id = (await outcome({ kind: 'add-version', entries: { password: 'pw-3' }, base })).made;
  const orders = [
    { kind: 'set-current', version: id },
    { kind: 'schedule', in: 60_000, version: id },
    { kind: 'cancel', version: id },
    { kind: 'destroy', version: id },
    { kind: 'forget-version', version: id },
    { kind: 'deactivate', secret: 'db' },
    { kind: 'activate', secret: 'db' },
    { kind: 'specify', secret: 'db', generated: { passwordKey: 'password' } },
    { kind: 'specify', secret: 'db', generated: null },
    { kind: 'roles', roles: ['lockbox.viewer'], secret: 'db' },
    { kind: 'attach', account: null },
    { kind: 'attach', account: 'keeper' },
  ];
  for (const order of orders) expect([order, (await tell(order)).status]).toEqual([order, 200]);
  expect(await outcome({ kind: 'revoke-tokens' })).toEqual({ status: 200, made: 1 });
  expect(await outcome({ kind: 'subject-token', life: 60_000 })).toMatchObject({ made: expect.stringMatching(/^ey/) });
  expect(await outcome({ kind: 'revoke-keys' })).toMatchObject({ status: 200 });
  expect(await outcome({ kind: 'add-key' })).toMatchObject({ made: { service_account_id: ready.account.id } });
  const ended = (await books()).versions.find((version) => version.id === id);
  expect(ended).toMatchObject({ endedBy: 'destroyed', scheduled: [{ by: 'somebody' }], cancelled: [{}] });
  expect((await tell({ kind: 'delete-secret' })).status).toBe(200);
  expect((await tell({ kind: 'delete-account' })).status).toBe(200);
  expect((await tell({ kind: 'delete-account' })).status).toBe(400);
});

test('refuses to be told what it does not know', async () => {
  for (const order of [{ kind: 'explode' }, { kind: 'cut', work: true, on: 'logn' }, { kind: 'destroy', version: 'x' }])
    expect((await tell(order)).status).toBe(400);
});

test('goes down with one of its hosts, for as long as it is told', async () => {
  const ask = () => say(ready.endpoints.payload, { method: 'GET', path: '/' });
  await tell({ kind: 'down', host: 'payload' });
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect((await say(ready.endpoints.lockbox, { method: 'GET', path: '/' })).status).toBe(404);
  await tell({ kind: 'up' });
  expect((await ask()).status).toBe(404);
});

test('ends when whoever started it is gone', async () => {
  const ended = once(child, 'exit');
  child.stdin?.end();
  expect(await ended).toEqual([0, null]);
});
