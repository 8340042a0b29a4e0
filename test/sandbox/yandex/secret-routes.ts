/** Secrets: seen, made, changed, deleted (contract 2, 3). */
import { flag, labels, list, mask, maybe, text } from './fields.ts';
import { newId } from './ids.ts';
import { pageOf, paging } from './pages.ts';
import { payloadOf } from './payloads.ts';
import { requireRight } from './rights.ts';
import { type Route, route, whoever } from './route.ts';
import { addPayload, change, entryChange, passwordSpec, passwordSpecOf, secretFor } from './secrets.ts';
import { showOperation, showSecret } from './shapes.ts';
import { failedPrecondition, malformed } from './status.ts';
import { forget } from './versions.ts';
import type { Secret } from './world.ts';

const folderId = text({ max: 50, required: true });
const writable = {
  name: text({ max: 100 }),
  description: text({ max: 1024 }),
  labels,
  deletionProtection: flag,
  passwordPayloadSpecification: maybe(passwordSpec),
};
const changeable = Object.keys(writable) as (keyof typeof writable)[];

const one = /^\/lockbox\/v1\/secrets\/([^/:]{1,50})$/;
const collection = /^\/lockbox\/v1\/secrets$/;

export const secretRoutes: readonly Route[] = [
  route({ name: 'secret-get', host: 'lockbox', method: 'GET', pattern: one, auth: true, input: 'path' }, (asked) =>
    showSecret(asked.world, secretFor(asked, 'see')),
  ),
  route(
    {
      name: 'secret-list',
      host: 'lockbox',
      method: 'GET',
      pattern: collection,
      auth: true,
      input: 'query',
      fields: { folderId, ...paging, pageToken: text({ max: 256 }) },
    },
    (asked, read) => {
      const { world } = asked;
      requireRight(whoever(asked), 'see');
      const all = [...world.secrets.values()].filter((secret) => secret.folderId === read.folderId);
      return pageOf(world, 'secrets', all, read, (secret) => showSecret(world, secret));
    },
  ),
  route(
    {
      name: 'secret-create',
      host: 'lockbox',
      method: 'POST',
      pattern: collection,
      auth: true,
      changes: true,
      input: 'json',
      fields: {
        ...writable,
        folderId,
        kmsKeyId: text({ max: 50 }),
        versionDescription: text({ max: 256 }),
        versionPayloadEntries: list(entryChange),
        createVersion: maybe(flag),
      },
    },
    (asked, read) => {
      const { world } = asked;
      requireRight(whoever(asked), 'change');
      const isGenerated = read.passwordPayloadSpecification !== undefined;
      const hasEntries = read.versionPayloadEntries.length > 0;
      if (isGenerated && hasEntries) throw malformed('Either payload entries or a payload specification');
      const hasVersion = read.createVersion ?? (isGenerated || hasEntries);
      if (hasVersion && !isGenerated && !hasEntries) throw malformed('A version needs entries or a specification');
      const secret: Secret = {
        id: newId('e6q'),
        folderId: read.folderId,
        createdAt: world.clock.now(),
        kmsKeyId: read.kmsKeyId,
        name: read.name,
        description: read.description,
        labels: read.labels,
        status: 'CREATING',
        deletionProtection: read.deletionProtection,
        generated: passwordSpecOf(read.passwordPayloadSpecification),
        versions: [],
        current: undefined,
      };
      const versionId = hasVersion ? newId('e6q') : '';
      const addition = { id: versionId, changes: read.versionPayloadEntries, description: read.versionDescription };
      return change(asked, {
        secret,
        description: 'Create secret',
        metadata: 'CreateSecretMetadata',
        versionId,
        needsKey: hasVersion,
        pace: { polls: 1 },
        check: () => void (hasVersion && payloadOf(world, secret, addition)),
        begin: () => void world.secrets.set(secret.id, secret),
        undo: () => void world.secrets.delete(secret.id),
        act() {
          if (hasVersion) addPayload(asked, secret, addition);
          secret.status = 'ACTIVE';
          return secret;
        },
      });
    },
  ),
  route(
    {
      name: 'secret-update',
      host: 'lockbox',
      method: 'PATCH',
      pattern: one,
      auth: true,
      changes: true,
      input: 'json',
      fields: { ...writable, updateMask: mask(changeable) },
    },
    (asked, read) => {
      const secret = secretFor(asked, 'change');
      return change(asked, {
        secret,
        description: 'Update secret',
        metadata: 'UpdateSecretMetadata',
        act() {
          const { passwordPayloadSpecification, updateMask, ...rest } = read;
          const fields = { ...rest, generated: passwordSpecOf(passwordPayloadSpecification) };
          const named = updateMask.map((path) => (path === 'passwordPayloadSpecification' ? 'generated' : path));
          return Object.assign(secret, Object.fromEntries(named.map((path) => [path, fields[path]])));
        },
      });
    },
  ),
  route(
    {
      name: 'secret-delete',
      host: 'lockbox',
      method: 'DELETE',
      pattern: one,
      auth: true,
      changes: true,
      input: 'path',
    },
    (asked) => {
      const secret = secretFor(asked, 'change');
      if (secret.deletionProtection) throw failedPrecondition('Secret is protected from deletion');
      return change(asked, {
        secret,
        description: 'Delete secret',
        metadata: 'DeleteSecretMetadata',
        act() {
          const shown = { ...secret, status: 'STATUS_UNSPECIFIED' as const };
          for (const version of secret.versions) forget(asked.world, version, 'deleted');
          asked.world.secrets.delete(secret.id);
          return shown;
        },
      });
    },
  ),
  ...(['activate', 'deactivate'] as const).map((verb) =>
    route(
      {
        name: `secret-${verb}`,
        host: 'lockbox',
        method: 'POST',
        pattern: new RegExp(`^/lockbox/v1/secrets/([^/:]{1,50}):${verb}$`),
        auth: true,
        changes: true,
        input: 'path',
      },
      (asked) => {
        const secret = secretFor(asked, 'change');
        const title = verb === 'activate' ? 'Activate' : 'Deactivate';
        return change(asked, {
          secret,
          description: `${title} secret`,
          metadata: `${title}SecretMetadata`,
          act() {
            secret.status = verb === 'activate' ? 'ACTIVE' : 'INACTIVE';
            return secret;
          },
        });
      },
    ),
  ),
  route(
    {
      name: 'operation-list',
      host: 'lockbox',
      method: 'GET',
      pattern: /^\/lockbox\/v1\/secrets\/([^/:]{1,50})\/operations$/,
      auth: true,
      input: 'query',
      fields: paging,
    },
    (asked, read) => {
      const { world } = asked;
      const secret = secretFor(asked, 'see');
      const all = [...world.operations.values()].filter(({ secretId }) => secretId === secret.id).reverse();
      return pageOf(world, 'operations', all, read, (operation) => showOperation(world, operation));
    },
  ),
];
