/** What happens to the world from outside the API that a keeper uses: other people at work, and time. */
import { type Duration, hours } from '../../../src/core/time.ts';
import { entryOf } from './furnish.ts';
import { newId } from './ids.ts';
import { makeKey, subjectToken } from './jwt.ts';
import { payloadOf } from './payloads.ts';
import type { EntryValue, PasswordSpec, Role } from './spec.ts';
import { holderOf } from './tokens.ts';
import * as versions from './versions.ts';
import type { Account, KeyFile, Secret, Version, VersionStatus, World } from './world.ts';

/** Where a value was found. */
export interface Whereabouts {
  readonly secret: string;
  readonly version: string;
  readonly status: VersionStatus;
  readonly isCurrent: boolean;
}

/**
 * Names of accounts and secrets are optional where there is only one; a version is by default the current one. All of
 * it is done at once, by `somebody`. Lengths are milliseconds.
 */
export interface WorldControl {
  /** Move the servers' whole clock: forward lets time pass, either way makes it wrong against ours. */
  skew(by: Duration): void;
  /** Somebody adds a version, by the rules of AddVersion: `null` takes a key away. Answers with its id. */
  addVersion(
    entries?: Readonly<Record<string, EntryValue | null>>,
    where?: { readonly secret?: string; readonly base?: string },
  ): string;
  setCurrent(version: string): void;
  /** Sets its destroyAt, or moves it. */
  scheduleDestruction(after: Duration, version?: string): void;
  cancelDestruction(version?: string): void;
  destroyVersion(version?: string): void;
  /** The server loses it. */
  forgetVersion(version?: string): void;
  activate(secret?: string): void;
  deactivate(secret?: string): void;
  deleteSecret(secret?: string): void;
  /** How the server makes the secret's values from now on; nothing: it does not. */
  specify(generated?: PasswordSpec, secret?: string): void;
  /** These and no others: everywhere, or on one secret besides. */
  setRoles(
    roles: readonly Role[],
    of?: { readonly account?: string | undefined; readonly secret?: string | undefined },
  ): void;
  /** Answers with how many were good until now. */
  revokeTokens(account?: string): number;
  revokeKeys(account?: string): void;
  addKey(account?: string): KeyFile;
  deleteAccount(account?: string): void;
  /** What a kubelet would project for a workload that may act as the account: lives an hour, or so long. */
  subjectToken(account?: string, life?: Duration): string;
  /** Whose tokens the metadata service gives from now on; nothing: nobody's. */
  attach(account?: string): void;
  /** Is there a version, not destroyed, that has all these values? The judge's question. */
  accepts(values: Readonly<Record<string, unknown>>): boolean;
  /** All versions that have all these values, destroyed ones too. Names of entries do not matter. */
  versionsWith(values: Readonly<Record<string, unknown>>): readonly Whereabouts[];
  acceptsToken(token: string): boolean;
}

const by = 'somebody';

export function worldControl(world: World): WorldControl {
  const version = (id: string | undefined) => versionWith(world, id);
  const secret = (name: string | undefined) => secretNamed(world, name);
  const account = (name: string | undefined) => accountNamed(world, name);
  const versionsWith: WorldControl['versionsWith'] = (values) => {
    world.clock.catchUp();
    const all = [...world.secrets.values()].flatMap((one) => one.versions);
    return all.filter((one) => hasAll(one, values)).map(whereabouts);
  };
  return {
    skew(length) {
      world.clock.shift(length);
      world.clock.catchUp();
    },
    addVersion(entries = {}, where = {}) {
      const changes = Object.entries(entries).map(([key, value]) => ({
        key,
        value: value === null ? undefined : entryOf(value),
      }));
      const to = secret(where.secret);
      const made = payloadOf(world, to, { changes, base: where.base });
      return versions.addVersion(world, to, { id: newId('e6q'), description: '', ...made }, by).id;
    },
    setCurrent(id) {
      const next = version(id);
      versions.requireActiveVersion(next);
      versions.makeCurrent(world, next.secret, next, by);
    },
    scheduleDestruction: (after, id) => versions.schedule(world, version(id), world.clock.now() + after, by),
    cancelDestruction: (id) => versions.cancel(world, version(id), by),
    destroyVersion: (id) => versions.destroy(world, version(id)),
    forgetVersion: (id) => versions.forget(world, version(id), 'forgotten'),
    activate(name) {
      secret(name).status = 'ACTIVE';
    },
    deactivate(name) {
      secret(name).status = 'INACTIVE';
    },
    deleteSecret(name) {
      const gone = secret(name);
      for (const one of gone.versions) versions.forget(world, one, 'deleted');
      world.secrets.delete(gone.id);
    },
    specify(generated, name) {
      secret(name).generated = generated;
    },
    setRoles(roles, of = {}) {
      const whose = account(of.account);
      if (of.secret === undefined) whose.roles = new Set(roles);
      else whose.rolesOn.set(of.secret, new Set(roles));
    },
    revokeTokens(name) {
      const whose = account(name);
      const live = [...world.tokens.values()].filter((token) => token.account === whose && !token.revoked);
      for (const token of live) token.revoked = true;
      return live.length;
    },
    revokeKeys: (name) => account(name).keys.clear(),
    addKey(name) {
      const whose = account(name);
      const key = makeKey(world, whose.id);
      whose.keys.set(key.id, key);
      return key.file();
    },
    deleteAccount: (name) => void world.accounts.delete(account(name).id),
    subjectToken: (name, life = hours(1)) => subjectToken(world, account(name).subject, life / 1000),
    attach(name) {
      world.attached = name === undefined ? undefined : account(name);
    },
    accepts: (values) => versionsWith(values).some(({ status }) => status !== 'DESTROYED'),
    versionsWith,
    acceptsToken: (token) => holderOf(world, token) !== undefined,
  };
}

const whereabouts = (version: Version): Whereabouts => ({
  secret: versions.nameOf(version.secret),
  version: version.id,
  status: version.status,
  isCurrent: version.secret.current === version,
});

function hasAll(version: Version, values: Readonly<Record<string, unknown>>): boolean {
  const there = [...version.payload.values()].map((entry) =>
    'text' in entry ? entry.text : entry.binary.toString('base64'),
  );
  const asked = Object.values(values).map((one) => (Buffer.isBuffer(one) ? one.toString('base64') : one));
  return asked.length > 0 && asked.every((one) => typeof one === 'string' && there.includes(one));
}

export function accountNamed(world: World, name: string | undefined): Account {
  const all = [...world.accounts.values()];
  const found = name === undefined ? all[0] : all.find((account) => account.name === name);
  if (found === undefined) throw new Error(`the sandbox has no service account "${name ?? ''}"`);
  return found;
}

export function secretNamed(world: World, name: string | undefined): Secret {
  const all = [...world.secrets.values()];
  const found = name === undefined ? all[0] : all.find((secret) => secret.name === name || secret.id === name);
  if (found === undefined) throw new Error(`the sandbox has no secret "${name ?? ''}"`);
  return found;
}

function versionWith(world: World, id: string | undefined): Version {
  const all = [...world.secrets.values()].flatMap((secret) => secret.versions);
  const found = id === undefined ? secretNamed(world, undefined).current : all.find((version) => version.id === id);
  if (found === undefined) throw new Error(`the sandbox has no version "${id ?? 'that is current'}"`);
  return found;
}
