/** IAM tokens for an authorized key, believed until they end; and what is refused on the way. */
import { describe, expect, test } from 'vitest';
import { hours, minutes } from '../../src/core/time.ts';
import { type Reply, say } from './asking.ts';
import { routes } from './yandex/routes.ts';
import type { LockboxSandbox } from './yandex/sandbox.ts';
import { ps256 } from './yandex/signing.ts';
import { lockboxes, outcomeOf, seen, withDb } from './yandex-asking.ts';

const { start } = lockboxes();

const post = (at: LockboxSandbox, path: string, body: object, headers: Record<string, string> = {}) =>
  say(at.endpoints.iam, { method: 'POST', path, headers, body: JSON.stringify(body) });
const exchange = (at: LockboxSandbox, jwt: string) => post(at, '/iam/v1/tokens', { jwt });
const tokenIn = ({ body }: Reply) => (body as { iamToken: string }).iamToken;
const logIn = (at: LockboxSandbox, wishes: object = {}, account = at.account) =>
  exchange(at, ps256(account.keyFile, { now: at.books().now, ...wishes }));
const endsIn = (at: LockboxSandbox, reply: Reply) =>
  Date.parse((reply.body as { expiresAt: string }).expiresAt) - at.books().now;
const secondsOf = (now: number) => Math.floor(now / 1000);

describe('a JWT of an authorized key', () => {
  test('is worth a token of twelve hours, which opens the secrets', async () => {
    const at = await start(withDb);
    const reply = await logIn(at);
    expect(tokenIn(reply)).toMatch(/^t1\.[A-Za-z0-9_-]+=*\.[A-Za-z0-9_-]{86}=*$/);
    expect((reply.body as { expiresAt: string }).expiresAt).toMatch(/\.\d{9}Z$/);
    expect(Math.round(endsIn(at, reply) / minutes(1))).toBe(720);
    expect(await seen(at, tokenIn(reply))).toBe('200');
  });

  test('may be made out to several, and live less than an hour', async () => {
    const at = await start(withDb);
    const now = secondsOf(at.books().now);
    const aud = ['https://elsewhere', 'https://iam.api.cloud.yandex.net/iam/v1/tokens'];
    expect((await logIn(at, { claims: { aud, exp: now + 60, nbf: now } })).status).toBe(200);
  });

  test.each([
    [
      'signed by another key',
      (at: LockboxSandbox) => ({ ...at.accountNamed('other').keyFile, id: at.account.keyFile.id }),
    ],
    ['of a key that nobody knows', (at: LockboxSandbox) => ({ ...at.account.keyFile, id: 'ajenone' })],
    [
      'for another account',
      (at: LockboxSandbox) => ({ ...at.account.keyFile, service_account_id: at.accountNamed('other').id }),
    ],
  ])('is refused %s', async (_, keyFor) => {
    const at = await start(withDb.withAccount({}).withAccount({ name: 'other' }));
    expect(outcomeOf(await exchange(at, ps256(keyFor(at), { now: at.books().now })))).toBe('401/16');
    expect(at.books().tokens).toEqual([{ at: expect.any(Number), means: 'jwt', account: '?', outcome: 'refused' }]);
  });

  test.each([
    ['with another algorithm', () => ({ header: { alg: 'RS256' } })],
    ['with no key id', () => ({ header: { kid: undefined } })],
    ['salted otherwise', () => ({ saltLength: 20 })],
    ['made out to another', () => ({ claims: { aud: 'https://iam.api.cloud.yandex.net' } })],
    ['that has expired', (now: number) => ({ claims: { iat: now - 100, exp: now - 1 } })],
    ['that lives too long', (now: number) => ({ claims: { iat: now, exp: now + 3601 } })],
    ['without an end', () => ({ claims: { exp: undefined } })],
    ['without a beginning', () => ({ claims: { iat: undefined } })],
    ['of tomorrow', (now: number) => ({ claims: { iat: now + 86_400, exp: now + 90_000 } })],
    ['not yet valid', (now: number) => ({ claims: { nbf: now + 600 } })],
  ])('is refused %s', async (_, wishes) => {
    const at = await start(withDb);
    expect(outcomeOf(await logIn(at, wishes(secondsOf(at.books().now))))).toBe('401/16');
  });

  test('is refused when it is none, too long, or not alone', async () => {
    const at = await start(withDb);
    const none = ['', 'a.b', 'a.b.c', 'e30.e30.AAAA', 'bnVsbA.bnVsbA.AAAA', 'MQ.MQ.AAAA'];
    for (const jwt of [...none, `${ps256(at.account.keyFile, { now: at.books().now })}.x`])
      expect((await exchange(at, jwt)).status).toBe(401);
    expect(outcomeOf(await exchange(at, 'x'.repeat(8001)))).toBe('400/3');
    expect(outcomeOf(await post(at, '/iam/v1/tokens', {}))).toBe('400/3');
    const both = { jwt: 'a.b.c', yandexPassportOauthToken: 'y' };
    expect(outcomeOf(await post(at, '/iam/v1/tokens', both))).toBe('400/3');
    expect(outcomeOf(await post(at, '/iam/v1/tokens', { yandexPassportOauthToken: 'y' }))).toBe('401/16');
  });

  test('is judged by the server’s clock', async () => {
    const at = await start(withDb);
    const now = at.books().now;
    at.control.skew(-hours(2));
    expect(outcomeOf(await exchange(at, ps256(at.account.keyFile, { now })))).toBe('401/16');
    at.control.skew(hours(4));
    expect(outcomeOf(await exchange(at, ps256(at.account.keyFile, { now })))).toBe('401/16');
    expect((await logIn(at)).status).toBe(200);
  });

  test('is worth nothing when the key or the account is gone, until there is another key', async () => {
    const at = await start(withDb);
    const { keyFile } = at.account;
    const jwt = () => ps256(keyFile, { now: at.books().now });
    at.control.revokeKeys();
    expect((await exchange(at, jwt())).status).toBe(401);
    const next = at.control.addKey();
    const token = tokenIn(await exchange(at, ps256(next, { now: at.books().now })));
    expect(await seen(at, token)).toBe('200');
    at.control.deleteAccount();
    expect(await seen(at, token)).toBe('401/16');
    expect((await exchange(at, ps256(next, { now: at.books().now }))).status).toBe(401);
  });

  test('may have to be made out to somewhere else', async () => {
    const jwtAudience = 'https://iam.api.yandexcloud.kz/iam/v1/tokens';
    const at = await start(withDb.with({ jwtAudience }));
    expect((await logIn(at)).status).toBe(401);
    expect((await logIn(at, { claims: { aud: jwtAudience } })).status).toBe(200);
  });
});

describe('a token', () => {
  test('is the same for whoever asks again soon, with the same end, and another later; both are good', async () => {
    const at = await start(withDb);
    const first = await logIn(at);
    const again = await logIn(at);
    expect(again.body).toEqual(first.body);
    at.control.skew(minutes(61));
    const later = await logIn(at);
    expect(tokenIn(later)).not.toBe(tokenIn(first));
    expect(await seen(at, tokenIn(first))).toBe('200');
    expect(await seen(at, tokenIn(later))).toBe('200');
    expect(at.books().tokens.map(({ again }) => again)).toEqual([false, true, false]);
  });

  test('may be the same to its end, or never', async () => {
    const always = await start(withDb.with({ tokenLife: hours(1), sameTokenFor: hours(1) }));
    const first = await logIn(always);
    always.control.skew(minutes(59));
    expect((await logIn(always)).body).toEqual(first.body);
    always.control.skew(minutes(2));
    expect(tokenIn(await logIn(always))).not.toBe(tokenIn(first));
    const never = await start(withDb.with({ sameTokenFor: 0 }));
    expect(tokenIn(await logIn(never))).not.toBe(tokenIn(await logIn(never)));
  });

  test('ends at its time', async () => {
    const at = await start(withDb.with({ tokenLife: minutes(10) }));
    const token = tokenIn(await logIn(at));
    expect(at.control.acceptsToken(token)).toBe(true);
    at.control.skew(minutes(10));
    expect(at.control.acceptsToken(token)).toBe(false);
    expect(await seen(at, token)).toBe('401/16');
  });

  test('ends when it is revoked, and is not given out again', async () => {
    const at = await start(withDb);
    const token = tokenIn(await logIn(at));
    const authorization = `Bearer ${token}`;
    const revoke = () => post(at, '/iam/v1/tokens:revoke', { iamToken: token }, { authorization });
    expect((await revoke()).body).toEqual({ subjectId: at.account.id });
    expect(await seen(at, token)).toBe('401/16');
    expect(outcomeOf(await revoke())).toBe('401/16');
    const next = tokenIn(await logIn(at));
    expect(next).not.toBe(token);
    expect(at.control.revokeTokens()).toBe(1);
    expect(await seen(at, next)).toBe('401/16');
  });

  test('has to be shown as a bearer, and by those who have one', async () => {
    const at = await start(withDb);
    const token = tokenIn(await logIn(at));
    expect(await seen(at, token, 'bearer')).toBe('200');
    expect(await seen(at, token, 'Basic')).toBe('401/16');
    expect(await seen(at, '')).toBe('401/16');
    expect(await seen(at, `${token}x`)).toBe('401/16');
    const { body } = await say(at.endpoints.lockbox, { method: 'GET', path: '/lockbox/v1/secrets/e6q' });
    expect(body).toMatchObject({ code: 16 });
  });

  test.each(routes.filter(({ auth }) => auth))('is asked for by $name', async ({ host, method, pattern }) => {
    const at = await start(withDb);
    const path = pattern.source
      .replaceAll('\\/', '/')
      .replace(/\(.*?\)/, 'x')
      .slice(1, -1);
    expect(outcomeOf(await say(at.endpoints[host], { method, path }))).toBe('401/16');
  });

  test('of another account is given to those who may have it', async () => {
    const at = await start(
      withDb.withAccount({ roles: ['iam.serviceAccounts.tokenCreator'] }).withAccount({ name: 'other' }),
    );
    const other = at.accountNamed('other');
    const ask = async (serviceAccountId: string, from = at.account) =>
      post(
        at,
        '/iam/v1/tokens:createForServiceAccount',
        { serviceAccountId },
        { authorization: `Bearer ${from.token().value}` },
      );
    expect(await seen(at, tokenIn(await ask(other.id)))).toBe('200');
    expect(outcomeOf(await ask('ajenone'))).toBe('404/5');
    expect(outcomeOf(await ask(at.account.id, other))).toBe('403/7');
  });
});
