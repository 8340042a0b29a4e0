/** What Lockbox says of a secret and its versions, as leases. Contract 3. */
import { type Doomed, LeaseError } from '../../core/failure.ts';
import type { Frozen, Lease, VersionFacts } from '../../core/lease.ts';
import { type Duration, days } from '../../core/time.ts';
import type { Observation } from '../../core/transitions.ts';
import type { PasswordRules } from '../password.ts';
import type { Secret, Version } from './answers.ts';
import type { Listing } from './lockbox-api.ts';

/** How the configuration wants the versions of a secret to be treated. */
export interface VersionRules {
  /** The id of the version that is to be had, whichever is current. */
  readonly version?: string | undefined;
  readonly onDestroyScheduled: 'alert' | 'cancel' | 'rotate';
  readonly watchVersions: boolean;
  /** We add the versions. Absent: others do. */
  readonly generate?: object | undefined;
}

export type Generation =
  | { readonly by: 'lockbox' }
  | ({ readonly by: 'leasekeeper'; readonly key: string } & PasswordRules);

export interface GeneratingOptions extends VersionRules {
  readonly secretId: string;
  readonly generate: Generation;
  readonly pendingPeriod: Duration;
}

/** What the versions that we add say of themselves. */
export const ownDescription = 'made by leasekeeper';

/** `168h` would be rejected. */
export const inSeconds = (length: Duration): string => `${Math.ceil(length / 1_000)}s`;

/** A secret as it was asked about, and its versions where those were. */
export interface View {
  readonly secret: Secret;
  readonly listing?: Listing | undefined;
  /** Where we make the versions: those that we have set out to end. */
  readonly ended?: ReadonlySet<string> | undefined;
}

export type VersionState = 'active' | 'scheduled' | 'destroyed';

/** Whatever is not said to be scheduled or destroyed is neither: what has its default may be missing. */
export function stateOf({ status, destroyAt }: Version): VersionState {
  if (status === 'DESTROYED') return 'destroyed';
  return status === 'SCHEDULED_FOR_DESTRUCTION' || destroyAt !== undefined ? 'scheduled' : 'active';
}

const isInactive = ({ status }: Secret): boolean => status === 'INACTIVE';

/** Only a person can help; and whether somebody has is asked free of charge. */
export const unreadable = (why: string, doomed?: Doomed): LeaseError =>
  new LeaseError('invalid', why, { passing: true, ...(doomed && { doomed }) });

/** Throws `LeaseError` where nothing of the secret can be read. */
export function requireActive(secret: Secret): void {
  if (isInactive(secret))
    throw unreadable(`secret ${secret.id} is deactivated, so that nobody can read it: activate it`);
}

/** Does the secret alone not tell what there is to be known? `held`: a version that we have, whose turn may be over. */
export function needsListing(secret: Secret, { version, watchVersions }: VersionRules, held?: string): boolean {
  const { currentVersion: current } = secret;
  if (watchVersions || !current) return true;
  if (version !== undefined) return version !== current.id;
  // It is in use until its successor has been taken, which may be long after that is current.
  return held !== undefined && held !== current.id;
}

/** Versions that count for the quota. */
export const livingIn = ({ versions }: Listing): number =>
  versions.filter((version) => stateOf(version) !== 'destroyed').length;

/** The destruction is cancelled for good: a renewal that lands where nobody sees the end. */
const forGood = days(36_500);

/** `version` as a lease. What is not asked anew each time is known from before. */
export function leaseOf(version: Version, view: Partial<View>, rules: VersionRules, before?: Lease): Lease {
  const { id, createdAt, destroyAt } = version;
  return {
    id,
    issuedAt: createdAt,
    ...(destroyAt !== undefined && {
      expiresAt: destroyAt,
      ...(rules.onDestroyScheduled === 'cancel' && {
        renewal: { from: 'now', by: forGood, atLeast: forGood, canShorten: false, atOnce: true },
      }),
    }),
    ...(rules.generate === undefined && { followed: true }),
    version: factsOf(id, view, rules, before),
  };
}

function factsOf(id: string, view: Partial<View>, rules: VersionRules, before: Lease | undefined): VersionFacts {
  const { listing } = view;
  const count = listing?.isProven ? livingIn(listing) : before?.version?.count;
  return {
    which: rules.version === undefined ? 'current' : 'pinned',
    ...(count !== undefined && { count }),
    ...endOfCurrent(id, view, rules),
    ...othersOf(id, view, rules, before?.version),
  };
}

type Others = Pick<VersionFacts, 'othersEndAt' | 'othersEnding' | 'endedByUs'>;

/** What was known of the others, where nothing else can be told: they are watched by polls. */
export const knownOthers = ({ othersEndAt, othersEnding, endedByUs }: Others): Others => ({
  ...(othersEndAt !== undefined && { othersEndAt }),
  ...(othersEnding && { othersEnding }),
  ...(endedByUs && { endedByUs }),
});

/**
 * Those whose end somebody has set: not we, who end each version that we replace. What we made says so; of what others
 * made, and we had and replaced, it is remembered.
 */
function othersOf(id: string, view: Partial<View>, rules: VersionRules, before: Others | undefined): Others {
  const { secret, listing, ended } = view;
  if (!rules.watchVersions) return {};
  if (!listing?.isProven || (rules.generate && !ended)) return knownOthers(before ?? {});
  const isInUse = (other: string) => other === id || (!rules.version && other === secret?.currentVersion?.id);
  const isMade = ({ description }: Version) => rules.generate !== undefined && description === ownDescription;
  const ending = listing.versions.flatMap((one) =>
    isInUse(one.id) || isMade(one) || one.destroyAt === undefined || stateOf(one) !== 'scheduled'
      ? []
      : [{ id: one.id, at: one.destroyAt }],
  );
  const isEnded = (one: { readonly id: string }) => ended?.has(one.id) === true;
  const endedByUs = ending.filter(isEnded).map((one) => one.id);
  const others = ending.filter((one) => !isEnded(one)).sort((a, b) => a.at - b.at);
  const [soonest] = others;
  return {
    ...(soonest && { othersEndAt: soonest.at, othersEnding: { count: others.length, soonest: soonest.id } }),
    ...(endedByUs.length > 0 && { endedByUs }),
  };
}

/** Of another that is current: it is the value of the secret to everybody else, and ours once it can be read. */
function endOfCurrent(id: string, { secret }: Partial<View>, rules: VersionRules): Pick<VersionFacts, 'current'> {
  const current = secret?.currentVersion;
  if (rules.version !== undefined || !current || current.id === id || current.destroyAt === undefined) return {};
  return stateOf(current) === 'scheduled' ? { current: { id: current.id, endsAt: current.destroyAt } } : {};
}

const frozen = (lease: Lease, why: Frozen): Lease => ({
  ...lease,
  version: { which: 'current', ...lease.version, frozen: why },
});

/** What was known before of a version that nothing is said of now; what the secret itself says is known anew. */
function asBefore(lease: Lease, view: View, rules: VersionRules): Lease {
  const { frozen: _, current: __, ...version } = lease.version ?? { which: 'current' };
  return { ...lease, version: { ...version, ...endOfCurrent(lease.id, view, rules) } };
}

/** What a view says of a lease. */
export function observationOf(view: View, lease: Lease, rules: VersionRules): Observation {
  const { secret, listing } = view;
  const current = secret.currentVersion;
  const ours = current?.id === lease.id ? current : listing?.versions.find(({ id }) => id === lease.id);
  const isPinned = rules.version !== undefined;
  if (ours && stateOf(ours) === 'destroyed') return { is: 'gone' };
  // Of one that is neither current nor pinned nothing else says so than a whole list without it.
  if (!ours && listing?.isProven) return { is: 'gone' };
  const known = ours ? leaseOf(ours, view, rules, lease) : asBefore(lease, view, rules);
  const held = (why?: Frozen): Observation => ({ is: 'held', lease: why ? frozen(known, why) : known });
  const ofState: Readonly<Record<VersionState, Frozen | undefined>> = {
    active: undefined,
    scheduled: 'DestructionScheduled',
    destroyed: 'NoCurrentVersion',
  };
  if (isInactive(secret)) return held('SecretInactive');
  if (isPinned) return held(ours && ofState[stateOf(ours)]);
  if (!current) return held('NoCurrentVersion');
  const why = ofState[stateOf(current)];
  // Where we make the versions ourselves the next one need not wait for others. What is to be saved is, when it is taken.
  const isReplaceable = rules.generate !== undefined && rules.onDestroyScheduled === 'rotate';
  const isSaved = rules.onDestroyScheduled === 'cancel' && why === 'DestructionScheduled' && current.id !== lease.id;
  if (current.id === lease.id && why === undefined) return held();
  // Of the two it would be no use to acquire what nobody can read.
  if (why !== undefined && !isReplaceable && !isSaved) return held(why);
  return { is: 'outdated', lease: why ? frozen(known, why) : known };
}
