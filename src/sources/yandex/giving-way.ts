/** Where somebody else adds a version while we add ours: theirs is what everybody is to read, and ours is destroyed. */
import { LeaseError } from '../../core/failure.ts';
import type { Secret, Version } from './answers.ts';
import { schedule } from './ending.ts';
import { goingBack } from './going-back.ts';
import type { LockboxApi } from './lockbox-api.ts';
import { type GeneratingOptions, stateOf } from './versions.ts';

interface Meeting {
  /** Of the intent that ours was made for. */
  readonly key: string;
  readonly ours: Version;
  readonly theirs: Version;
}

/**
 * What could not be finished is remembered as long as the process lives, and told by what is thrown: a later process
 * takes what is current then.
 */
export function givingWay(api: LockboxApi, options: GeneratingOptions) {
  const goBack = goingBack(api);
  let owed: Meeting | undefined;
  /** Versions of ours that nobody has had from us, and whose destruction could not be scheduled. */
  const left = new Set<string>();

  /** Answers with the version that everybody reads then: theirs, or a copy of it. */
  async function giveWay(meeting: Meeting, secret: Secret, signal: AbortSignal): Promise<Version> {
    const { ours, theirs } = meeting;
    owed = meeting;
    try {
      await goBack({ ...secret, currentVersion: ours }, theirs.id, signal);
    } catch (error) {
      if (!(error instanceof LeaseError) || error.code === 'unavailable') throw error;
      owed = undefined;
      throw new LeaseError(
        'unavailable',
        `somebody else has added version ${theirs.id} to secret ${secret.id} while we added ${ours.id}, and theirs could` +
          ` not be made current again: ours is what everybody reads now, and theirs is delivered to nobody;` +
          ` make it current where it is the one that is wanted: ${error.message}`,
      );
    }
    owed = undefined;
    left.add(ours.id);
    const { currentVersion: current } = await api.secret(signal);
    // Somebody has gone back to ours in that moment: it is what everybody reads.
    if (current?.id === ours.id) {
      left.delete(ours.id);
      return ours;
    }
    await clear(ours.id, signal).catch((error: unknown) => {
      throw new LeaseError(
        'unavailable',
        `version ${ours.id} of secret ${secret.id}, which gave way to another and is used by nobody, is left:` +
          ` its destruction could not be scheduled: ${error instanceof Error ? error.message : 'why?'}`,
      );
    });
    return current && stateOf(current) === 'active' ? current : theirs;
  }

  async function clear(id: string, signal: AbortSignal): Promise<void> {
    await schedule(api, id, options, signal);
    left.delete(id);
  }

  return Object.assign(giveWay, {
    isOwed: (key: string, current: string | undefined): boolean => owed?.key === key && owed.ours.id === current,
    again: (secret: Secret, signal: AbortSignal): Promise<Version> => giveWay(owed as Meeting, secret, signal),
    /** What is left is destroyed, unless it has come to be used. What cannot be is told of once. */
    async clearAway(current: string | undefined, held: string | undefined, signal: AbortSignal): Promise<void> {
      for (const id of left) {
        if (id === current || id === held) left.delete(id);
        else await clear(id, signal).catch(() => undefined);
      }
    },
  });
}
