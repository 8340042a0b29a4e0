/** Tokens without a key: from the metadata service of a machine, and for what a workload's cluster says it is. */
import { describe, expect, test } from 'vitest';
import { days, minutes } from '../../src/core/time.ts';
import { say } from './asking.ts';
import { aLockbox } from './yandex/builder.ts';
import type { LockboxSandbox } from './yandex/sandbox.ts';
import { lockboxes, seen, withDb } from './yandex-asking.ts';

const { start } = lockboxes();

describe('the metadata service', () => {
  const path = '/computeMetadata/v1/instance/service-accounts/default/token';
  const flavoured = (at: LockboxSandbox, headers: Record<string, string> = { 'metadata-flavor': 'Google' }) =>
    say(`http://${at.metadataAddress}`, { method: 'GET', path, headers });

  test('gives a token to whoever says what kind of service it is', async () => {
    const at = await start(withDb);
    const { body } = await flavoured(at);
    const { access_token: token, expires_in: left } = body as { access_token: string; expires_in: number };
    expect(await seen(at, token)).toBe('200');
    expect(left).toBeGreaterThan(43_190);
    expect((await flavoured(at, {})).status).toBe(403);
  });

  test('gives the same token with less of its life, until that is short', async () => {
    const at = await start(withDb);
    const first = (await flavoured(at)).body as { access_token: string; expires_in: number };
    at.control.skew(minutes(30));
    const second = (await flavoured(at)).body as { access_token: string; expires_in: number };
    expect(second.access_token).toBe(first.access_token);
    expect(first.expires_in - second.expires_in).toBeGreaterThanOrEqual(1800);
  });

  test('gives the tokens of the account that is attached to the machine, if one is', async () => {
    const at = await start(withDb.withAccount({}).withAccount({ name: 'other', roles: [] }));
    at.control.attach('other');
    const { body } = await flavoured(at);
    expect(await seen(at, (body as { access_token: string }).access_token)).toBe('403/7');
    at.control.attach();
    expect(await flavoured(at)).toMatchObject({ status: 404, text: '' });
  });
});

describe('a workload’s own token', () => {
  const urn = 'urn:ietf:params:oauth';
  const form = (at: LockboxSandbox, more: Record<string, string> = {}) => ({
    grant_type: `${urn}:grant-type:token-exchange`,
    requested_token_type: `${urn}:token-type:access_token`,
    audience: at.account.id,
    subject_token: at.account.subjectToken(),
    subject_token_type: `${urn}:token-type:id_token`,
    ...more,
  });
  const type = 'application/x-www-form-urlencoded';
  const give = (at: LockboxSandbox, fields: Record<string, string>, contentType = type) =>
    say(at.endpoints.auth, {
      method: 'POST',
      path: '/oauth/token',
      headers: { 'content-type': contentType },
      body: new URLSearchParams(fields).toString(),
    });

  test('is worth a token of the account it stands for', async () => {
    const at = await start(withDb);
    const { status, body } = await give(at, form(at));
    expect({ status, body }).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    const { access_token: token, expires_in: left } = body as { access_token: string; expires_in: number };
    // Whole seconds, counted when it is answered.
    expect([43_199, 43_200]).toContain(left);
    expect(await seen(at, token)).toBe('200');
    expect(at.books().tokens).toMatchObject([{ means: 'workload', account: 'keeper', outcome: 'ok' }]);
  });

  test('is worth nothing for another account, when it has ended, or when it is none', async () => {
    const at = await start(withDb.withAccount({}).withAccount({ name: 'other' }));
    const grant = { status: 401, body: { error: 'invalid_grant' } };
    expect(await give(at, form(at, { audience: at.accountNamed('other').id }))).toMatchObject(grant);
    expect(await give(at, form(at, { subject_token: 'a.b.c' }))).toMatchObject(grant);
    const old = form(at);
    at.control.skew(days(1));
    expect(await give(at, old)).toMatchObject(grant);
    expect((await give(at, form(at))).status).toBe(200);
  });

  test('has to be sent as the form says', async () => {
    const at = await start(withDb);
    const request = { status: 400, body: { error: 'invalid_request' } };
    expect(await give(at, form(at), 'application/json')).toMatchObject(request);
    expect(await give(at, form(at, { grant_type: 'client_credentials' }))).toMatchObject(request);
    expect(await give(at, form(at, { scope: 'all' }))).toMatchObject(request);
    expect(await give(at, form(at, { subject_token: '' }))).toMatchObject(request);
  });
});

test('accounts keep their own subject', async () => {
  const at = await start(aLockbox().withAccount({ subject: 'system:serviceaccount:shop:keeper' }));
  const [, claims = ''] = at.account.subjectToken(minutes(10)).split('.');
  const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: string; iat: number; exp: number };
  expect(read).toMatchObject({ sub: 'system:serviceaccount:shop:keeper', exp: read.iat + 600 });
});
