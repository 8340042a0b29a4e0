/** `infisical/access-token`: a machine identity's token by Universal Auth. Contract 2, 3 and 4. */
import { createHash } from 'node:crypto';
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { Material } from '../../core/material.ts';
import { type Duration, seconds } from '../../core/time.ts';
import type { HttpAnswer } from '../http-client.ts';
import { read } from '../read-answer.ts';
import type { Source } from '../source.ts';
import { tokenAnswer } from './answers.ts';
import type { Asking } from './client.ts';
import type { Meaning } from './failures.ts';
import { claimsOf } from './jwt.ts';

/** What proves who we are, read anew at every login, and a fingerprint of it that changes with it. */
export interface Proof {
  read(): Promise<{ readonly clientId: string; readonly clientSecret: string; readonly organization?: string }>;
  fingerprint(): Promise<string>;
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
export function accessTokenSource(client: Asking, proof: Proof): Source {
  const { clock, uncertainty, knowsTime } = client;
  return {
    clock,
    uncertainty,
    knowsTime,
    renewsByValue: true,
    credential: () => proof.fingerprint(),

    async acquire({ signal }) {
      const { clientId, clientSecret, organization } = await proof.read();
      const answer = await client.openly({
        operation: 'login',
        method: 'POST',
        path: '/api/v1/auth/universal-auth/login',
        body: { clientId, clientSecret, ...(organization !== undefined && { organizationSlug: organization }) },
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

    async renew(lease, { signal, sendBy, material }) {
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
    },

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
        await client.openly(request);
      } catch (error) {
        if (!(error instanceof LeaseError) || error.code !== 'gone') throw error;
      }
      return 'ended';
    },
  };
}

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
