/** Versions: added, made current, scheduled for destruction, saved from it, destroyed (contract 3). */
import { type Duration, days, type Instant } from '../../../src/core/time.ts';
import type { NewPayload } from './payloads.ts';
import { failedPrecondition, tooManyVersions } from './status.ts';
import type { Secret, Version, World } from './world.ts';

/** Of `pendingPeriod`. */
export const usualPending: Duration = days(7);

/** Who does it, as the books name them. */
export type Doer = string;

export const nameOf = (secret: Secret): string => secret.name || secret.id;

interface Added extends NewPayload {
  readonly id: string;
  readonly description: string;
  readonly createdAt?: Instant;
}

/** It becomes the current one. Throws RESOURCE_EXHAUSTED where the secret has as many as it may. */
export function addVersion(world: World, secret: Secret, added: Added, by: Doer): Version {
  const version = insertVersion(world, secret, added, by);
  makeCurrent(world, secret, version, by);
  return version;
}

export function insertVersion(world: World, secret: Secret, added: Added, by: Doer): Version {
  requireRoom(world, secret);
  const { id, description, payload, generated, base } = added;
  const version: Version = {
    id,
    secret,
    createdAt: added.createdAt ?? world.clock.now(),
    description,
    payload,
    generated,
    status: 'ACTIVE',
    destroyAt: undefined,
    cancelAlarm: () => undefined,
  };
  secret.versions.push(version);
  world.books.versions.set(id, {
    id,
    secret: nameOf(secret),
    createdAt: version.createdAt,
    by,
    base: base?.id ?? null,
    generated: generated !== undefined,
    keys: [...payload.keys()],
    scheduled: [],
    cancelled: [],
  });
  return version;
}

export function requireRoom(world: World, secret: Secret): void {
  const there = secret.versions.filter(({ status }) => status !== 'DESTROYED').length;
  if (there >= world.versionQuota) throw tooManyVersions();
}

export function makeCurrent(world: World, secret: Secret, version: Version | undefined, by: Doer): void {
  if (secret.current === version) return;
  secret.current = version;
  world.books.currents.push({ at: world.clock.now(), secret: nameOf(secret), version: version?.id ?? null, by });
}

/** Also moves the date of one that is scheduled already. */
export function schedule(world: World, version: Version, destroyAt: Instant, by: Doer): void {
  version.cancelAlarm();
  version.status = 'SCHEDULED_FOR_DESTRUCTION';
  version.destroyAt = destroyAt;
  version.cancelAlarm = world.clock.at(destroyAt, () => destroy(world, version, destroyAt));
  world.books.versions.get(version.id)?.scheduled.push({ at: world.clock.now(), by, destroyAt });
}

export function cancel(world: World, version: Version, by: Doer): void {
  version.cancelAlarm();
  version.status = 'ACTIVE';
  version.destroyAt = undefined;
  world.books.versions.get(version.id)?.cancelled.push({ at: world.clock.now(), by });
}

export function destroy(world: World, version: Version, at: Instant = world.clock.now()): void {
  version.cancelAlarm();
  version.status = 'DESTROYED';
  version.destroyAt = undefined;
  world.books.endVersion(version.id, at, 'destroyed');
  const { secret } = version;
  if (secret.current === version && world.unknowns.destroyedCurrent === 'absent') {
    makeCurrent(world, secret, undefined, 'somebody');
  }
}

/** It was never there. The current one lost: none is current. */
export function forget(world: World, version: Version, by: 'forgotten' | 'deleted'): void {
  const { secret } = version;
  version.cancelAlarm();
  secret.versions = secret.versions.filter((other) => other !== version);
  world.books.endVersion(version.id, world.clock.now(), by);
  if (secret.current === version) makeCurrent(world, secret, undefined, 'somebody');
}

export function requireNotDestroyed({ status }: Version): void {
  if (status === 'DESTROYED') throw failedPrecondition('Version is destroyed');
}

export function requireActiveVersion(version: Version): void {
  requireNotDestroyed(version);
  if (version.status !== 'ACTIVE') throw failedPrecondition('Version is scheduled for destruction');
}

export function requireScheduled(version: Version): void {
  requireNotDestroyed(version);
  if (version.status === 'ACTIVE') throw failedPrecondition('Version is not scheduled for destruction');
}
