/** Payloads over the wire: the calls that are billed (contract 2, 8). */
import { maybe, message, type Read, text } from './fields.ts';
import { versionIn } from './payloads.ts';
import { mayUseKey, requireRight } from './rights.ts';
import { type Asked, type Route, route, whoever } from './route.ts';
import { secretFor } from './secrets.ts';
import { showPayload } from './shapes.ts';
import { codes, invalid, notFound, permissionDenied, RpcError } from './status.ts';
import { nameOf } from './versions.ts';
import type { Secret, Version } from './world.ts';

const id = text({ max: 50 });
const required = text({ max: 100, required: true });
const exFields = {
  secretId: maybe(id),
  folderAndName: maybe(message({ folderId: required, secretName: required })),
  versionId: id,
};

export const payloadRoutes: readonly Route[] = [
  route(
    {
      name: 'payload-get',
      host: 'payload',
      method: 'GET',
      pattern: /^\/lockbox\/v1\/secrets\/([^/:]{1,50})\/payload$/,
      auth: true,
      input: 'query',
      fields: { versionId: id },
    },
    (asked, read) => showPayload(readable(asked, secretFor(asked, 'read-payload'), read.versionId)),
  ),
  route(
    {
      name: 'payload-get-ex',
      host: 'payload',
      method: 'GET',
      pattern: /^\/lockbox\/v1\/secrets:getEx$/,
      auth: true,
      input: 'query',
      fields: exFields,
      oneOf: [['secretId', 'folderAndName']],
    },
    (asked, read) => {
      const secret = namedBy(asked, read);
      const version = readable(asked, secret, read.versionId);
      const values = [...version.payload].map(([key, entry]) => {
        const bytes = 'text' in entry ? Buffer.from(entry.text) : entry.binary;
        return [key, bytes.toString('base64')];
      });
      return { secretId: secret.id, versionId: version.id, entries: Object.fromEntries(values) };
    },
  ),
];

function namedBy(asked: Asked, { secretId, folderAndName }: Read<typeof exFields>): Secret {
  const all = [...asked.world.secrets.values()];
  if (secretId === undefined && folderAndName === undefined) {
    throw invalid([{ field: 'secret_id', description: 'Exactly one of secret_id, folder_and_name is required' }]);
  }
  const isIt = ({ id, folderId, name }: Secret) =>
    folderAndName === undefined
      ? id === secretId
      : folderId === folderAndName.folderId && name === folderAndName.secretName;
  const secret = all.find(isIt);
  requireRight(whoever(asked), 'read-payload', secret);
  if (secret === undefined) throw notFound('Secret');
  return secret;
}

/** The version that is asked for, or the current one, if its payload may be had. */
function readable(asked: Asked, secret: Secret, versionId: string): Version {
  const { world } = asked;
  const account = whoever(asked);
  if (!mayUseKey(account, secret)) throw permissionDenied();
  const unreadable = (why: string) => new RpcError(world.unknowns.unreadable ?? codes.failedPrecondition, why);
  if (secret.status !== 'ACTIVE') throw unreadable('Secret is not active');
  const version = versionId === '' ? secret.current : versionIn(secret, versionId);
  if (version === undefined) throw unreadable('Secret has no current version');
  if (version.status === 'DESTROYED') throw unreadable('Version is destroyed');
  if (version.status !== 'ACTIVE' && world.unknowns.scheduledPayload !== 'yes') {
    throw unreadable('Version is scheduled for destruction');
  }
  const read = { at: world.clock.now(), by: account.name, secret: nameOf(secret), version: version.id };
  world.books.payloadReads.push(read);
  return version;
}
