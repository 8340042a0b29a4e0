/** Messages as the servers print them, with or without the fields that have their default (contract 3). */
import { inMillis } from './ids.ts';
import type { PasswordSpec } from './spec.ts';
import type { Entry, Operation, Secret, Version, World } from './world.ts';

/** Fields that are undefined are messages that are not there, and printed by nobody. False is printed by everybody. */
export function print(world: World, fields: Readonly<Record<string, unknown>>): object {
  const isPrinted = (value: unknown) => value !== undefined && (world.defaults === 'printed' || !isDefault(value));
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isPrinted(value)));
}

const isDefault = (value: unknown): boolean =>
  value === '' ||
  value === '0' ||
  value === 'STATUS_UNSPECIFIED' ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

export const showSecret = (world: World, secret: Secret): object =>
  print(world, {
    id: secret.id,
    folderId: secret.folderId,
    createdAt: inMillis(secret.createdAt),
    name: secret.name,
    description: secret.description,
    labels: secret.labels,
    kmsKeyId: secret.kmsKeyId,
    status: secret.status,
    currentVersion: secret.current && showVersion(world, secret.current),
    deletionProtection: secret.deletionProtection,
    passwordPayloadSpecification: secret.generated && showPasswordSpec(world, secret.generated),
  });

export const showVersion = (world: World, version: Version): object =>
  print(world, {
    id: version.id,
    secretId: version.secret.id,
    createdAt: inMillis(version.createdAt),
    destroyAt: version.destroyAt && inMillis(version.destroyAt),
    description: version.description,
    status: version.status,
    payloadEntryKeys: [...version.payload.keys()],
    passwordPayloadSpecification: version.generated && showPasswordSpec(world, version.generated),
  });

const showPasswordSpec = (world: World, { length, ...spec }: PasswordSpec): object =>
  print(world, { ...spec, length: String(length ?? 0) });

export const showPayload = (version: Version): object => ({
  entries: [...version.payload].map(([key, entry]) => ({ key, ...showEntry(entry) })),
  versionId: version.id,
});

const showEntry = (entry: Entry): object =>
  'text' in entry ? { textValue: entry.text } : { binaryValue: entry.binary.toString('base64') };

/** A message inside an Any. */
export const any = (type: string, fields: object): object => ({
  '@type': `type.googleapis.com/yandex.cloud.lockbox.v1.${type}`,
  ...fields,
});

export const showOperation = (world: World, operation: Operation): object =>
  print(world, {
    id: operation.id,
    description: operation.description,
    createdAt: operation.createdAt,
    createdBy: operation.account.id,
    modifiedAt: operation.modifiedAt,
    done: operation.done,
    metadata: operation.metadata,
    error: operation.error && { ...operation.error, details: [] },
    response: operation.response,
  });
