/** What an access token says of itself. Read, never verified: it was given to us by the server that will check it. */
import { z } from 'zod';

const claims = z.object({
  /** Seconds since the epoch. */
  iat: z.number().min(0).optional().catch(undefined),
  exp: z.number().min(0).optional().catch(undefined),
  /** The same in every JWT that a renewal makes of one login. Safe to log. */
  identityAccessTokenId: z
    .string()
    .regex(/^[A-Za-z0-9-]{8,64}$/)
    .optional()
    .catch(undefined),
});

/** The claims we know; none where the text is no JWT. Never throws. */
export function claimsOf(jwt: string): z.output<typeof claims> {
  try {
    return claims.parse(JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')));
  } catch {
    return {};
  }
}
