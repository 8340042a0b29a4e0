/** What our client makes of answers that no good server gives, and what it sends. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LeaseError } from '../../src/core/failure.ts';
import { httpClient } from '../../src/sources/http-client.ts';
import { type Answer, type Answering, answering, changing, listing, reading } from '../contract/lockbox-answering.ts';
import { someDeps } from './deps.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { serve } from './servers.ts';
import { lockboxOf } from './yandex-connected.ts';

vi.mock('../../src/clock.ts', async (original) => {
  const clock = await original<typeof import('../../src/clock.ts')>();
  return { ...clock, sleep: (delay: number, signal?: AbortSignal) => clock.sleep(delay / 100, signal) };
});

let at: Answering | undefined;
afterEach(async () => {
  await at?.close();
  at = undefined;
});
const answered = async (...bodies: readonly unknown[]): Promise<Answering> => {
  at = await answering(bodies.map((body): Answer => ({ status: 200, body })));
  return at;
};
const path = '/lockbox/v1/secrets/s';
const entry = { key: 'password', textValue: 'hunter2' };
const call = { signal: new AbortController().signal };

describe('a payload', () => {
  it.each([
    ['of another version', { versionId: 'v2', entries: [entry] }, 'unavailable'],
    ['of no version', { entries: [entry] }, 'unavailable'],
    ['without entries', { versionId: 'v1', entries: [] }, 'invalid'],
    ['with nothing at all', { versionId: 'v1' }, 'invalid'],
    ['with an entry that is hidden', { versionId: 'v1', entries: [{ key: 'password' }] }, 'unavailable'],
    ['with an entry that is empty', { versionId: 'v1', entries: [{ ...entry, textValue: '' }] }, 'unavailable'],
    ['with bytes that are none', { versionId: 'v1', entries: [{ key: 'a', binaryValue: 'hunter2!' }] }, 'unavailable'],
    ['with a value that is no text', { versionId: 'v1', entries: [{ key: 'a', textValue: 7 }] }, 'unavailable'],
    ['that is a list', [entry], 'unavailable'],
    ['that is a page', '<html>hunter2</html>', 'unavailable'],
  ])('%s is none', async (_, body, outcome) => {
    const error = await reading('v1')(await answered(body), path).catch((reason: unknown) => reason as LeaseError);
    expect(error).toMatchObject({ name: 'LeaseError', code: outcome, unsure: false });
    expect(String(error)).not.toContain('hunter2');
  });

  it('may have names that are dangerous elsewhere', async () => {
    const entries = [
      { key: '__proto__', textValue: 'a' },
      { key: 'constructor', textValue: 'b' },
    ];
    const payload = await (await answered({ versionId: 'v1', entries })).api(path).payload('v1', call.signal);
    expect([payload.keys(), payload.reveal('__proto__'), payload.reveal('constructor')]).toEqual([
      ['__proto__', 'constructor'],
      'a',
      'b',
    ]);
  });
});

describe('a list of versions', () => {
  const row = { id: 'v1', createdAt: '2026-08-01T10:00:00Z' };

  it('is read to its end, over pages that are short or empty', async () => {
    const one = await answered({ versions: [row], nextPageToken: 'a b' }, { nextPageToken: 'c' }, { versions: [] });
    expect(await listing(one, path)).toEqual([['v1', undefined, undefined]]);
    expect(one.heard).toHaveLength(3);
  });

  it('may name many entries in each of them', async () => {
    const payloadEntryKeys = Array.from({ length: 500 }, (_, i) => `application.module-${i}.database.password-of-user`);
    const versions = Array.from({ length: 100 }, (_, i) => ({ ...row, id: `v${i}`, payloadEntryKeys }));
    expect(await listing(await answered({ versions }), path)).toHaveLength(100);
  });

  it('that breaks off is no list', async () => {
    expect(await outcomeOf(listing(await answered({ versions: [row], nextPageToken: 'a' }, '<html>'), path))).toBe(
      'unavailable',
    );
  });

  it('that goes round in circles is given up as soon as that is seen, and says so', async () => {
    const pages = ['a', 'b', 'a', 'b', 'a'].map((nextPageToken) => ({ versions: [row], nextPageToken }));
    const one = await answered(...pages);
    await expect(listing(one, path)).rejects.toMatchObject({
      code: 'unavailable',
      message: 'listing the versions of secret s: the list does not end: page 3 names one that was read before',
    });
    expect(one.heard).toHaveLength(3);
  });

  it('that never ends is given up', async () => {
    const pages = Array.from({ length: 1_001 }, (_, i) => ({ versions: [row], nextPageToken: `page-${i}` }));
    const one = await answered(...pages);
    expect(await outcomeOf(listing(one, path))).toBe('unavailable');
    expect(one.heard).toHaveLength(1_000);
  });

  it.each([
    ['an id that is a path', { ...row, id: '../x' }],
    ['no date', { id: 'v1' }],
    ['a date that is none', { ...row, createdAt: 'yesterday' }],
  ])('with %s is not believed', async (_, strange) => {
    expect(await outcomeOf(listing(await answered({ versions: [strange] }), path))).toBe('unavailable');
  });
});

describe('an operation', () => {
  it.each([
    ['is none', {}],
    ['is at another path', { id: '../x', done: true }],
    ['is a page', '<html>'],
  ])('that %s leaves it open what has happened', async (_, body) => {
    expect(await outcomeOf(changing('addVersion')(await answered(body), path))).toBe('unavailable, unsure');
  });

  it('that fails in a way nobody knows has come to nothing', async () => {
    const body = { id: 'o', done: true, error: { message: 'hunter2' } };
    expect(await outcomeOf(changing('addVersion')(await answered(body), path))).toBe('unavailable');
  });

  it('cannot be asked about: it may come to its end all the same', async () => {
    expect(await outcomeOf(changing('addVersion')(await answered({ id: 'o' }, { code: 7 }), path))).toBe(
      'unavailable, unsure',
    );
  });

  it('that names no version leaves it open which one was added', async () => {
    const one = await answered({}, { id: 's', status: 'ACTIVE' }, { id: 'o', done: true });
    const source = lockboxOf(one.provider, { secretId: 's', generate: { by: 'leasekeeper' } });
    const asked = source.acquire({ ...call, key: crypto.randomUUID() });
    expect(await outcomeOf(asked)).toBe('unavailable, unsure');
  });
});

describe('a value that we make', () => {
  it('is the same for the same key, as far as we remember: nobody knows what a server says to another', async () => {
    const secret = { id: 's', status: 'ACTIVE' };
    const one = await answered(...Array.from({ length: 4 }, () => [{}, secret, '<html>']).flat());
    const open = () => lockboxOf(one.provider, { secretId: 's', generate: { by: 'leasekeeper' } });
    const source = open();
    const [key, other] = [crypto.randomUUID(), crypto.randomUUID()];
    for (const asked of [key, key, other]) {
      expect(await outcomeOf(source.acquire({ ...call, key: asked }))).toBe('unavailable, unsure');
    }
    await outcomeOf(open().acquire({ ...call, key }));
    const [first, second, ...others] = one.bodies;
    expect(second).toEqual(first);
    expect(new Set([first, ...others].map((body) => JSON.stringify(body))).size).toBe(3);
  });
});

describe('a token', () => {
  it.each([
    ['is rejected also by what stands before the API', { 'x-server-trace-id': '8f1c:d0:1' }, 'TokenRejected'],
    ['is not rejected by a proxy of ours', { 'x-request-id': 'abc-1' }, 'unavailable'],
    ['is not rejected by what does not name itself', {}, 'unavailable'],
  ])('%s, in words of its own', async (_, headers, outcome) => {
    at = await answering([{ status: 401, body: 'Jwt is expired', headers }]);
    expect(await outcomeOf(at.api(path).secret(call.signal))).toBe(outcome);
  });
});

describe('what was not answered well has a name that support asks for', () => {
  const details = [{ requestId: 'in-the-body' }];
  it.each([
    [
      'in its head, where nothing else names it',
      'upstream connect error',
      'abc-1',
      ' (request abc-1): the server failed',
    ],
    [
      'in its body, where that has one',
      { code: 14, details },
      'abc-1',
      ': the server failed (HTTP 503, code 14, request in-',
    ],
    ['in its head, where its body has none', { code: 14 }, 'abc-1', ' (request abc-1): the server failed'],
    ['nowhere, where that is no name', '', 'hunter2: <html>', ': the server failed (HTTP 503)'],
  ])('%s', async (_, body, id, words) => {
    at = await answering([{ status: 503, body, headers: { 'x-request-id': id } }]);
    const error = await at
      .api(path)
      .secret(call.signal)
      .catch((reason: unknown) => reason as LeaseError);
    expect(String(error)).toContain(`asking about secret s${words}`);
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('the shared client', () => {
  it('sends a form, and headers besides its own', async () => {
    const heard: unknown[] = [];
    const server = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { 'content-type': type, 'metadata-flavor': flavour } = request.headers;
      heard.push([type, flavour, Buffer.concat(chunks).toString()]);
      response.end();
    });
    const http = httpClient({ url: server.url, connections: 1 }, someDeps());
    const form = { grant_type: 'urn:a', subject_token: 'a+b/c=&' };
    const headers = { 'metadata-flavor': 'Google' };
    await http.request({ operation: 'x', method: 'POST', path: '/', form, headers, ...call });
    expect(heard).toEqual([
      ['application/x-www-form-urlencoded', 'Google', 'grant_type=urn%3Aa&subject_token=a%2Bb%2Fc%3D%26'],
    ]);
    await http.close();
    await server.close();
  });

  it.each([
    ['believes', true, 5],
    ['does not believe', false, 0],
  ])('%s the date of a refusal where that is known to be the provider itself: %s', async (_, isKnown, hours) => {
    const server = await serve((_request, response) => {
      response.sendDate = false;
      const date = new Date(Date.now() + 5 * 3_600_000).toUTCString();
      response.writeHead(401, { date, 'content-type': 'application/json' }).end('{"code":16}');
    });
    const http = httpClient({ url: server.url, connections: 1, isItself: () => isKnown }, someDeps());
    await http.request({ operation: 'x', method: 'GET', path: '/', ...call });
    expect(Math.abs(http.clock.now() - Date.now() - hours * 3_600_000)).toBeLessThan(60_000);
    await http.close();
    await server.close();
  });
});
