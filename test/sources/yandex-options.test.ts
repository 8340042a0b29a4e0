/** What the configuration may say of Yandex Cloud. */
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { hostsOf } from '../../src/sources/yandex/hosts.ts';
import { yandex, yandexIamToken, yandexLockbox } from '../../src/sources/yandex/provider.ts';
import { aToken, someDeps } from './deps.ts';
import { serve } from './servers.ts';
import { lockboxOf } from './yandex-connected.ts';

const aProvider = { type: 'yandex', auth: { method: 'metadata' } };
const aSecret = { type: 'yandex/lockbox', provider: 'main', secretId: 'e6qdb' };

const faultOf = (schema: z.ZodType, value: unknown): string => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return 'none';
  return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
};

describe('the provider', () => {
  it.each([
    ['no method', { auth: {} }, /^auth\.method: /],
    ['an OAuth token, which is about to be discontinued', { auth: { method: 'oauth' } }, /^auth\.method: /],
    [
      'a key in place',
      { auth: { method: 'service-account-key', keyFile: '{"id":"hunter2"}' } },
      /^auth\.keyFile: (?!.*hunter2)/,
    ],
    ['a token in place', { auth: { method: 'token', token: 'hunter2' } }, /^auth\.token: (?!.*hunter2)/],
    ['no service account', { auth: { method: 'workload-identity', tokenFile: '/t' } }, /^auth\.serviceAccountId: /],
    ['a plain address of another machine', { endpoints: { iam: 'http://iam.test' } }, /^endpoints\.iam: plain http/],
    ['a host without its scheme', { endpoints: { lockbox: 'lockbox.test' } }, /^endpoints\.lockbox: .*cloud\.yandex/],
    ['a certificate without its key', { tls: { cert: '/c.pem' } }, /^tls: a client certificate needs both/],
    ['an option that is none', { url: 'https://yandex.test' }, /^: .*url/],
  ])('with %s is refused', (_, change, fault) => {
    expect(faultOf(yandex.schema, { ...aProvider, ...change })).toMatch(fault);
  });

  it.each([
    ['one host of another region', { endpoints: { payload: 'https://dpl.lockbox.api.yandexcloud.kz' } }],
    ['a host on the loopback in plain', { endpoints: { lockbox: 'http://127.0.0.1:8080' } }],
    ['slots and a rate', { slots: 2, rate: { requestsPerMinute: 60 } }],
  ])('with %s is taken', (_, change) => {
    expect(faultOf(yandex.schema, { ...aProvider, ...change })).toBe('none');
  });

  it('keeps a token of its own, of the kind that is also offered to the programs beside us', async () => {
    const provider = yandex.schema.parse(aProvider).connect(someDeps());
    expect(provider.token?.type).toBe('yandex/iam-token');
    const offered = yandexIamToken.schema.parse({ type: 'yandex/iam-token', provider: 'main' });
    expect(offered).toMatchObject({ look: 'refresh-token', canRotate: true });
    expect(offered.open(provider).acquire).toBeTypeOf('function');
    await provider.close();
  });

  it('tells of the clock that is furthest from ours of those by which anything is dated', async () => {
    const ahead = (by: number) =>
      serve((_, response) => {
        response.sendDate = false;
        response.setHeader('date', new Date(Date.now() + by).toUTCString());
        response.setHeader('content-type', 'application/json');
        response.end('{}');
      });
    const [lockbox, payload, iam] = await Promise.all([ahead(20_000), ahead(-500_000), ahead(-40_000)]);
    if (!lockbox || !payload || !iam) return;
    const deps = someDeps();
    const endpoints = {
      lockbox: lockbox.url,
      payload: payload.url,
      operation: payload.url,
      iam: iam.url,
      auth: iam.url,
    };
    const auth = { method: 'service-account-key', keyFile: '/k', audience: 'a' } as const;
    const hosts = hostsOf(endpoints, auth, { tls: undefined, rate: undefined, slots: 1 }, deps);
    const ask = { operation: 'time', method: 'GET', path: '/', signal: new AbortController().signal } as const;
    await hosts.lockbox.request(ask);
    await hosts.payload.request(ask);
    await hosts.issuer?.request(ask);
    expect(deps.skews.map((skew) => Math.round(skew / 10_000))).toEqual([2, -4]);
    expect(Math.round((hosts.payload.clock.now() - deps.clock.now()) / 10_000)).toBe(-50);
    await hosts.close();
    await Promise.all([lockbox, payload, iam].map((one) => one.close()));
  });

  it('counts the requests to all hosts together', async () => {
    const deps = someDeps({ clock: { now: () => 1_000_000 } });
    const provider = yandex.schema
      .parse({
        ...aProvider,
        rate: { requestsPerMinute: 4 },
        endpoints: { lockbox: 'http://127.0.0.1:9', payload: 'http://127.0.0.1:9' },
      })
      .connect(deps);
    deps.give(aToken('t1'));
    const source = lockboxOf(provider, { secretId: 'e6qdb' });
    const signal = AbortSignal.timeout(5_000);
    const lease = { id: 'v', issuedAt: 0 };
    await expect(source.observe?.(lease, { signal })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(source.read?.(lease, { signal })).rejects.toMatchObject({ because: 'RetryAfter' });
    await provider.close();
  });
});

describe('a secret of Lockbox', () => {
  it.each([
    ['no id', { secretId: '' }, /^secretId: /],
    ['a name for an id', { secretId: 'db/app' }, /^secretId: not the id of a secret/],
    ['a length without its unit', { poll: '60' }, /^poll: not a length of time/],
    ['a key that no entry can have', { generate: { by: 'leasekeeper', key: 'a b' } }, /^generate\.key: not the key/],
    ['a password that is too short', { generate: { by: 'leasekeeper', length: 7 } }, /^generate\.length: /],
    ['no characters', { generate: { by: 'leasekeeper', classes: [] } }, /^generate\.classes: no characters are left/],
    ['no time to save a version', { generate: { by: 'lockbox' }, pendingPeriod: '0s' }, /^pendingPeriod: too short/],
    ['an option that is none', { secret: 'x' }, /^: .*secret/],
  ])('with %s is refused', (_, change, fault) => {
    expect(faultOf(yandexLockbox.schema, { ...aSecret, ...change })).toMatch(fault);
  });

  it('is rotated only where we add the versions', () => {
    expect(yandexLockbox.schema.parse(aSecret)).toMatchObject({ look: 'watch-version', canRotate: false });
    const generated = yandexLockbox.schema.parse({ ...aSecret, generate: { by: 'lockbox' }, pendingPeriod: '30d' });
    expect(generated).toMatchObject({ canRotate: true, warnings: [{ at: 'generate' }] });
  });
});
