/** The HTTP client with CAs and certificates of its own, files that change, and proxies. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseError } from '../../src/core/failure.ts';
import type { TlsFiles } from '../../src/http/dispatcher.ts';
import { httpClient } from '../../src/sources/http-client.ts';
import { type Authority, type Certificate, type Certificates, certificates } from './certificates.ts';
import { someDeps } from './deps.ts';
import { type Serving, serve, serveTls, tunnelTo } from './servers.ts';

let made: Certificates;
let ours: Authority;
let theirs: Authority;
let server: Certificate;
let client: Certificate;
beforeAll(async () => {
  made = await certificates();
  [ours, theirs] = await Promise.all([made.authority('ours'), made.authority('theirs')]);
  server = await ours.issue('server', 'IP:127.0.0.1', 'DNS:infisical.test');
  client = await ours.issue('client');
});
afterAll(() => made.remove());

let folder: string;
const open: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leasekeeper-tls-'));
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  await rm(folder, { recursive: true, force: true });
});

const ok: RequestListener = (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}');

async function aServer(options: object = {}): Promise<Serving> {
  const serving = await serveTls({ cert: server.cert, key: server.key, ...options }, ok);
  open.push(serving);
  return serving;
}

function asking(url: string, tls: TlsFiles = {}, env: Record<string, string> = {}) {
  const http = httpClient({ url, connections: 1, tls }, someDeps({ env }));
  open.push(http);
  const signal = AbortSignal.timeout(5_000);
  return () => http.request({ operation: 'login', method: 'POST', path: '/', body: {}, signal });
}

const failureOf = (answer: Promise<unknown>): Promise<LeaseError> =>
  answer.then(
    () => expect.unreachable('it was answered'),
    (reason: unknown) => reason as LeaseError,
  );

describe('a server with a certificate', () => {
  it('of an unknown CA is not talked to', async () => {
    const serving = await aServer();
    await expect(asking(serving.url)()).rejects.toMatchObject({ code: 'unavailable', unsure: false });
    expect(serving.count()).toBe(0);
  });

  it('of our own CA is', async () => {
    const serving = await aServer();
    await expect(asking(serving.url, { ca: ours.ca.certFile })()).resolves.toMatchObject({ status: 200 });
  });

  it('for another name is not, whatever the environment says about checking', async () => {
    const other = await ours.issue('other', 'DNS:elsewhere.test');
    const serving = await aServer({ cert: other.cert, key: other.key });
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const answer = asking(serving.url, { ca: ours.ca.certFile })();
      await expect(answer).rejects.toMatchObject({ code: 'unavailable', unsure: false });
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
    expect(serving.count()).toBe(0);
  });

  it('of a CA that we get to know later is talked to from then on, without a restart', async () => {
    const serving = await aServer();
    const ca = join(folder, 'ca.pem');
    await copyFile(theirs.ca.certFile, ca);
    const ask = asking(serving.url, { ca });
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable', unsure: false });
    await copyFile(ours.ca.certFile, ca);
    await expect(ask()).resolves.toMatchObject({ status: 200 });
  });
});

describe('a file of CAs', () => {
  const half = (pem: Buffer) => pem.subarray(0, pem.length / 2);
  const broken: readonly [string, () => Uint8Array][] = [
    ['of which half is written so far', () => half(ours.ca.cert)],
    ['of which the second is half written', () => Buffer.concat([ours.ca.cert, half(theirs.ca.cert)])],
    ['whose first lost its end', () => Buffer.concat([half(theirs.ca.cert), ours.ca.cert])],
    ['that is empty', () => Buffer.alloc(0)],
    ['without a certificate in PEM', () => Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nhunter2\n')],
  ];

  it.each(broken)('%s does not take the place of the last good one', async (_, content) => {
    // It lets each connection go, so that the next has to be trusted anew.
    const serving = await serveTls({ cert: server.cert, key: server.key }, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).end('{}');
    });
    open.push(serving);
    const ca = join(folder, 'ca.pem');
    await copyFile(ours.ca.certFile, ca);
    const ask = asking(serving.url, { ca });
    await expect(ask()).resolves.toMatchObject({ status: 200 });
    await writeFile(ca, content());
    await expect(ask()).resolves.toMatchObject({ status: 200 });
    await copyFile(theirs.ca.certFile, ca);
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable', unsure: false });
  });

  it.each(broken)('%s makes every request invalid where there was no good one', async (_, content) => {
    const serving = await aServer();
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, content());
    const error = await failureOf(asking(serving.url, { ca })());
    expect(error).toMatchObject({ code: 'invalid', unsure: false });
    expect(error.message).toMatch(/^the TLS files cannot be used: /);
    expect(error.message).not.toContain('hunter2');
  });
});

describe('a server that asks for ours', () => {
  const mutual = () => ({ requestCert: true, rejectUnauthorized: true, ca: ours.ca.cert });

  it('is shown it', async () => {
    const serving = await aServer(mutual());
    const ask = asking(serving.url, { ca: ours.ca.certFile, cert: client.certFile, key: client.keyFile });
    await expect(ask()).resolves.toMatchObject({ status: 200 });
  });

  it.each([
    ['and we know it', 'TLSv1.2', false],
    ['which looks to us as if it might have', 'TLSv1.3', true],
  ] as const)('rejects us without it before it reads anything, %s: %s', async (_, version, unsure) => {
    const serving = await aServer({ ...mutual(), minVersion: version, maxVersion: version });
    const answer = asking(serving.url, { ca: ours.ca.certFile })();
    await expect(answer).rejects.toMatchObject({ code: 'unavailable', unsure });
    expect(serving.count()).toBe(0);
  });

  it('goes on being shown the last good pair while only one of the two files has been replaced', async () => {
    const serving = await aServer(mutual());
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    await copyFile(client.certFile, files.cert);
    await copyFile(client.keyFile, files.key);
    const ask = asking(serving.url, { ca: ours.ca.certFile, ...files });
    await expect(ask()).resolves.toMatchObject({ status: 200 });
    const next = await ours.issue('next');
    await copyFile(next.certFile, files.cert);
    await expect(ask()).resolves.toMatchObject({ status: 200 });
    await copyFile(next.keyFile, files.key);
    await expect(ask()).resolves.toMatchObject({ status: 200 });
    await rm(files.key);
    await expect(ask()).resolves.toMatchObject({ status: 200 });
  });
});

describe('TLS files', () => {
  it.each([
    ['that is not there', undefined, /cannot be read: ENOENT$/],
    [
      'that holds something else',
      '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n',
      /cannot be used/,
    ],
  ])('with a key %s make every request invalid', async (_, content, message) => {
    const key = join(folder, 'key.pem');
    if (content !== undefined) await writeFile(key, content);
    const serving = await aServer();
    const error = await failureOf(asking(serving.url, { cert: client.certFile, key })());
    expect(error).toMatchObject({ code: 'invalid', unsure: false });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('hunter2');
  });
});

describe('a proxy', () => {
  it('is asked for a tunnel, through which the server is still checked by its name', async () => {
    const serving = await aServer();
    const proxy = await tunnelTo(serving.port);
    open.push(proxy);
    const env = { HTTPS_PROXY: `http://us:hunter2@127.0.0.1:${proxy.port}` };
    const tls = { ca: ours.ca.certFile };
    await expect(asking('https://infisical.test', tls, env)()).resolves.toMatchObject({ status: 200 });
    expect(proxy.named).toEqual([`infisical.test:443 Basic ${Buffer.from('us:hunter2').toString('base64')}`]);
    const answer = asking('https://elsewhere.test', tls, env)();
    await expect(answer).rejects.toMatchObject({ code: 'unavailable', unsure: false });
    expect(serving.count()).toBe(1);
  });

  it.each([
    ['us:100%sure', 'us:100%sure'],
    ['us%3A:p%40ss', 'us::p@ss'],
    ['a-token-alone', 'a-token-alone:'],
  ])('is shown what stands before its host: %s', async (written, meant) => {
    const serving = await aServer();
    const proxy = await tunnelTo(serving.port);
    open.push(proxy);
    const env = { HTTPS_PROXY: `http://${written}@127.0.0.1:${proxy.port}` };
    const answer = asking('https://infisical.test', { ca: ours.ca.certFile }, env)();
    await expect(answer).resolves.toMatchObject({ status: 200 });
    expect(proxy.named).toEqual([`infisical.test:443 Basic ${Buffer.from(meant).toString('base64')}`]);
  });

  it.each([403, 407, 502])('that refuses with %s is unavailable and sure, and no password is told', async (status) => {
    const proxy = await tunnelTo(1, status);
    open.push(proxy);
    const env = { HTTPS_PROXY: `http://us:hunter2@127.0.0.1:${proxy.port}` };
    const error = await failureOf(asking('https://infisical.test', {}, env)());
    expect(error).toMatchObject({ code: 'unavailable', unsure: false });
    expect(error.message).not.toContain('hunter2');
  });

  it('that left a tunnel unanswered is asked for another within seconds, on the one connection there is', async () => {
    const serving = await aServer();
    const proxy = await tunnelTo(serving.port, 200, 1);
    open.push(proxy);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    const options = { url: 'https://infisical.test', connections: 1, tls: { ca: ours.ca.certFile } };
    const http = httpClient(options, someDeps({ env }));
    open.push(http);
    const ask = (patience: number) =>
      http.request({ operation: 'login', method: 'POST', path: '/', signal: AbortSignal.timeout(patience) });
    await expect(ask(100)).rejects.toMatchObject({ message: 'no answer in time' });
    await expect(ask(30_000)).rejects.toMatchObject({
      unsure: false,
      message: expect.stringMatching(/HEADERS_TIMEOUT$/),
    });
    await expect(ask(10_000)).resolves.toMatchObject({ status: 200 });
    expect(proxy.named.length).toBe(2);
  }, 60_000);

  it('is not used for the loopback', async () => {
    const plain = await serve(ok);
    open.push(plain);
    const env = { HTTP_PROXY: 'http://127.0.0.1:1' };
    await expect(asking(plain.url, {}, env)()).resolves.toMatchObject({ status: 200 });
  });
});
