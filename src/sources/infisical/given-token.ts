/** An access token that somebody else has made, by Token Auth in the console: there is no login. Contract 3 and 5. */
import { type Credential, readCredential } from '../../config/credential.ts';
import { LeaseError } from '../../core/failure.ts';
import type { Lease, Renewal } from '../../core/lease.ts';
import { Material } from '../../core/material.ts';
import { type Instant, seconds } from '../../core/time.ts';
import type { Deps } from '../define.ts';
import type { Source } from '../source.ts';
import { renewToken } from './access-token.ts';
import type { Asking, Operation } from './client.ts';
import { type Claims, claimsOf } from './jwt.ts';

interface Around {
  readonly env: Deps['env'];
  /** A keyed fingerprint. */
  readonly mark: (text: string) => string;
  /** Only another one will do then. */
  readonly wasRejected: (token: string) => boolean;
}

/**
 * Others replace it, which is noticed; and it is not ours to revoke. It is renewed only where it says itself how far
 * that goes, as on servers of 2026: on those of 2025 a renewal past a wall that we do not know would delete it.
 */
export function givenTokenSource(client: Asking, from: Credential, { env, mark, wasRejected }: Around): Source {
  const { clock, uncertainty, knowsTime } = client;
  const given = () => readCredential(from, env);
  const idOf = (token: string): string => mark(token).slice(0, 32);
  return {
    clock,
    uncertainty,
    knowsTime,
    kinds: { acquire: [], observe: [], renew: ['token-renew'] } satisfies Record<string, Operation[]>,
    renewsByValue: true,
    // One that cannot be read is rejected as well, and another once it can.
    credential: async () => mark(await given().catch(() => '')),
    // A file of this machine: asking costs nothing.
    observeEvery: () => seconds(10),

    async acquire() {
      const token = await given();
      const no = (what: string) => new LeaseError('denied', `the access token that was given ${what}`);
      if (!/^[\x21-\x7e]+$/.test(token)) throw no('is none');
      if (wasRejected(token)) throw no('was rejected');
      const lease = leaseOf(idOf(token), claimsOf(token), clock.now());
      if (lease.expiresAt !== undefined && lease.expiresAt + uncertainty() <= clock.now()) throw no('has expired');
      return { lease, material: new Material({ token }) };
    },

    async observe(lease) {
      // One that is not there just now is about to be replaced, or was taken away: ours stays what it is.
      const present = await given().catch(() => undefined);
      return { is: present === undefined || idOf(present) === lease.id ? 'held' : 'outdated', lease };
    },

    renew: (lease, call) => renewToken(client, lease, call),
  };
}

/** As its claims say. Others see them too, and make its successor. */
function leaseOf(id: string, claims: Claims, now: Instant): Lease {
  const { iat, exp, creationEpoch, accessTokenMaxTTL: farthest, accessTokenPeriod: period } = claims;
  const renewal = renewalBy(claims);
  const hasWall = renewal && !period && creationEpoch !== undefined && farthest;
  return {
    id,
    issuedAt: iat === undefined ? now : seconds(iat),
    ...(exp !== undefined && { expiresAt: seconds(exp) }),
    ...(renewal && { renewal }),
    ...(hasWall && { maxExpiresAt: seconds(creationEpoch + farthest) }),
    repeats: true,
    followed: true,
  };
}

/** Absent: it cannot be renewed, or nobody says how far that would go. */
function renewalBy(claims: Claims): Renewal | undefined {
  const { exp, creationEpoch, accessTokenTTL, accessTokenMaxTTL, accessTokenPeriod } = claims;
  if (exp === undefined || creationEpoch === undefined || accessTokenMaxTTL === undefined) return undefined;
  const by = seconds(accessTokenPeriod || accessTokenTTL || 0);
  return by > 0 ? { from: 'now', by, atLeast: by, canShorten: false } : undefined;
}
