/** What the configuration may say of Infisical. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { providers, sources } from '../../src/sources/index.ts';
import { someDeps } from './deps.ts';

const aProvider = {
  type: 'infisical',
  url: 'https://app.infisical.test',
  auth: { method: 'universal', clientId: 'a-client', clientSecret: { env: 'CLIENT_SECRET' } },
};
const aSecret = {
  type: 'infisical/dynamic-secret',
  provider: 'main',
  project: 'shop',
  environment: 'prod',
  name: 'orders-db',
};

const faultOf = (schema: z.ZodType, value: unknown): string => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return 'none';
  return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
};

describe('the provider', () => {
  it.each([
    ['a plain address of another machine', { url: 'http://infisical.test' }, /^url: plain http/],
    ['a plain address that only begins like the loopback', { url: 'http://127.0.0.1.infisical.test' }, /^url: plain/],
    ['a credential in the address', { url: 'https://us:hunter2@infisical.test' }, /^url: (?!.*hunter2).*credential/],
    ['a token in the query', { url: 'https://infisical.test/?token=hunter2' }, /^url: (?!.*hunter2).*path/],
    ['no scheme', { url: 'app.infisical.test' }, /^url: not an address/],
    ['another scheme', { url: 'ftp://infisical.test' }, /^url: an address starts/],
    [
      'a credential in place',
      { auth: { ...aProvider.auth, clientSecret: 'hunter2' } },
      /^auth\.clientSecret: (?!.*hunter2)/,
    ],
    ['a method that there is none of', { auth: { method: 'spiffe' } }, /^auth\.method: /],
    ['a certificate without its key', { tls: { cert: '/c.pem' } }, /^tls: a client certificate needs both/],
    ['a key without its certificate', { tls: { key: '/k.pem' } }, /^tls: a client certificate needs both/],
    ['no request at all', { rate: { requestsPerMinute: 0 } }, /^rate\.requestsPerMinute: /],
    ['no slot', { slots: 0 }, /^slots: /],
    ['an option that is none', { urls: 'x' }, /^: .*urls/],
  ])('with %s is refused', (_, change, fault) => {
    expect(faultOf(providers[0].schema, { ...aProvider, ...change })).toMatch(fault);
  });

  it.each([
    ['the loopback in plain', { url: 'http://127.0.0.1:8080' }],
    ['the loopback by name', { url: 'http://localhost:8080/' }],
    ['the loopback of IPv6', { url: 'http://[::1]:8080' }],
    ['a base path', { url: 'https://infisical.test/base' }],
    ['a CA alone', { tls: { ca: '/ca.pem' } }],
  ])('with %s is taken', (_, change) => {
    expect(faultOf(providers[0].schema, { ...aProvider, ...change })).toBe('none');
  });

  it('has eight slots unless it says otherwise', () => {
    expect(providers[0].schema.parse(aProvider)).toMatchObject({ slots: 8 });
    expect(providers[0].schema.parse({ ...aProvider, slots: 3 })).toMatchObject({ slots: 3 });
  });

  it('keeps an access token of its own, of the kind that is also offered to the programs beside us', async () => {
    const provider = providers[0].schema.parse(aProvider).connect(someDeps());
    expect(provider.token?.type).toBe('infisical/access-token');
    const offered = sources[0].schema.parse({ type: 'infisical/access-token', provider: 'main' });
    expect(offered).toMatchObject({ provider: 'main', look: 'refresh-token', canRotate: true });
    expect(offered.open(provider).acquire).toBeTypeOf('function');
    await provider.close();
  });

  it('cannot be opened with a source of another', () => {
    const other = { type: 'yandex', client: {}, close: async () => undefined };
    expect(() => sources[1].schema.parse(aSecret).open(other)).toThrow(TypeError);
  });
});

describe('the dynamic secret', () => {
  it.each([
    ['a term of less than a minute', { ttl: '59s' }, /^ttl: shorter than 60s/],
    ['a term of more than ten years', { ttl: '3651d' }, /^ttl: longer than ten years/],
    ['a term without its unit', { ttl: '3600' }, /^ttl: not a length of time/],
    ['a path that does not start at the root', { secretPath: 'app' }, /^secretPath: a path starts with \//],
    ['no name', { name: ' ' }, /^name: /],
    ['an option that is none', { path: '/' }, /^: .*path/],
  ])('with %s is refused', (_, change, fault) => {
    expect(faultOf(sources[1].schema, { ...aSecret, ...change })).toMatch(fault);
  });

  it('may ask for a minute', () => {
    expect(faultOf(sources[1].schema, { ...aSecret, ttl: '60s' })).toBe('none');
  });
});

describe('the lists', () => {
  it('name each type once, and all have a JSON Schema', () => {
    const all = [...providers, ...sources];
    expect(new Set(all.map(({ type }) => type)).size).toBe(all.length);
    for (const { schema, type } of all) {
      const written = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
      expect(written).toMatchObject({ properties: { type: { const: type } }, additionalProperties: false });
    }
  });
});
