/** New values are proven by real commands, servers and sockets: what is a no, what is none, and what nobody is told. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { verification } from '../../src/sinks/verify.ts';
import { aDirectory } from '../conformance/fixtures/sink-process.ts';
import { type Serving, serve } from '../sources/servers.ts';
import { someSinkDeps } from '../support/sink-parts.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));
let count = 0;
let file: string;
beforeEach(() => {
  file = join(top, String(++count));
});
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const going = new AbortController().signal;
const password = 'v-a-l-u-e';
const values = { USER: 'orders', PASSWORD: password };
const deps = someSinkDeps({ env: { PATH: process.env['PATH'], VAULT: 'not-yours', NAMED: 'named' } });

/** What is said of these values, as the configuration has it asked. */
async function verdict(yaml: object, material = new Material(values), signal = going): Promise<string> {
  const { open } = verification.parse(yaml);
  return open(deps)(material, signal).then(
    () => 'yes',
    (error: unknown) => {
      expect(error).toBeInstanceOf(LeaseError);
      expect(inspect(error, { depth: 9 })).not.toContain(password);
      return `${(error as LeaseError).code}: ${(error as LeaseError).message}`;
    },
  );
}

describe('a command', () => {
  const sh = (script: string, change = {}) => ({ exec: ['sh', '-c', script], ...change });

  test('gets the values as JSON on its standard input, and says by its exit code whether they work', async () => {
    expect(await verdict(sh(`cat > ${file}`))).toBe('yes');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(values);
    expect(await verdict(sh('exit 2'))).toBe('invalid: sh: exit code 2 (0 lines of output, which are not kept)');
  });

  test('gets the keys that it is to have, under the names that it is to have them', async () => {
    expect(await verdict(sh(`cat > ${file}`, { keys: { pw: 'PASSWORD' } }))).toBe('yes');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ pw: password });
  });

  test('gets them in the variables that are named, and nothing else of ours', async () => {
    const change = { values: 'env', keys: { PGPASSWORD: 'PASSWORD' }, env: ['NAMED'] };
    expect(await verdict(sh(`env > ${file}; cat >> ${file}`, change))).toBe('yes');
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines).toContain(`PGPASSWORD=${password}`);
    expect(lines).toContain('NAMED=named');
    expect(lines.join()).not.toMatch(/orders|not-yours/);
  });

  test('never has them among its arguments', async () => {
    expect(await verdict(sh(`tr '\\0' ' ' < /proc/$$/cmdline > ${file}`))).toBe('yes');
    expect(readFileSync(file, 'utf8')).not.toContain(password);
  });

  test('that prints them has them told to nobody', async () => {
    expect(await verdict(sh('cat; cat >&2; exit 1'))).toMatch(/^invalid: sh: exit code 1/);
  });

  test.each([
    [sh('exit 75'), 'exit code 75', 'it says so itself'],
    [sh('/nothing/of/that/name'), 'exit code 127', 'its shell finds no such program'],
    [sh('/dev/null'), 'exit code 126', 'its shell may not run it'],
    [sh("sh -c 'kill -9 $$'; exit $?"), 'exit code 137', 'what it ran was killed'],
    [sh('kill -9 $$'), 'ended by SIGKILL', 'somebody killed it'],
    [sh('sleep 60', { timeout: '1s' }), 'took longer than 1 s', 'it took too long'],
    [{ exec: ['/nowhere/to/be/found'] }, 'cannot be started: ENOENT', 'there is none'],
    [sh('true', { keys: { a: 'NONE' } }), '"NONE" is missing', 'it asks for what is not there'],
  ])('that could not say has not said no (%#)', async (yaml, words) => {
    const said = await verdict(yaml);
    expect(said).toMatch(/^unavailable: /);
    expect(said).toContain(words);
  });

  test('whose values no variable can hold could not be asked', async () => {
    const yaml = { exec: ['true'], values: 'env', keys: { A: 'PASSWORD' } };
    expect(await verdict(yaml, new Material({ PASSWORD: `${password}\0` }))).toMatch(/^unavailable: true: cannot be/);
  });

  test('is not begun once we are stopping', async () => {
    expect(await verdict(sh(`touch ${file}`), new Material(values), AbortSignal.abort())).toMatch(/^unavailable/);
    expect(() => readFileSync(file)).toThrow();
  });
});

describe('a server', () => {
  const seen: IncomingMessage[] = [];
  beforeEach(() => void seen.splice(0));

  async function aServer(answer: RequestListener | number): Promise<Serving> {
    const serving = await serve((request, response) => {
      seen.push(request);
      if (typeof answer === 'number') response.writeHead(answer, { location: '/elsewhere' }).end(`no ${password}`);
      else answer(request, response);
    });
    open.push(serving);
    return serving;
  }
  const basic = { basic: { username: 'USER', password: 'PASSWORD' } };

  test('is shown user and password, and says by its status whether it takes them', async () => {
    const { url } = await aServer(204);
    expect(await verdict({ http: `${url}/health?full=1`, ...basic })).toBe('yes');
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/health?full=1' });
    const [, pair = ''] = seen[0]?.headers.authorization?.split('Basic ') ?? [];
    expect(Buffer.from(pair, 'base64').toString()).toBe(`orders:${password}`);
  });

  test('is shown a token, or any header', async () => {
    const { url } = await aServer(200);
    expect(await verdict({ http: url, method: 'POST', bearer: 'PASSWORD' })).toBe('yes');
    expect(await verdict({ http: `${url}/`, headers: { 'X-Api-Key': 'PASSWORD', 'X-User': 'USER' } })).toBe('yes');
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/', headers: { authorization: `Bearer ${password}` } });
    expect(seen[1]?.headers).toMatchObject({ 'x-api-key': password, 'x-user': 'orders' });
  });

  test.each([
    [200, undefined, 'yes'],
    [299, undefined, 'yes'],
    [401, undefined, 'invalid'],
    [403, undefined, 'invalid'],
    [404, undefined, 'invalid'],
    [302, undefined, 'invalid'],
    [404, 404, 'yes'],
    [200, 404, 'invalid'],
    [403, [200, '400-403'], 'yes'],
    [404, [200, '400-403'], 'invalid'],
    [503, '5xx', 'yes'],
    [200, '3xx', 'invalid'],
    [400, '3xx', 'invalid'],
    [407, undefined, 'unavailable'],
    [408, undefined, 'unavailable'],
    [421, undefined, 'unavailable'],
    [425, undefined, 'unavailable'],
    [429, undefined, 'unavailable'],
    [500, undefined, 'unavailable'],
    [503, undefined, 'unavailable'],
    [599, undefined, 'unavailable'],
  ])(
    'that answers %j where %j is expected says %s, and its words are told to nobody',
    async (status, expects, said) => {
      const { url } = await aServer(status);
      const answer = await verdict({ http: url, ...basic, ...(expects !== undefined && { expect: expects }) });
      expect(answer).toBe(said === 'yes' ? said : `${said}: ${new URL(url).host} answered ${status}`);
    },
  );

  test.each([
    [429, 'Tue, 02 Jan 2029 00:00:07 GMT', 1_007_000],
    [503, '7', 1_007_000],
    [503, 'soon', undefined],
    [500, '7', undefined],
    [401, '7', undefined],
  ] as const)('that answers %i, and to come back at %j, is asked again not before %j', async (status, wish, until) => {
    const date = 'Tue, 02 Jan 2029 00:00:00 GMT';
    const { url } = await aServer((_, response) => response.writeHead(status, { date, 'retry-after': wish }).end());
    const verify = verification.parse({ http: url, ...basic }).open({ ...deps, clock: { now: () => 1_000_000 } });
    await expect(verify(new Material(values), going)).rejects.toMatchObject({ notBefore: until });
  });

  test('is not followed to where it points', async () => {
    const { url } = await aServer(307);
    expect(await verdict({ http: url, ...basic })).toMatch(/^invalid/);
    expect(seen).toHaveLength(1);
  });

  test('that is not there, cuts, or does not answer has not said no', async () => {
    const gone = await aServer(200);
    await gone.close();
    expect(await verdict({ http: gone.url, ...basic })).toMatch(/^unavailable: .*ECONNREFUSED/);
    const cutting = await aServer((request) => request.socket.destroy());
    expect(await verdict({ http: cutting.url, method: 'POST', ...basic })).toMatch(/^unavailable/);
    const silent = await aServer(() => undefined);
    expect(await verdict({ http: silent.url, ...basic, timeout: '1s' })).toMatch(/^unavailable: .*in time/);
    const abort = new AbortController();
    const asked = verdict({ http: silent.url, ...basic }, new Material(values), abort.signal);
    abort.abort();
    expect(await asked).toMatch(/^unavailable/);
  });

  test('that we cannot ask because of our own files has not said no', async () => {
    writeFileSync(file, 'no certificate');
    const ours = { http: 'https://127.0.0.1:1', ...basic, tls: { cert: file, key: file } };
    expect(await verdict(ours)).toMatch(/^unavailable: 127.0.0.1:1: the TLS files cannot be used/);
  });

  test.each([
    [{ bearer: 'TWO_LINES' }, 'no text of one line'],
    [{ headers: { 'X-Key': 'TWO_LINES' } }, 'no text of one line'],
    [{ basic: { username: 'COLON', password: 'PASSWORD' } }, 'has a colon'],
    [{ bearer: 'NONE' }, '"NONE" is missing'],
  ])('is not asked with what cannot be shown (%#)', async (how, words) => {
    const { url } = await aServer(200);
    const material = new Material({ ...values, TWO_LINES: `${password}\r\nX: y`, COLON: `a:${password}` });
    const said = await verdict({ http: url, ...how }, material);
    expect(said).toMatch(/^unavailable: /);
    expect(said).toContain(words);
    expect(seen).toEqual([]);
  });
});

describe('a place', () => {
  async function aPlace(): Promise<number> {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    return (server.address() as { port: number }).port;
  }

  test('that is written, or that the values tell, is reached or not, and never says no', async () => {
    const port = await aPlace();
    expect(await verdict({ tcp: `127.0.0.1:${port}` })).toBe('yes');
    const told = new Material({ HOST: '127.0.0.1', PORT: String(port), BAD: '5432x', HIGH: '65536' });
    expect(await verdict({ tcp: { host: 'HOST', port: 'PORT' } }, told)).toBe('yes');
    await open.splice(0)[0]?.close();
    expect(await verdict({ tcp: `127.0.0.1:${port}` })).toBe(
      `unavailable: 127.0.0.1:${port} cannot be reached: ECONNREFUSED`,
    );
    expect(await verdict({ tcp: { host: 'HOST', port: 'PORT' } }, told)).toBe(
      'unavailable: the place that HOST and PORT name cannot be reached: ECONNREFUSED',
    );
    for (const port of ['BAD', 'HIGH']) {
      const said = await verdict({ tcp: { host: 'HOST', port } }, told);
      expect(said).toBe(`unavailable: the value of the key "${port}" is no port`);
    }
    expect(await verdict({ tcp: { host: 'NONE', port: 'PORT' } }, told)).toMatch(/"NONE" is missing/);
  });

  test('is not waited for longer than we go on', async () => {
    const port = await aPlace();
    expect(await verdict({ tcp: `127.0.0.1:${port}` }, undefined, AbortSignal.abort())).toMatch(/^unavailable/);
  });

  test('may be an IPv6 address', () => {
    expect(verification.safeParse({ tcp: '[::1]:5432' }).success).toBe(true);
  });
});

const ways = 'exec: [command, argument], or http: https://host/path, or tcp: "host:port"';
test.each([
  [{}, `: how are they proven? by one way of asking: ${ways}`],
  [{ exec: ['a'], tcp: 'a:1' }, `: write only one way of asking: ${ways}`],
  [{ exec: 'pg_isready' }, 'exec: a command and its arguments, as a list: no shell reads it'],
  [{ exec: ['a'], bearer: 'KEY' }, 'bearer: bearer belongs to http: remove it'],
  [{ tcp: 'a:1', values: 'env' }, 'values: values belongs to exec: remove it'],
  [{ exec: ['a'], timeout: '31s' }, 'timeout: between 1s and 30s'],
  [{ exec: ['a'], timeout: '999ms' }, 'timeout: between 1s and 30s'],
  [{ exec: ['a'], onError: 'reject' }, 'onError: what if nobody can be asked? deliver, or wait'],
  [
    { exec: ['a'], values: 'env' },
    'keys: which variables? name each: keys: { PGUSER: DB_USERNAME }; or hand them over by stdin',
  ],
  [
    { exec: ['a'], values: 'env', keys: { PATH: 'K' } },
    'keys.PATH: the command has a variable of that name already: choose another',
  ],
  [
    { exec: ['a'], values: 'env', keys: { '1A': 'K' } },
    'keys.1A: a variable has letters, digits and _ and starts with no digit: give it such a name by keys:',
  ],
  [
    { http: 'http://db.internal/', bearer: 'K' },
    'http: plain http:// would show the values to the network: use https://',
  ],
  [
    { http: 'db.internal', bearer: 'K' },
    'http: not an address: write it with its scheme, such as https://orders.internal/health',
  ],
  [{ http: 'ftp://db', bearer: 'K' }, 'http: an address starts with https://: such as https://orders.internal/health'],
  [{ http: 'https://db/#x', bearer: 'K' }, 'http: what begins with # is never sent: remove it'],
  [
    { http: 'https://u:p@db/', bearer: 'K' },
    'http: a credential does not belong in an address: name the keys of the values by basic:, bearer: or headers:',
  ],
  [
    { http: 'https://db/' },
    'http: nothing of the values would be shown there: name their keys by basic:, bearer: or headers:',
  ],
  [{ http: 'https://db/', headers: { 'X Y': 'K' } }, 'headers.X Y: not the name of a header: letters, digits and "-"'],
  [{ http: 'https://db/', headers: { Host: 'K' } }, 'headers.Host: a header that we set ourselves: remove it'],
  [
    { http: 'https://db/', bearer: 'K', basic: { username: 'U', password: 'P' } },
    'bearer: one authorization is enough: keep basic or bearer',
  ],
  [
    { http: 'https://db/', bearer: 'K', headers: { Authorization: 'A' } },
    'headers: one authorization is enough: keep basic, bearer or the header',
  ],
  [
    { http: 'https://db/', bearer: 'K', expect: 'ok' },
    'expect: not a status: write 200, 2xx or "200-204", or a list of them',
  ],
  [{ tcp: 'db' }, 'tcp: not a place: write "host:port", or the keys that hold them: { host: DB_HOST, port: DB_PORT }'],
  [
    { tcp: 'db:0' },
    'tcp: not a place: write "host:port", or the keys that hold them: { host: DB_HOST, port: DB_PORT }',
  ],
])('%j is a mistake', (yaml, problem) => {
  const told = verification.safeParse(yaml).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  expect(told).toEqual([problem]);
});

test('the editor is told that one way is to be chosen', () => {
  expect(z.toJSONSchema(verification, { io: 'input', unrepresentable: 'any' })).toMatchObject({
    additionalProperties: false,
    oneOf: [{ required: ['exec'] }, { required: ['http'] }, { required: ['tcp'] }],
  });
});

test('it has a name that tells neither arguments nor paths, and delivers in the end unless it is to wait', () => {
  expect(verification.parse({ exec: ['/bin/check', 'argument'] })).toMatchObject({
    name: 'exec /bin/check',
    trusts: true,
  });
  const told = verification.parse({ http: 'https://db:8443/t0ken', bearer: 'K', onError: 'wait' });
  expect(told).toMatchObject({ name: 'http db:8443', trusts: false });
});
