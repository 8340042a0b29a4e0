/** The place of one Secret: read, applied to, deleted; each only as it was last seen. */
import { LeaseError } from '../../core/failure.ts';
import type { Asking, KubernetesApi } from './api.ts';
import { conflictsIn, isDeleted, isNotFound, type Refusal, type Right, refused } from './failures.ts';
import { us } from './names.ts';
import { type Fields, type FoundSecret, secretShape } from './secret.ts';

/** What came of an apply. Without fields somebody has changed the Secret since it was read. */
export type Applied =
  | { readonly secret: FoundSecret; readonly isNew: boolean }
  | { readonly conflicts: readonly string[] };

export interface Place {
  readonly namespace: string;
  /** Throws `LeaseError`, as the others do. */
  read(): Promise<FoundSecret | undefined>;
  /**
   * All our fields at once; those that we had and that are not among them are taken away. Only onto what was read, or
   * onto nothing. `force`: fields of others become ours.
   */
  apply(
    fields: Fields,
    onto: FoundSecret | undefined,
    how?: { readonly force?: boolean; readonly dryRun?: boolean },
  ): Promise<Applied>;
  /** Whether it is gone: not, where it was changed since. */
  delete(secret: FoundSecret): Promise<boolean>;
  right(...verbs: readonly string[]): Right;
}

export function placeOf(api: KubernetesApi, namespace: string, name: string, signal: AbortSignal): Place {
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  const right = (...verbs: readonly string[]): Right => ({ verbs, group: '', resource: 'secrets', name, namespace });
  const ask = (asking: Omit<Asking, 'signal' | 'path'> & { query?: string }) =>
    api.ask({ ...asking, path: path + (asking.query ?? ''), signal });

  return {
    namespace,
    right,

    async read() {
      const answer = await ask({ method: 'GET' });
      if (isNotFound(answer)) return undefined;
      if (answer.status !== 200) throw refused(answer, right('get'), false);
      return secretIn(answer, false);
    },

    async apply(fields, onto, { force = false, dryRun = false } = {}) {
      const answer = await ask({
        method: 'PATCH',
        query: `?fieldManager=${us}&force=${force}${dryRun ? '&dryRun=All' : ''}`,
        type: 'application/apply-patch+yaml',
        body: bodyOf(fields, { name, namespace, onto }),
        isChange: !dryRun,
      });
      if (answer.status === 409) return { conflicts: conflictsIn(answer.json) };
      if (answer.status !== 200 && answer.status !== 201) {
        // Who may not make it is told so by the same answer as who may not change it.
        throw refused(answer, onto ? right('patch') : right('create', 'patch'), !dryRun);
      }
      return { secret: secretIn(answer, !dryRun), isNew: answer.status === 201 };
    },

    async delete({ metadata: { uid, resourceVersion } }) {
      const answer = await ask({
        method: 'DELETE',
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } },
        isChange: true,
      });
      if (answer.status === 409) return false;
      if (!isDeleted(answer) && !isNotFound(answer)) throw refused(answer, right('delete'), true);
      return true;
    },
  };
}

/**
 * With the version that was read the comparison is atomic, and with its id what was deleted meanwhile is not made
 * again. Empty maps are left out: we would manage their being there.
 */
function bodyOf(
  { type, data, labels, annotations }: Fields,
  { name, namespace, onto }: { name: string; namespace: string; onto: FoundSecret | undefined },
) {
  const full = <T extends object>(key: string, map: T) => (Object.keys(map).length > 0 ? { [key]: map } : {});
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      ...(onto && { uid: onto.metadata.uid, resourceVersion: onto.metadata.resourceVersion }),
      ...full('labels', labels),
      ...full('annotations', annotations),
    },
    ...(type !== undefined && { type }),
    ...full('data', data),
  };
}

/** A success is only believed where a Secret came with it: else a proxy spoke. */
function secretIn({ status, json }: Refusal, isChange: boolean): FoundSecret {
  const { success, data } = secretShape.safeParse(json);
  if (success) return data;
  throw new LeaseError('unavailable', `the answer is no Secret: HTTP ${status}`, { unsure: isChange });
}
