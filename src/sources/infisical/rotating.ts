/** A static secret of which we make the values: changed when the policy says so, and put back where the new one fails. Contract 7.1. */
import { LeaseError } from '../../core/failure.ts';
import type { Lease } from '../../core/lease.ts';
import { afterEffect } from '../after-effect.ts';
import type { PasswordRules } from '../password.ts';
import type { AcquireCall, Acquired, RevokeCall, Source } from '../source.ts';
import type { SecretRow } from './answers.ts';
import type { Asking } from './client.ts';
import { type Contents, hasSamePart, hasSameValues, isOurs, leaseOf, materialOf } from './contents.ts';
import { placeInWords, type SecretCalls, type SecretPlace } from './secret-place.ts';
import type { Folder } from './secrets.ts';
import { unfit } from './selection.ts';

export interface Generation extends PasswordRules {
  readonly by: 'leasekeeper';
  /** The secret that gets the values. */
  readonly key: string;
}

export interface Rotating {
  readonly client: Asking;
  /** Of the folder itself, as it is written. */
  readonly calls: SecretCalls;
  readonly folder: Folder;
  readonly options: SecretPlace & { readonly generate: Generation };
  /** The same for the same key of an intent: a try that is repeated changes nothing that the first has not. */
  readonly makeValue: (key: string) => string;
}

export function rotating({ client, calls, folder, options, makeValue }: Rotating): Pick<Source, 'acquire' | 'revoke'> {
  const { clock } = client;
  const { key: name } = options.generate;
  const where = `${name} in ${placeInWords(options)}`;

  /** With a predecessor: its successor, unless somebody else, or an earlier try of ours, has made one. */
  async function acquire(call: AcquireCall): Promise<Acquired> {
    const { key, signal } = call;
    const before = await folder.seeAnew(signal);
    const value = makeValue(key);
    if (!isSpent(before, call)) return take(before, value, call);
    await change(value, ofOurs(before), call);
    return afterEffect(async () => {
      // Others may have been quicker: then theirs is what everybody reads.
      const after = await folder.seeAnew(signal);
      if (isSpent(after, call)) throw new LeaseError('unavailable', `changing ${where}: it is as it was before`);
      return take(after, value, call);
    });
  }

  /**
   * What has to be followed by another: it was had before, or has failed its proofs and is of our own making. What was
   * made no worse by us than it is in use is none of these: others have changed the rest.
   */
  function isSpent(contents: Contents, { predecessor, rejected = [] }: AcquireCall): boolean {
    if (predecessor && hasSameValues(predecessor.id, contents)) return true;
    if (predecessor && hasSamePart(predecessor.id, contents)) return false;
    return rejected.some((id) => isOurs(id) && hasSamePart(id, contents));
  }

  /** `value`: what we would have made of it. */
  function take(contents: Contents, value: string, { predecessor }: AcquireCall): Acquired {
    // Something else of the folder has changed: what we made is as old as it was.
    const kept = predecessor && hasSamePart(predecessor.id, contents) ? predecessor : undefined;
    const isMade = ofOurs(contents).secretValue === value;
    const lease = leaseOf(contents, clock.now(), isMade || (kept !== undefined && isOurs(kept.id)));
    folder.isKnownBy(lease.id);
    const unrotatedSince = kept?.unrotatedSince ?? kept?.issuedAt;
    return {
      lease: {
        ...lease,
        // By a clock that is behind a cron would find it older than it is, and fire twice.
        ...(isMade && { issuedAt: Math.max(lease.issuedAt, clock.now()) }),
        ...(unrotatedSince !== undefined && { unrotatedSince }),
      },
      material: materialOf(contents),
    };
  }

  async function change(value: string, part: SecretRow, { signal }: AcquireCall): Promise<void> {
    // With another key another will be made.
    if (value === part.secretValue)
      throw unfit(`${where} has just the value that was made for it: by chance, or because the rules allow no other`);
    const row = await writable(part.secretValue, signal);
    const outcome = await calls.change(row, value, signal);
    if (outcome === 'approval') {
      throw new LeaseError(
        'invalid',
        `changing ${where} waits for somebody's approval in Infisical: nothing has changed yet, and it is not asked for again`,
        { pending: true, passing: true },
      );
    }
  }

  /** As it is written, where it is for us to change. */
  async function writable(known: string, signal: AbortSignal): Promise<SecretRow> {
    const { list } = await calls.list(undefined, signal);
    const row = list.secrets.find(({ secretKey, type }) => secretKey === name && type !== 'personal');
    if (!row) throw unfit(`${where} is imported from elsewhere: it can only be rotated where it lies`);
    if (row.isRotatedSecret) {
      throw unfit(`${where} is rotated by Infisical itself: remove generate, and its values are followed`);
    }
    if (row.secretValue !== known) {
      throw unfit(`${where} is a reference to another secret, or changes just now: rotate the one it refers to`);
    }
    return row;
  }

  function ofOurs({ part }: Contents): SecretRow {
    if (part) return part.row;
    throw unfit(`there is no ${where} that could be rotated: make it, with any value`);
  }

  /** What was superseded is nowhere any more. What failed its proofs is replaced by what is used in its place. */
  async function revoke({ id }: Lease, { instead, insteadMaterial, isAsked, signal }: RevokeCall): Promise<'ended'> {
    if (!instead || !isOurs(id)) return 'ended';
    const contents = await folder.seeAnew(signal);
    if (!hasSamePart(id, contents) || hasSamePart(instead.id, contents)) return 'ended';
    const failing = `${where} has failed its proofs, and is what everybody reads`;
    const waiting = `${failing}: that its former value is put back waits for somebody's approval in Infisical`;
    if (isAsked) throw unfit(waiting);
    const former = insteadMaterial?.reveal(name);
    if (former === undefined) throw unfit(`${failing}: its former value is not at hand, give it another one`);
    if (former.trim() !== former) {
      throw unfit(
        `${failing}: its former value cannot be put back, since Infisical takes whitespace away from its ends`,
      );
    }
    const outcome = await calls.change(await writable(ofOurs(contents).secretValue, signal), former, signal);
    if (outcome === 'approval') throw new LeaseError('invalid', waiting, { pending: true, passing: true });
    return afterEffect(async (): Promise<'ended'> => {
      if (ofOurs(await folder.seeAnew(signal)).secretValue === ofOurs(contents).secretValue) {
        throw new LeaseError('unavailable', `${failing}: its former value was put back, and is not there`);
      }
      return 'ended';
    });
  }

  return { acquire, revoke };
}
