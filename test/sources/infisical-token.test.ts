/** Access tokens: what no recording shows. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import { aJwt, aToken } from './deps.ts';
import {
  anEnvelope,
  outcomeOf,
  type Scripted,
  type ScriptedInfisical,
  scriptedInfisical,
} from './infisical-scripted.ts';

const signal = new AbortController().signal;
const sendBy = Number.POSITIVE_INFINITY;
const hour = 3_600_000;

let server: ScriptedInfisical;
afterEach(() => server.close());

const issued = (accessToken: string, expiresIn = 3_600, accessTokenMaxTTL = 86_400): Scripted => ({
  body: { accessToken, expiresIn, accessTokenMaxTTL, tokenType: 'Bearer' },
});
const acquire = () => server.token.acquire({ signal, key: 'k' });
const aLease: Lease = {
  id: 'token-1',
  issuedAt: 1_000_000,
  expiresAt: 1_000_000 + hour,
  maxExpiresAt: 1_000_000 + 24 * hour,
  renewal: { from: 'now', by: hour, atLeast: hour, canShorten: false },
};
const call = { signal, sendBy, material: new Material({ token: 'a-token' }) };

/** A clock that stands still until it is moved. */
function aClock(now = 1_000_000) {
  return {
    now: () => now,
    move(by: number) {
      now += by;
    },
  };
}

describe('a token', () => {
  it('lives from when it was asked for, however late the answer is', async () => {
    const clock = aClock();
    server = await scriptedInfisical({ clock });
    server.answer({ ...issued('opaque'), meanwhile: () => clock.move(20_000) });
    const { lease } = await acquire();
    expect(lease).toMatchObject({
      issuedAt: 1_000_000,
      expiresAt: 1_000_000 + hour,
      maxExpiresAt: 1_000_000 + 24 * hour,
    });
  });

  it('is named by a fingerprint where it does not name itself, or does so with something odd', async () => {
    server = await scriptedInfisical();
    const odd = aJwt({ identityAccessTokenId: '../../etc/passwd' });
    server.answer(issued('an-opaque-token'), issued('an-opaque-token'), issued(odd));
    const [first, second, third] = [await acquire(), await acquire(), await acquire()];
    expect(first.lease.id).toMatch(/^[0-9a-f]{32}$/);
    expect(second.lease.id).toBe(first.lease.id);
    expect(third.lease.id).toMatch(/^[0-9a-f]{32}$/);
    expect(third.lease.id).not.toBe(first.lease.id);
  });

  it.each([
    ['signed for less than was answered', { iat: 1_000, exp: 1_600 }, 3_600, 600_000],
    ['signed for more than was answered', { iat: 1_000, exp: 9_000 }, 3_600, hour],
    ['signed for a time, and answered for ever', { iat: 1_000, exp: 1_600 }, 0, 600_000],
    ['answered for a time, and signed for ever', { iat: 1_000 }, 3_600, hour],
  ])('lives as long as both say where it is %s', async (_, claims, expiresIn, length) => {
    server = await scriptedInfisical({ clock: aClock() });
    server.answer(issued(aJwt(claims), expiresIn));
    const { lease } = await acquire();
    expect(lease.expiresAt).toBe(1_000_000 + length);
    expect(lease.renewal?.by).toBe(length);
  });

  it('has no end and no renewal where nobody says otherwise', async () => {
    server = await scriptedInfisical({ clock: aClock() });
    server.answer(issued(aJwt({ iat: 1_000 }), 0, 0));
    expect((await acquire()).lease).toEqual({ id: expect.any(String), issuedAt: 1_000_000 });
  });

  it.each<[string, Scripted]>([
    ['no token', { body: { expiresIn: 1, accessTokenMaxTTL: 1 } }],
    ['an empty token', issued('')],
    ['a token with a line break, which would be another header', issued('a\r\nx: y')],
    ['a length that is none', { body: { accessToken: 'a', expiresIn: '3600', accessTokenMaxTTL: 1 } }],
    ['a negative length', issued('a', -1)],
    ['a list', { body: [] }],
  ])('is not taken from an answer with %s', async (_, answer) => {
    server = await scriptedInfisical();
    server.answer(answer);
    expect(await outcomeOf(acquire())).toBe('unavailable, unsure');
  });
});

describe('a login', () => {
  it.each<[string, Scripted, string]>([
    ['a wrong secret, or a lockout', { status: 401, body: anEnvelope('UnauthorizedError') }, 'denied'],
    ['an unknown client of 2025', { status: 404, body: anEnvelope('NotFound') }, 'denied'],
    ['an address that is not trusted', { status: 403, body: anEnvelope('ForbiddenError') }, 'denied'],
    ['the lock of the lockout', { status: 429, body: anEnvelope('RateLimitExceeded') }, 'denied'],
    ['a conflict', { status: 409, body: anEnvelope('Conflict') }, 'denied'],
    [
      'a rate limit',
      { status: 429, body: anEnvelope('RateLimitExceeded'), headers: { 'retry-after': '9' } },
      'RetryAfter',
    ],
    ['a rate limit of a proxy', { status: 429, body: '<html>', headers: { 'retry-after': '9' } }, 'RetryAfter'],
    ['a proxy that wants a password', { status: 401, body: '<html>' }, 'unavailable, unsure'],
    ['a proxy that finds nothing', { status: 404, body: '<html>' }, 'unavailable, unsure'],
    ['a wrong base path', { status: 404, body: { message: 'Route POST:/x not found', error: 'Not Found' } }, 'invalid'],
    ['a redirect', { status: 302, headers: { location: 'https://elsewhere.test/' } }, 'invalid'],
    ['a body that it does not like', { status: 422, body: anEnvelope('ValidationFailure') }, 'invalid'],
    ['a failure', { status: 503, body: anEnvelope('InternalServerError') }, 'unavailable, unsure'],
    ['a page with 200', { status: 200, body: '<html>' }, 'unavailable, unsure'],
  ])('that meets %s is understood', async (_, answer, outcome) => {
    server = await scriptedInfisical();
    server.answer(answer);
    expect(await outcomeOf(acquire())).toBe(outcome);
    expect(server.heard).toHaveLength(1);
  });

  it('says in its failure what helps to find it in the log of the server, and nothing that the server wrote freely', async () => {
    server = await scriptedInfisical();
    server.answer({ status: 401, body: anEnvelope('UnauthorizedError') });
    await expect(acquire()).rejects.toThrow(
      'the login: our credential was rejected, or is locked (HTTP 401 UnauthorizedError, req-QgIHn6L3b7onRv)',
    );
    server.answer({ status: 401, body: anEnvelope("no identity 'hunter2'", { reqId: 'hunter2' }) });
    await expect(acquire()).rejects.toThrow('the login: our credential was rejected, or is locked (HTTP 401)');
  });

  it('presents the credential that is in its file at that moment, and none where there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leasekeeper-credential-'));
    const file = join(folder, 'secret');
    server = await scriptedInfisical({ auth: { clientSecret: { file }, organization: 'acme' } });
    expect(await outcomeOf(acquire())).toBe('denied');
    const absent = await server.token.credential?.();
    expect(server.heard).toHaveLength(0);
    server.answer(issued('a'), issued('b'));
    for (const clientSecret of ['first', 'second']) {
      await writeFile(file, `${clientSecret}\n`);
      await acquire();
    }
    // By its name of 2026, and by that of the end of 2025.
    const named = { organizationSlug: 'acme', subOrganizationName: 'acme' };
    expect(server.heard.map(({ body }) => body)).toEqual([
      { clientId: 'a-client', clientSecret: 'first', ...named },
      { clientId: 'a-client', clientSecret: 'second', ...named },
    ]);
    expect(await server.token.credential?.()).not.toBe(absent);
    await rm(folder, { recursive: true });
  });
});

describe('the renewal of a token', () => {
  it.each<[string, Scripted, string]>([
    ['a token that is unknown, or past its wall', { status: 401, body: anEnvelope('UnauthorizedError') }, 'gone'],
    ['an expired token', { status: 403, body: anEnvelope('TokenError') }, 'gone'],
    ['an address that is not trusted', { status: 403, body: anEnvelope('ForbiddenError') }, 'refused'],
    ['a kind of token that is not renewed', { status: 400, body: anEnvelope('BadRequest') }, 'refused'],
    ['a proxy that wants a password', { status: 401, body: '<html>' }, 'unavailable, unsure'],
    ['a proxy that forbids it', { status: 403, body: '<html>' }, 'unavailable, unsure'],
    ['a gateway with words of its own', { status: 401, body: { error: 'unauthorized' } }, 'unavailable, unsure'],
    ['a gateway that forbids it', { status: 403, body: { error: 'TokenError' } }, 'unavailable, unsure'],
    ['a wrong base path', { status: 404, body: { error: 'Not Found' } }, 'invalid'],
    ['a failure', { status: 500, body: anEnvelope('InternalServerError') }, 'unavailable, unsure'],
    ['a rate limit', { status: 429, body: anEnvelope('RateLimitExceeded') }, 'RetryAfter'],
  ])('that meets %s is understood', async (_, answer, outcome) => {
    server = await scriptedInfisical();
    server.answer(answer);
    expect(await outcomeOf(server.token.renew?.(aLease, call))).toBe(outcome);
    // A renewal shows the token in its body, and nobody's token is rejected by its failure.
    expect(server.deps.rejected).toEqual([]);
  });

  it('that was cut short at a wall says so by its end, and goes on promising what it could', async () => {
    const clock = aClock(1_000_000 + 23.5 * hour);
    server = await scriptedInfisical({ clock });
    server.answer(issued('next', 1_800));
    const { lease } = (await server.token.renew?.(aLease, call)) ?? {};
    expect(lease).toEqual({ ...aLease, expiresAt: 1_000_000 + 24 * hour });
  });

  it('believes the nearer of two walls', async () => {
    server = await scriptedInfisical({ clock: aClock() });
    server.answer(issued('next', 3_600, 7_200), issued('next', 3_600, 200_000));
    const nearer = await server.token.renew?.(aLease, call);
    expect(nearer?.lease.maxExpiresAt).toBe(1_000_000 + 2 * hour);
    const farther = await server.token.renew?.(aLease, call);
    expect(farther?.lease.maxExpiresAt).toBe(aLease.maxExpiresAt);
  });

  it('is not asked for without the token', async () => {
    server = await scriptedInfisical();
    expect(await outcomeOf(server.token.renew?.(aLease, { signal, sendBy }))).toBe('refused');
    expect(server.heard).toEqual([]);
  });
});

describe('the revocation of a token', () => {
  it.each<[string, Scripted, string]>([
    ['is done', { body: { message: 'Successfully revoked access token' } }, 'ended'],
    ['is of one that is unknown', { status: 401, body: anEnvelope('UnauthorizedError') }, 'ended'],
    ['is of one that has expired', { status: 403, body: anEnvelope('TokenError') }, 'ended'],
    ['is not allowed from here', { status: 403, body: anEnvelope('ForbiddenError') }, 'invalid'],
    ['meets a proxy that wants a password', { status: 401, body: '<html>' }, 'unavailable, unsure'],
    ['meets a page with 200', { body: '<html>' }, 'unavailable, unsure'],
    ['meets a 200 that says nothing of it', { body: { ok: true } }, 'unavailable, unsure'],
    ['meets a gateway with words of its own', { status: 401, body: { error: 'unauthorized' } }, 'unavailable, unsure'],
    ['meets a wrong base path', { status: 404, body: { error: 'Not Found' } }, 'invalid'],
  ])('that %s is understood', async (_, answer, outcome) => {
    server = await scriptedInfisical();
    server.answer(answer);
    expect(await outcomeOf(server.token.revoke?.(aLease, call))).toBe(outcome);
  });

  it('leaves it to its own end where the token is not at hand', async () => {
    server = await scriptedInfisical();
    expect(await server.token.revoke?.(aLease, { signal })).toBe('left');
    expect(server.heard).toEqual([]);
  });
});

describe('the time', () => {
  it('is not known before the provider itself has answered, whatever stands before it', async () => {
    server = await scriptedInfisical();
    const known = () => [server.token.knowsTime?.(), server.leases().knowsTime?.()];
    server.answer({ status: 503 }, { status: 200 });
    await expect(server.learnTime()).rejects.toMatchObject({ code: 'unavailable' });
    expect(known()).toEqual([false, false]);
    await server.learnTime();
    expect(known()).toEqual([true, true]);
    expect(server.heard.map(({ route }) => route)).toEqual(['GET /api/status', 'GET /api/status']);
  });
});

describe('a request that shows our token', () => {
  const look = () => server.leases().observe?.({ id: 'lease-1', issuedAt: 0 }, { signal });
  const rejected: Scripted = { status: 403, body: anEnvelope('TokenError') };

  it('is not sent where there is none, or where it is surely over', async () => {
    server = await scriptedInfisical({ clock: aClock(100_000_000) });
    expect(await outcomeOf(look())).toBe('NoToken');
    await expect(look()).rejects.toMatchObject({ until: 100_060_000 });
    server.deps.give(aToken(aJwt({ exp: 99_990 })));
    expect(await outcomeOf(look())).toBe('NoToken');
    expect(server.heard).toEqual([]);
  });

  it('is sent where only our clock says that the token is over, and may be wrong', async () => {
    server = await scriptedInfisical({ clock: aClock(100_000_000) });
    server.deps.give(aToken(aJwt({ exp: 99_999 })));
    server.answer(rejected);
    expect(await outcomeOf(look())).toBe('TokenRejected');
  });

  it('tells whose token was rejected, and comes again soon where there is another by now', async () => {
    const clock = aClock();
    server = await scriptedInfisical({ clock });
    server.deps.give(aToken('old', 'token-1', 3));
    server.answer({ ...rejected, meanwhile: () => server.deps.give(aToken('new', 'token-1', 4)) });
    await expect(look()).rejects.toMatchObject({ because: 'TokenRejected', until: clock.now() + 1_000 });
    expect(server.deps.rejected).toEqual([{ lease: 'token-1', generation: 3 }]);
  });

  it.each([401, 403])('does not take the %s of a proxy for a rejection', async (status) => {
    server = await scriptedInfisical();
    server.deps.give(aToken('a-token'));
    server.answer({ status, body: '<html>' });
    expect(await outcomeOf(look())).toBe('unavailable');
    expect(server.deps.rejected).toEqual([]);
  });
});
