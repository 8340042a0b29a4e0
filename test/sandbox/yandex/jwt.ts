/** The JWTs that are exchanged for tokens: an authorized key's, checked to the letter, and a cluster's (contract 6). */
import { constants, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { seconds } from '../../../src/core/time.ts';
import { inNanos, newId } from './ids.ts';
import { invalidToken } from './status.ts';
import type { Account, AuthorizedKey, World } from './world.ts';

export type Claims = Readonly<Record<string, unknown>>;

const longestLife = 3600;
/** How far ahead of the server's clock a JWT may be dated: nobody knows. */
const leeway = seconds(30);

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

/** Making one takes up to a second: a process makes each once, when it is needed, for all the sandboxes in it. */
const pairs: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }[] = [];
const pairAt = (index: number) => {
  const pair = pairs[index] ?? generateKeyPairSync('rsa', { modulusLength: 2048 });
  pairs[index] = pair;
  return pair;
};

/** As the console makes it, with the line before the PEM that it warns to remove. */
export function makeKey(world: World, accountId: string, id: string = newId('aje')): AuthorizedKey {
  world.keysMade += 1;
  const index = world.keysMade;
  const createdAt = inNanos(world.clock.now());
  const pem = (key: KeyObject, type: 'pkcs8' | 'spki') => key.export({ type, format: 'pem' } as const) as string;
  return {
    id,
    publicKey: () => pairAt(index).publicKey,
    file: () => ({
      id,
      service_account_id: accountId,
      created_at: createdAt,
      key_algorithm: 'RSA_2048',
      public_key: pem(pairAt(index).publicKey, 'spki'),
      private_key: `PLEASE DO NOT REMOVE THIS LINE! Yandex.Cloud SA Key ID <${id}>\n${pem(pairAt(index).privateKey, 'pkcs8')}`,
    }),
  };
}

/** The account whose key signed this for itself; otherwise throws UNAUTHENTICATED. */
export function accountOf(world: World, jwt: string): Account {
  const { header, claims, signed, signature } = partsOf(jwt);
  const kid = String(header['kid']);
  const account = [...world.accounts.values()].find(({ keys }) => keys.has(kid));
  const key = account?.keys.get(kid);
  if (account === undefined || key === undefined || header['alg'] !== 'PS256') throw invalidToken();
  if (!verify('sha256', signed, { key: key.publicKey(), ...pss }, signature)) throw invalidToken();
  if (claims['iss'] !== account.id || ![claims['aud']].flat().includes(world.jwtAudience)) throw invalidToken();
  requireInTime(world, claims);
  const { iat, exp } = claims;
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp - iat > longestLife) throw invalidToken();
  return account;
}

function requireInTime(world: World, { iat, exp, nbf }: Claims): void {
  const now = world.clock.now();
  const isAhead = (date: unknown) => typeof date === 'number' && date * 1000 > now + leeway;
  if (isAhead(iat) || isAhead(nbf)) throw invalidToken();
  if (typeof exp !== 'number' || exp * 1000 <= now) throw invalidToken();
}

const issuer = 'https://kubernetes.default.svc';

/** What a kubelet would write into a projected token file. Lengths in seconds. */
export function subjectToken(world: World, subject: string, life: number): string {
  const iat = Math.floor(world.clock.now() / 1000);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: issuer, sub: subject, aud: [issuer], iat, exp: iat + life };
  const text = `${encode({ alg: 'RS256', typ: 'JWT', kid: 'cluster' })}.${encode(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), pairAt(0).privateKey).toString('base64url')}`;
}

/** The subject of a token that this cluster issued and that has not ended; otherwise throws UNAUTHENTICATED. */
export function subjectOf(world: World, jwt: string): string {
  const { header, claims, signed, signature } = partsOf(jwt);
  const isOurs = header['alg'] === 'RS256' && verify('sha256', signed, pairAt(0).publicKey, signature);
  if (!isOurs || claims['iss'] !== issuer) throw invalidToken();
  requireInTime(world, claims);
  return String(claims['sub']);
}

function partsOf(jwt: string) {
  const [head = '', body = '', signature = '', ...more] = jwt.split('.');
  if (signature === '' || more.length > 0) throw invalidToken();
  return {
    header: decode(head),
    claims: decode(body),
    signed: Buffer.from(`${head}.${body}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}

function decode(part: string): Claims {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    if (typeof value === 'object' && value !== null) return value as Claims;
  } catch {
    // Refused below.
  }
  throw invalidToken();
}
