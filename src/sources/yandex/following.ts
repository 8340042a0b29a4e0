/** Versions that others add to a secret of Lockbox, or one that the configuration names. Contract 2 and 3. */
import { LeaseError } from '../../core/failure.ts';
import type { Acquired } from '../source.ts';
import type { Version } from './answers.ts';
import type { LockboxApi } from './lockbox-api.ts';
import { leaseOf, needsListing, requireActive, stateOf, unreadable, type VersionRules, type View } from './versions.ts';

export interface FollowingOptions extends VersionRules {
  readonly secretId: string;
}

/** Free of charge: the payload is not asked for. `held`: the version that we have, which may be another than is current. */
export async function viewOf(api: LockboxApi, rules: VersionRules, signal: AbortSignal, held?: string): Promise<View> {
  const secret = await api.secret(signal);
  return needsListing(secret, rules, held) ? { secret, listing: await api.versions(signal) } : { secret };
}

/** The version that is current or pinned, with its values. Throws `LeaseError` where nobody can read it. */
export async function follow(api: LockboxApi, options: FollowingOptions, signal: AbortSignal): Promise<Acquired> {
  const view = await viewOf(api, options, signal);
  requireActive(view.secret);
  const found = versionIn(view, options);
  const state = stateOf(found);
  if (state === 'destroyed') throw unreadable(`${named(options)} has been destroyed: choose another`);
  if (state === 'scheduled' && options.onDestroyScheduled !== 'cancel') {
    const { destroyAt: endsAt } = found;
    const when = endsAt === undefined ? '' : ` at ${new Date(endsAt).toISOString()}`;
    throw unreadable(
      `${named(options)} is scheduled for destruction${when}, so that nobody can read it: cancel that, or choose another`,
      endsAt === undefined ? undefined : { which: options.version === undefined ? 'current' : 'pinned', endsAt },
    );
  }
  const version = state === 'scheduled' ? await saved(api, found, signal) : found;
  return { lease: leaseOf(version, view, options), material: await api.payload(version.id, signal) };
}

/** Its destruction is cancelled: before that nobody can read it. */
export async function saved(api: LockboxApi, version: Version, signal: AbortSignal): Promise<Version> {
  await api.change('cancelVersionDestruction', { versionId: version.id }, { signal });
  return { ...version, status: 'ACTIVE', destroyAt: undefined };
}

const named = ({ secretId, version }: FollowingOptions): string =>
  version === undefined ? `the current version of secret ${secretId}` : `version ${version} of secret ${secretId}`;

function versionIn({ secret, listing }: View, options: FollowingOptions): Version {
  const { version: pinned, secretId } = options;
  const current = secret.currentVersion;
  if (pinned === undefined || pinned === current?.id) {
    if (current) return current;
    throw unreadable(`secret ${secretId} has no current version: add one`);
  }
  const found = listing?.versions.find(({ id }) => id === pinned);
  if (found) return found;
  if (listing?.isProven) throw new LeaseError('invalid', `there is no ${named(options)}`);
  throw new LeaseError('unavailable', `the versions of secret ${secretId} were not told`);
}
