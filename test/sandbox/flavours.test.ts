/**
 * Where servers of 2026 differ from the recorded one. These are constructed from the contract (its Δ[N] marks), which was
 * read from the newer sources and never recorded; and a few rules of 2025 that no recording shows.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { complaint, logIn, type Reply, say } from './asking.ts';
import { aSandbox, type SandboxBuilder } from './infisical/builder.ts';
import type { Sandbox } from './infisical/sandbox.ts';

let sandbox: Sandbox | undefined;

async function start(builder: SandboxBuilder): Promise<Sandbox> {
  sandbox = await builder.start();
  return sandbox;
}

afterEach(async () => {
  const troubles = sandbox?.books().troubles ?? [];
  await sandbox?.close();
  sandbox = undefined;
  expect(troubles).toEqual([]);
});

const tokenIn = (reply: Reply) => (reply.body as { accessToken: string }).accessToken;
const claimsIn = (reply: Reply): Record<string, unknown> =>
  JSON.parse(Buffer.from(tokenIn(reply).split('.')[1] ?? '', 'base64url').toString());

function present(at: Sandbox, what: 'renew' | 'revoke', accessToken: string): Promise<Reply> {
  const headers = { 'content-type': 'application/json' };
  return say(at.url, {
    method: 'POST',
    path: `/api/v1/auth/token/${what}`,
    headers,
    body: JSON.stringify({ accessToken }),
  });
}

const status = (at: Sandbox, token: string) =>
  say(at.url, {
    method: 'GET',
    path: '/api/v1/dynamic-secrets?projectSlug=shop&environmentSlug=prod',
    headers: { authorization: `Bearer ${token}` },
  });

const newer = aSandbox().flavour('2026');
const older = aSandbox().flavour('2025');
const walled = { accessTokenTTL: 600, accessTokenMaxTTL: 900 };

describe('a token at its wall', () => {
  test('is killed by the renewal in 2025, although it was still good', async () => {
    const at = await start(older.withIdentity(walled));
    const token = tokenIn(await logIn(at));
    at.control.skew(400_000);
    expect((await status(at, token)).status).toBe(200);
    expect(complaint(await present(at, 'renew', token))).toMatch(/^401 Failed to renew MI access token past/);
    expect(complaint(await status(at, token))).toBe('401 No identity access token found');
  });

  test('is given what is left in 2026, and lives on', async () => {
    const at = await start(newer.withIdentity(walled));
    const token = tokenIn(await logIn(at));
    at.control.skew(400_000);
    const renewed = await present(at, 'renew', token);
    const { expiresIn } = renewed.body as { expiresIn: number };
    expect(expiresIn).toBeGreaterThan(490);
    expect(expiresIn).toBeLessThanOrEqual(500);
    expect(Number(claimsIn(renewed)['exp']) - Number(claimsIn(renewed)['iat'])).toBe(expiresIn);
    expect((await status(at, token)).status).toBe(200);
  });

  test('is refused with nothing left, in words of its own, by both', async () => {
    const endless = { accessTokenTTL: 0, accessTokenMaxTTL: 900 };
    const words = {
      '2025': 'Failed to renew MI access token due to Max TTL expiration',
      '2026': 'Cannot renew: identity access token has reached its max TTL',
    };
    for (const [builder, flavour] of [
      [older, '2025'],
      [newer, '2026'],
    ] as const) {
      const at = await start(builder.withIdentity(endless));
      const token = tokenIn(await logIn(at));
      at.control.skew(901_000);
      expect(complaint(await present(at, 'renew', token))).toBe(`401 ${words[flavour]}`);
      await at.close();
    }
  });
});

describe('a login', () => {
  const wrong = (at: Sandbox) => logIn(at, { ...at.identity, clientSecret: 'wrong' });

  test('of an unknown client is a 404 in 2025 and a 401 in 2026', async () => {
    for (const [builder, answer] of [
      [older, 404],
      [newer, 401],
    ] as const) {
      const at = await start(builder);
      expect((await logIn(at, { ...at.identity, clientId: 'nobody' })).status).toBe(answer);
      await at.close();
    }
  });

  test('is locked after three failures in 30 s for 300 s in 2026, also with the right secret', async () => {
    const at = await start(newer);
    for (let n = 0; n < 3; n += 1) expect(complaint(await wrong(at))).toBe('401 Invalid credentials');
    expect(complaint(await logIn(at))).toMatch(/^401 This identity auth method is temporarily locked/);
    at.control.skew(299_000);
    expect((await logIn(at)).status).toBe(401);
    at.control.skew(2_000);
    expect((await logIn(at)).status).toBe(200);
  });

  test('is not locked by failures that lie far apart, nor ever in 2025', async () => {
    const at = await start(newer);
    for (let n = 0; n < 5; n += 1) {
      await wrong(at);
      at.control.skew(16_000);
    }
    expect((await logIn(at)).status).toBe(200);
    await at.close();
    const old = await start(older);
    for (let n = 0; n < 5; n += 1) await wrong(old);
    expect((await logIn(old)).status).toBe(200);
  });

  test('with a secret whose time or uses are over says so once', async () => {
    const timed = [{ secret: 'timed', ttl: 60 }];
    const counted = [{ secret: 'counted', numUsesLimit: 1 }];
    const at = await start(
      older.withIdentity({ clientSecrets: timed }).withIdentity({ name: 'counted', clientSecrets: counted }),
    );
    at.control.skew(61_000);
    expect(complaint(await logIn(at))).toBe('401 Access denied due to expired client secret');
    expect(complaint(await logIn(at))).toBe('401 Invalid credentials');
    const other = at.identityNamed('counted');
    expect((await logIn(at, other)).status).toBe(200);
    expect(complaint(await logIn(at, other))).toBe('401 Access denied due to client secret usage limit reached');
    expect(complaint(await logIn(at, other))).toBe('401 Invalid credentials');
  });

  test('gives a token of 90 days at most in 2026, and one with more claims', async () => {
    const year = { name: 'year', accessTokenTTL: 365 * 86_400, accessTokenMaxTTL: 0 };
    const at = await start(newer.withIdentity({ accessTokenTTL: 0, accessTokenMaxTTL: 0 }).withIdentity(year));
    expect((await logIn(at, at.identityNamed('year'))).body).toMatchObject({ expiresIn: 90 * 86_400 });
    const answer = await logIn(at);
    expect(answer.body).toMatchObject({ expiresIn: 90 * 86_400, accessTokenMaxTTL: 0 });
    expect(claimsIn(answer)).toMatchObject({
      identityName: 'keeper',
      authMethod: 'universal-auth',
      accessTokenMaxTTL: 0,
    });
  });
});

describe('a token that was taken away', () => {
  test('is revoked again without complaint in 2026, with a 401 in 2025', async () => {
    for (const [builder, again] of [
      [older, 401],
      [newer, 200],
    ] as const) {
      const at = await start(builder);
      const token = tokenIn(await logIn(at));
      expect((await present(at, 'revoke', token)).status).toBe(200);
      expect((await present(at, 'revoke', token)).status).toBe(again);
      expect((await status(at, token)).status).toBe(401);
      await at.close();
    }
  });

  test('dies with its client secret in 2026 and outlives it in 2025', async () => {
    for (const [builder, after] of [
      [older, 200],
      [newer, 401],
    ] as const) {
      const at = await start(builder);
      const token = tokenIn(await logIn(at));
      at.control.revokeClientSecrets();
      expect((await status(at, token)).status).toBe(after);
      await at.close();
    }
  });

  test('is told why in 2026', async () => {
    const at = await start(newer.withIdentity({ accessTokenNumUsesLimit: 1 }));
    const used = tokenIn(await logIn(at));
    await status(at, used);
    expect(complaint(await status(at, used))).toBe('401 Failed to authorize: token usage limit reached');
    expect(complaint(await present(at, 'renew', used))).toBe('401 Cannot renew exhausted access token');
    const orphan = tokenIn(await logIn(at));
    at.control.deleteIdentity();
    expect(complaint(await status(at, orphan))).toBe('401 Failed to authorize: identity tokens have been revoked');
    expect(complaint(await present(at, 'renew', orphan))).toBe('401 Cannot renew: identity tokens have been revoked');
  });
});
