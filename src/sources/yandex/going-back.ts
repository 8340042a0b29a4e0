/** Makes a version current again: by the method for it, or where a server has none by a new version that is the same. */
import { LeaseError } from '../../core/failure.ts';
import { afterEffect } from '../after-effect.ts';
import type { Secret } from './answers.ts';
import { Refusal, rpc } from './failures.ts';
import { keyFor, keys } from './idempotency.ts';
import type { LockboxApi } from './lockbox-api.ts';
import { ownDescription } from './versions.ts';

/** It says that it cannot, that it finds nothing at that path, or nothing at all. */
const isUnknownMethod = ({ rpc: code, status }: Refusal): boolean =>
  code === rpc.unimplemented || code === rpc.notFound || status === 404 || status === 405 || status === 501;

/** So many copies of one version over one other may have failed, or be current no more. */
const mostFormer = 20;

/** `secret`: with the version that is current now. Throws what the server refuses with. */
export function goingBack(api: LockboxApi) {
  const overlay = overlaying(api);

  return async (secret: Secret, id: string, signal: AbortSignal): Promise<void> => {
    try {
      await api.change('setCurrentVersion', { versionId: id }, { signal });
    } catch (error) {
      if (!(error instanceof Refusal) || !isUnknownMethod(error)) throw error;
      if (secret.passwordPayloadSpecification) throw uncopied(secret.id, error);
      await overlay(secret, id, signal);
    }
  };
}

/**
 * A copy of a version is laid over the one that is current: the same operation however often it is tried, until that one
 * is current again.
 */
function overlaying(api: LockboxApi) {
  const keyOf = keys();

  return async (secret: Secret, id: string, signal: AbortSignal): Promise<void> => {
    const over = secret.currentVersion?.id;
    const own = keyFor(`${secret.id}/${over}/${id}`);
    const body = { description: ownDescription, baseVersionId: id };
    const add = async () => {
      try {
        const { metadata, response } = await api.change('addVersion', body, { signal, key: keyOf.present(own) });
        return metadata?.versionId || response?.id;
      } catch (error) {
        if (error instanceof Refusal && error.status === undefined) keyOf.spend(own);
        throw error;
      }
    };
    const before = await api.versions(signal);
    for (let former = 0; former < mostFormer; former += 1) {
      const added = await add();
      const { currentVersion } = await afterEffect(() => api.secret(signal));
      if (currentVersion?.id !== over) return;
      if (!before.versions.some((one) => one.id === added)) throw notShown(added, over, secret.id);
      // What the server answers is a copy that was current before, and is so no more.
      keyOf.spend(own);
    }
    throw new LeaseError('unavailable', `version ${over} of secret ${secret.id} is made current again and again`);
  };
}

/** Another copy would not be shown sooner. */
const notShown = (added: string | undefined, over: string | undefined, secretId: string): LeaseError =>
  new LeaseError(
    'unavailable',
    `version ${added ?? 'without a name'} was added to secret ${secretId}, which still shows ${over} as current:` +
      ' that is looked at again before another is added',
    { unsure: true },
  );

/** Of such a secret the server takes no entries, and without them it makes a value that nobody knows. Contract 3. */
const uncopied = (secretId: string, { message }: Refusal): LeaseError =>
  new LeaseError(
    'invalid',
    `secret ${secretId} has a payload specification, so that no copy of a version can be added to it: ${message}`,
  );
