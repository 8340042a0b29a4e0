/** Leases on dynamic secrets: what no recording shows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { lengthOf } from '../../src/sources/infisical/answers.ts';
import { aToken } from './deps.ts';
import {
  anEnvelope,
  outcomeOf,
  type Scripted,
  type ScriptedInfisical,
  scriptedInfisical,
} from './infisical-scripted.ts';

const signal = new AbortController().signal;
const sendBy = Number.POSITIVE_INFINITY;
const now = Date.parse('2026-05-01T10:00:00.000Z');
const hour = 3_600_000;

let server: ScriptedInfisical;
beforeEach(async () => {
  server = await scriptedInfisical({ clock: { now: () => now } });
  server.deps.give(aToken('a-token'));
});
afterEach(() => server.close());

const iso = (at: number): string => new Date(at).toISOString();
const aRow = { id: 'lease-1', createdAt: iso(now), expireAt: iso(now + hour), status: null as string | null };
const aSecret = { type: 'sql-database', defaultTTL: '1h', maxTTL: '24h' as string | null };
const created = (data: object, secret: object = {}, row: object = {}): Scripted => ({
  body: { lease: { ...aRow, ...row }, dynamicSecret: { ...aSecret, ...secret }, data },
});
const seen = (row: object = {}, secret: object = {}): Scripted => ({
  body: { lease: { ...aRow, ...row, dynamicSecret: { ...aSecret, ...secret } } },
});
const extended = (row: object = {}): Scripted => ({ body: { lease: { ...aRow, ...row } } });
const acquire = (options?: object) => server.leases({ ...options }).acquire({ signal, key: 'k' });
const aLease: Lease = {
  id: 'lease-1',
  issuedAt: now,
  expiresAt: now + hour,
  maxExpiresAt: now + 24 * hour,
  renewal: { from: 'expiry', by: hour, atLeast: 60_000, canShorten: true },
};

describe('a lease', () => {
  it('on what is not there says where it was looked for', async () => {
    server.answer({ status: 404, body: anEnvelope('NotFound') });
    await expect(acquire({ secretPath: '/app' })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('orders-db: not found in project shop, environment prod, path /app (HTTP 404'),
    });
  });

  it('is asked for with what the configuration says, in the words of the server', async () => {
    server.answer(created({ TOKEN: 't' }));
    await acquire({ ttl: '1h30m', config: { namespace: 'orders' }, secretPath: '/app/db/' });
    expect(server.heard).toEqual([
      {
        route: 'POST /api/v1/dynamic-secrets/leases',
        body: {
          projectSlug: 'shop',
          environmentSlug: 'prod',
          path: '/app/db',
          dynamicSecretName: 'orders-db',
          ttl: '5400s',
          config: { namespace: 'orders' },
        },
      },
    ]);
  });

  it('is renewed by the term that was configured, else by the default of the dynamic secret', async () => {
    server.answer(created({ A: 'a' }), created({ A: 'a' }), created({ A: 'a' }, { defaultTTL: null }));
    expect((await acquire({ ttl: '2h' })).lease.renewal?.by).toBe(2 * hour);
    expect((await acquire()).lease).toEqual(aLease);
    expect((await acquire()).lease.renewal?.by).toBe(hour);
  });

  it('has no wall where the dynamic secret has none', async () => {
    server.answer(created({ A: 'a' }, { maxTTL: null }));
    expect((await acquire()).lease).not.toHaveProperty('maxExpiresAt');
  });

  it('has values that are texts as they are, and others as JSON', async () => {
    const odd = JSON.parse('{"__proto__":"p","constructor":"c"}');
    server.answer(created({ USERNAME: 'u', DN_ARRAY: ['a', 'b'], TIME: 7, MORE: { a: 1 }, NONE: null, ...odd }));
    const { material } = await acquire();
    const values = material.keys().map((key) => [key, material.reveal(key)]);
    expect(values).toEqual([
      ['USERNAME', 'u'],
      ['DN_ARRAY', '["a","b"]'],
      ['TIME', '7'],
      ['MORE', '{"a":1}'],
      ['NONE', 'null'],
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  it.each([
    ['kubernetes', { TOKEN: 't' }, now + hour],
    ['gcp-iam', { TOKEN: 't', SERVICE_ACCOUNT_EMAIL: 'e' }, now + hour],
    ['aws-iam', { ACCESS_KEY: 'a', SECRET_ACCESS_KEY: 's', SESSION_TOKEN: 't' }, now + hour],
    ['github', { TOKEN: 't', EXPIRES_AT: iso(now + hour / 2) }, now + hour / 2],
    ['totp', { TOTP: '123456', TIME_REMAINING: 17 }, now + 17_000],
  ])('of the type %s is not renewed: its values end by themselves', async (type, data, end) => {
    server.answer(created(data, { type }), seen({ expireAt: iso(now + 2 * hour) }, { type }));
    const { lease } = await acquire();
    expect(lease).not.toHaveProperty('renewal');
    expect(lease.expiresAt).toBe(end);
    const observed = await server.leases().observe?.(lease, { signal });
    expect(observed).toEqual({ is: 'held', lease });
  });

  it('of a user of AWS is renewed', async () => {
    server.answer(created({ ACCESS_KEY: 'a', SECRET_ACCESS_KEY: 's', USERNAME: 'u' }, { type: 'aws-iam' }));
    expect((await acquire()).lease.renewal).toEqual(aLease.renewal);
  });

  it.each<[string, Scripted, string]>([
    ['no values', created({}), 'invalid, unsure'],
    ['an id that would be a path', created({ A: 'a' }, {}, { id: '../../secrets' }), 'unavailable, unsure'],
    ['a date that is none', created({ A: 'a' }, {}, { expireAt: 'tomorrow' }), 'unavailable, unsure'],
    ['no data', { body: { lease: aRow, dynamicSecret: aSecret } }, 'unavailable, unsure'],
  ])('with %s is not taken, but may be there', async (_, answer, outcome) => {
    server.answer(answer);
    expect(await outcomeOf(acquire())).toBe(outcome);
  });

  it('says where an answer is not as expected, and not what is there', async () => {
    server.answer(created({ A: 'a' }, {}, { expireAt: 'hunter2' }));
    await expect(acquire()).rejects.toThrow('the answer is not as expected at lease.expireAt: HTTP 200');
  });

  it('that is not permitted says which permission is missing, and for what', async () => {
    server.answer({ status: 403, body: anEnvelope('PermissionDenied') });
    await expect(acquire()).rejects.toThrow(
      'taking a lease on orders-db: not permitted; the identity needs the permission "lease" on dynamic secrets in ' +
        'project shop, environment prod, path /, and to ask from here (HTTP 403 PermissionDenied, req-QgIHn6L3b7onRv)',
    );
  });
});

describe('the renewal of a lease', () => {
  const renew = (lease: Lease) => server.leases().renew?.(lease, { signal, sendBy });

  it('asks for no more than fits below the wall, in whole seconds', async () => {
    const lease = { ...aLease, expiresAt: now + 23.5 * hour - 700 };
    server.answer(extended({ expireAt: iso(now + 24 * hour - 700) }));
    await expect(renew(lease)).resolves.toEqual({ lease: { ...lease, expiresAt: now + 24 * hour - 700 } });
    expect(server.heard[0]?.body['ttl']).toBe('1800s');
  });

  it('asks for nothing where less than the least fits', async () => {
    expect(await outcomeOf(renew({ ...aLease, expiresAt: now + 24 * hour - 59_999 }))).toBe('refused');
    expect(server.heard).toEqual([]);
  });

  it('answers as the server does, also where that is in the past', async () => {
    server.answer(extended({ expireAt: iso(now - 1_000) }));
    await expect(renew(aLease)).resolves.toMatchObject({ lease: { expiresAt: now - 1_000 } });
  });

  it('does not believe an answer about another lease', async () => {
    server.answer(extended({ id: 'lease-2' }));
    expect(await outcomeOf(renew(aLease))).toBe('unavailable, unsure');
  });

  it('asks once more at most', async () => {
    const wall = { maxTTL: '90m' };
    server.answer({ status: 400, body: anEnvelope('BadRequest') }, seen({}, wall), {
      status: 400,
      body: anEnvelope('BadRequest'),
    });
    expect(await outcomeOf(renew(aLease))).toBe('refused');
    expect(server.heard.map(({ body }) => body['ttl'])).toEqual(['3600s', undefined, '1800s']);
  });

  it('of one that is gone by then is gone', async () => {
    server.answer({ status: 400, body: anEnvelope('BadRequest') }, { status: 404, body: anEnvelope('NotFound') });
    expect(await outcomeOf(renew(aLease))).toBe('gone');
  });

  it('is not gone because a proxy or an old server does not know the route', async () => {
    server.answer({ status: 404, body: { error: 'Not Found' } }, { status: 404, body: '<html>' });
    expect(await outcomeOf(renew(aLease))).toBe('invalid');
    expect(await outcomeOf(renew(aLease))).toBe('unavailable, unsure');
  });
});

describe('the end of a lease', () => {
  const revoke = () => server.leases().revoke?.(aLease, { signal });

  it('is asked for in a body, and not forced', async () => {
    server.answer(extended());
    await expect(revoke()).resolves.toBe('ended');
    expect(server.heard).toEqual([
      {
        route: 'DELETE /api/v1/dynamic-secrets/leases/lease-1',
        body: { projectSlug: 'shop', environmentSlug: 'prod', path: '/', isForced: false },
      },
    ]);
  });

  it('is not believed where the status of the row is a failure and the row is still there', async () => {
    server.answer(extended({ status: 'Failed to delete' }), seen({ status: 'Failed to delete' }));
    expect(await outcomeOf(revoke())).toBe('unavailable');
  });
});

describe('a lease of which something else says that it is no more', () => {
  it.each([404, 410])('by HTTP %s is neither gone nor ended', async (status) => {
    const answer = { status, body: { message: 'gone fishing' } };
    server.answer(answer, answer, answer);
    const leases = server.leases();
    expect(await outcomeOf(leases.observe?.(aLease, { signal }))).toMatch(/^(unavailable|invalid)$/);
    expect(await outcomeOf(leases.renew?.(aLease, { signal, sendBy }))).toMatch(/^(unavailable, unsure|invalid)$/);
    expect(await outcomeOf(leases.revoke?.(aLease, { signal }))).toMatch(/^(unavailable, unsure|invalid)$/);
  });

  it('is gone where the server itself says so, also by the status that is new', async () => {
    server.answer({ status: 410, body: anEnvelope('GoneError') });
    expect(await server.leases().observe?.(aLease, { signal })).toEqual({ is: 'gone' });
  });
});

describe('the search for a lost lease', () => {
  it('leaves out what is known, and what was there before; clocks may differ a little', async () => {
    const rows = [
      { ...aRow, id: 'known' },
      { ...aRow, id: 'long-before', createdAt: iso(now - 60_000) },
      { ...aRow, id: 'just-before', createdAt: iso(now - 3_000) },
      { ...aRow, id: 'after', createdAt: iso(now + 3_000) },
    ];
    server.answer({ body: { leases: rows } });
    const found = await server.leases().search?.({ since: now, known: ['known'] }, { signal });
    expect(found?.map(({ id }) => id)).toEqual(['just-before', 'after']);
  });

  it('finds it among as many as a dynamic secret may have, also where all of them failed to end', async () => {
    const failed = { ...aRow, externalEntityId: 'u'.repeat(63), config: null, version: 1, updatedAt: iso(now) };
    const others = { ...failed, status: 'Failed to delete', statusDetails: 'd'.repeat(255), dynamicSecretId: 'i' };
    const leases = Array.from({ length: 10_000 }, (_, i) => ({ ...others, id: `lease-${i}` }));
    server.answer({ body: { leases } });
    const known = leases.slice(1).map(({ id }) => id);
    const found = await server.leases().search?.({ since: now, known }, { signal });
    expect(found?.map(({ id }) => id)).toEqual(['lease-0']);
  });

  it('asks by the name as the server keeps it, which forgives capitals only where a lease is taken', async () => {
    server.answer({ body: { leases: [aRow] } });
    await server.leases({ name: 'Orders-DB' }).search?.({ since: now, known: [] }, { signal });
    expect(server.heard.map(({ route }) => route)).toEqual(['GET /api/v1/dynamic-secrets/orders-db/leases']);
  });
});

describe('a length of time as the server writes it', () => {
  it.each([
    ['90s', 90_000],
    ['1h', hour],
    ['2 days', 48 * hour],
    ['1.5h', 1.5 * hour],
    ['.5h', 0.5 * hour],
    ['1w', 7 * 24 * hour],
    ['1y', 365.25 * 24 * hour],
    ['10m', 600_000],
    ['250ms', 250],
    ['5000', 5_000],
    ['0s', undefined],
    ['banana', undefined],
    ['1 fortnight', undefined],
    ['', undefined],
    [null, undefined],
  ])('%s is understood', (text, length) => {
    expect(lengthOf(text)).toBe(length);
  });
});
