/** Leases of dynamic secrets: create, read, renew, revoke, expire (contract 6.1 to 6.5). */
import { randomUUID } from 'node:crypto';
import type { Instant } from '../../../src/core/time.ts';
import { randomText } from '../random-text.ts';
import { badRequest, notFound, wentWrong } from './answers.ts';
import type { LeaseEnd } from './books.ts';
import { readLength } from './lengths.ts';
import { dynamicSecretIn, type Folder, isIn, requireRight } from './projects.ts';
import { type Values, valuesFor } from './targets.ts';
import type { DynamicSecret, Identity, Lease, World } from './world.ts';

const failedDeletion = 'Failed to delete';

/** Nothing here serialises two requests for one lease: neither does the server (contract 6.3, concurrent renewals). */
export async function createLease(
  world: World,
  identity: Identity,
  asked: { readonly folder: Folder; readonly name: string; readonly ttl: string },
): Promise<{ lease: Lease; data: Values }> {
  requireLicence(world, 'create');
  const secret = dynamicSecretIn(world, asked.folder, asked.name.toLowerCase());
  requireRight(identity, asked.folder.project, 'lease');
  const askedAt = world.clock.now();
  const ttl = readLength(asked.ttl || secret.defaultTTL);
  if (secret.maxTTL !== null && ttl > readLength(secret.maxTTL)) throw badRequest('TTL cannot be larger than max TTL');
  const expireAt = askedAt + ttl;
  if (Number.isNaN(expireAt)) throw wentWrong();
  const username = randomText(32);
  const data = valuesFor(secret.type, username);
  await atTarget(secret, async () => {
    const endsAt = secret.credentialLife === undefined ? undefined : world.clock.now() + secret.credentialLife;
    await secret.target.create({ username, values: data, endsAt });
  });
  // The server takes the expiry from before its work at the target, and the creation from after it.
  const createdAt = world.clock.now();
  const lease: Lease = {
    id: randomUUID(),
    secret,
    username,
    expireAt,
    createdAt,
    updatedAt: createdAt,
    status: null,
    statusDetails: null,
    cancelExpiry: () => undefined,
  };
  world.leases.set(lease.id, lease);
  world.books.leases.set(lease.id, {
    id: lease.id,
    secret: `${secret.project.slug}/${secret.environment}${secret.path} ${secret.name}`,
    username,
    identity: identity.name,
    createdAt,
    expireAt,
    maxExpireAt: wallOf(lease),
    renewals: [],
    revocations: [],
  });
  setAlarm(world, lease);
  return { lease, data };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Throws the 404 of a lease that is not in this folder, and the 500 for an id that is none. */
export function leaseIn(world: World, folder: Folder, id: string, words: 'lease' | 'secret' = 'lease'): Lease {
  if (!uuid.test(id)) throw wentWrong('DynamicSecretLeaseFindById');
  const lease = world.leases.get(id);
  if (lease !== undefined && isIn(lease.secret, folder)) return lease;
  const what = words === 'secret' && lease !== undefined ? 'Dynamic secret' : 'Dynamic secret lease';
  throw notFound(`${what} with ID '${id}' not found`);
}

export const leasesOf = (world: World, secret: DynamicSecret): readonly Lease[] =>
  [...world.leases.values()].filter((lease) => lease.secret === secret);

/** Additive: the new end counts from the old end, even where that leaves it in the past. */
export async function renewLease(world: World, identity: Identity, lease: Lease, askedTtl: string): Promise<void> {
  requireLicence(world, 'renew');
  requireRight(identity, lease.secret.project, 'lease');
  const expireAt = lease.expireAt + readLength(askedTtl || lease.secret.defaultTTL);
  if (Number.isNaN(expireAt)) throw wentWrong();
  const wall = wallOf(lease);
  if (wall !== null && expireAt > wall) {
    throw badRequest(
      'The requested renewal would exceed the maximum allowed lease duration. Please choose a shorter TTL',
    );
  }
  await atTarget(lease.secret, () => lease.secret.target.renew(lease.username));
  if (!world.leases.has(lease.id)) throw wentWrong();
  lease.expireAt = expireAt;
  lease.updatedAt = world.clock.now();
  const book = world.books.leases.get(lease.id);
  if (book !== undefined) {
    book.expireAt = expireAt;
    book.renewals.push({ at: world.clock.now(), identity: identity.name, expireAt });
  }
  setAlarm(world, lease);
}

/** A target that fails leaves the lease there with a status, and is no error: the answer is 200 all the same. */
export async function revokeLease(world: World, identity: Identity, lease: Lease, forced: boolean): Promise<void> {
  requireRight(identity, lease.secret.project, 'lease');
  world.books.leases.get(lease.id)?.revocations.push({ at: world.clock.now(), identity: identity.name });
  await endLease(world, lease, forced ? 'forced' : 'revoked');
}

/** What the server's own job does at a lease's end. */
export async function endLease(world: World, lease: Lease, by: LeaseEnd): Promise<void> {
  const reason = await dropCredential(world, lease);
  if (!world.leases.has(lease.id)) throw wentWrong();
  if (reason === undefined || by === 'forced') return removeRow(world, lease, by);
  lease.status = failedDeletion;
  lease.statusDetails = reason.slice(0, 255);
  lease.updatedAt = world.clock.now();
  // Only newer servers try again by themselves.
  if (world.flavour === '2026') setAlarm(world, lease, world.clock.now() + world.revocationRetry);
}

export function removeRow(world: World, lease: Lease, by: LeaseEnd): void {
  lease.cancelExpiry();
  world.leases.delete(lease.id);
  world.books.endLease(lease.id, world.clock.now(), by);
}

/** Answers with the target's words where it could not be done. */
export async function dropCredential(world: World, lease: Lease): Promise<string | undefined> {
  try {
    await lease.secret.gate.pass();
    await lease.secret.target.drop(lease.username);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  world.books.endCredential(lease.id, world.clock.now());
  return undefined;
}

function setAlarm(world: World, lease: Lease, at: Instant = lease.expireAt): void {
  lease.cancelExpiry();
  lease.cancelExpiry = world.clock.at(at, () => {
    // The row may be revoked while the target is at work; then there is nothing left to do.
    endLease(world, lease, 'expired')
      .catch(() => undefined)
      .finally(world.changed);
  });
}

/** Its end is looked forward to again, after a restart of the server. */
export const rearm = (world: World, lease: Lease): void => setAlarm(world, lease);

const wallOf = ({ secret, createdAt }: Pick<Lease, 'secret' | 'createdAt'>): Instant | null =>
  secret.maxTTL === null ? null : createdAt + readLength(secret.maxTTL);

function requireLicence(world: World, act: 'create' | 'renew'): void {
  if (world.licensed) return;
  throw badRequest(`Failed to ${act} lease due to plan restriction. Upgrade plan to create dynamic secret.`);
}

async function atTarget(secret: DynamicSecret, work: () => Promise<void>): Promise<void> {
  try {
    await secret.gate.pass();
    await work();
  } catch {
    throw wentWrong();
  }
}
