/** Universal Auth login, with what it refuses and in which words (contract 2). */
import { seconds } from '../../../src/core/time.ts';
import { trusts } from './addresses.ts';
import { type ApiError, notFound, unauthorized, untrustedAddress } from './answers.ts';
import type { ClientSecret, Identity, World } from './world.ts';

/** Who proved itself with which secret. Throws the answer to a login that is refused. */
export function logIn(
  world: World,
  login: { readonly clientId: string; readonly clientSecret: string },
  address: string,
): { identity: Identity; clientSecret: ClientSecret } {
  const identity = [...world.identities.values()].find((one) => one.clientId === login.clientId);
  if (identity === undefined) throw unknownClient(world);
  if (!trusts(identity.loginFrom, address)) throw untrustedAddress();
  refuseWhileLocked(world, identity);
  const clientSecret = identity.clientSecrets.find((one) => !one.revoked && one.secret === login.clientSecret);
  if (clientSecret === undefined) {
    noteFailure(world, identity);
    throw unauthorized('Invalid credentials');
  }
  // A secret found to be over is marked as revoked: only the first try learns why.
  const over = whyOver(clientSecret, world.clock.now());
  if (over !== undefined) {
    clientSecret.revoked = true;
    throw unauthorized(over);
  }
  clientSecret.uses += 1;
  identity.failures = [];
  return { identity, clientSecret };
}

function unknownClient(world: World): ApiError {
  if (world.flavour === '2026') return unauthorized('Invalid credentials');
  return notFound('No identity with specified client ID was found');
}

function whyOver(secret: ClientSecret, now: number): string | undefined {
  if (secret.ttl > 0 && now > secret.createdAt + seconds(secret.ttl)) {
    return 'Access denied due to expired client secret';
  }
  if (secret.usesLimit > 0 && secret.uses >= secret.usesLimit) {
    return 'Access denied due to client secret usage limit reached';
  }
  return undefined;
}

function refuseWhileLocked(world: World, identity: Identity): void {
  if (world.flavour === '2026' && world.clock.now() < identity.lockedUntil) {
    throw unauthorized('This identity auth method is temporarily locked, please try again later');
  }
}

function noteFailure(world: World, identity: Identity): void {
  const now = world.clock.now();
  const { threshold, window, duration } = world.lockout;
  identity.failures = [...identity.failures.filter((at) => now - at < window), now];
  if (identity.failures.length < threshold) return;
  identity.failures = [];
  identity.lockedUntil = now + duration;
}
