/** `yandex/lockbox`: versions of a secret, which others add and we follow, or which we add ourselves. Contract 2, 3, 7. */
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { type Duration, days } from '../../core/time.ts';
import type { ObserveCall, RenewCall, Source } from '../source.ts';
import type { Asking } from './client.ts';
import { ending } from './ending.ts';
import { Refusal, rpc } from './failures.ts';
import { follow, viewOf } from './following.ts';
import { generating } from './generating.ts';
import { type Lifting, lifting } from './lifting.ts';
import { type LockboxApi, lockboxApi } from './lockbox-api.ts';
import { type Generation, observationOf, type VersionRules } from './versions.ts';

export interface LockboxOptions extends VersionRules {
  readonly secretId: string;
  readonly poll: Duration;
  readonly generate?: Generation | undefined;
  readonly pendingPeriod?: Duration | undefined;
}

/** What the server takes where nothing is said. */
const usualPending: Duration = days(7);

export function lockboxSource(client: Asking, options: LockboxOptions): Source {
  const { clock, uncertainty, knowsTime } = client;
  const api = lockboxApi(client, options.secretId);
  const { generate, pendingPeriod = usualPending } = options;
  const own = generate && { ...options, generate, pendingPeriod };
  const lifted = lifting(api, client);
  return {
    clock,
    uncertainty,
    knowsTime,
    observeEvery: () => options.poll,
    read: ({ id }, { signal }) => api.payload(id, signal),
    observe: (lease, call) => observe(api, lease, options, call, lifted),
    acquire: own ? generating(api, own, lifted) : ({ signal }) => follow(api, options, signal),
    ...(own && { revoke: ending(api, own) }),
    ...(options.onDestroyScheduled === 'cancel' && {
      renew: async (lease: Lease, call: RenewCall) => ({ lease: await rescue(api, lease, options, call) }),
    }),
  };
}

/**
 * Free of charge: the payload is not asked for. An end that we have lifted under an intent that is open still is set
 * again before anything is said of it: else nobody would know any more that there was one.
 */
async function observe(
  api: LockboxApi,
  lease: Lease,
  rules: VersionRules,
  { signal, intent }: ObserveCall,
  lifted: Lifting,
) {
  try {
    const view = await viewOf(api, rules, signal, lease.id);
    const { secret, listing } = view;
    const versions = [...(secret.currentVersion ? [secret.currentVersion] : []), ...(listing?.versions ?? [])];
    const ours = rules.generate && versions.find(({ id }) => id === lease.id);
    const isSetAgain = ours && intent !== undefined && (await lifted.putRight(lease, ours, intent, signal));
    return observationOf(isSetAgain ? await viewOf(api, rules, signal, lease.id) : view, lease, rules);
  } catch (error) {
    // Only where the API itself says so: an empty 404 is no proof.
    if (error instanceof Refusal && error.rpc === rpc.notFound) return { is: 'gone' } as const;
    throw error;
  }
}

/** Lift the end that somebody has set, if the version is still the one that is to be had. */
async function rescue(
  api: LockboxApi,
  lease: Lease,
  rules: VersionRules,
  { signal, sendBy }: RenewCall,
): Promise<Lease> {
  const see = async () => {
    const view = await viewOf(api, rules, signal);
    const current = view.secret.currentVersion;
    const seen = observationOf(view, lease, rules);
    if (seen.is === 'gone') throw new LeaseError('gone', 'the version has been destroyed');
    if (rules.version === undefined && current?.id !== lease.id) {
      throw new LeaseError(
        current ? 'refused' : 'invalid',
        'the version is not current any more: it is not kept alive',
      );
    }
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
