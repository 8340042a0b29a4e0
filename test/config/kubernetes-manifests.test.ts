/** The manifests in config/kubernetes: as far as can be told without a cluster they fit each other, the program, and its image. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { understand } from '../../src/config/load.ts';
import { mounted } from '../../src/sinks/kubernetes/reach.ts';
import { kubernetesSecret } from '../../src/sinks/kubernetes-secret.ts';
import { plainOptions } from '../conformance/fixtures/sink-kubernetes.ts';
import type { Rule } from '../sandbox/kubernetes/rights.ts';
import { aKubernetesStage, failureOf, going, type Options } from '../sinks/kubernetes-stage.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [key: string]: unknown;
}

interface Container {
  readonly image: string;
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: unknown;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

const folder = join(import.meta.dirname, '../../config/kubernetes');
const textOf = (file: string) => readFileSync(join(folder, file), 'utf8');
const manifestsIn = (file: string): readonly Manifest[] =>
  parseAllDocuments(textOf(file)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
const one = (all: readonly Manifest[], kind: string): Manifest =>
  all.find((manifest) => manifest.kind === kind) ?? expect.unreachable(`there is no ${kind}`);
const podOf = (all: readonly Manifest[]) => {
  const { spec } = one(all, 'Deployment') as unknown as {
    spec: { template: { spec: Pod; metadata: { labels: object } } };
  };
  return spec.template.spec;
};
const configOf = (all: readonly Manifest[]): string =>
  (one(all, 'ConfigMap')['data'] as Record<string, string>)['leasekeeper.yaml'] ?? '';

describe.each(readdirSync(folder))('%s', (file) => {
  const all = manifestsIn(file);
  const pod = podOf(all);
  const containers = [...(pod.initContainers ?? []), ...pod.containers];
  const keeper = containers.find(({ image }) => image.startsWith('leasekeeper:')) ?? expect.unreachable();

  it('is about one namespace', () => {
    expect(new Set(all.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['shop']));
  });

  it('has a configuration that is one', () => {
    const text = configOf(all).replace('/run/secrets/infisical/client-secret', join(folder, file));
    expect(understand(text, { file, env: { INFISICAL_CLIENT_ID: 'an-id' } })).toMatchObject({ ok: true });
  });

  it('mounts what there is, where the program looks for it', () => {
    for (const { volumeMounts } of containers) {
      for (const { name } of volumeMounts) expect(pod.volumes.map((volume) => volume.name)).toContain(name);
    }
    expect(pod.volumes.find(({ name }) => name === 'config')?.configMap?.name).toBe(
      one(all, 'ConfigMap').metadata.name,
    );
    const places = keeper.volumeMounts.map(({ mountPath }) => mountPath);
    expect(places).toEqual(
      expect.arrayContaining(['/etc/leasekeeper', '/var/lib/leasekeeper', '/run/secrets/infisical']),
    );
    const dockerfile = readFileSync(join(folder, '../../Dockerfile'), 'utf8');
    expect(dockerfile).toContain('"/etc/leasekeeper/leasekeeper.yaml"');
    expect(dockerfile).toContain(`USER 65532:65532`);
    expect(dockerfile).toContain('\nENV UV_THREADPOOL_SIZE=64\n');
    expect(dockerfile).toContain(`EXPOSE ${keeper.ports?.[0]?.containerPort}`);
  });

  it('has as few rights in the machine as there are', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const { securityContext } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(20);
  });
});

describe('the rights in the cluster', () => {
  const all = manifestsIn('leasekeeper.yaml');
  const { rules } = one(all, 'Role') as unknown as { rules: readonly Rule[] };
  const written = parse(configOf(all)).secrets['orders-db'].sinks[0];
  const { type: _, ...given } = written;
  const options = { ...plainOptions, ...given } as Options;

  it('are bound to the account that the pod runs as, which is mounted where the sink looks', () => {
    const account = one(all, 'ServiceAccount').metadata.name;
    expect(one(all, 'RoleBinding')).toMatchObject({
      roleRef: { kind: 'Role', name: one(all, 'Role').metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'shop' }],
    });
    expect(podOf(all).serviceAccountName).toBe(account);
    expect(podOf(all).containers[0]?.volumeMounts).toContainEqual({
      name: 'service-account',
      mountPath: mounted,
      readOnly: true,
    });
    expect(kubernetesSecret.schema.safeParse(written).success).toBe(true);
  });

  it('are just those that the check asks for: with them all is done, without any of them it fails', async () => {
    const stage = await aKubernetesStage({ rules });
    stage.kubernetes.cluster.addWorkload('deployments', { namespace: 'shop', name: 'orders' });
    const sink = stage.sink(options);
    await sink.check?.(going());
    await stage.write({ DB_USERNAME: 'u', DB_PASSWORD: 'p' }, 1, options);
    await sink.reload?.(going());
    expect(stage.kubernetes.values('orders-db')).toEqual({ PGUSER: 'u', PGPASSWORD: 'p' });
    const lesser = rules.flatMap((rule, i) =>
      rule.verbs.map((verb) => rules.with(i, { ...rule, verbs: rule.verbs.filter((other) => other !== verb) })),
    );
    expect(lesser).toHaveLength(4);
    for (const few of lesser) {
      stage.kubernetes.grant(few);
      expect((await failureOf(sink.check?.(going()))).message).toMatch(
        /^forbidden: grant \w+ on \S+ "\S+" in the namespace shop$/,
      );
    }
  });
});
