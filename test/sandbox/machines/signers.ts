/** Those who sign JWTs that prove somebody: a cluster, Google, Entra ID, an issuer of OIDC, a service account. */
import { createSign, generateKeyPairSync } from 'node:crypto';
import type { Clock } from '../../../src/core/time.ts';

export interface Signer {
  readonly kid: string;
  /** In PEM. */
  readonly publicKey: string;
  readonly privateKey: string;
  sign(claims: object, kid?: string): string;
}

/** Making an RSA key takes a while: a process makes each once, when it is needed. */
const made = new Map<string, Signer>();

export const rsaSigner = (kid: string): Signer => madeOnce(kid, 'RS256');
export const ecSigner = (kid: string): Signer => madeOnce(kid, 'ES256');

function madeOnce(kid: string, alg: 'RS256' | 'ES256'): Signer {
  const known = made.get(`${alg} ${kid}`);
  if (known) return known;
  const pair =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signer: Signer = {
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string,
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    kid,
    sign(claims, as = kid) {
      const text = `${encode({ alg, typ: 'JWT', kid: as })}.${encode(claims)}`;
      const key = { key: pair.privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${text}.${createSign('sha256').update(text).sign(key).toString('base64url')}`;
    },
  };
  made.set(`${alg} ${kid}`, signer);
  return signer;
}

/** When it is made and for how long it is good, in the words of a JWT. `life` in seconds, which may be over. */
export function dated(clock: Clock, life = 600): { readonly iat: number; readonly exp: number } {
  const iat = Math.floor(clock.now() / 1_000);
  return { iat, exp: iat + life };
}
