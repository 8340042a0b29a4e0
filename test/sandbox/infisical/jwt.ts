/** Access tokens on the wire: signed as HS256, refused with the server's words (contract 1.2). */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Instant } from '../../../src/core/time.ts';
import { tokenError } from './answers.ts';

export type Claims = Readonly<Record<string, unknown>>;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (text: string, key: Buffer) => createHmac('sha256', key).update(text).digest();

export function signJwt(claims: Claims, key: Buffer): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign(text, key).toString('base64url')}`;
}

/** The claims of a token of ours that has not expired; otherwise throws the 403 `TokenError`. */
export function verifyJwt(jwt: string, key: Buffer, now: Instant): Claims {
  if (jwt === '') throw tokenError('jwt must be provided');
  const [head = '', body = '', signature = '', ...more] = jwt.split('.');
  if (signature === '' || more.length > 0) {
    throw tokenError(
      'The provided access token is malformed. Please use a valid token or generate a new one and try again.',
    );
  }
  const header = decode(head);
  const claims = decode(body);
  if (header === undefined || claims === undefined) throw tokenError('invalid token');
  if (header['alg'] !== 'HS256') {
    throw tokenError('The access token is signed with an invalid algorithm. Please use a valid token.');
  }
  const given = Buffer.from(signature, 'base64url');
  const right = sign(`${head}.${body}`, key);
  if (given.length !== right.length || !timingSafeEqual(given, right)) throw tokenError('invalid signature');
  const end = claims['exp'];
  if (typeof end === 'number' && Math.floor(now / 1000) >= end) {
    throw tokenError('Your token has expired. Please re-authenticate.');
  }
  return claims;
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
