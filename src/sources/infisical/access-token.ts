/** `infisical/access-token`: a machine identity's token, had by a login. Contract 2, 3, 4 and 5. */
import { createHash } from 'node:crypto';
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { Material } from '../../core/material.ts';
import { type Duration, seconds } from '../../core/time.ts';
import type { HttpAnswer } from '../http-client.ts';
import { read } from '../read-answer.ts';
import type { RenewCall, Source } from '../source.ts';
import { revokedAnswer, tokenAnswer } from './answers.ts';
import type { Asking, Operation } from './client.ts';
import type { Meaning } from './failures.ts';
import { claimsOf } from './jwt.ts';
import type { Login } from './logins/login.ts';

export interface LoginRules {
  /** Slug of the organization to log in to. Unknown to servers before the end of 2025. */
  readonly organization?: string | undefined;
  /** A keyed fingerprint. */
  readonly mark: (text: string) => string;
}

/** An unknown client is a 404 on servers of 2025, a lockout a 401 on those of 2026, or a 409 or 429 where two collide. */
const login: Meaning = {
  what: 'the login',
  codes: { 401: 'denied', 403: 'denied', 404: 'denied', 409: 'denied', 429: 'denied' },
  isEffectful: true,
  isLogin: true,
};

/** A 401 is the token's end, or has just become it: on servers of 2025 a renewal past the wall deletes the token. */
const renewal: Meaning = {
  what: 'the renewal of the token',
  codes: { 400: 'refused', 401: 'gone', 403: 'refused', 404: 'gone' },
  onTokenError: 'gone',
  isEffectful: true,
};

const revocation: Meaning = {
  what: 'the revocation of the token',
  codes: { 401: 'gone', 404: 'gone' },
  onTokenError: 'gone',
  isEffectful: true,
};

/** So long or longer is how the server writes that a periodic token has no wall: 31 years. */
const noWall: Duration = seconds(1_000_000_000);

/** The value is under the key `token`. */
export function accessTokenSource(client: Asking, proof: Login, { organization, mark }: LoginRules): Source {
  const { clock, uncertainty, knowsTime } = client;
  return {
    clock,
    uncertainty,
    knowsTime,
    kinds: { acquire: ['login'], renew: ['token-renew'], retire: ['token-revoke'] } satisfies Record<
      string,
      Operation[]
    >,
    renewsByValue: true,
    // One that cannot be read is rejected as well, and another once it can.
    credential: async () => mark(await proof.credential().catch(() => '')),

    async acquire({ signal }) {
      const shown = await proof.prove({ signal, now: clock.now() });
      const answer = await client.openly({
        operation: 'login',
        method: 'POST',
        path: `/api/v1/auth/${proof.segment}/login`,
        body: { ...shown, ...(organization !== undefined && namesOf(organization)) },
        meaning: login,
        signal,
      });
      const issued = issuedBy(answer);
      const { ttl, wall, token } = issued;
      const lease: Lease = {
        id: claimsOf(token).identityAccessTokenId ?? fingerprintOf(token),
        issuedAt: answer.sentAt,
        ...(ttl !== undefined && {
          expiresAt: answer.sentAt + ttl,
          renewal: { from: 'now', by: ttl, atLeast: ttl, canShorten: false },
        }),
        ...(wall !== undefined && { maxExpiresAt: answer.sentAt + wall }),
      };
      return { lease, material: new Material({ token }) };
    },

    renew: (lease, call) => renewToken(client, lease, call),

    async revoke(_, { signal, material }) {
      const accessToken = material?.reveal('token');
      if (accessToken === undefined) return 'left';
      const request = {
        operation: 'token-revoke',
        method: 'POST',
        path: '/api/v1/auth/token/revoke',
        body: { accessToken },
        meaning: revocation,
        signal,
      } as const;
      try {
        read(await client.openly(request), revokedAnswer, true);
      } catch (error) {
        if (!(error instanceof LeaseError) || error.code !== 'gone') throw error;
      }
      return 'ended';
    },
  };
}

/** The same token, and a new JWT of it under the key `token`; the old JWT lives to its own end. */
export async function renewToken(client: Asking, lease: Lease, { signal, sendBy, material }: RenewCall) {
  const accessToken = material?.reveal('token');
  if (accessToken === undefined) throw new LeaseError('refused', 'the token itself is not at hand');
  const answer = await client.openly({
    operation: 'token-renew',
    method: 'POST',
    path: '/api/v1/auth/token/renew',
    body: { accessToken },
    meaning: renewal,
    signal,
    sendBy,
  });
  const { ttl, wall, token } = issuedBy(answer);
  const { expiresAt: _, ...kept } = lease;
  const ends = [lease.maxExpiresAt, wall === undefined ? undefined : lease.issuedAt + wall];
  const known = ends.filter((end) => end !== undefined);
  return {
    lease: {
      ...kept,
      ...(ttl !== undefined && { expiresAt: answer.sentAt + ttl }),
      // A wall that was learnt is nearer than the one the server names.
      ...(known.length > 0 && { maxExpiresAt: Math.min(...known) }),
    },
    material: new Material({ token }),
  };
}

/** As it is called since 2026, and as it was called at the end of 2025: what a server does not know it leaves out. */
const namesOf = (organization: string) => ({ organizationSlug: organization, subOrganizationName: organization });

/** The token of a login or a renewal, how long it lives and how far it can be renewed, both from the request on. */
function issuedBy(answer: HttpAnswer) {
  const { accessToken, expiresIn, accessTokenMaxTTL } = read(answer, tokenAnswer, true);
  const { iat, exp } = claimsOf(accessToken);
  // Some logins of 2026 answer with the lifetime that was configured, and sign a shorter one.
  const signed = iat !== undefined && exp !== undefined ? exp - iat : Number.POSITIVE_INFINITY;
  const ttl = seconds(Math.min(expiresIn > 0 ? expiresIn : Number.POSITIVE_INFINITY, signed));
  const wall = seconds(accessTokenMaxTTL);
  return {
    token: accessToken,
    ttl: Number.isFinite(ttl) ? ttl : undefined,
    wall: wall > 0 && wall < noWall ? wall : undefined,
  };
}

/** Where it does not name itself: the same for the same token, and of no use to who reads it. */
const fingerprintOf = (token: string): string => createHash('sha256').update(token).digest('hex').slice(0, 32);
