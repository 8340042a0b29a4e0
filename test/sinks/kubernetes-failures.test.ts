/** What the refusals of the Kubernetes API mean: in our words, and never in those that may quote a value. */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { steadyClock } from '../../src/clock.ts';
import { seconds } from '../../src/core/time.ts';
import { kubernetesSecret } from '../../src/sinks/kubernetes-secret.ts';
import { Refused } from '../sandbox/kubernetes/status.ts';
import { aKubernetesStage, failureOf, going, inBase64 } from './kubernetes-stage.ts';

const value = 'very-secret-value';
const patching = ({ verb }: { readonly verb: string }) => verb === 'patch';

/** The failure of a write whose change is answered so. */
async function failureWith(refused: Refused) {
  const stage = await aKubernetesStage();
  const mend = stage.kubernetes.misbehave({ kind: 'refuse', with: refused }, patching);
  const error = await failureOf(stage.write({ A: value }));
  mend();
  for (const form of [value, inBase64(value)]) expect(inspect(error, { depth: null })).not.toContain(form);
  return error;
}

describe('a refusal', () => {
  test.each([
    [
      403,
      'Forbidden',
      'unavailable',
      'forbidden: grant create and patch on secrets "app" in the namespace shop; or a quota',
    ],
    [404, 'NotFound', 'unavailable', 'there is no secrets "app" in the namespace shop'],
    [413, 'RequestEntityTooLarge', 'invalid', 'the values are more than the Kubernetes API takes at a time'],
    [422, 'Invalid', 'invalid', 'the Kubernetes API finds it invalid'],
    [400, 'BadRequest', 'invalid', 'the Kubernetes API does not understand us: HTTP 400 BadRequest'],
    [415, 'UnsupportedMediaType', 'invalid', 'does not understand us: HTTP 415 UnsupportedMediaType'],
    [500, 'InternalError', 'unavailable', 'the Kubernetes API failed: HTTP 500 InternalError'],
    [503, `a ${value}`, 'unavailable', 'the Kubernetes API failed: HTTP 503'],
    [302, '', 'unavailable', 'not an answer of the Kubernetes API: HTTP 302; is its address right?'],
  ])('%s %s', async (status, reason, code, words) => {
    const error = await failureWith(new Refused(status, reason, `${value} and ${inBase64(value)}`));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.unsure).toBe(status >= 500 || status === 302);
  });

  test('names the fields that are wrong, and nothing of what is said about them', async () => {
    const cause = (field: string, reason = 'FieldValueInvalid') => ({
      field,
      reason,
      message: `Invalid value: ${value}`,
    });
    const causes = [
      cause('data[tls.crt]', 'FieldValueRequired'),
      cause(`metadata.labels: "${value}"`),
      cause('type', value),
    ];
    const error = await failureWith(new Refused(422, 'Invalid', value, { causes }));
    expect(error.message).toBe('the Kubernetes API finds it invalid: data[tls.crt] (FieldValueRequired), type');
  });

  test('of too many requests says when to come back', async () => {
    const before = steadyClock().now();
    const error = await failureWith(new Refused(429, 'TooManyRequests', value, { retryAfterSeconds: 7 }));
    const after = steadyClock().now();
    expect(error).toMatchObject({ code: 'unavailable', unsure: false });
    expect(error.notBefore).toBeGreaterThanOrEqual(before + seconds(7));
    expect(error.notBefore).toBeLessThanOrEqual(after + seconds(7));
  });

  test('that names a strange manager does not repeat it', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    stage.apply(`${value}\u202e`, { data: { A: inBase64('2') } }, true);
    const error = await failureOf(stage.write({ A: '3' }));
    expect(error.message).toContain('belongs to one with a strange name');
  });
});

test.each([
  ['no JSON', '<html>'],
  ['JSON of something else', '{"kind":"List","items":[]}'],
  ['a Secret without a version', `{"kind":"Secret","metadata":{"uid":"u","note":"${value}"}}`],
])('an answer that is %s is not believed', async (_, body) => {
  const stage = await aKubernetesStage();
  const mend = stage.kubernetes.misbehave({ kind: 'answer', status: 200, body });
  expect(await failureOf(stage.sink().holds?.('a mark', going()))).toMatchObject({
    message: 'the answer is no Secret: HTTP 200',
  });
  mend();
  stage.kubernetes.misbehave({ kind: 'answer', status: 200, body }, patching);
  expect(await failureOf(stage.write({ A: value }))).toMatchObject({
    unsure: true,
    message: 'the answer is no Secret: HTTP 200',
  });
});

describe('a page that a load balancer sends in the place of the API', () => {
  const page = '<html>404 default backend</html>';
  const aSecret = async () => {
    const stage = await aKubernetesStage();
    return { stage, mark: await stage.write({ A: value }) };
  };

  test.each([
    ['no JSON', page],
    ['JSON of its own', '{"message":"no route"}'],
  ])('says nothing of whether the Secret is there: %s', async (_, body) => {
    const { stage, mark } = await aSecret();
    const mend = stage.kubernetes.misbehave({ kind: 'answer', status: 404, body });
    const sink = stage.sink();
    for (const asked of [() => sink.holds?.(mark, going()), () => sink.isTaken?.(going())]) {
      expect(await failureOf(asked())).toMatchObject({ code: 'unavailable', message: notTheApi(404) });
    }
    expect(await failureOf(sink.remove?.(going()))).toMatchObject({ message: notTheApi(404) });
    mend();
    expect(await sink.holds?.(mark, going())).toBe(true);
    await sink.remove?.(going());
    expect(await sink.isTaken?.(going())).toBe(false);
  });

  test.each([404, 200])('says nothing of whether it was deleted: HTTP %i', async (status) => {
    const { stage, mark } = await aSecret();
    const deleting = ({ verb }: { readonly verb: string }) => verb === 'delete';
    const mend = stage.kubernetes.misbehave({ kind: 'answer', status, body: page }, deleting);
    expect(await failureOf(stage.sink().remove?.(going()))).toMatchObject({ message: notTheApi(status), unsure: true });
    mend();
    expect(await stage.sink().holds?.(mark, going())).toBe(true);
  });

  const notTheApi = (status: number) => `not an answer of the Kubernetes API: HTTP ${status}; is its address right?`;
});

describe('options', () => {
  const told = (options: Record<string, unknown>) => {
    const result = kubernetesSecret.schema.safeParse({ type: 'kubernetes-secret', name: 'app', ...options });
    return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  };

  test.each([
    [{ name: 'App' }, 'name: not a name that Kubernetes takes'],
    [{ name: 'x'.repeat(254) }, 'name: a name of at most 253 characters'],
    [{ name: '../other' }, 'name: not a name that Kubernetes takes'],
    [{ namespace: 'a.b' }, 'namespace: not the name of a namespace'],
    [{ keys: { 'a/b': 'A' } }, 'keys.a/b: a key of a Secret has letters'],
    [{ keys: { '..data': 'A' } }, 'keys...data: a key of a Secret may not begin with two dots'],
    [
      { secretType: 'kubernetes.io/tls', keys: { 'tls.crt': 'A' } },
      'keys: a Secret of type kubernetes.io/tls needs the key tls.key',
    ],
    [
      { secretType: 'kubernetes.io/basic-auth', keys: { x: 'A' } },
      'keys: a Secret of type kubernetes.io/basic-auth needs the key username and password',
    ],
    [{ secretType: 'kubernetes.io/service-account-token' }, 'secretType: the cluster itself writes'],
    [{ secretType: 'a b' }, 'secretType: not the type of a Secret'],
    [
      { labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
      'labels.app.kubernetes.io/managed-by: leasekeeper writes this one itself',
    ],
    [{ labels: { 'a/b/c': 'x' } }, 'labels.a/b/c: not the name of a label'],
    [{ labels: { app: 'not a label' } }, 'labels.app: a label has at most 63'],
    [{ labels: { app: 1 } }, 'labels.app: a label is a text: write it in quotes'],
    [
      { annotations: { 'leasekeeper/sequence': '1' } },
      'annotations.leasekeeper/sequence: leasekeeper writes this one itself',
    ],
    [{ annotations: { note: 'x'.repeat(260_000) } }, 'annotations: annotations have at most 256 KiB'],
    [{ immutable: true }, 'immutable: an immutable Secret could never get its next values'],
    [{ context: 'here' }, 'context: of which kubeconfig? say kubeconfig:'],
    [{ kubeconfig: 'config' }, 'kubeconfig: a relative path'],
    [{ restart: [{ kind: 'Job', name: 'x' }] }, 'restart.0.kind: one of Deployment, StatefulSet, DaemonSet'],
    [{ restart: [{ kind: 'Deployment', name: 'X' }] }, 'restart.0.name: not a name that Kubernetes takes'],
  ])('%j are refused with words', (options, words) => {
    const all = told(options);
    expect(all).toHaveLength(1);
    expect(all[0]).toContain(words);
  });

  test('that are right: the place is the name, so that it may be the same in two namespaces', () => {
    const target = (options: Record<string, unknown>) => {
      const { name, target } = kubernetesSecret.schema.parse({ type: 'kubernetes-secret', name: 'app', ...options });
      expect(name).toBe(`kubernetes-secret:${target}`);
      return target;
    };
    expect(target({})).toBe('app');
    expect(target({ namespace: 'shop' })).toBe('shop/app');
    expect(target({ namespace: 'shop', kubeconfig: '/k' })).toBe('shop/app in /k');
    expect(target({ namespace: 'shop', kubeconfig: '/k', context: 'c' })).toBe('shop/app in /k#c');
    expect(told({ secretType: 'kubernetes.io/basic-auth', keys: { password: 'A' }, immutable: false })).toEqual([]);
    expect(told({ labels: { 'example.com/a': '', b: 'x_y.z-1' }, annotations: { note: 'any: "text"' } })).toEqual([]);
  });
});
