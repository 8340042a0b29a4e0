/** The HTTP client against servers that misbehave in every way we could think of. */
import type { RequestListener, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { hours } from '../../src/core/time.ts';
import { type HttpClientOptions, type HttpRequest, httpClient } from '../../src/sources/http-client.ts';
import { type HeardDeps, someDeps } from './deps.ts';
import { type Serving, serve } from './servers.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const value = 'a-value-that-nobody-may-see';
const never = new AbortController().signal;

async function aServer(listener: RequestListener): Promise<Serving> {
  const serving = await serve(listener);
  open.push(serving);
  return serving;
}

function aClient(url: string, options: Partial<HttpClientOptions> = {}, deps: HeardDeps = someDeps()) {
  const client = httpClient({ url, connections: 2, ...options }, deps);
  open.push(client);
  return { deps, ask: (request: Partial<HttpRequest> = {}) => client.request({ ...aRequest, ...request }), client };
}

const aRequest: HttpRequest = {
  operation: 'lease-create',
  method: 'POST',
  path: '/api/thing',
  body: { secret: value },
  bearer: value,
  signal: never,
};

/** The client of a server like this one, and the failure that a request to it ends in. */
async function failureAt(listener: RequestListener, request: Partial<HttpRequest> = {}, options = {}) {
  const server = await aServer(listener);
  const { ask, deps } = aClient(server.url, options);
  const error = await ask(request).then(
    (answer) => expect.unreachable(`answered with ${answer.status}`),
    (reason: unknown) => reason as LeaseError,
  );
  expect(error).toBeInstanceOf(LeaseError);
  expect(error.message).not.toContain(value);
  expect(deps.requests.map(({ operation, status }) => `${operation} ${status}`)).toEqual(['lease-create none']);
  return { server, error };
}

const json = (response: ServerResponse, body: string, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(body);

describe('an answer', () => {
  it('comes with its status, its JSON and when it was asked for', async () => {
    const server = await aServer((_, response) => json(response, '{"a":1}', 418));
    const { ask, deps } = aClient(server.url);
    const before = deps.clock.now();
    const answer = await ask();
    expect(answer).toMatchObject({ status: 418, json: { a: 1 } });
    expect(answer.sentAt).toBeGreaterThanOrEqual(before);
    expect(deps.requests).toMatchObject([{ operation: 'lease-create', status: '4xx' }]);
  });

  it('is asked for below the path of the address, with a body and its type only where there is one', async () => {
    const seen: unknown[] = [];
    const server = await aServer((request, response) => {
      const { 'content-type': type, 'content-length': length, authorization } = request.headers;
      seen.push([request.method, request.url, type, length, authorization]);
      json(response, '{}');
    });
    const { ask } = aClient(`${server.url}/base`);
    await ask({ method: 'GET', body: undefined });
    await ask({ method: 'DELETE', body: { a: 1 } });
    expect(seen).toEqual([
      ['GET', '/base/api/thing', undefined, undefined, `Bearer ${value}`],
      ['DELETE', '/base/api/thing', 'application/json', '7', `Bearer ${value}`],
    ]);
  });

  it.each([
    ['half a JSON', 'application/json', '{"a":'],
    ['JSON that says it is a page', 'text/html', '{"a":1}'],
    ['JSON that says nothing', '', '{"a":1}'],
    ['a page', 'text/html', '<html>Bad gateway</html>'],
  ])('has no JSON where it is %s', async (_, type, body) => {
    const server = await aServer((_request, response) => {
      if (type) response.setHeader('content-type', type);
      response.end(body);
    });
    const answer = await aClient(server.url).ask();
    expect(answer.status).toBe(200);
    expect(answer).not.toHaveProperty('json');
  });

  it('is not followed elsewhere where it is a redirect', async () => {
    const elsewhere = await aServer((_, response) => json(response, '{}'));
    const server = await aServer((_, response) => response.writeHead(307, { location: elsewhere.url }).end());
    expect(await aClient(server.url).ask()).toMatchObject({ status: 307 });
    expect(elsewhere.count()).toBe(0);
  });

  it('may be preceded by one that is none', async () => {
    const server = await aServer((_, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      json(response, '{"a":1}');
    });
    expect(await aClient(server.url).ask()).toMatchObject({ status: 200, json: { a: 1 } });
  });

  it.each([
    ['in seconds', '7', 7_000],
    ['as a date', new Date(Date.parse('2033-05-18T03:33:20Z')).toUTCString(), undefined],
    ['as something else', 'soon', null],
  ])('says when to come again %s', async (_, text, wait) => {
    const server = await aServer((_request, response) => {
      response.sendDate = false;
      response.writeHead(429, { 'retry-after': text }).end();
    });
    const { ask, client } = aClient(server.url, {}, someDeps({ clock: { now: () => 1_000_000 } }));
    const { retryAt } = await ask();
    if (wait === null) expect(retryAt).toBeUndefined();
    else expect(retryAt).toBe(wait === undefined ? 2_000_000_000_000 : client.clock.now() + wait);
  });

  it.each([-600, 0, 600])(
    'says when to come again as a date of its own, which is as long to wait where its clock is %s s off',
    async (off) => {
      const there = 1_000_000_000 + off * 1_000;
      const server = await aServer((_request, response) => {
        const headers = { date: new Date(there).toUTCString(), 'retry-after': new Date(there + 60_000).toUTCString() };
        response.writeHead(429, headers).end();
      });
      const { ask, client } = aClient(server.url, {}, someDeps({ clock: { now: () => 1_000_000_000 } }));
      const { retryAt } = await ask();
      expect(retryAt).toBe(client.clock.now() + 60_000);
    },
  );

  it('teaches the clock of the server where it is a good one, and nothing where it is an error', async () => {
    let status = 500;
    const server = await aServer((_, response) => {
      response.sendDate = false;
      response.setHeader('date', new Date(5_000_000_000).toUTCString());
      json(response, '{}', status);
    });
    const { ask, client, deps } = aClient(server.url, {}, someDeps({ clock: { now: () => 1_000_000_000 } }));
    await ask();
    expect([client.clock.now(), deps.skews]).toEqual([1_000_000_000, []]);
    status = 200;
    const answer = await ask();
    expect([client.clock.now(), deps.skews]).toEqual([5_000_000_500, [4_000_000_500]]);
    expect(answer.sentAt).toBe(5_000_000_500);
  });

  it.each([
    ['a page', 200, 'text/html', '<html>Accept our terms</html>'],
    ['half a JSON', 200, 'application/json', '{"a":'],
    ['nothing', 204, 'application/json', ''],
    ['the way to a page', 302, 'text/html', ''],
  ])('that is %s teaches nothing: who stands before the server gave it', async (_, status, type, body) => {
    const server = await aServer((_request, response) => {
      const date = new Date(hours(1)).toUTCString();
      response.writeHead(status, { 'content-type': type, date }).end(body);
    });
    const { ask, client, deps } = aClient(server.url, {}, someDeps({ clock: { now: () => hours(9) } }));
    await ask();
    expect([client.clock.now(), client.knowsTime(), deps.skews]).toEqual([hours(9), false, []]);
  });

  it.each([
    [200, true],
    [403, true],
    [429, false],
    [499, true],
    [500, false],
    [503, false],
  ])('with %s comes from the server itself: %s; that says what time it is, or never will', async (status, isItself) => {
    const server = await aServer((_, response) => json(response, '{}', status));
    const { ask, client } = aClient(server.url);
    expect(client.knowsTime()).toBe(false);
    await ask();
    expect(client.knowsTime()).toBe(isItself);
  });

  it('from before then does not say what time it is since then', async () => {
    let status = 200;
    const server = await aServer((_, response) => json(response, '{}', status));
    const { ask, client, deps } = aClient(server.url);
    await ask();
    const since = deps.clock.now() + 1;
    status = 503;
    await ask();
    expect([client.knowsTime(), client.knowsTime(since)]).toEqual([true, false]);
    status = 200;
    const hears = () => ask().then(() => client.knowsTime(since));
    await expect.poll(hears).toBe(true);
  });

  it.each([429, 503])(
    'with %s that is a refusal of the provider itself: it is known who says what time it is',
    async (status) => {
      const server = await aServer((_, response) => {
        response.setHeader('date', new Date(hours(1)).toUTCString());
        json(response, '{}', status);
      });
      const known: boolean[] = [];
      const deps = { ...someDeps(), onSkew: () => known.push(client.knowsTime()) };
      const { ask, client } = aClient(server.url, { isItself: () => true }, deps);
      await ask();
      expect(known).toEqual([true]);
    },
  );
});

describe('no answer', () => {
  it.each([
    ['POST', true],
    ['GET', false],
  ] as const)('in time is unavailable, and leaves %s unsure: %s', async (method, unsure) => {
    const signal = AbortSignal.timeout(100);
    const { error } = await failureAt(() => undefined, { method, signal, body: method === 'GET' ? undefined : {} });
    expect(error).toMatchObject({ code: 'unavailable', unsure, message: 'no answer in time' });
  });

  it('is waited for no longer than our own deadline, where the caller has none', async () => {
    const { error } = await failureAt(() => undefined, {}, { deadline: 100 });
    expect(error).toMatchObject({ code: 'unavailable', unsure: true });
  });

  it('is waited for no longer where it comes byte by byte', async () => {
    const { error } = await failureAt(
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const drip = setInterval(() => response.write(' '), 10);
        response.on('close', () => clearInterval(drip));
      },
      { signal: AbortSignal.timeout(150) },
    );
    expect(error).toMatchObject({ code: 'unavailable', unsure: true });
  });

  it.each<[string, RequestListener]>([
    ['the connection is reset', (request) => request.socket.resetAndDestroy()],
    ['the connection is closed', (request) => request.socket.end()],
    [
      'it is cut after its head',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"a":1');
        setImmediate(() => request.socket.destroy());
      },
    ],
    [
      'it is cut between two chunks',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{"a":1}');
        setImmediate(() => request.socket.destroy());
      },
    ],
    ['it is not HTTP', (request) => request.socket.end('SSH-2.0-OpenSSH_9.9\r\n')],
    ['it is longer than 1 MiB', (_, response) => json(response, `"${'x'.repeat(5 << 20)}"`)],
  ])('is unavailable and unsure where %s, and nothing is sent again', async (_, listener) => {
    const { error, server } = await failureAt(listener);
    expect(error).toMatchObject({ code: 'unavailable', unsure: true });
    expect(server.count()).toBe(1);
  });

  it('is unavailable and sure where the connection is refused', async () => {
    const server = await serve(() => undefined);
    await server.close();
    const { ask, deps } = aClient(server.url);
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable', unsure: false });
    expect(deps.requests).toMatchObject([{ status: 'none' }]);
  });

  it('is sure where the call was given up while it waited for a connection, and the server never hears of it', async () => {
    let answer: () => void = () => undefined;
    let isFirst: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      isFirst = resolve;
    });
    const server = await aServer((_, response) => {
      answer = () => json(response, '{}');
      if (server.count() > 1) answer();
      isFirst();
    });
    const { ask } = aClient(server.url, { connections: 1 });
    const first = ask();
    await arrived;
    await expect(ask({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 'unavailable',
      unsure: false,
    });
    const third = ask();
    answer();
    await expect(first).resolves.toMatchObject({ status: 200 });
    await expect(third).resolves.toMatchObject({ status: 200 });
    expect(server.count()).toBe(2);
  });

  it('is not even asked for where it was given up before', async () => {
    const server = await aServer((_, response) => json(response, '{}'));
    const { ask, deps } = aClient(server.url);
    await expect(ask({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'unavailable', unsure: false });
    expect([server.count(), deps.requests]).toEqual([0, []]);
  });
});

describe('a request', () => {
  it('is not sent after the moment until which it would land', async () => {
    const server = await aServer((_, response) => json(response, '{}'));
    const { ask, client } = aClient(server.url);
    await expect(ask({ sendBy: client.clock.now() - 1 })).rejects.toMatchObject({ code: 'unavailable', unsure: false });
    expect(server.count()).toBe(0);
    await expect(ask({ sendBy: client.clock.now() + 10_000 })).resolves.toMatchObject({ status: 200 });
  });

  it('is compared with that moment when the connection is there, not when it was asked for', async () => {
    let now = 1_000;
    const server = await aServer((_, response) => {
      now = 5_000;
      json(response, '{}');
    });
    const { ask } = aClient(server.url, { connections: 1 }, someDeps({ clock: { now: () => now } }));
    const answers = await Promise.allSettled([ask(), ask({ sendBy: Number.MAX_SAFE_INTEGER }), ask({ sendBy: 4_000 })]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(server.count()).toBe(2);
  });

  it('is not sent where our own rate is used up: it is blocked until the next may go', async () => {
    const server = await aServer((_, response) => json(response, '{}'));
    const { ask, deps } = aClient(server.url, { requestsPerMinute: 4 }, someDeps({ clock: { now: () => 1_000 } }));
    await ask();
    await expect(ask()).rejects.toMatchObject({ name: 'ProviderBlocked', because: 'RetryAfter' });
    expect([server.count(), deps.requests.length]).toEqual([1, 1]);
  });
});
