import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { understand } from '../../src/config/load.ts';
import { LeaseError } from '../../src/core/failure.ts';
import { seconds } from '../../src/core/time.ts';
import type { SinkDeps } from '../../src/sinks/define.ts';
import { type WebhookOptions, webhook, webhookSink } from '../../src/sinks/webhook/webhook.ts';
import { aReceiver, type Call, type Receiver, signingKey } from '../conformance/fixtures/sink-webhook.ts';
import { type Authority, type Certificate, certificates } from '../sources/certificates.ts';
import { readmeFile } from '../support/readme.ts';
import { aDelivery, someSinkDeps } from '../support/sink-parts.ts';

const canary = 'CANARY-0c1d2e3f4a';
const going = (): AbortSignal => new AbortController().signal;
const failureOf = async (promise: Promise<unknown> | undefined): Promise<LeaseError> => {
  const error = await promise?.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LeaseError)) throw new Error(`no failure: ${String(error)}`);
  return error;
};

let directory: string;
let receiver: Receiver;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lk-webhook-'));
  writeFileSync(join(directory, 'key'), `${signingKey}\n`);
  receiver = await aReceiver();
});
afterEach(async () => {
  await receiver.end();
  rmSync(directory, { recursive: true });
});

const aWebhook = (change: Partial<WebhookOptions> = {}, deps: Partial<SinkDeps> = {}) =>
  webhookSink(
    {
      url: receiver.url,
      signingKey: { file: join(directory, 'key') },
      headers: {},
      timeout: 500,
      includeValues: false,
      keys: 'all',
      ...change,
    },
    someSinkDeps(deps),
  );
const write = (sink = aWebhook(), delivery = aDelivery({ PASSWORD: canary, USER: 'me' }, { sequence: 7 })) =>
  sink.write(delivery, going());

describe('what a webhook is told', () => {
  test('is who has a new value, and the names of its keys', async () => {
    await write(aWebhook(), aDelivery({ B: canary, A: 'me' }, { secret: 'db', generation: 2, sequence: 7 }));
    const [call] = receiver.calls;
    expect(call?.method).toBe('POST');
    expect(call?.url).toBe('/hooks/CANARY-in-the-path');
    expect(call?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(call?.body ?? '')).toEqual({
      id: call?.headers['idempotency-key'],
      event: 'changed',
      secret: 'db',
      generation: 2,
      sequence: 7,
      keys: ['A', 'B'],
    });
    expect(inspect(call)).not.toContain(canary);
  });

  test('are the values where that is asked for, those that were chosen and under their new names', async () => {
    await write(aWebhook({ includeValues: true, keys: { DB: 'PASSWORD' } }));
    expect(receiver.latest()).toMatchObject({ keys: ['DB'], values: { DB: canary } });
  });

  test('is the same for each try of one delivery, and another for another', async () => {
    const sink = aWebhook();
    receiver.answer((response, take) => {
      take();
      response.destroy();
    });
    expect((await failureOf(write(sink))).unsure).toBe(true);
    receiver.answer();
    await write(sink);
    // After a restart too.
    await write(aWebhook());
    const [first, ...others] = receiver.calls.map(({ body }) => body);
    expect(others).toEqual([first, first]);
    await write(sink, aDelivery({ PASSWORD: canary, USER: 'me' }, { sequence: 8 }));
    await write(sink, aDelivery({ PASSWORD: canary, USER: 'me' }, { sequence: 7, secret: 'other' }));
    await write(aWebhook({ keys: { DB: 'PASSWORD' } }));
    expect(new Set(receiver.calls.map(({ headers }) => headers['idempotency-key'])).size).toBe(4);
  });

  test('goes to where the file says now, with the key, the headers and the password that are there now', async () => {
    const other = await aReceiver();
    const [url, bearer] = [join(directory, 'url'), join(directory, 'bearer')];
    const sink = aWebhook({ url: { file: url }, headers: { 'X-Plain': 'a', Authorization: { file: bearer } } });
    writeFileSync(url, `${receiver.url}?token=abc`);
    writeFileSync(bearer, 'Bearer one\n');
    await write(sink);
    writeFileSync(url, other.url);
    writeFileSync(bearer, 'Bearer two');
    await write(sink, aDelivery({ A: '1' }, { sequence: 8 }));
    expect(receiver.calls[0]?.url).toBe('/hooks/CANARY-in-the-path?token=abc');
    expect(receiver.calls[0]?.headers).toMatchObject({ 'x-plain': 'a', authorization: 'Bearer one' });
    expect(other.calls[0]?.headers).toMatchObject({ authorization: 'Bearer two' });
    await other.end();
  });

  test.each([
    ['me:p%40ss', 'me:p@ss'],
    ['me:100%sure', 'me:100%sure'],
    ['me', 'me:'],
  ])('is shown what stands before its host: %s', async (written, meant) => {
    const env = { ADDRESS: receiver.url.replace('://', `://${written}@`) };
    await write(aWebhook({ url: { env: 'ADDRESS' } }, { env }));
    expect(receiver.calls[0]?.headers.authorization).toBe(`Basic ${Buffer.from(meant).toString('base64')}`);
  });
});

describe('an answer of a webhook', () => {
  const answered = async (status: number, headers: Record<string, string> = {}, deps: Partial<SinkDeps> = {}) => {
    receiver.answer((response) => response.writeHead(status, headers).end(`you sent ${canary}`));
    return failureOf(write(aWebhook({ includeValues: true }, deps)));
  };

  test.each([200, 201, 202, 204, 299])('%i is success, whatever else it says', async (status) => {
    receiver.answer((response) => response.writeHead(status).end(status === 204 ? undefined : '{"error":'));
    await expect(write()).resolves.toContain('.');
  });

  test.each([
    [301, 'invalid', false, 'a redirect, and those are not followed; point url to where it is taken'],
    [308, 'invalid', false, 'a redirect'],
    [400, 'invalid', false, 'it does not take what we send'],
    [401, 'denied', false, 'look at signingKey, headers and tls'],
    [403, 'denied', false, 'look at signingKey'],
    [404, 'unavailable', false, 'answered 404'],
    [413, 'invalid', false, 'it does not take what we send'],
    [429, 'unavailable', false, 'answered 429'],
    [500, 'unavailable', true, 'answered 500'],
    [502, 'unavailable', true, 'answered 502'],
    [503, 'unavailable', false, 'answered 503'],
  ] as const)(
    '%i means %s, and whether it may have been taken all the same: %s',
    async (status, code, unsure, words) => {
      const error = await answered(status, { location: `${receiver.url}/${canary}` });
      expect(error).toMatchObject({ code, unsure, notBefore: undefined });
      expect(error.message).toContain(words);
      expect(inspect(error)).not.toMatch(new RegExp(`${canary}|${signingKey}|in-the-path`));
      // It was not followed.
      expect(receiver.calls).toHaveLength(1);
    },
  );

  test('that asks for silence is respected, on our own clock', async () => {
    const deps = { clock: { now: () => 1_000_000 }, wallClock: { now: () => Date.UTC(2026, 0, 1) } };
    const at = async (status: number, headers: Record<string, string>) =>
      (await answered(status, headers, deps)).notBefore;
    expect(await at(503, { 'retry-after': '30' })).toBe(1_000_000 + seconds(30));
    expect(await at(429, { 'retry-after': '30' })).toBe(1_000_000 + seconds(30));
    // By the clock of who says so, which may be wrong.
    const date = 'Tue, 02 Jan 2029 00:00:00 GMT';
    expect(await at(429, { date, 'retry-after': 'Tue, 02 Jan 2029 00:01:00 GMT' })).toBe(1_000_000 + seconds(60));
    expect(await at(503, { 'retry-after': 'soon' })).toBeUndefined();
    expect(await at(503, { 'retry-after': '-5' })).toBeUndefined();
    expect(await at(500, { 'retry-after': '30' })).toBeUndefined();
  });
});

describe('a webhook that cannot be called', () => {
  test('is told of by its host alone, and nothing was sent', async () => {
    await receiver.away();
    const error = await failureOf(write());
    expect(error).toMatchObject({ code: 'unavailable', unsure: false });
    expect(error.message).toBe(`${new URL(receiver.url).host}: no answer: no connection, ECONNREFUSED`);
  });

  test.each([
    ['its key is not there', { signingKey: { file: '/none' } }, 'denied', 'the credential file /none'],
    ['its key is not set', { signingKey: { env: 'NONE' } }, 'denied', 'NONE is not set'],
    ['its address is not there', { url: { file: '/none' } }, 'denied', 'the credential file /none'],
    ['its address is plain', { url: { env: 'PLAIN' } }, 'invalid', 'the address in PLAIN: plain http://'],
    ['its address is none', { url: { env: 'WORD' } }, 'invalid', 'the address in WORD: not an address'],
    ['a header is no header', { headers: { a: { env: 'LINES' } } }, 'invalid', 'the header a is no text of one line'],
    ['its certificate is not there', { tls: { ca: '/none' } }, 'invalid', 'the TLS file /none'],
  ] as const)('is told of before anything is taken for it: %s', async (_, change, code, words) => {
    const env = { PLAIN: 'http://hooks.test/CANARY', WORD: 'CANARY-word', LINES: 'CANARY\nb: c' };
    const sink = aWebhook(change, { env });
    for (const told of [await failureOf(sink.check?.(going())), await failureOf(write(sink))]) {
      expect(told.code).toBe(code);
      expect(told.message).toContain(words);
      expect(inspect(told)).not.toContain('CANARY');
    }
    expect(receiver.calls).toEqual([]);
  });

  test('is told of where the variable for the proxy is none', async () => {
    const sink = aWebhook({ url: 'https://hooks.test/x' }, { env: { HTTPS_PROXY: 'ftp://CANARY' } });
    const error = await failureOf(sink.check?.(going()));
    expect(error.message).toContain('HTTPS_PROXY');
    expect(inspect(error)).not.toContain('CANARY');
  });
});

describe('over TLS', () => {
  let authority: Authority;
  let stranger: Authority;
  let own: Certificate;
  let theirs: Certificate;
  const made = certificates();
  beforeAll(async () => {
    authority = await (await made).authority('webhooks');
    stranger = await (await made).authority('stranger');
    own = await authority.issue('leasekeeper');
    theirs = await authority.issue('receiver', 'IP:127.0.0.1');
  });
  afterAll(async () => (await made).remove());

  test('a webhook shows its certificate, and tells nothing to whom it does not trust', async () => {
    const calls: string[] = [];
    const options = { cert: theirs.cert, key: theirs.key, ca: authority.ca.cert, requestCert: true };
    const server = createServer({ ...options, rejectUnauthorized: true }, (request, response) => {
      calls.push(String(request.url));
      request.resume().on('end', () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
    const files = { ca: authority.ca.certFile, cert: own.certFile, key: own.keyFile };
    await aWebhook({ url, tls: files }).check?.(going());
    expect(calls).toEqual([]);
    await write(aWebhook({ url, tls: files }));
    expect(calls).toEqual(['/x']);
    const distrusting = aWebhook({ url, tls: { ...files, ca: stranger.ca.certFile } });
    await failureOf(distrusting.check?.(going()));
    expect((await failureOf(write(distrusting))).unsure).toBe(false);
    await failureOf(write(aWebhook({ url, tls: { ca: files.ca } })));
    expect(calls).toEqual(['/x']);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('in the configuration', () => {
  const parsed = (options: object) => webhook.schema.parse({ type: 'webhook', signingKey: { env: 'K' }, ...options });

  test('its name has nothing of the path, and many secrets may be told to one place', () => {
    expect(parsed({ url: 'https://hooks.test:8443/T0KEN' })).toMatchObject({
      name: 'webhook:hooks.test:8443',
      isShared: true,
    });
    expect(parsed({ url: { file: '/run/secrets/url' } }).name).toBe('webhook:/run/secrets/url');
    expect(parsed({ url: { env: 'HOOK_URL' } }).name).toBe('webhook:HOOK_URL');
    expect(parsed({ url: 'http://127.0.0.1/x', name: 'mine' }).name).toBe('mine');
  });

  test('headers may be named as remarks are elsewhere', async () => {
    const text = `version: 1
providers: { m: { type: infisical, url: "https://i.test", auth: { method: universal, clientId: a, clientSecret: { env: K } } } }
secrets:
  db:
    source: { type: infisical/dynamic-secret, provider: m, project: p, environment: e, name: n }
    sinks: [{ type: webhook, url: "${receiver.url}", signingKey: { env: K }, headers: { x-team: shop }, x-remark: 1 }]
`;
    const env = { K: signingKey };
    const result = understand(text, { file: 'x.yaml', env });
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    await result.configuration.secrets[0]?.sinks[0]?.open(someSinkDeps({ env })).write(aDelivery(), going());
    expect(receiver.calls[0]?.headers['x-team']).toBe('shop');
  });
});

describe('the README', () => {
  const readme = readFileSync(readmeFile, 'utf8');

  test('shows a verifier that takes what we send, and nothing else', async () => {
    const [, code = ''] = /```js\n(import [\s\S]*?)```/.exec(readme) ?? [];
    const file = join(directory, 'verify.mjs');
    writeFileSync(file, code);
    const { verify } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    await write(aWebhook({ includeValues: true }), aDelivery({ A: 'ключ 🔑' }, { sequence: 9 }));
    const { headers, body } = receiver.calls[0] as Call;
    const bytes = Buffer.from(body);
    expect(verify(headers, bytes, signingKey)).toMatchObject({ sequence: 9, values: { A: 'ключ 🔑' } });
    expect(() => verify(headers, Buffer.from(`${body} `), signingKey)).toThrow('a wrong signature');
    expect(() => verify(headers, bytes, `${signingKey}x`)).toThrow('a wrong signature');
    expect(() => verify(headers, bytes, signingKey, Date.now() + seconds(301))).toThrow('an old one');
    expect(() => verify(headers, bytes, signingKey, Date.now() - seconds(302))).toThrow('an old one');
    const now = Math.floor(Date.now() / 1000);
    const later = {
      'leasekeeper-signature': String(headers['leasekeeper-signature']).replace(/t=\d+/, `t=${now + 1}`),
    };
    expect(() => verify(later, bytes, signingKey)).toThrow('a wrong signature');
    expect(() => verify({}, bytes, signingKey)).toThrow('no signature');
    expect(code.split('\n').length).toBeLessThan(16);
  });

  test('shows sinks that can be configured so', () => {
    const [, block = ''] = /```yaml\n(sinks:\n {2}- type: webhook[\s\S]*?)```/.exec(readme) ?? [];
    mkdirSync(join(directory, 'run'));
    for (const name of ['hook', 'bearer', 'redis']) writeFileSync(join(directory, 'run', name), 'x'.repeat(16));
    const sinks = block.replaceAll('/run/secrets', join(directory, 'run')).replace(/^/gm, '    ');
    const text = `version: 1
providers: { m: { type: infisical, url: "https://i.test", auth: { method: universal, clientId: a, clientSecret: { env: K } } } }
secrets:
  db:
    source: { type: infisical/dynamic-secret, provider: m, project: p, environment: e, name: n }
${sinks}`;
    const result = understand(text, { file: 'README.md', env: { K: 'k' } });
    expect(result).toMatchObject({ ok: true });
    const names = result.ok ? result.configuration.secrets[0]?.sinks.map(({ name }) => name) : [];
    expect(names).toEqual(['webhook:reports.internal', 'exec:/usr/local/bin/load', 'redis:redis.internal:6379/app:db']);
  });
});

test('a process that has written to a webhook can end', () => {
  const script = `
    import { webhookSink } from ${JSON.stringify(join(import.meta.dirname, '../../src/sinks/webhook/webhook.ts'))};
    import { aDelivery, someSinkDeps } from ${JSON.stringify(join(import.meta.dirname, '../support/sink-parts.ts'))};
    import { createServer } from 'node:http';
    const server = createServer((request, response) => request.resume().on('end', () => response.end()));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = 'http://127.0.0.1:' + server.address().port;
    const options = { url, signingKey: { env: 'K' }, headers: {}, timeout: 5000, includeValues: false, keys: 'all' };
    await webhookSink(options, someSinkDeps({ env: { K: '0123456789abcdef' } })).write(aDelivery(), new AbortController().signal);
    server.unref();
    console.log('written');
  `;
  const file = join(directory, 'once.mts');
  writeFileSync(file, script);
  expect(execFileSync(process.execPath, ['--import', 'tsx', file], { encoding: 'utf8', timeout: 60_000 })).toBe(
    'written\n',
  );
});
