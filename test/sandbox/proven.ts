/** Checks a JWT as its receiver does: by the public key of who is said to have signed it, and the time. */
import { createPublicKey, verify } from 'node:crypto';
import type { Instant } from '../../src/core/time.ts';

export type Proven = Readonly<Record<string, unknown>>;

export type Flaw = 'malformed' | 'unknown key' | 'invalid signature' | 'jwt expired';

/** A class, because it is thrown. */
export class NotProven extends Error {
  readonly flaw: Flaw;
  constructor(flaw: Flaw) {
    super(flaw);
    this.flaw = flaw;
  }
}

/** The claims, if one of these keys signed them, the one that is named, and they have not expired. PEM by key id. */
export function claimsProven(jwt: string, keys: Readonly<Record<string, string>>, now: Instant): Proven {
  const [head = '', body = '', signature = '', ...more] = jwt.split('.');
  if (signature === '' || more.length > 0) throw new NotProven('malformed');
  const header = decoded(head);
  const claims = decoded(body);
  const pem = keys[String(header['kid'])];
  if (pem === undefined) throw new NotProven('unknown key');
  const key = createPublicKey(pem);
  const algorithm = key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
  const signed = Buffer.from(`${head}.${body}`);
  const isRight =
    header['alg'] === algorithm &&
    verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  if (!isRight) throw new NotProven('invalid signature');
  const end = claims['exp'];
  if (typeof end !== 'number' || now / 1_000 >= end) throw new NotProven('jwt expired');
  return claims;
}

function decoded(part: string): Proven {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    if (typeof value === 'object' && value !== null) return value as Proven;
  } catch {
    // Refused below.
  }
  throw new NotProven('malformed');
}
