/** The sandbox as a process of its own: found by the line it prints, judged and told to fail over HTTP, gone with its starter. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { say } from './asking.ts';
import type { Books } from './infisical/books.ts';
import type { SandboxSpec } from './infisical/spec.ts';

interface Ready {
  readonly url: string;
  readonly books: string;
  readonly faults: string;
  readonly pid: number;
  readonly identity: { readonly clientId: string; readonly clientSecret: string };
}

const spec: SandboxSpec = { flavour: '2026', dynamicSecrets: [{ name: 'orders' }], minimumTtl: 5_000 };
let child: ChildProcess;
let ready: Ready;
const started: ChildProcess[] = [];

async function start(): Promise<{ child: ChildProcess; ready: Ready }> {
  const main = new URL('./main.ts', import.meta.url).pathname;
  const sandbox = spawn(process.execPath, ['--import', 'tsx', main, '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(sandbox);
  sandbox.stdin?.write(`${JSON.stringify(spec)}\n`);
  const [line] = (await once(createInterface({ input: sandbox.stdout }), 'line')) as [string];
  return { child: sandbox, ready: JSON.parse(line) as Ready };
}

beforeAll(async () => {
  ({ child, ready } = await start());
});

afterAll(() => {
  for (const one of started) if (one.exitCode === null && one.signalCode === null) one.kill('SIGKILL');
});

const headers = { 'content-type': 'application/json' };
const tell = (path: string, body: unknown) =>
  say(ready.url, { method: 'POST', path, headers, body: JSON.stringify(body) });
const logIn = () => tell('/api/v1/auth/universal-auth/login', ready.identity);
const books = async () => (await say(ready.books, { method: 'GET', path: '' })).body as Books;

describe('the sandbox in a process of its own', () => {
  test('answers, fails as it is told and shows its books', async () => {
    expect(ready.pid).toBe(child.pid);
    expect((await tell('/__sandbox/faults', { kind: 'fail', status: 503, on: 'login', times: 1 })).status).toBe(200);
    expect((await logIn()).status).toBe(503);
    const { accessToken: token } = (await logIn()).body as { accessToken: string };
    expect((await tell('/__sandbox/accepts', { token })).body).toEqual({ accepted: true });
    await tell('/__sandbox/faults', { kind: 'delete-identity' });
    expect((await tell('/__sandbox/accepts', { token })).body).toEqual({ accepted: false });
    const seen = await books();
    expect(seen.requests.map(({ status }) => status)).toEqual([503, 200]);
    expect(seen.logins).toHaveLength(1);
    expect(JSON.stringify(seen)).not.toContain(ready.identity.clientSecret);
    expect(JSON.stringify(seen)).not.toContain(token);
  });

  test('refuses to be told what it does not know', async () => {
    expect((await tell('/__sandbox/faults', { kind: 'explode' })).status).toBe(400);
    expect((await tell('/__sandbox/faults', { kind: 'cut', work: true, on: 'logn' })).status).toBe(400);
    expect((await tell('/__sandbox/faults', { kind: 'target', condition: 'down', secret: 'nope' })).status).toBe(400);
  });

  test('goes down for as long as it is told and comes back', async () => {
    expect((await tell('/__sandbox/faults', { kind: 'down', for: 300 })).status).toBe(200);
    let refused = 0;
    for (let back = false; !back; ) {
      back = await logIn().then(
        () => true,
        () => false,
      );
      if (!back) refused += 1;
    }
    expect(refused).toBeGreaterThan(0);
  });

  test('ends on SIGTERM', async () => {
    const other = await start();
    const ended = once(other.child, 'exit');
    other.child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  test('ends when whoever started it is gone', async () => {
    const ended = once(child, 'exit');
    child.stdin?.end();
    expect(await ended).toEqual([0, null]);
  });
});
