/** Access tokens: issue, renew, revoke, and what a request may do with one (contract 1.2, 2.1, 3, 4). */
import { randomUUID } from 'node:crypto';
import { days, seconds } from '../../../src/core/time.ts';
import { trusts } from './addresses.ts';
import { type ApiError, unauthorized, untrustedAddress } from './answers.ts';
import { type Claims, signJwt, verifyJwt } from './jwt.ts';
import type { ClientSecret, Identity, Token, World } from './world.ts';

/** The answer to a login and to a renewal. */
export interface TokenAnswer {
  readonly accessToken: string;
  readonly expiresIn: number;
  readonly accessTokenMaxTTL: number;
  readonly tokenType: 'Bearer';
}

/** 2026 servers let no token live longer, whatever its identity says. */
const greatestAge = days(90) / seconds(1);
const foreverPeriodic = 1_000_000_000;

export function issueToken(
  world: World,
  identity: Identity,
  by: ClientSecret | Pick<Token, 'method' | 'identityAuth'>,
): { token: Token; answer: TokenAnswer } {
  const createdAt = world.clock.now();
  const how =
    'method' in by
      ? { ...by, clientSecret: undefined }
      : { clientSecret: by, method: 'universal-auth', identityAuth: undefined };
  const token: Token = { id: randomUUID(), identity, ...how, createdAt, uses: 0, revoked: false };
  world.tokens.set(token.id, token);
  return { token, answer: answerWith(world, token, wantedTtl(world, token)) };
}

/** Throws the answer to a renewal that is refused. On a 2025 server some of these end a token that was still good. */
export function renewToken(world: World, jwt: string): { token: Token; answer: TokenAnswer } {
  const token = tokenOf(world, verifyJwt(jwt, world.jwtKey, world.clock.now()), 'Cannot renew:');
  if (exhausted(token)) throw usedUp(world, token, 'Cannot renew exhausted access token');
  const ttl = wantedTtl(world, token);
  const { maxTtl, period } = token.identity;
  if (period > 0 || maxTtl === 0) return { token, answer: answerWith(world, token, ttl) };
  const left = token.createdAt + seconds(maxTtl) - world.clock.now();
  if (world.flavour === '2026') {
    const granted = Math.min(ttl, Math.floor(left / 1000));
    if (granted <= 0) throw unauthorized('Cannot renew: identity access token has reached its max TTL');
    return { token, answer: answerWith(world, token, granted) };
  }
  if (left < seconds(ttl)) {
    world.tokens.delete(token.id);
    const how = left < 0 ? 'due to' : 'past its';
    throw unauthorized(`Failed to renew MI access token ${how} Max TTL expiration`);
  }
  return { token, answer: answerWith(world, token, ttl) };
}

/** Ends every JWT of the token. Again: an error in 2025, a success in 2026. */
export function revokeToken(world: World, jwt: string): Token {
  const claims = verifyJwt(jwt, world.jwtKey, world.clock.now());
  const again = world.tokens.get(String(claims['identityAccessTokenId']));
  if (world.flavour === '2026' && again?.revoked === true) return again;
  const token = tokenOf(world, claims, 'Failed to authorize:');
  token.revoked = true;
  return token;
}

/** Who asks. Counts one use. Throws where the token is no good here. */
export function authenticate(world: World, header: string | undefined, address: string): Identity {
  if (header === undefined) throw unauthorized('Token missing');
  // Seven characters for `Bearer `, whatever they are: the server does not look at the scheme.
  const token = tokenOf(world, verifyJwt(header.slice(7), world.jwtKey, world.clock.now()), 'Failed to authorize:');
  if (!trusts(token.identity.tokenFrom, address)) throw untrustedAddress();
  if (exhausted(token)) throw usedUp(world, token, 'Failed to authorize: token usage limit reached');
  token.uses += 1;
  return token.identity;
}

/** Whether a request with this token would get in, without counting as a use; for judges. */
export function acceptsToken(world: World, jwt: string): boolean {
  try {
    return !exhausted(tokenOf(world, verifyJwt(jwt, world.jwtKey, world.clock.now()), ''));
  } catch {
    return false;
  }
}

const exhausted = ({ identity, uses }: Token) => identity.usesLimit > 0 && uses >= identity.usesLimit;

function usedUp(world: World, token: Token, newWords: string): ApiError {
  if (world.flavour === '2026') return unauthorized(newWords);
  world.tokens.delete(token.id);
  return unauthorized('Unable to renew because access token number of uses limit reached');
}

function tokenOf(world: World, claims: Claims, prefix: string): Token {
  const token = world.tokens.get(String(claims['identityAccessTokenId']));
  const why = token === undefined ? 'token has been revoked' : whyDead(world, token);
  if (token !== undefined && why === undefined) return token;
  throw unauthorized(world.flavour === '2026' ? `${prefix} ${why}` : 'No identity access token found');
}

function whyDead(world: World, token: Token): string | undefined {
  if (token.revoked) return 'token has been revoked';
  if (!world.identities.has(token.identity.id)) return 'identity tokens have been revoked';
  if (world.flavour === '2026' && token.clientSecret?.revoked) return 'client secret has been revoked';
  return undefined;
}

/** Seconds a JWT would get if there were no max TTL; 0: no end. */
function wantedTtl(world: World, { identity }: Token): number {
  const ttl = identity.period > 0 ? identity.period : identity.ttl;
  if (world.flavour === '2025') return ttl;
  return ttl === 0 ? greatestAge : Math.min(ttl, greatestAge);
}

function answerWith(world: World, token: Token, ttl: number): TokenAnswer {
  const { identity, clientSecret, identityAuth } = token;
  const iat = Math.floor(world.clock.now() / 1000);
  const periodic = identity.period > 0;
  const maxTtl = periodic ? foreverPeriodic : identity.maxTtl;
  const claims = {
    identityId: identity.id,
    ...(clientSecret && { clientSecretId: clientSecret.id }),
    identityAccessTokenId: token.id,
    authTokenType: 'identityAccessToken',
    ...(world.flavour === '2026' ? newerClaims(token) : {}),
    ...(identityAuth && { identityAuth }),
    iat,
    ...(ttl > 0 ? { exp: iat + ttl } : {}),
  };
  return { accessToken: signJwt(claims, world.jwtKey), expiresIn: ttl, accessTokenMaxTTL: maxTtl, tokenType: 'Bearer' };
}

function newerClaims(token: Token): Claims {
  const { identity } = token;
  const organization = '00000000-0000-4000-8000-00000000000a';
  return {
    jti: randomUUID(),
    identityName: identity.name,
    authMethod: token.method,
    orgId: organization,
    rootOrgId: organization,
    parentOrgId: organization,
    ipRestrictionEnabled: identity.tokenFrom !== undefined,
    accessTokenTTL: identity.ttl,
    accessTokenMaxTTL: identity.maxTtl,
    accessTokenPeriod: identity.period,
    creationEpoch: Math.floor(token.createdAt / 1000),
    identityAuth: {},
    ...(identity.usesLimit > 0 ? { numUsesLimit: identity.usesLimit } : {}),
  };
}
