/** Infisical's limits are counted route by route: what each act takes of them, and what each answer says. */
import { afterEach, describe, expect, it } from 'vitest';
import { steadyClock } from '../../src/clock.ts';
import { ProviderBlocked } from '../../src/core/failure.ts';
import { providers, sources } from '../../src/sources/index.ts';
import type { Source } from '../../src/sources/source.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import type { Sandbox } from '../sandbox/infisical/sandbox.ts';
import { type HeardDeps, someDeps } from './deps.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const signal = new AbortController().signal;
const sendBy = Number.POSITIVE_INFINITY;
const start = async (): Promise<Sandbox> => {
  const sandbox = await aSandbox()
    .withDynamicSecret({ name: 'orders-db' })
    .withSecret({ key: 'PASSWORD', value: 'the-first-password' })
    .withIdentity({ name: 'keeper', accessTokenTTL: 3_600, accessTokenMaxTTL: 86_400 })
    .with({ rateLimits: { read: 3, write: 3, secrets: 4 } })
    .start();
  closing.push(() => sandbox.close());
  return sandbox;
};

/** A process of its own: it knows nothing yet of what is left. */
function connect(sandbox: Sandbox, deps: HeardDeps) {
  const { clientId } = sandbox.identity;
  const auth = { method: 'universal', clientId, clientSecret: { env: 'CLIENT_SECRET' } };
  const provider = providers[0].schema.parse({ type: 'infisical', url: sandbox.url, auth }).connect(deps);
  closing.push(() => provider.close());
  const place = { provider: 'main', project: 'shop', environment: 'prod' };
  const followed = { type: 'infisical/secrets', ...place } as const;
  const generate = { by: 'leasekeeper', key: 'PASSWORD', length: 20 };
  return {
    token: provider.token?.source as Source,
    lease: sources[1].schema.parse({ type: 'infisical/dynamic-secret', ...place, name: 'orders-db' }).open(provider),
    secrets: sources[2].schema.parse(followed).open(provider),
    rotated: sources[2].schema.parse({ ...followed, generate }).open(provider),
  };
}

/** What stands in its way after so many times, at most. */
async function blockOf(ask: () => Promise<unknown> | undefined): Promise<ProviderBlocked> {
  for (let tries = 0; tries < 8; tries++) {
    const error = await Promise.resolve(ask()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof ProviderBlocked) return error;
    if (error !== undefined) throw error;
  }
  return expect.unreachable('it was always answered');
}

describe('an act that the provider takes no more of', () => {
  it.each([
    ['before it is sent, once the answers have said so', false],
    ['by the answer to the first of a process', true],
  ])('is told of which of its kinds that is, %s', async (_, isFirst) => {
    const sandbox = await start();
    const deps = someDeps({ clock: steadyClock(), env: { CLIENT_SECRET: sandbox.identity.clientSecret } });
    const before = connect(sandbox, deps);
    const login = await before.token.acquire({ signal, key: 'k' });
    deps.give({ lease: login.lease.id, generation: 0, material: login.material });
    const { lease } = await before.lease.acquire({ signal, key: 'k' });
    const { lease: version } = await before.secrets.acquire({ signal, key: 'k' });
    const acts = ({ token, lease: leases, secrets, rotated }: typeof before) =>
      [
        [token, 'acquire', () => token.acquire({ signal, key: 'k' })],
        [token, 'renew', () => token.renew?.(login.lease, { signal, sendBy, material: login.material })],
        [leases, 'acquire', () => leases.acquire({ signal, key: 'k' })],
        [leases, 'observe', () => leases.observe?.(lease, { signal })],
        [leases, 'renew', () => leases.renew?.(lease, { signal, sendBy })],
        [leases, 'search', () => leases.search?.({ since: 0, known: [] }, { signal })],
        [leases, 'retire', () => leases.revoke?.(lease, { signal })],
        [secrets, 'observe', () => secrets.observe?.(version, { signal })],
        [rotated, 'acquire', () => rotated.acquire({ signal, key: 'k', predecessor: version })],
      ] as const;
    if (isFirst) for (const [, , ask] of acts(before)) await blockOf(ask);
    const refused = () => sandbox.books().requests.filter(({ status }) => status === 429).length;
    for (const [source, act, ask] of acts(isFirst ? connect(sandbox, deps) : before)) {
      const earlier = refused();
      const { because, kind } = await blockOf(ask);
      expect([act, because]).toEqual([act, 'RetryAfter']);
      expect(source.kinds?.[act]).toContain(kind);
      if (isFirst && source !== before.rotated) expect(refused() - earlier).toBeLessThanOrEqual(1);
      if (!isFirst) expect(refused()).toBe(0);
    }
  });

  it('holds up everything where the answer does not say that it counts by kinds', async () => {
    const sandbox = await start();
    const deps = someDeps({ clock: steadyClock(), env: { CLIENT_SECRET: sandbox.identity.clientSecret } });
    const { token } = connect(sandbox, deps);
    sandbox.control.fault({ kind: 'limit', retryAfter: 7 });
    expect(await blockOf(() => token.acquire({ signal, key: 'k' }))).toMatchObject({ kind: undefined });
  });
});
