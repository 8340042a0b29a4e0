/** Every exchange recorded from a real Infisical is understood: the right values, or the right failure. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import type { Acquired } from '../../src/sources/source.ts';
import { bodyOf, index, type Recording, recording } from './infisical-recordings.ts';
import { type Asked, type Becomes, covered, elsewhere, stories } from './infisical-table.ts';
import {
  aLease,
  type Client,
  clientSecret,
  presented,
  requestOf,
  sendBy,
  signal,
  type ThatDay,
  thatDay,
} from './infisical-that-day.ts';

let day: ThatDay;
beforeAll(async () => {
  day = await thatDay();
});
afterAll(() => day.close());
const queryOf = ({ request }: Recording): Record<string, string> =>
  Object.fromEntries(new URL(request.path, 'http://127.0.0.1').searchParams);

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
    case 'secrets':
      return client.secrets(queryOf(from)).acquire({ signal, key: 'k' });
    case 'change':
      return client.change(requestOf(from), from.request.path.split('/').at(-1) ?? '');
    case 'time':
      return client.learnTime();
    default: {
      const seen = await leases.observe?.(lease, { signal });
      if (seen?.is === 'gone') throw new LeaseError('gone', 'observed');
      return seen;
    }
  }
}

/** By a clock that is behind it is seen that the time was learnt, and from what. */
const anHourBehind = (from: Recording): Recording => ({
  ...from,
  recordedAt: new Date(Date.parse(from.recordedAt ?? '') - 3_600_000).toISOString(),
});

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
    const client = day.clientOf(asked === 'time' ? anHourBehind(from) : from, requestOf(from)['clientId']);
    // Told by its absence first: a server of those days has no newer interface.
    const isById = asked === 'secrets' && queryOf(from)['workspaceId'] !== undefined;
    day.server.play(...(isById ? [recording('secrets-v4-not-on-this-server').response] : []), from.response);
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
  else if (asked === 'secrets') expectSecrets(outcome as Acquired, from);
  else if (asked === 'change') expect(outcome).toBe('changed');
  else if (asked === 'time') expectTime(client, from);
  else expectLease(outcome as { lease: Lease; material?: Material }, asked, from);
}

function expectTime({ token, deps }: Client, from: Recording): void {
  expect(token.knowsTime?.()).toBe(true);
  // A `Date` header has whole seconds.
  expect(Math.abs(token.clock.now() - dateOf(bodyOf(from.name), 'date'))).toBeLessThan(1_000);
  expect(deps.skews).toHaveLength(1);
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

/** All values of the list, and of nothing else. */
function expectSecrets({ lease, material }: Acquired, from: Recording): void {
  type Row = { readonly secretKey: string; readonly secretValue: string; readonly updatedAt?: string };
  const body = bodyOf(from.name) as { secrets: Row[]; imports: { secrets: Row[] }[] };
  const rows = [...body.secrets, ...body.imports.flatMap(({ secrets }) => secrets)];
  expect(material.keys()).toEqual(rows.map(({ secretKey }) => secretKey).sort());
  for (const { secretKey, secretValue } of rows) expect(material.reveal(secretKey)).toBe(secretValue);
  expect(lease.issuedAt).toBe(Math.max(...rows.map(({ updatedAt }) => Date.parse(updatedAt ?? '1970-01-01'))));
  expect(lease.expiresAt).toBeUndefined();
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
  const [sent] = day.server.received.slice(-1);
  expect(day.server.received.filter(({ path }) => !path.startsWith('/api/v4/'))).toHaveLength(1);
  if (asked === 'any' || !sent || from.name === 'unknown-method') return;
  const url = new URL(from.request.path, 'http://127.0.0.1');
  expect(`${sent.method} ${sent.path}`).toBe(`${from.request.method} ${url.pathname}`);
  const isOpen = asked === 'login' || asked === 'time' || asked.startsWith('token-');
  expect(sent.authorization).toBe(isOpen ? undefined : `Bearer ${presented}`);
  expect(sent.contentType).toBe(sent.body === undefined ? undefined : 'application/json');
  if (from.response && 'status' in from.response && from.response.status !== 200) return;
  // We never ask to have values hidden.
  const { viewSecretValue: ____, ...query } = queryOf(from);
  expect(sent.query).toEqual(asked === 'secrets' ? { secretPath: '/', ...query } : query);
  const { clientSecret: _, ttl: __, bogus: ___, ...body } = requestOf(from);
  expect(sent.body ?? {}).toMatchObject(body);
}
