/** Builds a sandbox's world from its description. */
import { hours, minutes } from '../../../src/core/time.ts';
import { ServerClock } from '../clock.ts';
import { openBooks } from './books.ts';
import { newId } from './ids.ts';
import { makeKey } from './jwt.ts';
import { makePassword } from './passwords.ts';
import type { AccountSpec, Entries, EntryValue, LockboxSpec, Role, SecretSpec, VersionSpec } from './spec.ts';
import { destroy, insertVersion, makeCurrent, schedule } from './versions.ts';
import type { Account, Entry, Payload, Secret, World } from './world.ts';

const rotator: readonly Role[] = [
  'lockbox.viewer',
  'lockbox.payloadViewer',
  'lockbox.editor',
  'kms.keys.encrypterDecrypter',
];

export function makeWorld(spec: LockboxSpec): World {
  const tokenLife = spec.tokenLife ?? hours(12);
  const world: World = {
    clock: new ServerClock(spec.skew ?? 0),
    books: openBooks(),
    accounts: new Map(),
    secrets: new Map(),
    operations: new Map(),
    underWay: new Set(),
    idempotent: new Map(),
    tokens: new Map(),
    defaults: spec.defaults ?? 'omitted',
    pace: spec.operations,
    setCurrentVersion: spec.setCurrentVersion ?? 'known',
    versionQuota: spec.versionQuota ?? 1000,
    tokenLife,
    sameTokenFor: spec.sameTokenFor ?? tokenLife / 12,
    jwtAudience: spec.jwtAudience ?? 'https://iam.api.cloud.yandex.net/iam/v1/tokens',
    unknowns: spec.unknowns ?? {},
    attached: undefined,
    addresses: {},
    keysMade: 0,
  };
  const accounts = (spec.accounts ?? [{}]).map((account) => addAccount(world, account));
  const isAttached = ({ name }: Account) => spec.attached === undefined || name === spec.attached;
  world.attached = spec.attached === null ? undefined : accounts.find(isAttached);
  const folderId = newId('b1g');
  for (const secret of spec.secrets ?? []) addSecret(world, { folderId, ...secret });
  return world;
}

function addAccount(world: World, spec: AccountSpec): Account {
  const { id = newId('aje'), name = 'keeper' } = spec;
  const key = makeKey(world, id, spec.keyId);
  const account: Account = {
    id,
    name,
    roles: new Set(spec.roles ?? rotator),
    rolesOn: new Map(Object.entries(spec.rolesOn ?? {}).map(([secret, roles]) => [secret, new Set(roles)])),
    keys: new Map([[key.id, key]]),
    subject: spec.subject ?? `system:serviceaccount:default:${name}`,
    oauthToken: spec.oauthToken,
  };
  world.accounts.set(id, account);
  return account;
}

function addSecret(world: World, spec: SecretSpec & { readonly folderId: string }): void {
  const secret: Secret = {
    id: spec.id ?? newId('e6q'),
    folderId: spec.folderId,
    createdAt: world.clock.now(),
    kmsKeyId: spec.kmsKeyId ?? '',
    name: spec.name,
    description: spec.description ?? '',
    labels: spec.labels ?? {},
    status: spec.inactive === true ? 'INACTIVE' : 'ACTIVE',
    deletionProtection: spec.deletionProtection ?? false,
    generated: spec.generated,
    versions: [],
    current: undefined,
  };
  world.secrets.set(secret.id, secret);
  const versions = spec.versions ?? [spec.entries === undefined ? {} : { entries: spec.entries }];
  versions.forEach((version, index) => {
    addVersion(world, secret, { age: minutes(versions.length - 1 - index), ...version });
  });
  if (spec.current === null) return;
  const current = secret.versions.findLast(({ id }) => spec.current === undefined || id === spec.current);
  if (spec.current !== undefined && current === undefined)
    throw new Error(`no version "${spec.current}" to be current`);
  makeCurrent(world, secret, current, 'somebody');
}

function addVersion(world: World, secret: Secret, spec: VersionSpec): void {
  const now = world.clock.now();
  const added = {
    id: spec.id ?? newId('e6q'),
    description: spec.description ?? '',
    createdAt: now - (spec.age ?? 0),
    payload: payloadIn(secret, spec.entries),
    generated: spec.entries === undefined ? secret.generated : undefined,
    base: undefined,
  };
  const version = insertVersion(world, secret, added, 'somebody');
  if (spec.destroyIn === undefined) return;
  if (spec.destroyIn > 0) schedule(world, version, now + spec.destroyIn, 'somebody');
  else destroy(world, version);
}

function payloadIn({ name, generated }: Secret, entries: Entries | undefined): Payload {
  if (entries !== undefined) return new Map(Object.entries(entries).map(([key, value]) => [key, entryOf(value)]));
  if (generated === undefined) throw new Error(`secret "${name}" has a version, but nothing to put into it`);
  return new Map([[generated.passwordKey, { text: makePassword(generated) }]]);
}

export const entryOf = (value: EntryValue): Entry =>
  typeof value === 'string' ? { text: value } : { binary: Buffer.from(value.binary, 'base64') };
