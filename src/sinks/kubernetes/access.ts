/** Asks the API what we may do, without doing it. */
import { z } from 'zod';
import type { KubernetesApi } from './api.ts';
import { type Right, refused } from './failures.ts';

const reviewShape = z.object({ status: z.object({ allowed: z.boolean() }) });

/**
 * Those of the rights that we do not have. Every user may ask (the role `system:basic-user`); where that was taken
 * away, nothing is known to be missing. Throws `LeaseError`.
 */
export async function missingRights(
  api: KubernetesApi,
  rights: readonly Right[],
  signal: AbortSignal,
): Promise<readonly Right[]> {
  const missing: Right[] = [];
  for (const right of rights) {
    const verbs: string[] = [];
    for (const verb of right.verbs) if (!(await isAllowed(api, right, verb, signal))) verbs.push(verb);
    if (verbs.length > 0) missing.push({ ...right, verbs });
  }
  return missing;
}

async function isAllowed(api: KubernetesApi, right: Right, verb: string, signal: AbortSignal): Promise<boolean> {
  const { namespace, group, resource, name } = right;
  const answer = await api.ask({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace, verb, group, resource, name } },
    },
    signal,
  });
  if (answer.status === 403) return true;
  const review = reviewShape.safeParse(answer.json);
  if (answer.status === 201 && review.success) return review.data.status.allowed;
  throw refused(answer, { ...right, verbs: [verb] }, false);
}
