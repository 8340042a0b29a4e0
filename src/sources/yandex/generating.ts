/** Versions that we add to a secret of Lockbox: by the server's own generator, or with a value made here. Contract 3. */
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { afterEffect } from '../after-effect.ts';
import { makePassword } from '../password.ts';
import type { AcquireCall, Acquired } from '../source.ts';
import type { Secret, Version } from './answers.ts';
import { Refusal, rpc } from './failures.ts';
import { saved } from './following.ts';
import { givingWay } from './giving-way.ts';
import { keys, sameFor } from './idempotency.ts';
import type { Lifting } from './lifting.ts';
import type { Listing, LockboxApi } from './lockbox-api.ts';
import { type GeneratingOptions, leaseOf, livingIn, ownDescription, requireActive, stateOf } from './versions.ts';

/**
 * With a predecessor: its successor, unless somebody else, or an earlier try of ours, has made one. The key has the
 * server add no second one for the same intent.
 */
export function generating(api: LockboxApi, options: GeneratingOptions, lifted: Lifting) {
  const { generate } = options;
  const keyFor = keys();
  // A difference to the base: what else is in it stays. The server makes a value where nothing is sent.
  const entriesFor = sameFor(() =>
    generate.by === 'leasekeeper'
      ? { payloadEntries: [{ key: generate.key, textValue: makePassword(generate) }] }
      : undefined,
  );
  const giveWay = givingWay(api, options);

  const acquire = (call: AcquireCall): Promise<Acquired> => acquireOnce(call, () => acquireOnce(call));

  /** `again`: where what was made is of no use already. */
  async function acquireOnce(call: AcquireCall, again?: () => Promise<Acquired>): Promise<Acquired> {
    const { key, predecessor, rejected = [], signal } = call;
    // In this order: what is added in between is current, and what is added later is not on the list.
    const before = await api.versions(signal);
    const secret = await api.secret(signal);
    requireActive(secret);
    const current = secret.currentVersion;
    await lifted.makeUp(signal, before);
    // Ours that failed its proofs and could not be taken back is no better the next time; what others made is theirs.
    await giveWay.clearAway(current?.id, predecessor?.id, signal);
    if (giveWay.isOwed(key, current?.id)) {
      return afterEffect(async () => take(await giveWay.again(secret, signal), await api.versions(signal), signal));
    }
    const isSpent = (id: string) => id === predecessor?.id || (rejected.includes(id) && isOurs(before, id));
    if (current && !isSpent(current.id)) {
      const state = stateOf(current);
      if (state === 'active') return take(current, before, signal);
      const isToBeSaved = state === 'scheduled' && options.onDestroyScheduled === 'cancel';
      if (isToBeSaved) return take(await saved(api, current, signal), before, signal);
    }
    refuseOtherGenerator(secret, options);
    const added = await add(baseOf(secret, before), before, call);
    return afterEffect(async () => {
      const after = await api.versions(signal);
      const made = after.versions.find(({ id }) => id === added.id) ?? added.response;
      if (!made) throw new LeaseError('unavailable', 'the version that was added is not on the list of versions');
      if (stateOf(made) !== 'active') {
        // Its key would bring the same again for ever, which nobody can read.
        keyFor.spend(key);
        if (again) return again();
        throw new LeaseError('unavailable', 'the version that was added is to be destroyed already');
      }
      try {
        const other = earlierThan(made, before, after);
        const version = other ? await giveWay({ key, ours: made, theirs: other }, secret, signal) : made;
        return await take(version, after, signal);
      } catch (error) {
        if (error instanceof Refusal && error.rpc === rpc.notFound) keyFor.spend(key);
        throw error;
      }
    });
  }

  async function take(version: Version, listing: Listing, signal: AbortSignal): Promise<Acquired> {
    const isListed = listing.versions.some(({ id }) => id === version.id);
    const lease = leaseOf(version, { listing }, options);
    const count = livingIn(listing) + (isListed ? 0 : 1);
    const material = await api.payload(version.id, signal);
    return { lease: { ...lease, version: { which: 'current', ...lease.version, count } }, material };
  }

  /**
   * Some servers let nothing be built upon a version whose end is set. That of the predecessor is lifted for it, as the
   * record knows it; of any other nobody would know after a crash that it was to be set again: only where there is
   * nothing else to build upon.
   */
  async function add(base: Version | undefined, before: Listing, { key, predecessor, signal }: AcquireCall) {
    if (!base || stateOf(base) === 'active') return addTo(base, key, signal);
    try {
      return await addTo(base, key, signal);
    } catch (error) {
      if (!(error instanceof Refusal) || error.rpc !== rpc.failedPrecondition) throw error;
    }
    if (predecessor?.id === base.id) {
      requireSeen(predecessor, base);
      return lifted.around(predecessor, key, signal, () => addTo(base, key, signal));
    }
    const whole = newestWhole(before);
    if (whole) return addToWhole(whole, key, signal);
    const { id, destroyAt: expiresAt } = base;
    const ending = { id, ...(expiresAt !== undefined && { expiresAt }) };
    return lifted.around(ending, key, signal, () => addTo(base, key, signal));
  }

  /** Somebody may have set its end since it was listed. */
  async function addToWhole(whole: Version, key: string, signal: AbortSignal) {
    try {
      return await addTo(whole, key, signal);
    } catch (error) {
      const isPast = error instanceof Refusal && error.rpc === rpc.failedPrecondition;
      const next = isPast ? newestWhole(await api.versions(signal)) : undefined;
      if (!next || next.id === whole.id) throw error;
      return addTo(next, key, signal);
    }
  }

  async function addTo(base: Version | undefined, key: string, signal: AbortSignal) {
    const present = keyFor.present(key);
    const body = { description: ownDescription, ...(base && { baseVersionId: base.id }), ...entriesFor(present) };
    try {
      const { metadata, response } = await api.change('addVersion', body, { signal, key: present });
      const id = metadata?.versionId || response?.id;
      if (!id) throw new LeaseError('unavailable', 'the answer names no version that was added', { unsure: true });
      return { id, response: response?.id === id ? response : undefined };
    } catch (error) {
      // An operation that has failed is what the server answers to its key for ever.
      if (error instanceof Refusal && error.status === undefined) keyFor.spend(key);
      throw error;
    }
  }

  return acquire;
}

const isOurs = ({ versions }: Listing, id: string): boolean =>
  versions.find((version) => version.id === id)?.description === ownDescription;

/** What somebody else has added while we were at it, before ours was there. Of two that meet like that both find the earlier one. */
function earlierThan(made: Version, before: Listing, after: Listing): Version | undefined {
  const known = new Set([made.id, ...before.versions.map(({ id }) => id)]);
  const others = after.versions.filter(
    (one) => !known.has(one.id) && stateOf(one) === 'active' && isEarlier(one, made),
  );
  return others.sort((a, b) => (isEarlier(a, b) ? 1 : -1))[0];
}

const isEarlier = (a: Version, b: Version): boolean =>
  a.createdAt === b.createdAt ? a.id < b.id : a.createdAt < b.createdAt;

function refuseOtherGenerator(
  { passwordPayloadSpecification }: Secret,
  { secretId, generate }: GeneratingOptions,
): void {
  if (generate.by === 'lockbox' && !passwordPayloadSpecification) {
    throw new LeaseError(
      'invalid',
      `secret ${secretId} has no payload specification by which Lockbox would make a value:` +
        ' give it one, or write generate: { by: leasekeeper }',
    );
  }
  if (generate.by === 'leasekeeper' && passwordPayloadSpecification) {
    throw new LeaseError(
      'invalid',
      `secret ${secretId} has a payload specification, so that Lockbox takes no value for it:` +
        ' write generate: { by: lockbox }',
    );
  }
}

/** The current version, or where it is no more the newest that is whole. */
function baseOf({ currentVersion: current, passwordPayloadSpecification }: Secret, { versions }: Listing) {
  const isUsable = current && stateOf(current) === 'active';
  // Of a value that the server makes nothing is built upon another.
  if (isUsable || (current && !passwordPayloadSpecification && stateOf(current) === 'scheduled')) return current;
  if (passwordPayloadSpecification) return undefined;
  return newestWhole({ versions });
}

const newestWhole = ({ versions }: Pick<Listing, 'versions'>): Version | undefined =>
  versions.filter((one) => stateOf(one) === 'active').sort((a, b) => (isEarlier(a, b) ? 1 : -1))[0];

function requireSeen({ expiresAt }: Lease, base: Version): void {
  if (expiresAt !== base.destroyAt) throw unseen(base);
}

/** The next observation puts it in the record. */
const unseen = ({ id }: Version): LeaseError =>
  new LeaseError('unavailable', `the end of version ${id} is another than we know: that is seen first`);
