/** `yandex/lockbox`: versions of a secret, which others add and we follow, or which we add ourselves. Contract 2, 3, 7. */
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { type Duration, days } from '../../core/time.ts';
import type { Acquired, Call, RenewCall, RevokeCall, Source } from '../source.ts';
import type { Asking } from './client.ts';
import { ending } from './ending.ts';
import { Refusal, rpc } from './failures.ts';
import { follow, viewOf } from './following.ts';
import { generating } from './generating.ts';
import { type Lifting, lifting } from './lifting.ts';
import { type LockboxApi, lockboxApi } from './lockbox-api.ts';
import { type Generation, knownOthers, observationOf, type VersionRules } from './versions.ts';

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
  // Its end is no news, whoever made it. Before it is asked for: what comes of a try may never be known.
  const ended = new Set<string>();
  const lifted = lifting(api, client, options.onDestroyScheduled === 'cancel');
  const end = own && ending(api, own);
  const make = own && generating(api, own, lifted);
  return {
    clock,
    uncertainty,
    knowsTime,
    observeEvery: () => options.poll,
    read: ({ id }, { signal }) => api.payload(id, signal),
    observe(lease, call) {
      // So it is not forgotten by a restart.
      for (const id of lease.version?.endedByUs ?? []) ended.add(id);
      return observe(api, lease, options, call, own && { ended, lifted });
    },
    acquire: make
      ? async (call) => withOthersOf(call.predecessor, await make(call))
      : ({ signal }) => follow(api, options, signal),
    ...(end && {
      revoke(lease: Lease, call: RevokeCall) {
        // Unproven, what others made is left alone; and what we made says so.
        if (!call.isUnproven) ended.add(lease.id);
        return end(lease, call);
      },
    }),
    ...(options.onDestroyScheduled === 'cancel' && {
      renew: async (lease: Lease, call: RenewCall) => ({ lease: await rescue(api, lease, options, call) }),
    }),
  };
}

/** What is known of other versions is true of them beside the next one as well. */
function withOthersOf(predecessor: Lease | undefined, { lease, material }: Acquired): Acquired {
  const version = { which: 'current', ...lease.version, ...knownOthers(predecessor?.version ?? {}) } as const;
  return { lease: { ...lease, version }, material };
}

/** Free of charge: the payload is not asked for. An end that we could not set again is set before anything is said of it. */
async function observe(
  api: LockboxApi,
  lease: Lease,
  rules: VersionRules,
  { signal }: Call,
  own?: { readonly ended: ReadonlySet<string>; readonly lifted: Lifting },
) {
  try {
    await own?.lifted.makeUp(signal);
    return observationOf({ ...(await viewOf(api, rules, signal, lease.id)), ended: own?.ended }, lease, rules);
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
