/** Ends versions that we made, and never the one that others read. Contract 3. */
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { afterEffect } from '../after-effect.ts';
import type { RevokeCall } from '../source.ts';
import type { Secret } from './answers.ts';
import { Refusal, rpc } from './failures.ts';
import { goingBack } from './going-back.ts';
import type { LockboxApi } from './lockbox-api.ts';
import { type GeneratingOptions, inSeconds, ownDescription, stateOf } from './versions.ts';

/** Its destruction is scheduled. What is current is first replaced by `instead`; without one a person is called. */
export function ending(api: LockboxApi, options: GeneratingOptions) {
  /** What we have scheduled, as long as it may be that it was made current in that moment, and is to be saved. */
  const mistakes = new Set<string>();
  const goBack = goingBack(api);

  return async ({ id }: Lease, { signal, instead, isUnproven }: RevokeCall): Promise<'ended'> => {
    const secret = await api.secret(signal).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (!secret || (isUnproven && !(await isOurs(api, secret, id, signal)))) return 'ended';
    const current = secret.currentVersion;
    if (current?.id === id) {
      const state = stateOf(current);
      if (state === 'scheduled' && mistakes.has(id)) return save(api, id, options, mistakes, signal);
      if (state === 'destroyed' || (state === 'scheduled' && !instead)) return 'ended';
      if (!instead) {
        throw unreplaced(`${nameOf(id, options)} is what everybody reads: make another one current first`);
      }
      await replace(secret, instead, options, goBack, signal);
    }
    return schedule(api, id, options, signal, mistakes);
  };
}

/** Whether a person has made another one current is asked free of charge. */
const unreplaced = (why: string): LeaseError => new LeaseError('invalid', why, { passing: true });

/** Have we added it? Of one that cannot be found it makes no difference. */
async function isOurs(api: LockboxApi, { currentVersion }: Secret, id: string, signal: AbortSignal): Promise<boolean> {
  const { versions } = currentVersion?.id === id ? { versions: [currentVersion] } : await api.versions(signal);
  return versions.find((version) => version.id === id)?.description === ownDescription;
}

const isNotFound = (error: unknown): boolean => error instanceof Refusal && error.rpc === rpc.notFound;

const nameOf = (id: string, { secretId }: GeneratingOptions): string => `version ${id} of secret ${secretId}`;

async function replace(
  secret: Secret,
  instead: Lease,
  options: GeneratingOptions,
  goBack: ReturnType<typeof goingBack>,
  signal: AbortSignal,
): Promise<void> {
  const id = secret.currentVersion?.id ?? '';
  try {
    await goBack(secret, instead.id, signal);
  } catch (error) {
    if (!(error instanceof LeaseError)) throw error;
    const code = error.code === 'unavailable' ? 'unavailable' : 'invalid';
    throw new LeaseError(
      code,
      `${nameOf(id, options)} failed its proofs, is what everybody reads, and could not be taken back;` +
        ` make another one current: ${error.message}`,
      { unsure: error.unsure },
    );
  }
}

/** Twice is once: a date that is set already is not moved. What was made current meanwhile is saved. */
export async function schedule(
  api: LockboxApi,
  id: string,
  options: GeneratingOptions,
  signal: AbortSignal,
  mistakes = new Set<string>(),
): Promise<'ended'> {
  const isEnding = async () => {
    const { versions, isProven } = await api.versions(signal);
    const found = versions.find((version) => version.id === id);
    return found ? stateOf(found) !== 'active' : isProven;
  };
  if (await isEnding()) return 'ended';
  const pendingPeriod = inSeconds(options.pendingPeriod);
  mistakes.add(id);
  try {
    await api.change('scheduleVersionDestruction', { versionId: id, pendingPeriod }, { signal });
  } catch (error) {
    if (isNotFound(error)) return 'ended';
    const isPerhaps = error instanceof Refusal && error.rpc === rpc.failedPrecondition;
    if (!isPerhaps || !(await isEnding())) throw error;
  }
  return afterEffect(async (): Promise<'ended'> => {
    const { currentVersion } = await api.secret(signal);
    if (currentVersion?.id === id) return save(api, id, options, mistakes, signal);
    mistakes.delete(id);
    return 'ended';
  });
}

async function save(
  api: LockboxApi,
  id: string,
  options: GeneratingOptions,
  mistakes: Set<string>,
  signal: AbortSignal,
): Promise<never> {
  await api.change('cancelVersionDestruction', { versionId: id }, { signal });
  mistakes.delete(id);
  throw new LeaseError('unavailable', `${nameOf(id, options)} was made current in that moment: it is kept`);
}
