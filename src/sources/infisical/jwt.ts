/** What an access token says of itself. Read, never verified: it was given to us by the server that will check it. */
import { z } from 'zod';

const number = z.number().min(0).max(1e11).optional().catch(undefined);

const claims = z.object({
  /** Seconds since the epoch. */
  iat: number,
  exp: number,
  /** When it was had by a login, in seconds since the epoch; with the lengths below on servers of 2026 alone. */
  creationEpoch: number,
  /** In seconds. 0: there is no such end. */
  accessTokenTTL: number,
  accessTokenMaxTTL: number,
  accessTokenPeriod: number,
  /** The same in every JWT that a renewal makes of one login. Safe to log. */
  identityAccessTokenId: z
    .string()
    .regex(/^[A-Za-z0-9-]{8,64}$/)
    .optional()
    .catch(undefined),
});

export type Claims = z.output<typeof claims>;

/** The claims we know; none where the text is no JWT. Never throws. */
export function claimsOf(jwt: string): Claims {
  try {
    return claims.parse(JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')));
  } catch {
    return {};
  }
}
