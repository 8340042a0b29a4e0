/** The real daemon keeps a Secret in (a stand-in for) a cluster: it arrives, is repaired, and has pods replaced once. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aKubernetes } from '../sandbox/kubernetes/kubernetes.ts';
import { kubeconfigText } from '../sinks/kubernetes-stage.ts';
import { aStage, eventually, metric, type Stage } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

test('a lease is kept in a Secret: repaired when it is lost, left as it is by a restart, its pods replaced once', async () => {
  stage = await aStage(
    aSandbox().withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '5m', maxTTL: '1h' }),
  );
  const { dir, sandbox } = stage;
  const kubernetes = await aKubernetes();
  onTestFinished(() => kubernetes.close());
  const { cluster } = kubernetes;
  const spot = { namespace: 'shop', name: 'orders' };
  cluster.addWorkload('deployments', spot);
  const kubeconfig = join(dir, 'kubeconfig');
  const tokenFile = join(kubernetes.serviceAccount, 'token');
  await writeFile(kubeconfig, kubeconfigText(`server: "${kubernetes.url}"`, `tokenFile: ${tokenFile}`));
  const config = stage
    .configuration({ reload: '' })
    .replace(
      /- \{ type: file.*\}/,
      `- { type: kubernetes-secret, name: orders, kubeconfig: ${kubeconfig}, keys: { USER: DB_USERNAME, PASSWORD: DB_PASSWORD }, restart: [{ kind: Deployment, name: orders }] }`,
    );

  const first = await stage.daemon({ config });
  // A Secret is for others as well: the daemon is ready without it.
  await eventually('the Secret is there', () => kubernetes.values('orders') !== undefined);
  const values = kubernetes.values('orders') ?? {};
  expect(Object.keys(values)).toEqual(['PASSWORD', 'USER']);
  const version = () =>
    (cluster.secret(spot)?.['metadata'] as { resourceVersion?: string } | undefined)?.resourceVersion;
  const generation = () => cluster.workload('deployments', spot).generation;
  await eventually('its pods are replaced', () => generation() === 2);

  cluster.deleteSecret(spot);
  await kubernetes.rotateToken();
  first.signal('SIGUSR2');
  const told = () => kubernetes.requests.filter((request) => request === 'patch deployments/orders 200').length;
  await eventually('its pods are told again', () => told() >= 2);
  const one = stage;
  const owed = `leasekeeper_delivery_owed{secret="orders-db",sink="kubernetes-secret:orders in ${kubeconfig}"}`;
  await eventually('that is written down', async () => (await metric(one, owed)) === 0);
  expect(kubernetes.values('orders')).toEqual(values);

  await first.kill();
  const before = version();
  const asked = kubernetes.requests.length;
  const second = await stage.daemon({ config });
  await eventually('it was looked at', () => kubernetes.requests.length > asked);
  expect(await second.stop()).toBe(0);
  expect(kubernetes.requests.slice(asked).filter((request) => request.startsWith('patch secrets'))).toEqual([]);
  expect(version()).toBe(before);
  // The same values were told again, and that is none of the pods' business.
  expect(generation()).toBe(2);
  expect(sandbox.books().leases).toHaveLength(1);
  const said = [...first.lines, ...second.lines].join('\n');
  for (const secret of [values['PASSWORD'], kubernetes.token()]) expect(said).not.toContain(secret);
});
