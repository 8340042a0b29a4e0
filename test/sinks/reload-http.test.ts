/** A request tells a program to reload: what counts as taken, and what is never told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import type { LeaseError } from '../../src/core/failure.ts';
import { reloadStep } from '../../src/sinks/reload.ts';
import { type Serving, serve } from '../sources/servers.ts';
import { someSinkDeps } from '../support/sink-parts.ts';

const dir = mkdtempSync(join(tmpdir(), 'lk-reload-'));
afterAll(() => rmSync(dir, { recursive: true }));
const seen: IncomingMessage[] = [];
let server: Serving;
let status: number;
beforeEach(async () => {
  status = 200;
  seen.splice(0);
  server = await serve((request, response) => {
    seen.push(request);
    if (status > 0) response.writeHead(status, { location: '/elsewhere', 'retry-after': '7' }).end('t0ken');
  });
});
afterEach(() => server.close());

const going = new AbortController().signal;
const deps = someSinkDeps({ env: { TOKEN: 't0ken' } });

const told = (step: object, signal = going): Promise<string> =>
  reloadStep
    .parse(step)
    .open(deps)
    .run(signal)
    .then(
      () => 'told',
      (error: Error & { code: string }) => {
        expect(error.message).not.toContain('t0ken');
        return `${error.code}: ${error.message}`;
      },
    );

test('it is sent to the address with its path, by POST unless it is said otherwise', async () => {
  expect(await told({ http: `${server.url}/-/reload` })).toBe('told');
  expect(await told({ http: `${server.url}/`, method: 'PUT', headers: { 'X-Reason': 'rotated' } })).toBe('told');
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/-/reload' });
  expect(seen[1]).toMatchObject({ method: 'PUT', url: '/', headers: { 'x-reason': 'rotated' } });
});

test('what is a credential is read where it is, each time', async () => {
  const file = join(dir, 'url');
  const step = reloadStep.parse({ http: { file }, headers: { Authorization: { env: 'TOKEN' } } }).open(deps);
  for (const path of ['/a?t=t0ken', '/b']) {
    writeFileSync(file, `${server.url}${path}\n`);
    await step.run(going);
  }
  expect(seen.map(({ url }) => url)).toEqual(['/a?t=t0ken', '/b']);
  expect(seen[0]?.headers.authorization).toBe('t0ken');
});

test.each([
  [204, undefined, true],
  [302, undefined, false],
  [401, undefined, false],
  [503, undefined, false],
  [409, [200, 409], true],
  [200, 409, false],
])('an answer of %j where %j is expected means that it was taken: %j', async (answer, expects, isTaken) => {
  status = answer;
  const said = await told({ http: `${server.url}/`, ...(expects !== undefined && { expect: expects }) });
  expect(said).toBe(isTaken ? 'told' : `unavailable: ${new URL(server.url).host} answered ${answer}`);
  expect(seen).toHaveLength(1);
});

test('that it is to come back later is respected, and nothing else is', async () => {
  const step = () => reloadStep.parse({ http: `${server.url}/` }).open({ ...deps, clock: { now: () => 1_000_000 } });
  const notBefore = () =>
    step()
      .run(going)
      .then(undefined, (error: LeaseError) => error.notBefore);
  for (const [answer, until] of [
    [503, 1_007_000],
    [429, 1_007_000],
    [500, undefined],
  ]) {
    status = answer ?? 0;
    expect(await notBefore()).toBe(until);
  }
});

test('whatever keeps it from being told is a reason to try again', async () => {
  expect(await told({ http: { env: 'NOT_SET' } })).toBe(
    'unavailable: NOT_SET: the environment variable NOT_SET is not set',
  );
  expect(await told({ http: { env: 'TOKEN' } })).toMatch(/^unavailable: TOKEN: the address in TOKEN/);
  status = 0;
  expect(await told({ http: `${server.url}/`, timeout: '50ms' })).toMatch(/^unavailable: .*no answer in time/);
  const abort = new AbortController();
  const asked = told({ http: `${server.url}/` }, abort.signal);
  abort.abort();
  expect(await asked).toMatch(/^unavailable/);
  await server.close();
  expect(await told({ http: `${server.url}/` })).toMatch(/^unavailable: .*ECONNREFUSED/);
});
