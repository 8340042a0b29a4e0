/** Every exchange recorded from a real Infisical is understood: the right values, or the right failure. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import { providers, sources } from '../../src/sources/index.ts';
import type { Acquired, Source } from '../../src/sources/source.ts';
import { aToken, type HeardDeps, someDeps } from '../sources/deps.ts';
import { bodyOf, index, type Recording, type Replay, recording, replayServer } from './infisical-recordings.ts';
import { type Asked, type Becomes, covered, elsewhere, stories } from './infisical-table.ts';

let server: Replay;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  server = await replayServer();
});
afterAll(async () => {
  for (const close of closing) await close();
  await server.close();
});

const clientSecret = 'the-secret-of-the-client';
const presented = 'the-token-that-is-presented';
const signal = new AbortController().signal;
const sendBy = Number.POSITIVE_INFINITY;

interface Client {
  readonly deps: HeardDeps;
  readonly token: Source;
  leases(options?: { readonly ttl?: string; readonly secretPath?: string; readonly name?: string }): Source;
}

/** A client on the day of the recording. */
function clientOf(from: Recording, clientId = 'a-client'): Client {
  const now = Date.parse(from.recordedAt ?? '2026-11-21T16:48:39.899Z');
  const deps = someDeps({ clock: { now: () => now }, env: { CLIENT_SECRET: clientSecret }, token: aToken(presented) });
  const provider = providers[0].schema
    .parse({
      type: 'infisical',
      url: server.url,
      auth: { method: 'universal', clientId, clientSecret: { env: 'CLIENT_SECRET' } },
    })
    .connect(deps);
  closing.push(() => provider.close());
  if (!provider.token) throw new Error('the provider keeps no token');
  return {
    deps,
    token: provider.token.source,
    leases: (options) =>
      sources[1].schema
        .parse({
          type: 'infisical/dynamic-secret',
          provider: 'main',
          project: 'leasekeeper-lab',
          environment: 'dev',
          name: 'pg-main',
          ...options,
        })
        .open(provider),
  };
}

const leaseId = (from: Recording): string => /leases\/([^/?]+)/.exec(from.request.path)?.[1] ?? 'a-lease';

/** A lease of an hour on that day, as the record would have it; nothing is known of a wall. */
function aLease(from: Recording, by = 3_600_000): Lease {
  const issuedAt = Date.parse(from.recordedAt ?? '2026-11-21T16:48:39.899Z') - 1_000;
  const renewal = { from: 'expiry', by, atLeast: 60_000, canShorten: true } as const;
  return { id: leaseId(from), issuedAt, expiresAt: issuedAt + 3_600_000, renewal };
}

/** The body of the request, which one of them sent as a form. */
function requestOf({ request }: Recording): Record<string, string> {
  const { body } = request;
  return typeof body === 'string'
    ? Object.fromEntries(new URLSearchParams(body))
    : ((body ?? {}) as Record<string, string>);
}

/** The request of ours that this exchange would be the answer to. */
async function ask(asked: Asked, from: Recording, client: Client): Promise<unknown> {
  const { path, dynamicSecretName: name, accessToken = presented } = requestOf(from);
  const leases = client.leases({ ...(path && { secretPath: path }), ...(name && { name }) });
  const material = new Material({ token: accessToken });
  const lease = aLease(from);
  switch (asked) {
    case 'login':
      return client.token.acquire({ signal, key: 'k' });
    case 'token-renew':
      return client.token.renew?.(lease, { signal, sendBy, material });
    case 'token-revoke':
      return client.token.revoke?.(lease, { signal, material });
    case 'create':
      return leases.acquire({ signal, key: 'k' });
    case 'renew':
      return leases.renew?.(lease, { signal, sendBy });
    case 'revoke':
      return leases.revoke?.(lease, { signal });
    case 'list':
      return leases.search?.({ since: 0, known: [] }, { signal });
    default: {
      const seen = await leases.observe?.(lease, { signal });
      if (seen?.is === 'gone') throw new LeaseError('gone', 'observed');
      return seen;
    }
  }
}

const rows = (Object.keys(covered) as Asked[]).flatMap((asked) =>
  (Object.entries(covered[asked]) as [Becomes, string[]][]).flatMap(([becomes, names]) =>
    names.map((name) => [name, asked, becomes] as const),
  ),
);

describe('the recorded exchanges', () => {
  it('are each in the table, in a story, or left to a later issue for a reason, and only once', () => {
    const named = [...rows.map(([name]) => name), ...stories];
    const left = (name: string) =>
      Object.values(elsewhere)
        .flat()
        .filter((pattern) => pattern.test(name)).length;
    const times = index.map(({ name }) => [name, named.filter((other) => other === name).length + left(name)] as const);
    expect(times.filter(([, count]) => count !== 1)).toEqual([]);
    expect(named.filter((name) => !index.some((entry) => entry.name === name))).toEqual([]);
    expect(index.length).toBe(239);
  });

  it.each(rows)('%s, as the answer to %s, is %s', async (name, asked, becomes) => {
    const from = recording(name);
    const client = clientOf(from, requestOf(from)['clientId']);
    server.play(from.response);
    const outcome = await ask(asked, from, client).catch((error: unknown) => error);
    if (outcome instanceof Error) expectFailure(outcome, becomes, from, client);
    else expectValue(outcome, asked, becomes, from, client);
    expectRequest(asked, from);
  });
});

function expectFailure(error: Error, becomes: Becomes, from: Recording, { deps }: Client): void {
  if (becomes === 'TokenRejected' || becomes === 'RetryAfter') {
    expect(error).toBeInstanceOf(ProviderBlocked);
    expect((error as ProviderBlocked).because).toBe(becomes);
    const wait = (error as ProviderBlocked).until - deps.clock.now();
    expect(wait).toBe(becomes === 'RetryAfter' ? 59_000 : 10_000);
    expect(deps.rejected).toEqual(becomes === 'RetryAfter' ? [] : [{ lease: 'token-1', generation: 0 }]);
    return;
  }
  expect(error).toBeInstanceOf(LeaseError);
  const { code, unsure, message } = error as LeaseError;
  expect([code, unsure]).toEqual(becomes === 'unsure' ? ['unavailable', true] : [becomes, false]);
  expect(deps.rejected).toEqual([]);
  for (const value of [clientSecret, presented]) expect(message).not.toContain(value);
  if (!('status' in from.response)) return;
  const { reqId, message: theirs } = from.response.body as { reqId?: string; message?: unknown };
  if (reqId && becomes !== 'gone') expect(message).toContain(reqId);
  if (typeof theirs === 'string') expect(message).not.toContain(theirs);
}

function expectValue(outcome: unknown, asked: Asked, becomes: Becomes, from: Recording, client: Client): void {
  if (becomes === 'ended') {
    expect(outcome).toBe('ended');
    return;
  }
  expect(becomes).toBe('ok');
  if (asked === 'login') expectLogin(outcome as Acquired, from);
  else if (asked === 'token-renew') expectRenewedToken(outcome as Acquired, from, client.token.clock.now());
  else if (asked === 'list') expectList(outcome, from);
  else expectLease(outcome as { lease: Lease; material?: Material }, asked, from);
}

/** What a token answer says, in seconds, and what is written in the token itself. */
function issuedIn(from: Recording) {
  const body = bodyOf(from.name) as { accessToken: string; expiresIn: number; accessTokenMaxTTL: number };
  const payload = Buffer.from(body.accessToken.split('.')[1] ?? '', 'base64url').toString();
  return { ...body, claims: JSON.parse(payload) as { identityAccessTokenId: string; iat: number; exp?: number } };
}

function expectLogin({ lease, material }: Acquired, from: Recording): void {
  const { accessToken, expiresIn, accessTokenMaxTTL, claims } = issuedIn(from);
  expect(material.reveal('token')).toBe(accessToken);
  expect(lease.id).toBe(claims.identityAccessTokenId);
  // Our idea of the provider's time, against the second that the provider wrote into the token.
  expect(Math.abs(lease.issuedAt - claims.iat * 1_000)).toBeLessThan(1_600 + (from.durationMs ?? 0));
  const hasWall = accessTokenMaxTTL !== 0 && accessTokenMaxTTL !== 1_000_000_000;
  expect(lease.maxExpiresAt).toBe(hasWall ? lease.issuedAt + accessTokenMaxTTL * 1_000 : undefined);
  const by = expiresIn * 1_000;
  expect(lease.expiresAt).toBe(expiresIn === 0 ? undefined : lease.issuedAt + by);
  expect(lease.renewal).toEqual(expiresIn === 0 ? undefined : { from: 'now', by, atLeast: by, canShorten: false });
}

function expectRenewedToken({ lease, material }: Acquired, from: Recording, now: number): void {
  const { accessToken, expiresIn } = issuedIn(from);
  expect(material.reveal('token')).toBe(accessToken);
  expect(lease.id).toBe(aLease(from).id);
  expect(lease.expiresAt).toBe(expiresIn === 0 ? undefined : now + expiresIn * 1_000);
}

const dateOf = (row: Readonly<Record<string, unknown>>, key: string): number => Date.parse(String(row[key]));

function expectList(outcome: unknown, from: Recording): void {
  const { leases } = bodyOf(from.name) as { leases: Record<string, unknown>[] };
  expect(leases.length).toBeGreaterThan(0);
  expect(outcome).toEqual(
    leases.map((row) => ({ id: row['id'], issuedAt: dateOf(row, 'createdAt'), expiresAt: dateOf(row, 'expireAt') })),
  );
}

const lengths: Readonly<Record<string, number>> = {
  '1m': 60_000,
  '3m': 180_000,
  '1h': 3_600_000,
  '2h': 7_200_000,
  '24h': 86_400_000,
};

function expectLease(outcome: { lease: Lease; material?: Material }, asked: Asked, from: Recording): void {
  const { lease, material } = outcome;
  const body = bodyOf(from.name);
  const row = body['lease'] as Record<string, unknown>;
  expect(lease.id).toBe(row['id']);
  expect(lease.expiresAt).toBe(dateOf(row, 'expireAt'));
  if (asked === 'renew') {
    expect(material).toBeUndefined();
    return;
  }
  expect(lease.issuedAt).toBe(dateOf(row, 'createdAt'));
  const of = (body['dynamicSecret'] ?? row['dynamicSecret']) as { defaultTTL: string; maxTTL: string | null };
  expect(lease.maxExpiresAt).toBe(of.maxTTL === null ? undefined : lease.issuedAt + (lengths[of.maxTTL] ?? Number.NaN));
  expect(lease.renewal?.by).toBe(lengths[of.defaultTTL]);
  if (asked !== 'create') return;
  const data = Object.entries(body['data'] as Record<string, string>);
  expect(data.length).toBeGreaterThan(0);
  for (const [key, value] of data) expect(material?.reveal(key)).toBe(value);
}

/** The request that the recording is an answer to is what we would have sent, as far as it was a sensible one. */
function expectRequest(asked: Asked, from: Recording): void {
  expect(server.received).toHaveLength(1);
  const [sent] = server.received;
  if (asked === 'any' || !sent || from.name === 'unknown-method') return;
  const url = new URL(from.request.path, 'http://127.0.0.1');
  expect(`${sent.method} ${sent.path}`).toBe(`${from.request.method} ${url.pathname}`);
  const isOpen = asked === 'login' || asked.startsWith('token-');
  expect(sent.authorization).toBe(isOpen ? undefined : `Bearer ${presented}`);
  expect(sent.contentType).toBe(sent.body === undefined ? undefined : 'application/json');
  if (from.response && 'status' in from.response && from.response.status !== 200) return;
  expect(sent.query).toEqual(Object.fromEntries(url.searchParams));
  const { clientSecret: _, ttl: __, bogus: ___, ...body } = requestOf(from);
  expect(sent.body ?? {}).toMatchObject(body);
}

/** One exchange after the other, as they were recorded. */
describe('stories of more than one exchange', () => {
  const named = (name: string, id: string, changes: Readonly<Record<string, unknown>> = {}) => {
    const { response } = recording(name);
    if (!('status' in response)) throw new Error(`${name} was not answered`);
    const body = response.body as { readonly lease?: object };
    return { ...response, body: body.lease ? { lease: { ...body.lease, id, ...changes } } : body };
  };

  it('ends a lease at once where the revocation answers that it had failed before, and the lease is gone', async () => {
    const from = recording('lease-revoke-retry-target-up');
    const client = clientOf(from);
    server.play(from.response, recording('lease-get-revoked').response);
    await expect(client.leases().revoke?.(aLease(from), { signal })).resolves.toBe('ended');
    expect(server.received.map(({ method }) => method)).toEqual(['DELETE', 'GET']);
  });

  it.each([
    ['lease-revoke-target-down', 'lease-get-after-revoke-target-down'],
    ['lease-revoke-fails-role-gone', 'lease-get-failed-deletion'],
    ['lease-revoke-after-hang', 'lease-get-failed-deletion'],
  ])('does not take %s for an end, although its status is 200', async (name, then) => {
    const from = recording(name);
    const client = clientOf(from);
    server.play(from.response, named(then, leaseId(from)));
    const error = await client
      .leases()
      .revoke?.(aLease(from), { signal })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LeaseError', code: 'unavailable' });
    expect(String(error)).not.toMatch(/ECONNREFUSED|ROLE|Knex|REVOKE/);
  });

  it('asks for what is left below the wall where a whole term does not fit (lease-renew-past-max-ttl)', async () => {
    const from = recording('lease-renew-past-max-ttl');
    const id = leaseId(from);
    const present = { expireAt: '2026-11-21T18:39:05.755Z' };
    const lease = { ...aLease(from, 23 * 3_600_000), expiresAt: Date.parse(present.expireAt) };
    const longest = '2026-11-22T16:34:05.755Z';
    server.play(
      from.response,
      named('lease-get', id, present),
      named('lease-renew-with-ttl', id, { expireAt: longest }),
    );
    const answer = await clientOf(from).leases({ ttl: '23h' }).renew?.(lease, { signal, sendBy });
    const asked = server.received.map(({ body }) => (body as { ttl?: string } | undefined)?.ttl);
    // Created at 16:34:05.790 with a maximum of 24 h: 21 h 55 min are left.
    expect(asked).toEqual(['82800s', undefined, '78900s']);
    expect(answer?.lease).toMatchObject({
      expiresAt: Date.parse(longest),
      maxExpiresAt: Date.parse('2026-11-22T16:34:05.790Z'),
    });
  });

  it('gives a lease up where less than the least is left (lease-renew-short-3-over-max)', async () => {
    const from = recording('lease-renew-short-3-over-max');
    const id = leaseId(from);
    const created = bodyOf('lease-create-short-renewed') as { lease: object; dynamicSecret: object };
    const end = (bodyOf('lease-renew-short-2')['lease'] as { expireAt: string }).expireAt;
    const row = { ...created.lease, id, expireAt: end, dynamicSecret: created.dynamicSecret };
    server.play(from.response, { status: 200, headers: { 'content-type': 'application/json' }, body: { lease: row } });
    const lease = { ...aLease(from, 60_000), expiresAt: Date.parse(end) };
    const error = await clientOf(from)
      .leases()
      .renew?.(lease, { signal, sendBy })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LeaseError', code: 'refused' });
    expect(server.received).toHaveLength(2);
  });

  it('sees that an earlier renewal had landed, and asks for no other', async () => {
    const from = recording('lease-renew-short-3-over-max');
    const created = bodyOf('lease-create-short-renewed') as { lease: { expireAt: string }; dynamicSecret: object };
    const end = (bodyOf('lease-renew-short-2')['lease'] as { expireAt: string }).expireAt;
    const row = { ...created.lease, id: leaseId(from), expireAt: end, dynamicSecret: created.dynamicSecret };
    server.play(from.response, { status: 200, headers: { 'content-type': 'application/json' }, body: { lease: row } });
    const lease = { ...aLease(from, 60_000), expiresAt: Date.parse(created.lease.expireAt) };
    const answer = await clientOf(from).leases().renew?.(lease, { signal, sendBy });
    expect(answer?.lease.expiresAt).toBe(Date.parse(end));
    expect(server.received).toHaveLength(2);
  });

  it('leaves it to a person where a renewal that fits is rejected (lease-renew-plan-restricted)', async () => {
    const from = recording('lease-renew-plan-restricted');
    const present = recording('lease-get-plan-restricted');
    server.play(from.response, present.response);
    const end = (bodyOf(present.name)['lease'] as { expireAt: string }).expireAt;
    const lease = { ...aLease(from), expiresAt: Date.parse(end) };
    const error = await clientOf(from)
      .leases()
      .renew?.(lease, { signal, sendBy })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LeaseError', code: 'invalid' });
  });
});
