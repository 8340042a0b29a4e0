/** A sink that is a Secret of Kubernetes: applied whole, with a field manager of our own. */
import { z } from 'zod';
import { fileToRead } from '../config/values.ts';
import { defineSink, type SinkDeps } from './define.ts';
import { kubernetesApi } from './kubernetes/api.ts';
import { markingOf } from './kubernetes/content.ts';
import { annotations, labels, lacking, namespaceName, objectName, unfitForSecret } from './kubernetes/names.ts';
import { mounted, reach, type Where } from './kubernetes/reach.ts';
import { workload } from './kubernetes/restart.ts';
import { type SecretOptions, secretSink } from './kubernetes/sink.ts';
import type { Sink } from './sink.ts';

export const kubernetesSecret = defineSink(
  'kubernetes-secret',
  {
    name: objectName.describe('Of the Secret'),
    namespace: namespaceName.optional().describe('Default: that of our pod, or of the context in the kubeconfig'),
    secretType: z
      .string('such as Opaque or kubernetes.io/tls')
      .regex(/^[A-Za-z0-9][A-Za-z0-9./_-]{0,252}$/, 'not the type of a Secret: such as Opaque or kubernetes.io/tls')
      .refine(
        (type) => type !== 'kubernetes.io/service-account-token',
        'the cluster itself writes the values of this type',
      )
      .default('Opaque')
      .describe('Nobody can change the type of a Secret that is there. Default: Opaque'),
    labels: labels.describe('Besides app.kubernetes.io/managed-by, which says leasekeeper'),
    annotations: annotations.describe('Besides leasekeeper/sequence, the number of the values'),
    create: z.boolean().default(true).describe('false: it has to be there, and no right to create one is needed'),
    adopt: z.boolean().default(false).describe('Take over a Secret, or fields of it, that somebody else manages'),
    immutable: z
      .literal(false, 'an immutable Secret could never get its next values: leave this out')
      .optional()
      .describe('Only false: an immutable Secret could never get its next values'),
    kubeconfig: fileToRead
      .optional()
      .describe('How to reach the cluster; read again for each call. Default: the service account of our pod'),
    context: z.string().min(1).optional().describe('Of the kubeconfig. Default: its current-context'),
    restart: z
      .array(workload)
      .default([])
      .describe('Workloads whose pods are replaced, once for each new value, when the Secret has it'),
  },
  {
    check({ keys, secretType, kubeconfig, context }, problem) {
      if (context !== undefined && kubeconfig === undefined)
        problem(['context'], 'of which kubeconfig? say kubeconfig:');
      if (keys === undefined || keys === 'all') return;
      for (const name of Object.keys(keys)) {
        const reason = unfitForSecret(name);
        if (reason) problem(['keys', name], reason);
      }
      const missing = secretType === undefined ? undefined : lacking(secretType, Object.keys(keys));
      if (missing) problem(['keys'], missing);
    },
    target: ({ namespace, name, kubeconfig, context }) => {
      const cluster = kubeconfig === undefined ? [] : [[kubeconfig, context].filter(Boolean).join('#')];
      return [`${namespace === undefined ? '' : `${namespace}/`}${name}`, ...cluster].join(' in ');
    },
    open: (options, deps) => kubernetesSecretSink(options, deps),
  },
);

/** The sink on its own. `serviceAccount`: where that of our pod is mounted. */
export function kubernetesSecretSink(
  options: SecretOptions & Where,
  deps: Pick<SinkDeps, 'env' | 'clock' | 'markKey' | 'wallClock'>,
  serviceAccount = mounted,
): Sink {
  const api = kubernetesApi(() => reach(options, deps.env, serviceAccount), deps);
  return secretSink(options, api, markingOf(options, deps.markKey));
}
