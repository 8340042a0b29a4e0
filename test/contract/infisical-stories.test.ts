/** What takes more than one recorded exchange to understand. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, recording } from './infisical-recordings.ts';
import { aLease, leaseId, sendBy, signal, type ThatDay, thatDay } from './infisical-that-day.ts';

let day: ThatDay;
beforeAll(async () => {
  day = await thatDay();
});
afterAll(() => day.close());

describe('stories of more than one exchange', () => {
  const named = (name: string, id: string, changes: Readonly<Record<string, unknown>> = {}) => {
    const { response } = recording(name);
    if (!('status' in response)) throw new Error(`${name} was not answered`);
    const body = response.body as { readonly lease?: object };
    return { ...response, body: body.lease ? { lease: { ...body.lease, id, ...changes } } : body };
  };

  it('ends a lease at once where the revocation answers that it had failed before, and the lease is gone', async () => {
    const from = recording('lease-revoke-retry-target-up');
    const client = day.clientOf(from);
    day.server.play(from.response, recording('lease-get-revoked').response);
    await expect(client.leases().revoke?.(aLease(from), { signal })).resolves.toBe('ended');
    expect(day.server.received.map(({ method }) => method)).toEqual(['DELETE', 'GET']);
  });

  it.each([
    ['lease-revoke-target-down', 'lease-get-after-revoke-target-down'],
    ['lease-revoke-fails-role-gone', 'lease-get-failed-deletion'],
    ['lease-revoke-after-hang', 'lease-get-failed-deletion'],
  ])('does not take %s for an end, although its status is 200', async (name, then) => {
    const from = recording(name);
    const client = day.clientOf(from);
    day.server.play(from.response, named(then, leaseId(from)));
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
    day.server.play(
      from.response,
      named('lease-get', id, present),
      named('lease-renew-with-ttl', id, { expireAt: longest }),
    );
    const answer = await day.clientOf(from).leases({ ttl: '23h' }).renew?.(lease, { signal, sendBy });
    const asked = day.server.received.map(({ body }) => (body as { ttl?: string } | undefined)?.ttl);
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
    day.server.play(from.response, {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: { lease: row },
    });
    const lease = { ...aLease(from, 60_000), expiresAt: Date.parse(end) };
    const error = await day
      .clientOf(from)
      .leases()
      .renew?.(lease, { signal, sendBy })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LeaseError', code: 'refused' });
    expect(day.server.received).toHaveLength(2);
  });

  it('sees that an earlier renewal had landed, and asks for no other', async () => {
    const from = recording('lease-renew-short-3-over-max');
    const created = bodyOf('lease-create-short-renewed') as { lease: { expireAt: string }; dynamicSecret: object };
    const end = (bodyOf('lease-renew-short-2')['lease'] as { expireAt: string }).expireAt;
    const row = { ...created.lease, id: leaseId(from), expireAt: end, dynamicSecret: created.dynamicSecret };
    day.server.play(from.response, {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: { lease: row },
    });
    const lease = { ...aLease(from, 60_000), expiresAt: Date.parse(created.lease.expireAt) };
    const answer = await day.clientOf(from).leases().renew?.(lease, { signal, sendBy });
    expect(answer?.lease.expiresAt).toBe(Date.parse(end));
    expect(day.server.received).toHaveLength(2);
  });

  it('takes a 304 for what it has (secrets-list-304), by the tag that the server gave it', async () => {
    const from = recording('secrets-list-304');
    const secrets = day.clientOf(from).secrets({ environment: 'dev' });
    day.server.play(recording('secrets-list').response, from.response);
    const first = await secrets.acquire({ signal, key: 'k' });
    const again = await secrets.acquire({ signal, key: 'k' });
    expect(again.lease).toEqual(first.lease);
    expect(again.material.reveal('API_KEY')).toBe('api-key-v1');
    expect(day.server.received.map(({ ifNoneMatch }) => ifNoneMatch)).toEqual([
      undefined,
      '"7d59JgS75w4001qHF8qw+2yWch0="',
    ]);
  });

  it('asks a server that has no newer interface (secrets-v4-not-on-this-server) for it once', async () => {
    const from = recording('secrets-v4-not-on-this-server');
    const client = day.clientOf(from);
    const list = recording('secrets-list').response;
    day.server.play(from.response, list, list);
    await client.secrets({ workspaceId: 'a-project' }).acquire({ signal, key: 'k' });
    await client.secrets({ workspaceId: 'another' }).acquire({ signal, key: 'k' });
    expect(day.server.received.map(({ path }) => path)).toEqual([
      '/api/v4/secrets',
      '/api/v3/secrets/raw',
      '/api/v3/secrets/raw',
    ]);
    expect(day.server.received[0]?.query).toMatchObject({ projectId: 'a-project', secretPath: '/' });
  });

  it('leaves it to a person where a renewal that fits is rejected (lease-renew-plan-restricted)', async () => {
    const from = recording('lease-renew-plan-restricted');
    const present = recording('lease-get-plan-restricted');
    day.server.play(from.response, present.response);
    const end = (bodyOf(present.name)['lease'] as { expireAt: string }).expireAt;
    const lease = { ...aLease(from), expiresAt: Date.parse(end) };
    const error = await day
      .clientOf(from)
      .leases()
      .renew?.(lease, { signal, sendBy })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LeaseError', code: 'invalid' });
  });
});
