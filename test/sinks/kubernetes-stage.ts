/** A cluster with a sink on it, over plain HTTP and a kubeconfig: for tests of what is written there. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import type { SinkDeps } from '../../src/sinks/define.ts';
import { kubernetesSecretSink } from '../../src/sinks/kubernetes-secret.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { plainOptions } from '../conformance/fixtures/sink-kubernetes.ts';
import { aKubernetes, type Kubernetes, type KubernetesOptions } from '../sandbox/kubernetes/kubernetes.ts';
import { aDelivery, someSinkDeps } from '../support/sink-parts.ts';

export type Options = Parameters<typeof kubernetesSecretSink>[0];

export interface KubernetesStage {
  readonly kubernetes: Kubernetes;
  /** The file; its user is the service account. */
  readonly kubeconfig: string;
  sink(options?: Partial<Options>, deps?: Partial<SinkDeps>): Sink;
  /** By the plain sink, or by another. */
  write(values: Readonly<Record<string, string>>, sequence?: number, options?: Partial<Options>): Promise<string>;
  /** Somebody else applies, or changes as `kubectl edit` and the like would, as that manager. */
  apply(manager: string, config: Readonly<Record<string, unknown>>, force?: boolean): void;
  merge(manager: string, change: Readonly<Record<string, unknown>>): void;
  /** As the API answers it. */
  secret(): Found | undefined;
}

export interface Found {
  readonly type: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly { readonly manager: string; readonly operation: string }[];
  };
}

export const spot = { namespace: 'shop', name: 'app' };
export const going = (): AbortSignal => new AbortController().signal;

/** A kubeconfig of one context: these lines of the cluster, and these of the user. */
export const kubeconfigText = (cluster: string, user: string, namespace = 'shop'): string => `apiVersion: v1
kind: Config
current-context: here
contexts:
  - { name: here, context: { cluster: c, user: u${namespace === '' ? '' : `, namespace: ${namespace}`} } }
clusters:
  - name: c
    cluster: { ${cluster} }
users:
  - name: u
    user: { ${user} }
`;

export async function aKubernetesStage(options: KubernetesOptions = {}): Promise<KubernetesStage> {
  const kubernetes = await aKubernetes(options);
  onTestFinished(() => kubernetes.close());
  const kubeconfig = join(kubernetes.serviceAccount, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigText(`server: "${kubernetes.url}"`, 'tokenFile: token'));
  const sink: KubernetesStage['sink'] = (more = {}, deps = {}) =>
    kubernetesSecretSink({ ...plainOptions, kubeconfig, ...more }, someSinkDeps(deps), '/nowhere');
  const { cluster } = kubernetes;
  return {
    kubernetes,
    kubeconfig,
    sink,
    write: (values, sequence = 1, more = {}) => sink(more).write(aDelivery(values, { sequence }), going()),
    apply: (manager, config, force = false) => {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'app' }, ...config };
      cluster.applySecret(spot, body, { manager, force }, cluster.root);
    },
    merge: (manager, change) => void cluster.mergeSecret(spot, { ...change }, { manager }),
    secret: () => cluster.secret(spot) as Found | undefined,
  };
}

/** What it fails with. */
export const failureOf = (promise: Promise<unknown> | undefined): Promise<LeaseError> =>
  Promise.resolve(promise).then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => {
      if (error instanceof LeaseError) return error;
      throw error;
    },
  );

export const inBase64 = (text: string): string => Buffer.from(text).toString('base64');
