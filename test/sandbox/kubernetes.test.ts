/** The stand-in for Kubernetes itself: does it answer as the documentation says? */
import { describe, expect, onTestFinished, test } from 'vitest';
import { aKubernetes } from './kubernetes/kubernetes.ts';
import type { Rule } from './kubernetes/rights.ts';

type Json = Readonly<Record<string, unknown>>;

async function aCluster(rules?: readonly Rule[]) {
  const kubernetes = await aKubernetes(rules ? { rules } : {});
  onTestFinished(() => kubernetes.close());
  const ask = async (
    method: string,
    path: string,
    type?: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(kubernetes.url + path, {
      method,
      headers: { authorization: `Bearer ${kubernetes.token()}`, ...(type && { 'content-type': type }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const json = (await response.json()) as Record<string, Json & { managedFields: Json[] }> & { reason: string };
    return { status: response.status, json };
  };
  const at = '/api/v1/namespaces/shop/secrets/app';
  const aSecret = (data: Json, metadata: Json = {}, more: Json = {}) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'app', ...metadata },
    data,
    ...more,
  });
  const apply = (manager: string, data: Json, { metadata = {}, more = {}, query = '' } = {}) =>
    ask(
      'PATCH',
      `${at}?fieldManager=${manager}${query}`,
      'application/apply-patch+yaml',
      aSecret(data, metadata, more),
    );
  const merge = (manager: string, body: Json) =>
    ask('PATCH', `${at}?fieldManager=${manager}`, 'application/merge-patch+json', body);
  const read = async () => (await ask('GET', at)).json;
  return { ...kubernetes, ask, at, aSecret, apply, merge, read };
}

const [one, two, three] = ['MQ==', 'Mg==', 'Mw=='];

describe('server-side apply', () => {
  test('makes what is not there, and says who manages what', async () => {
    const { apply } = await aCluster();
    const { status, json } = await apply('me', { a: one }, { metadata: { labels: { 'x/y': 'z' } } });
    expect(status).toBe(201);
    expect(json).toMatchObject({ kind: 'Secret', type: 'Opaque', data: { a: one }, metadata: { namespace: 'shop' } });
    expect(json['metadata']?.managedFields).toMatchObject([
      {
        manager: 'me',
        operation: 'Apply',
        fieldsV1: { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:x/y': {} } } },
      },
    ]);
  });

  test('refuses a field of another value that another manager has, and nothing is changed', async () => {
    const { apply, read } = await aCluster();
    await apply('me', { a: one, b: one });
    const before = await read();
    const { status, json } = await apply('you', { a: two, b: one });
    expect(status).toBe(409);
    expect(json).toMatchObject({
      reason: 'Conflict',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "me"', field: '.data.a' }] },
    });
    expect(await read()).toEqual(before);
  });

  test('shares a field of the same value, and refuses either of both to change it', async () => {
    const { apply } = await aCluster();
    await apply('me', { a: one });
    expect((await apply('you', { a: one })).status).toBe(200);
    expect((await apply('me', { a: two })).status).toBe(409);
    expect((await apply('you', {})).status).toBe(200);
    expect((await apply('me', { a: two })).status).toBe(200);
  });

  test('takes a field away from who had it where it is forced', async () => {
    const { apply, read } = await aCluster();
    await apply('me', { a: one, b: one });
    expect((await apply('you', { a: two }, { query: '&force=true' })).status).toBe(200);
    const { metadata, data } = await read();
    expect(data).toEqual({ a: two, b: one });
    expect(metadata?.managedFields).toMatchObject([
      { manager: 'me', fieldsV1: { 'f:data': { 'f:b': {} } } },
      { manager: 'you', fieldsV1: { 'f:data': { 'f:a': {} } } },
    ]);
  });

  test('removes what the same manager applied before, unless somebody else manages it too', async () => {
    const { apply, read } = await aCluster();
    await apply('me', { a: one, b: one, c: one });
    await apply('you', { b: one });
    await apply('me', { c: one });
    expect((await read())['data']).toEqual({ b: one, c: one });
  });

  test('compares the version where one is given, and does not make anew what had an id', async () => {
    const { apply, read, cluster } = await aCluster();
    await apply('me', { a: one });
    const { uid, resourceVersion } = (await read())['metadata'] ?? expect.unreachable();
    expect((await apply('me', { a: two }, { metadata: { uid, resourceVersion } })).status).toBe(200);
    expect(await apply('me', { a: three }, { metadata: { uid, resourceVersion } })).toMatchObject({
      status: 409,
      json: { reason: 'Conflict', details: { name: 'app' } },
    });
    cluster.deleteSecret({ namespace: 'shop', name: 'app' });
    expect((await apply('me', { a: three }, { metadata: { uid } })).status).toBe(409);
  });

  test('that changes nothing is no new version; one that is not to be kept changes nothing', async () => {
    const { apply, read } = await aCluster();
    expect((await apply('me', { a: one }, { query: '&dryRun=All' })).status).toBe(201);
    expect((await read()).reason).toBe('NotFound');
    await apply('me', { a: one });
    const before = await read();
    expect((await apply('me', { a: one })).json).toEqual(before);
    expect((await apply('me', { a: two }, { query: '&dryRun=All' })).json['data']).toEqual({ a: two });
    expect(await read()).toEqual(before);
  });
});

test('any other change moves a field to who made it, and what is taken away is nobody’s', async () => {
  const { apply, merge, read } = await aCluster();
  await apply('me', { a: one, b: one, c: one });
  await merge('kubectl-edit', { data: { a: two, b: null } });
  const { metadata, data } = await read();
  expect(data).toEqual({ a: two, c: one });
  expect(metadata?.managedFields).toMatchObject([
    { manager: 'me', operation: 'Apply', fieldsV1: { 'f:data': { 'f:c': {} } } },
    { manager: 'kubectl-edit', operation: 'Update', fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } } },
  ]);
  expect((await apply('me', { a: one, c: one })).status).toBe(409);
});

describe('a Secret', () => {
  test('keeps its type, and where it is immutable everything else', async () => {
    const { apply, merge } = await aCluster();
    await apply('me', { a: one });
    const typed = await apply('me', { a: one }, { more: { type: 'mine' } });
    expect(typed).toMatchObject({ status: 422, json: { details: { causes: [{ field: 'type' }] } } });
    await merge('me', { immutable: true });
    expect(await apply('me', { a: two })).toMatchObject({
      status: 422,
      json: { details: { causes: [{ field: 'data' }] } },
    });
    expect((await merge('me', { immutable: null })).status).toBe(422);
  });

  test.each([
    [{ 'a/b': one }, {}, 'data[a/b]'],
    [{ '..a': one }, {}, 'data[..a]'],
    [{ a: Buffer.alloc((1 << 20) + 1).toString('base64') }, {}, 'data'],
    [{ a: one }, { type: 'kubernetes.io/tls' }, 'data[tls.crt]'],
  ])('is not made of what is no Secret (%#)', async (data, more, field) => {
    const { apply } = await aCluster();
    const { status, json } = await apply('me', data, { more });
    expect({ status, json }).toMatchObject({
      status: 422,
      json: { details: { causes: expect.arrayContaining([expect.objectContaining({ field })]) } },
    });
  });

  test('is made by POST once, and deleted as it was seen', async () => {
    const { ask, at, aSecret, read } = await aCluster();
    const post = () =>
      ask('POST', '/api/v1/namespaces/shop/secrets?fieldManager=me', 'application/json', aSecret({ a: one }));
    expect((await post()).status).toBe(201);
    expect(await post()).toMatchObject({ status: 409, json: { reason: 'AlreadyExists' } });
    const { uid } = (await read())['metadata'] ?? expect.unreachable();
    const remove = (preconditions: Json) => ask('DELETE', at, 'application/json', { preconditions });
    expect((await remove({ uid: 'another' })).status).toBe(409);
    expect((await remove({ uid, resourceVersion: '1' })).status).toBe(409);
    expect((await remove({ uid })).status).toBe(200);
    expect((await remove({ uid })).status).toBe(404);
  });
});

describe('who asks', () => {
  const rule = (verbs: readonly string[], more: Partial<Rule> = {}): Rule => ({
    apiGroups: [''],
    resources: ['secrets'],
    verbs,
    ...more,
  });

  test('is somebody, and a token that was replaced is nobody’s', async () => {
    const { ask, at, token, rotateToken } = await aCluster();
    const former = token();
    await rotateToken();
    expect((await ask('GET', at, undefined, undefined, { authorization: `Bearer ${former}` })).status).toBe(401);
    expect((await ask('GET', at, undefined, undefined, { authorization: '' })).status).toBe(401);
    expect((await ask('GET', at)).status).toBe(404);
  });

  test('may do what the rules say: to make a Secret by apply takes both rights, and none by name to create', async () => {
    const { apply, grant, ask, at } = await aCluster([rule(['patch', 'create'], { resourceNames: ['app'] })]);
    expect(await apply('me', { a: one })).toMatchObject({ status: 403, json: { reason: 'Forbidden' } });
    grant([rule(['patch'], { resourceNames: ['app'] }), rule(['create'])]);
    expect((await apply('me', { a: one })).status).toBe(201);
    expect((await ask('GET', at)).status).toBe(403);
    const review = (verb: string) =>
      ask('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'application/json', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace: 'shop', verb, group: '', resource: 'secrets', name: 'app' } },
      });
    expect(await review('patch')).toMatchObject({ status: 201, json: { status: { allowed: true } } });
    expect(await review('get')).toMatchObject({ status: 201, json: { status: { allowed: false } } });
  });
});

test.each([
  ['another type of content', 415, 'PATCH', '?fieldManager=me', 'application/json'],
  ['an apply without a manager', 422, 'PATCH', '', 'application/apply-patch+yaml'],
  ['a forced merge', 422, 'PATCH', '?fieldManager=me&force=true', 'application/merge-patch+json'],
  [
    'a parameter that it does not know',
    400,
    'PATCH',
    '?fieldManager=me&feildManager=x',
    'application/apply-patch+yaml',
  ],
  ['a trial that is none', 422, 'PATCH', '?fieldManager=me&dryRun=true', 'application/apply-patch+yaml'],
  ['another place', 404, 'PATCH', '/status?fieldManager=me', 'application/apply-patch+yaml'],
])('it is strict: %s', async (_, status, method, query, type) => {
  const { ask, at, aSecret } = await aCluster();
  expect((await ask(method, at + query, type, aSecret({ a: one }))).status).toBe(status);
});

test.each([
  ['a field that is none', { stringData: { a: 'x' } }],
  ['managers of the client’s own', { metadata: { name: 'app', managedFields: [] } }],
  ['another name', { metadata: { name: 'other' } }],
  ['another namespace', { metadata: { namespace: 'other' } }],
  ['another kind', { kind: 'ConfigMap' }],
  ['data that is no base64', { data: { a: 'x' } }],
  ['a number', { data: { a: 1 } }],
])('it does not understand %s', async (_, change) => {
  const { ask, at, aSecret } = await aCluster();
  const body = { ...aSecret({ a: one }), ...change };
  expect((await ask('PATCH', `${at}?fieldManager=me`, 'application/apply-patch+yaml', body)).status).toBe(400);
});

test('a workload’s pods are replaced when an annotation of their template changes, and only then', async () => {
  const { ask, cluster } = await aCluster();
  cluster.addWorkload('deployments', { namespace: 'shop', name: 'web' });
  const patch = (annotations: Json) =>
    ask(
      'PATCH',
      '/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=me',
      'application/strategic-merge-patch+json',
      {
        spec: { template: { metadata: { annotations } } },
      },
    );
  expect((await patch({ a: '1' })).json['metadata']).toMatchObject({ generation: 2 });
  expect((await patch({ a: '1' })).json['metadata']).toMatchObject({ generation: 2 });
  expect((await patch({ b: '1' })).json).toMatchObject({
    metadata: { generation: 3 },
    spec: { template: { metadata: { annotations: { a: '1', b: '1' } } } },
  });
});
