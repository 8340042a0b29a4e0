/** Workloads that are to start anew with new values: an annotation of their pods' template has them do so, once. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { KubernetesApi } from './api.ts';
import { type Right, refused } from './failures.ts';
import { objectName, us } from './names.ts';

const resources = { Deployment: 'deployments', StatefulSet: 'statefulsets', DaemonSet: 'daemonsets' } as const;
const kinds = Object.keys(resources) as [keyof typeof resources, ...(keyof typeof resources)[]];

export const workload = z.strictObject({
  kind: z.enum(kinds, `one of ${kinds.join(', ')}`),
  name: objectName.describe('In the namespace of the Secret'),
});

export type Workload = z.output<typeof workload>;

/** What has to be granted for it. */
export const rightTo = ({ kind, name }: Workload, namespace: string): Right => ({
  verbs: ['patch'],
  group: 'apps',
  resource: resources[kind],
  name,
  namespace,
});

/**
 * One annotation for each Secret: with a common one two Secrets of a workload would take turns in it, and whoever is
 * told a second time would start anew for nothing. The name has at most 63 characters.
 */
export function annotationFor(secret: string): string {
  const name = `restarted-for.${secret}`;
  const short = createHash('sha256').update(secret).digest('hex').slice(0, 32);
  return `leasekeeper/${name.length <= 63 ? name : `restarted-for.${short}`}`;
}

/**
 * As `kubectl rollout restart` does it, but with the number of the values in the place of the time: the same number
 * again changes nothing, so that nothing starts anew. Throws `LeaseError`.
 */
export async function restart(
  api: KubernetesApi,
  one: Workload,
  { secret, sequence, namespace }: { secret: string; sequence: number; namespace: string },
  signal: AbortSignal,
): Promise<void> {
  const right = rightTo(one, namespace);
  const annotations = { [annotationFor(secret)]: String(sequence) };
  const answer = await api.ask({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${namespace}/${right.resource}/${one.name}?fieldManager=${us}`,
    type: 'application/strategic-merge-patch+json',
    body: { spec: { template: { metadata: { annotations } } } },
    isChange: true,
    signal,
  });
  if (answer.status !== 200) throw refused(answer, right, true);
}
