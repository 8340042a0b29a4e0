/** `infisical/dynamic-secret`: a lease on an account that Infisical makes for us. Contract 6. */
import { type FailureCode, LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { Material } from '../../core/material.ts';
import { type Duration, hours, type Instant, seconds } from '../../core/time.ts';
import { read } from '../read-answer.ts';
import type { Call, Source } from '../source.ts';
import { createAnswer, getAnswer, type LeaseRow, leaseAnswer, lengthOf, listAnswer, type OfSecret } from './answers.ts';
import type { Ask, Asking, Operation } from './client.ts';
import { endOfData, isRenewable, valuesOf } from './data.ts';
import type { Meaning } from './failures.ts';

export interface DynamicSecretOptions {
  /** The project's slug. */
  readonly project: string;
  readonly environment: string;
  readonly secretPath: string;
  readonly name: string;
  /** Absent: the default of the dynamic secret. */
  readonly ttl?: Duration | undefined;
  /** What the provider type wants to know: `namespace` of Kubernetes, `principals` of SSH. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/** What the server grants at least, both at first and as an extension. */
export const shortestTtl: Duration = seconds(60);

const root = '/api/v1/dynamic-secrets';

/** The server allows 10000 leases on one dynamic secret, and lists them all at once: of each up to 700 bytes. */
const longestList = 8 << 20;

/** Of requests about one lease. Where the configuration names what is not there a 404 is `invalid`. */
const ended: Partial<Record<number, FailureCode>> = { 404: 'gone', 410: 'gone' };

/**
 * Values that are not texts (lists, numbers, objects occur) become JSON. They are shown once, at `acquire`.
 * Dates are the server's own, to the millisecond.
 */
export function dynamicSecretSource(client: Asking, options: DynamicSecretOptions): Source {
  const { clock, uncertainty, knowsTime } = client;
  const place = { projectSlug: options.project, environmentSlug: options.environment, path: options.secretPath };
  const query = new URLSearchParams(place).toString();
  // What takes a lease on it forgives capitals, what lists them does not. Contract 6.1.
  const stored = options.name.toLowerCase();
  const where = `project ${options.project}, environment ${options.environment}, path ${options.secretPath}`;

  const ask = (
    operation: keyof typeof whats,
    request: Pick<Ask, 'method' | 'path' | 'body' | 'sendBy' | 'signal' | 'longestAnswer'>,
    codes: Meaning['codes'] = {},
  ) =>
    client.withToken({
      ...request,
      operation,
      meaning: {
        what: `${whats[operation]} ${options.name}`,
        codes,
        where,
        needs: `the identity needs the permission "lease" on dynamic secrets in ${where}, and to ask from here`,
        isEffectful: request.method !== 'GET',
      },
    });

  const pathOf = (id: string): string => `${root}/leases/${encodeURIComponent(id)}`;

  async function get(id: string, signal: AbortSignal) {
    const answer = await ask('lease-get', { method: 'GET', path: `${pathOf(id)}?${query}`, signal }, ended);
    return sameAs(id, read(answer, getAnswer, false).lease, false);
  }

  async function extend(id: string, by: Duration, sendBy: Instant, signal: AbortSignal): Promise<LeaseRow> {
    const body = { ...place, ttl: inSeconds(by) };
    const request = { method: 'POST', path: `${pathOf(id)}/renew`, body, sendBy, signal } as const;
    const answer = await ask('lease-renew', request, { ...ended, 400: 'refused' });
    return sameAs(id, read(answer, leaseAnswer, true).lease, true);
  }

  /** The server's dates and rules in our words. */
  const leaseOf = (row: LeaseRow, of: OfSecret, canRenew: boolean): Lease => {
    const by = options.ttl ?? lengthOf(of.defaultTTL) ?? row.expireAt - row.createdAt;
    const max = lengthOf(of.maxTTL);
    return {
      id: row.id,
      issuedAt: row.createdAt,
      expiresAt: row.expireAt,
      ...(max !== undefined && { maxExpiresAt: row.createdAt + max }),
      ...(canRenew && { renewal: { from: 'expiry', by, atLeast: Math.min(shortestTtl, by), canShorten: true } }),
    };
  };

  return {
    clock,
    uncertainty,
    knowsTime,
    kinds: {
      acquire: ['lease-create'],
      observe: ['lease-get'],
      renew: ['lease-renew'],
      retire: ['lease-revoke'],
      search: ['lease-list'],
    } satisfies Record<string, Operation[]>,
    observeEvery: (term) => (term === undefined ? hours(1) : Math.max(seconds(1), Math.floor(term / 2))),

    async acquire({ signal }: Call) {
      const body = {
        ...place,
        dynamicSecretName: options.name,
        ...(options.ttl !== undefined && { ttl: inSeconds(options.ttl) }),
        ...(options.config && { config: options.config }),
      };
      const answer = await ask('lease-create', { method: 'POST', path: `${root}/leases`, body, signal });
      const { lease: row, dynamicSecret, data } = read(answer, createAnswer, true);
      if (Object.keys(data).length === 0) {
        throw new LeaseError('invalid', `a lease on ${options.name} came without values`, { unsure: true });
      }
      const lease = leaseOf(row, dynamicSecret, isRenewable(dynamicSecret.type, data));
      const end = Math.min(row.expireAt, endOfData(dynamicSecret.type, data, answer.sentAt));
      return { lease: { ...lease, expiresAt: end }, material: new Material(valuesOf(data)) };
    },

    async observe(lease, { signal }) {
      try {
        const row = await get(lease.id, signal);
        const seen = leaseOf(row, row.dynamicSecret, lease.renewal !== undefined);
        if (lease.renewal) return { is: 'held', lease: seen };
        // What cannot be extended ends when its values do, whatever becomes of the row.
        const end = Math.min(row.expireAt, lease.expiresAt ?? row.expireAt);
        return { is: 'held', lease: { ...seen, expiresAt: end } };
      } catch (error) {
        if (isGone(error)) return { is: 'gone' };
        throw error;
      }
    },

    async renew(lease, { signal, sendBy }) {
      const wanted = roomFor(lease);
      if (wanted === undefined) throw new LeaseError('refused', 'no extension fits below the end of the lease');
      try {
        const row = await extend(lease.id, wanted, sendBy, signal);
        return { lease: { ...lease, expiresAt: row.expireAt } };
      } catch (error) {
        if (!(error instanceof LeaseError) || error.code !== 'refused') throw error;
      }
      // The lease is untouched. Perhaps a renewal without an answer had landed, or its wall is nearer than we knew:
      // then what is left may be asked for, once.
      const row = await get(lease.id, signal);
      const present = leaseOf(row, row.dynamicSecret, true);
      if (row.expireAt > (lease.expiresAt ?? row.expireAt)) return { lease: present };
      const rest = roomFor(present);
      if (rest === undefined) throw new LeaseError('refused', 'the lease is as long as it may become');
      if (rest >= wanted)
        throw new LeaseError('invalid', 'the server rejects a renewal that fits: does its licence allow it?');
      const extended = await extend(lease.id, rest, sendBy, signal);
      return { lease: { ...present, expiresAt: extended.expireAt } };
    },

    async revoke({ id }, { signal }) {
      const body = { ...place, isForced: false };
      try {
        const answer = await ask('lease-revoke', { method: 'DELETE', path: pathOf(id), body, signal }, ended);
        const row = sameAs(id, read(answer, leaseAnswer, true).lease, true);
        // The row as it was: a failure of today, or one of before that has just been made good.
        if (row.status == null) return 'ended';
        await get(id, signal);
      } catch (error) {
        if (isGone(error)) return 'ended';
        throw error;
      }
      throw new LeaseError('unavailable', `the revocation of a lease on ${options.name}: the target did not drop it`);
    },

    async search({ since, known }, { signal }) {
      const path = `${root}/${encodeURIComponent(stored)}/leases?${query}`;
      const request = { method: 'GET', path, signal, longestAnswer: longestList } as const;
      const { leases } = read(await ask('lease-list', request), listAnswer, false);
      return leases
        .filter((row) => row.createdAt >= since - uncertainty() && !known.includes(row.id))
        .map((row) => ({ id: row.id, issuedAt: row.createdAt, expiresAt: row.expireAt }));
    },
  };
}

/** What a renewal may ask for: all of a term, or what is left of it below the wall. Whole seconds. */
function roomFor({ renewal, expiresAt, maxExpiresAt = Number.POSITIVE_INFINITY }: Lease): Duration | undefined {
  if (!renewal || expiresAt === undefined) return undefined;
  const room = Math.min(renewal.by, Math.floor((maxExpiresAt - expiresAt) / 1_000) * 1_000);
  return room < renewal.atLeast ? undefined : room;
}

/** A bare number would be milliseconds, and a text that is no length of time a 500. */
const inSeconds = (length: Duration): string => `${Math.floor(length / 1_000)}s`;

function sameAs<Row extends LeaseRow>(id: string, row: Row, isEffectful: boolean): Row {
  if (row.id === id) return row;
  throw new LeaseError('unavailable', 'the answer is about another lease', { unsure: isEffectful });
}

const isGone = (error: unknown): boolean => error instanceof LeaseError && error.code === 'gone';

const whats: Readonly<Record<Exclude<Operation, `secret-${string}`>, string>> = {
  status: 'the question for the time',
  login: 'the login',
  'token-renew': 'the renewal of the token',
  'token-revoke': 'the revocation of the token',
  'lease-create': 'taking a lease on',
  'lease-get': 'looking at a lease on',
  'lease-list': 'listing the leases on',
  'lease-renew': 'renewing a lease on',
  'lease-revoke': 'ending a lease on',
};
