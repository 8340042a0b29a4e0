/** `yandex/lockbox`: versions of a secret, which others add and we follow, or which we add ourselves. Contract 2, 3, 7. */
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import type { Duration, Instant } from '../../core/time.ts';
import type { Acquired, Source } from '../source.ts';
import type { Version } from './answers.ts';
import type { Asking } from './client.ts';
import { Refusal, rpc } from './failures.ts';
import { type LockboxApi, lockboxApi } from './lockbox-api.ts';
import { isInactive, leaseOf, needsListing, observationOf, stateOf, type VersionRules, type View } from './versions.ts';

export interface LockboxOptions extends VersionRules {
  readonly secretId: string;
  readonly poll: Duration;
}

export function lockboxSource(client: Asking, options: LockboxOptions): Source {
  const { clock, uncertainty, knowsTime } = client;
  const api = lockboxApi(client, options.secretId);
  return {
    clock,
    uncertainty,
    knowsTime,
    observeEvery: () => options.poll,
    read: ({ id }, { signal }) => api.payload(id, signal),
    observe: (lease, { signal }) => observe(api, lease, options, signal),
    acquire: ({ signal }) => follow(api, options, signal),
    ...(options.onDestroyScheduled === 'cancel' && {
      renew: async (lease: Lease, { signal, sendBy }: { signal: AbortSignal; sendBy: Instant }) => ({
        lease: await rescue(api, lease, options, { signal, sendBy }),
      }),
    }),
  };
}

async function viewOf(api: LockboxApi, rules: VersionRules, signal: AbortSignal): Promise<View> {
  const secret = await api.secret(signal);
  return needsListing(secret, rules) ? { secret, listing: await api.versions(signal) } : { secret };
}

/** Free of charge: the payload is not asked for. */
export async function observe(api: LockboxApi, lease: Lease, rules: VersionRules, signal: AbortSignal) {
  try {
    return observationOf(await viewOf(api, rules, signal), lease, rules);
  } catch (error) {
    // Only where the API itself says so: an empty 404 is no proof.
    if (error instanceof Refusal && error.rpc === rpc.notFound) return { is: 'gone' } as const;
    throw error;
  }
}

/** The version that is current or pinned, with its values. Throws `LeaseError` where nobody can read it. */
async function follow(api: LockboxApi, options: LockboxOptions, signal: AbortSignal): Promise<Acquired> {
  const view = await viewOf(api, options, signal);
  requireActive(view, options.secretId);
  const found = versionIn(view, options);
  const state = stateOf(found);
  if (state === 'destroyed') throw new LeaseError('invalid', `${named(options)} has been destroyed: choose another`);
  if (state === 'scheduled' && options.onDestroyScheduled !== 'cancel') {
    throw new LeaseError(
      'invalid',
      `${named(options)} is scheduled for destruction, so that nobody can read it: cancel that, or choose another`,
    );
  }
  if (state === 'scheduled') await api.change('cancelVersionDestruction', { versionId: found.id }, { signal });
  const version: Version = { ...found, status: 'ACTIVE', destroyAt: undefined };
  return { lease: leaseOf(version, view, options), material: await api.payload(version.id, signal) };
}

export function requireActive({ secret }: View, secretId: string): void {
  if (!isInactive(secret)) return;
  throw new LeaseError('invalid', `secret ${secretId} is deactivated, so that nobody can read it: activate it`);
}

const named = ({ secretId, version }: LockboxOptions): string =>
  version === undefined ? `the current version of secret ${secretId}` : `version ${version} of secret ${secretId}`;

function versionIn({ secret, listing }: View, options: LockboxOptions): Version {
  const { version: pinned, secretId } = options;
  const current = secret.currentVersion;
  if (pinned === undefined || pinned === current?.id) {
    if (current) return current;
    throw new LeaseError('invalid', `secret ${secretId} has no current version: add one`);
  }
  const found = listing?.versions.find(({ id }) => id === pinned);
  if (found) return found;
  if (listing?.isProven) throw new LeaseError('invalid', `there is no ${named(options)}`);
  throw new LeaseError('unavailable', `the versions of secret ${secretId} were not told`);
}

/** Lift the end that somebody has set, if the version is still the one that is to be had. */
export async function rescue(
  api: LockboxApi,
  lease: Lease,
  rules: VersionRules,
  { signal, sendBy }: { readonly signal: AbortSignal; readonly sendBy: Instant },
): Promise<Lease> {
  const see = async () => {
    const seen = await observe(api, lease, rules, signal);
    if (seen.is === 'gone') throw new LeaseError('gone', 'the version has been destroyed');
    if (seen.is === 'outdated') throw new LeaseError('refused', 'another version is current: it is not kept alive');
    return seen.lease;
  };
  const before = await see();
  if (before.expiresAt === undefined) return before;
  try {
    await api.change('cancelVersionDestruction', { versionId: lease.id }, { signal, sendBy });
  } catch (error) {
    // Perhaps somebody else was quicker.
    if (!(error instanceof Refusal) || error.rpc !== rpc.failedPrecondition) throw error;
    const now = await see();
    if (now.expiresAt !== undefined) throw error;
    return now;
  }
  return see();
}
