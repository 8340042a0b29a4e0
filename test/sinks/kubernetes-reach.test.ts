/** How the Kubernetes API is reached: with the service account of a pod, and by a kubeconfig. */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { kubernetesSecretSink } from '../../src/sinks/kubernetes-secret.ts';
import { plainOptions } from '../conformance/fixtures/sink-kubernetes.ts';
import { aKubernetes } from '../sandbox/kubernetes/kubernetes.ts';
import { type Authority, type Certificate, type Certificates, certificates } from '../sources/certificates.ts';
import { aDelivery, someSinkDeps } from '../support/sink-parts.ts';
import { aKubernetesStage, failureOf, going, kubeconfigText, type Options } from './kubernetes-stage.ts';

let made: Certificates;
let authority: Authority;
let tls: { key: Buffer; cert: Buffer; ca: Buffer };
let client: Certificate;
beforeAll(async () => {
  made = await certificates();
  authority = await made.authority('cluster');
  const { key, cert } = await authority.issue('apiserver', 'IP:127.0.0.1');
  tls = { key, cert, ca: authority.ca.cert };
  client = await authority.issue('keeper');
});
afterAll(() => made.remove());

async function aCluster() {
  const kubernetes = await aKubernetes({ tls });
  onTestFinished(() => kubernetes.close());
  return kubernetes;
}

/** A sink on what this kubeconfig says, and the file. */
async function byKubeconfig(text: string, options: Partial<Options> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'lk-kubeconfig-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const kubeconfig = join(folder, 'config');
  await writeFile(kubeconfig, text);
  return {
    kubeconfig,
    folder,
    sink: kubernetesSecretSink({ ...plainOptions, kubeconfig, ...options }, someSinkDeps()),
  };
}

const write = (sink: ReturnType<typeof kubernetesSecretSink>, value = '1', sequence = 1) =>
  sink.write(aDelivery({ A: value }, { sequence }), going());

describe('in a pod', () => {
  const inPod = (
    kubernetes: Awaited<ReturnType<typeof aCluster>>,
    options: Partial<Options> = {},
    env = kubernetes.env,
  ) => kubernetesSecretSink({ ...plainOptions, ...options }, someSinkDeps({ env }), kubernetes.serviceAccount);

  test('its service account says who, where, and whom to trust', async () => {
    const kubernetes = await aCluster();
    await write(inPod(kubernetes));
    expect(kubernetes.values('app', 'shop')).toEqual({ A: '1' });
    kubernetes.cluster.namespaces.add('elsewhere');
    await write(inPod(kubernetes, { namespace: 'elsewhere' }));
    expect(kubernetes.values('app', 'elsewhere')).toEqual({ A: '1' });
  });

  test('a token that is replaced is taken up at once', async () => {
    const kubernetes = await aCluster();
    const sink = inPod(kubernetes);
    await write(sink);
    await kubernetes.rotateToken();
    await write(sink, '2', 2);
    expect(kubernetes.values('app')).toEqual({ A: '2' });
    expect(kubernetes.requests.filter((request) => request.endsWith('401'))).toEqual([]);
  });

  test('a token that is replaced while it is shown is read once more, and the change is made once', async () => {
    const kubernetes = await aCluster();
    const sink = inPod(kubernetes);
    const file = join(kubernetes.serviceAccount, 'token');
    const former = kubernetes.token();
    await kubernetes.rotateToken();
    // We read it a moment too early: the server knows the former one no more when it sees it.
    await writeFile(file, former);
    kubernetes.misbehave({ kind: 'meanwhile', happen: () => writeFileSync(file, kubernetes.token()) });
    await write(sink);
    expect(kubernetes.requests).toEqual(['get secrets/app 401', 'get secrets/app 404', 'patch secrets/app 201']);
  });

  test('a token that is not taken is shown once, and the words say so', async () => {
    const kubernetes = await aCluster();
    kubernetes.cluster.users.clear();
    const error = await failureOf(write(inPod(kubernetes)));
    expect(error).toMatchObject({
      code: 'denied',
      message: 'the Kubernetes API does not take our token or certificate',
    });
    expect(kubernetes.requests).toEqual(['get secrets/app 401']);
  });

  test('a CA that is not its own is not trusted', async () => {
    const kubernetes = await aCluster();
    const other = await made.authority('other');
    await writeFile(join(kubernetes.serviceAccount, 'ca.crt'), other.ca.cert);
    const error = await failureOf(write(inPod(kubernetes)));
    expect(error.message).toMatch(/^no answer: no connection, [A-Z_]+$/);
    await writeFile(join(kubernetes.serviceAccount, 'ca.crt'), tls.ca);
    await write(inPod(kubernetes));
  });

  test('what is missing is named', async () => {
    const kubernetes = await aCluster();
    const messages = async (sink: ReturnType<typeof inPod>) => (await failureOf(write(sink))).message;
    expect(await messages(inPod(kubernetes, {}, {}))).toBe(
      'KUBERNETES_SERVICE_HOST is not set: outside of a cluster say kubeconfig:',
    );
    await rm(join(kubernetes.serviceAccount, 'namespace'));
    expect(await messages(inPod(kubernetes))).toContain('say namespace:');
    await rm(join(kubernetes.serviceAccount, 'token'));
    expect(await messages(inPod(kubernetes, { namespace: 'shop' }))).toMatch(/token cannot be read: ENOENT$/);
    await rm(join(kubernetes.serviceAccount, 'ca.crt'));
    await writeFile(join(kubernetes.serviceAccount, 'token'), 'a-token-of-ours');
    expect(await messages(inPod(kubernetes, { namespace: 'shop' }))).toMatch(/ca\.crt cannot be read: ENOENT$/);
    await writeFile(join(kubernetes.serviceAccount, 'token'), 'a-token\nof-ours');
    await writeFile(join(kubernetes.serviceAccount, 'ca.crt'), tls.ca);
    expect(await messages(inPod(kubernetes, { namespace: 'shop' }))).not.toContain('of-ours');
  });
});

describe('by a kubeconfig', () => {
  const cluster = (url: string) => `server: "${url}", certificate-authority: ${made.folder}/cluster.pem`;
  const inBase64 = (bytes: Buffer) => bytes.toString('base64');

  test.each([
    ['a token', ({ token }: { token: string }) => `token: ${token}`],
    ['a file with the token, before a token', () => 'tokenFile: token, token: not-this-one'],
    ['a client certificate in files', () => `client-certificate: ${client.certFile}, client-key: ${client.keyFile}`],
    [
      'a client certificate in the file itself, before one in files',
      () =>
        `client-certificate: /none, client-certificate-data: ${inBase64(client.cert)}, client-key-data: ${inBase64(client.key)}`,
    ],
  ])('%s says who we are', async (_, user) => {
    const kubernetes = await aCluster();
    kubernetes.cluster.users.set('keeper', kubernetes.cluster.root);
    const { sink, folder } = await byKubeconfig(
      kubeconfigText(cluster(kubernetes.url), user({ token: kubernetes.token() })),
    );
    await writeFile(join(folder, 'token'), kubernetes.token());
    await write(sink);
    expect(kubernetes.values('app')).toEqual({ A: '1' });
  });

  test('its CA may stand in it, or lie beside it', async () => {
    const kubernetes = await aCluster();
    const data = `server: "${kubernetes.url}", certificate-authority-data: ${inBase64(tls.ca)}`;
    await write((await byKubeconfig(kubeconfigText(data, `token: ${kubernetes.token()}`))).sink);
    const file = `server: "${kubernetes.url}", certificate-authority: ca.pem`;
    const { sink, folder } = await byKubeconfig(kubeconfigText(file, `token: ${kubernetes.token()}`));
    await writeFile(join(folder, 'ca.pem'), tls.ca);
    await write(sink);
    const none = await byKubeconfig(kubeconfigText(`server: "${kubernetes.url}"`, `token: ${kubernetes.token()}`));
    expect((await failureOf(write(none.sink))).message).toMatch(/^no answer: no connection, /);
  });

  test('it is read again for each call: another server, another user', async () => {
    const [first, second] = [await aCluster(), await aCluster()];
    const { sink, kubeconfig } = await byKubeconfig(kubeconfigText(cluster(first.url), `token: ${first.token()}`));
    await write(sink);
    await writeFile(kubeconfig, kubeconfigText(cluster(second.url), `token: ${second.token()}`));
    await write(sink, '2', 2);
    expect([first.values('app'), second.values('app')]).toEqual([{ A: '1' }, { A: '2' }]);
  });

  test('a context of another name, and a namespace of our own choice', async () => {
    const kubernetes = await aCluster();
    kubernetes.cluster.namespaces.add('elsewhere');
    const text = kubeconfigText(cluster(kubernetes.url), `token: ${kubernetes.token()}`)
      .replace('name: here', 'name: there')
      .replace('namespace: shop', 'namespace: elsewhere');
    await write((await byKubeconfig(text, { context: 'there' })).sink);
    expect(kubernetes.values('app', 'elsewhere')).toEqual({ A: '1' });
    await write((await byKubeconfig(text, { context: 'there', namespace: 'shop' })).sink);
    expect(kubernetes.values('app', 'shop')).toEqual({ A: '1' });
    expect((await failureOf(write((await byKubeconfig(text)).sink))).message).toMatch(/there is no context "here"$/);
  });

  const good = { cluster: 'server: "https://127.0.0.1:1"', user: 'token: very-secret-value' };
  test.each([
    ['no YAML', 'a: [', 'it is no YAML'],
    ['a list', '- a', 'its content is not what a kubeconfig has there'],
    ['nothing', '', 'its content is not what a kubeconfig has there'],
    ['no current context', 'contexts: []', 'it has no current-context: say context:'],
    ['no such cluster', kubeconfigText(good.cluster, good.user).replace('cluster: c', 'cluster: x'), 'no cluster "x"'],
    ['no such user', kubeconfigText(good.cluster, good.user).replace('user: u', 'user: x'), 'there is no user "x"'],
    ['no server', kubeconfigText('x: y', good.user), 'cluster.server is not what a kubeconfig has there'],
    ['plain HTTP', kubeconfigText('server: "http://10.0.0.1"', good.user), 'plain http:// would show every credential'],
    [
      'no credential',
      kubeconfigText(good.cluster, 'x: y'),
      'its user "u" has neither a token nor a client certificate',
    ],
    ['half a certificate', kubeconfigText(good.cluster, 'client-certificate: /x'), 'needs both'],
    ['a number for a token', kubeconfigText(good.cluster, 'token: 12345678'), 'user.token is not what'],
    [
      'no check of the server',
      kubeconfigText(`${good.cluster}, insecure-skip-tls-verify: true`, good.user),
      'cluster.insecure-skip-tls-verify is not supported: anybody could',
    ],
    [
      'a proxy',
      kubeconfigText(`${good.cluster}, proxy-url: "http://u:very-secret-value@p"`, good.user),
      'cluster.proxy-url is not supported: say it by',
    ],
    [
      'another name of the server',
      kubeconfigText(`${good.cluster}, tls-server-name: x`, good.user),
      'cluster.tls-server-name is not supported',
    ],
    [
      'a plugin',
      kubeconfigText(good.cluster, 'exec: { command: aws }'),
      'user.exec is not supported: leasekeeper runs no plugins',
    ],
    [
      'a plugin of old',
      kubeconfigText(good.cluster, 'auth-provider: { name: gcp }'),
      'user.auth-provider is not supported',
    ],
    [
      'a password',
      kubeconfigText(good.cluster, 'username: me, password: very-secret-value'),
      'user.username is not supported',
    ],
    ['somebody else', kubeconfigText(good.cluster, `${good.user}, as: admin`), 'user.as is not supported'],
  ])('with %s is refused with words, and without what stands in it', async (_, text, words) => {
    const { sink, kubeconfig } = await byKubeconfig(text);
    const error = await failureOf(write(sink));
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining(words) });
    expect(error.message).toContain(`the kubeconfig ${kubeconfig}: `);
    expect(error.message).not.toContain('very-secret-value');
  });

  test('that is not there is waited for', async () => {
    const { sink, kubeconfig } = await byKubeconfig('');
    await rm(kubeconfig);
    const words = `the kubeconfig ${kubeconfig} cannot be read: ENOENT`;
    expect(await failureOf(write(sink))).toMatchObject({ code: 'unavailable', message: words });
  });
});

test('a token file beside a kubeconfig is read again for each request', async () => {
  const stage = await aKubernetesStage();
  const sink = stage.sink();
  await sink.write(aDelivery({ A: '1' }), going());
  await stage.kubernetes.rotateToken();
  await sink.write(aDelivery({ A: '2' }, { sequence: 2 }), going());
  expect(stage.kubernetes.values('app')).toEqual({ A: '2' });
  expect(readFileSync(join(stage.kubernetes.serviceAccount, 'token'), 'utf8')).toBe(stage.kubernetes.token());
});
