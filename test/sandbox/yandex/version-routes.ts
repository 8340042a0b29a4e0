/** Versions over the wire (contract 2, 3). */
import { duration, list, text } from './fields.ts';
import { inMillis, newId } from './ids.ts';
import type { Change } from './operations.ts';
import { pageOf, paging } from './pages.ts';
import { payloadOf, versionIn } from './payloads.ts';
import { type Asked, type Route, route, whoever } from './route.ts';
import { addPayload, change, entryChange, requireActive, secretFor } from './secrets.ts';
import { showVersion } from './shapes.ts';
import { codes, invalid, RpcError } from './status.ts';
import {
  cancel,
  makeCurrent,
  requireActiveVersion,
  requireNotDestroyed,
  requireRoom,
  requireScheduled,
  schedule,
  usualPending,
} from './versions.ts';
import type { Version } from './world.ts';

const versionId = text({ max: 50, required: true });
const verb = (name: string) => new RegExp(`^/lockbox/v1/secrets/([^/:]{1,50}):${name}$`);

interface VersionChange extends Pick<Change, 'description' | 'metadata' | 'more'> {
  /** Throws where it cannot be done to this version. */
  readonly check: (version: Version) => void;
  readonly act: (version: Version, by: string) => void;
}

function changeOf(asked: Asked, id: string, { check, act, ...about }: VersionChange): object {
  const secret = secretFor(asked, 'change');
  const version = versionIn(secret, id);
  return change(asked, {
    ...about,
    secret,
    versionId: id,
    check: () => check(version),
    act() {
      check(version);
      act(version, whoever(asked).name);
      return version;
    },
  });
}

const common = { host: 'lockbox', method: 'POST', auth: true, changes: true, input: 'json' } as const;

export const versionRoutes: readonly Route[] = [
  route(
    {
      name: 'version-list',
      host: 'lockbox',
      method: 'GET',
      pattern: /^\/lockbox\/v1\/secrets\/([^/:]{1,50})\/versions$/,
      auth: true,
      input: 'query',
      fields: paging,
    },
    (asked, read) => {
      const { world } = asked;
      const { versions } = secretFor(asked, 'see');
      const all = world.unknowns.versionOrder === 'oldest' ? versions : [...versions].reverse();
      return pageOf(world, 'versions', all, read, (version) => showVersion(world, version));
    },
  ),
  route(
    {
      ...common,
      name: 'version-add',
      pattern: verb('addVersion'),
      fields: { description: text({ max: 1024 }), payloadEntries: list(entryChange), baseVersionId: text({ max: 50 }) },
    },
    (asked, read) => {
      const secret = secretFor(asked, 'change');
      requireActive(secret);
      const base = read.baseVersionId === '' ? undefined : read.baseVersionId;
      const addition = { id: newId('e6q'), description: read.description, changes: read.payloadEntries, base };
      return change(asked, {
        secret,
        description: 'Add version',
        metadata: 'AddVersionMetadata',
        versionId: addition.id,
        needsKey: true,
        check() {
          payloadOf(asked.world, secret, addition);
          requireRoom(asked.world, secret);
        },
        act: () => addPayload(asked, secret, addition),
      });
    },
  ),
  route(
    { ...common, name: 'version-set-current', pattern: verb('setCurrentVersion'), fields: { versionId } },
    (asked, read) => {
      if (asked.world.setCurrentVersion === 'unimplemented') {
        throw new RpcError(codes.unimplemented, 'Method SetCurrentVersion is not implemented');
      }
      return changeOf(asked, read.versionId, {
        description: 'Set current version',
        metadata: 'SetCurrentVersionMetadata',
        check: requireActiveVersion,
        act: (version, by) => makeCurrent(asked.world, version.secret, version, by),
      });
    },
  ),
  route(
    {
      ...common,
      name: 'version-schedule',
      pattern: verb('scheduleVersionDestruction'),
      fields: { versionId, pendingPeriod: duration },
    },
    (asked, read) => {
      const { world } = asked;
      const pending = read.pendingPeriod ?? usualPending;
      if (pending <= 0) throw invalid([{ field: 'pending_period', description: 'Must be more than nothing' }]);
      const destroyAt = world.clock.now() + pending;
      return changeOf(asked, read.versionId, {
        description: 'Schedule version destruction',
        metadata: 'ScheduleVersionDestructionMetadata',
        more: { destroyAt: inMillis(destroyAt) },
        check: requireNotDestroyed,
        act: (version, by) => schedule(world, version, destroyAt, by),
      });
    },
  ),
  route(
    { ...common, name: 'version-cancel', pattern: verb('cancelVersionDestruction'), fields: { versionId } },
    (asked, read) =>
      changeOf(asked, read.versionId, {
        description: 'Cancel version destruction',
        metadata: 'CancelVersionDestructionMetadata',
        check: requireScheduled,
        act: (version, by) => cancel(asked.world, version, by),
      }),
  ),
];
