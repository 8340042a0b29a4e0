/** What is written to a Secret, and over what nothing is. */
import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { Refused } from '../sandbox/kubernetes/status.ts';
import { aDelivery } from '../support/sink-parts.ts';
import { aKubernetesStage, failureOf, going, inBase64, type KubernetesStage, spot } from './kubernetes-stage.ts';

const aManifest = (manager: string, { cluster }: KubernetesStage['kubernetes'], more: Record<string, unknown> = {}) =>
  cluster.createSecret(spot, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'app' }, ...more }, { manager });

const theirs = { data: { theirs: inBase64('their value') } };

describe('a Secret of ours', () => {
  test('says whose it is, which values it has, and what the user wants to be said', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' }, 7, {
      labels: { app: 'shop' },
      annotations: { 'example.com/note': 'a: "b"\n\u2028' },
    });
    expect(stage.secret()).toMatchObject({
      type: 'Opaque',
      data: { A: inBase64('1') },
      metadata: {
        labels: { app: 'shop', 'app.kubernetes.io/managed-by': 'leasekeeper' },
        annotations: { 'leasekeeper/sequence': '7', 'example.com/note': 'a: "b"\n\u2028' },
        managedFields: [{ manager: 'leasekeeper', operation: 'Apply' }],
      },
    });
  });

  test('is written by one request, and read before', async () => {
    const { kubernetes, write } = await aKubernetesStage();
    await write({ A: '1', B: '2' });
    await write({ A: '3', B: '4' }, 2);
    expect(kubernetes.requests).toEqual([
      'get secrets/app 404',
      'patch secrets/app 201',
      'get secrets/app 200',
      'patch secrets/app 200',
    ]);
  });

  test('loses the keys, labels and annotations that are not wanted any more', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1', B: '2' }, 1, { labels: { app: 'shop' }, annotations: { note: 'x' } });
    await stage.write({ B: '3' }, 2);
    const { data, metadata } = stage.secret() ?? expect.unreachable();
    expect(data).toEqual({ B: inBase64('3') });
    expect(metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'leasekeeper' });
    expect(metadata.annotations).toEqual({ 'leasekeeper/sequence': '2' });
  });

  test('keeps what others put beside ours, and is not taken for changed by it', async () => {
    const stage = await aKubernetesStage();
    const mark = await stage.write({ A: '1' });
    stage.apply('another', theirs);
    expect(await stage.sink().holds?.(mark, going())).toBe(true);
    await stage.write({ A: '2' }, 2);
    expect(stage.secret()?.data).toEqual({ A: inBase64('2'), ...theirs.data });
  });

  test('holds any text: empty, with all kinds of characters, with a name of 253', async () => {
    const { kubernetes, write } = await aKubernetesStage();
    const odd = { empty: '', '.hidden': 'a\0b\r\n"\'$é🙂\u2028', [`${'k'.repeat(252)}.`]: 'x', constructor: '{}' };
    const values = Object.fromEntries([...Object.entries(odd), ['__proto__', 'p']]);
    await write(values);
    expect(Object.entries(kubernetes.values('app') ?? {}).sort()).toEqual(Object.entries(values).sort());
  });

  test('holds a mebibyte, and not a byte more', async () => {
    const { kubernetes, write } = await aKubernetesStage();
    const most = 'x'.repeat((1 << 20) - 1);
    await write({ a: most, b: 'y' });
    expect(kubernetes.values('app')?.['a']).toBe(most);
    const error = await failureOf(write({ a: most, b: 'yy' }));
    expect(error.code).toBe('invalid');
    expect(error.message).toMatch(/take 1048577 bytes, and a Secret at most 1048576/);
  });

  test.each([
    ['a/b', 'has letters, digits, - _ and . only'],
    ['..data', 'may not begin with two dots'],
    ['.', 'may not begin with two dots'],
    ['é', 'has letters, digits, - _ and . only'],
    ['k'.repeat(254), 'at most 253 characters'],
  ])('has no key %s, and then none at all', async (key, words) => {
    const { kubernetes, write } = await aKubernetesStage();
    const error = await failureOf(write({ A: 'a-value', [key]: 'another-value' }));
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining(words) });
    expect(error.message).not.toMatch(/a-value|another-value/);
    expect(kubernetes.requests).toEqual([]);
  });

  test('of a certain type has the keys of that type', async () => {
    const stage = await aKubernetesStage();
    const tls = { secretType: 'kubernetes.io/tls' };
    const error = await failureOf(stage.write({ 'tls.crt': 'c' }, 1, tls));
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('needs the key tls.key') });
    await stage.write({ 'tls.crt': 'c', 'tls.key': 'k' }, 1, tls);
    expect(stage.secret()?.type).toBe('kubernetes.io/tls');
    await stage.write({ 'tls.crt': 'c', 'tls.key': 'k' }, 1, tls);
  });
});

describe("somebody else's Secret", () => {
  test('is not written to, and the words say what to do', async () => {
    const stage = await aKubernetesStage();
    aManifest('kubectl-create', stage.kubernetes, theirs);
    const before = stage.secret();
    const error = await failureOf(stage.write({ A: '1' }));
    expect(error.message).toBe(
      "the Secret shop/app has values and is not leasekeeper's: choose another name, delete it, or take it over by adopt: true",
    );
    expect((await failureOf(stage.sink().check?.(going()))).message).toBe(error.message);
    expect(stage.secret()).toEqual(before);
  });

  test('is taken over where that is meant: what we do not write stays', async () => {
    const stage = await aKubernetesStage();
    aManifest('kubectl-create', stage.kubernetes, { data: { ...theirs.data, A: inBase64('old') } });
    await stage.sink({ adopt: true }).check?.(going());
    await stage.write({ A: '1' }, 1, { adopt: true });
    expect(stage.kubernetes.values('app')).toEqual({ A: '1', theirs: 'their value' });
    await stage.write({ A: '2' }, 2);
    expect(stage.kubernetes.values('app')).toEqual({ A: '2', theirs: 'their value' });
  });

  test('is filled where it is empty: somebody made it for us', async () => {
    const stage = await aKubernetesStage();
    aManifest('helm', stage.kubernetes);
    await stage.sink({ create: false }).check?.(going());
    await stage.write({ A: '1' }, 1, { create: false });
    expect(stage.kubernetes.values('app')).toEqual({ A: '1' });
  });

  test('has to be there where we are not to make it', async () => {
    const stage = await aKubernetesStage();
    for (const failing of [
      stage.write({ A: '1' }, 1, { create: false }),
      stage.sink({ create: false }).check?.(going()),
    ]) {
      expect((await failureOf(failing)).message).toContain('there is no Secret shop/app, and create: false');
    }
    expect(stage.secret()).toBeUndefined();
  });

  test('that was made in between is left as it was made', async () => {
    const stage = await aKubernetesStage();
    const mend = stage.kubernetes.misbehave(
      { kind: 'meanwhile', happen: () => void (stage.secret() ?? aManifest('helm', stage.kubernetes, theirs)) },
      ({ verb }) => verb === 'patch',
    );
    const error = await failureOf(stage.write({ A: '1' }));
    mend();
    expect(error.message).toContain("is not leasekeeper's");
    // For a moment it had our values.
    expect(error.unsure).toBe(true);
    expect(stage.secret()?.data).toEqual(theirs.data);
    expect(stage.secret()?.metadata.labels).toBeUndefined();
    expect((await failureOf(stage.write({ A: '1' }))).message).toBe(error.message);
  });
});

describe('a field that another manager has', () => {
  test('is not overwritten, and the manager is named', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1', B: '2' });
    stage.apply('argocd-controller', { data: { A: inBase64('its value') } }, true);
    const before = stage.secret();
    const error = await failureOf(stage.write({ A: '3', B: '4' }, 2));
    expect(error).toMatchObject({ code: 'unavailable', unsure: false });
    expect(error.message).toBe(
      '.data.A of the Secret shop/app belongs to argocd-controller: remove it there, or take it over by adopt: true',
    );
    expect(stage.secret()).toEqual(before);
    await stage.write({ A: '3', B: '4' }, 2, { adopt: true });
    expect(stage.kubernetes.values('app')).toEqual({ A: '3', B: '4' });
  });

  test('is seen by the check before it comes to that, also where nothing was written yet', async () => {
    const stage = await aKubernetesStage();
    stage.apply('eso', {
      metadata: { name: 'app', labels: { 'app.kubernetes.io/managed-by': 'leasekeeper' } },
      data: { A: 'MQ==' },
    });
    const error = await failureOf(stage.sink({ keys: { A: 'X' } }).check?.(going()));
    expect(error.message).toContain('.data.A of the Secret shop/app belongs to eso');
    await stage.sink({ keys: { B: 'X' } }).check?.(going());
  });

  test('is drift where a person changed it by hand: it is written again', async () => {
    const stage = await aKubernetesStage();
    const mark = await stage.write({ A: '1' });
    for (const manager of ['kubectl-edit', 'kubectl-patch', 'kubectl-replace']) {
      stage.merge(manager, { data: { A: inBase64(manager) } });
      expect(await stage.sink().holds?.(mark, going())).toBe(false);
      expect(await stage.write({ A: '1' })).toBe(mark);
      expect(stage.kubernetes.values('app')).toEqual({ A: '1' });
    }
  });

  test('is not ours again where a person and somebody else have changed things', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1', B: '2' });
    stage.merge('kubectl-edit', { data: { A: inBase64('by hand') } });
    stage.merge('some-operator', { data: { B: inBase64('by a program') } });
    const error = await failureOf(stage.write({ A: '1', B: '2' }));
    expect(error.message).toContain('belongs to some-operator');
    expect(stage.kubernetes.values('app')).toEqual({ A: 'by hand', B: 'by a program' });
  });
});

describe('newer values', () => {
  test('are not overwritten by older ones', async () => {
    const stage = await aKubernetesStage();
    const mark = await stage.write({ A: 'new' }, 8);
    const error = await failureOf(stage.write({ A: 'old' }, 7));
    expect(error.message).toBe(
      'the Secret shop/app has newer values (8) than ours (7): is another leasekeeper writing it? ' +
        'If not: kubectl -n shop annotate secret app leasekeeper/sequence-',
    );
    expect(await stage.sink().holds?.(mark, going())).toBe(true);
    stage.merge('kubectl-annotate', { metadata: { annotations: { 'leasekeeper/sequence': null } } });
    await stage.write({ A: 'old' }, 7);
    expect(stage.kubernetes.values('app')).toEqual({ A: 'old' });
  });

  test('are not overwritten either where they come between our reading and our writing', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' }, 1);
    const newer = {
      metadata: { name: 'app', annotations: { 'leasekeeper/sequence': '9' } },
      data: { A: inBase64('newest') },
    };
    let isDone = false;
    stage.kubernetes.misbehave(
      {
        kind: 'meanwhile',
        happen: () => {
          if (!isDone) stage.apply('leasekeeper', newer);
          isDone = true;
        },
      },
      ({ verb }) => verb === 'patch',
    );
    expect((await failureOf(stage.write({ A: '2' }, 2))).message).toContain('newer values (9) than ours (2)');
    expect(stage.kubernetes.values('app')).toEqual({ A: 'newest' });
  });

  test('of what is no number of ours are none', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    stage.merge('kubectl-annotate', {
      metadata: { annotations: { 'leasekeeper/sequence': '99999999999999999999 or so' } },
    });
    await stage.write({ A: '2' }, 2);
    expect(stage.secret()?.metadata.annotations).toEqual({ 'leasekeeper/sequence': '2' });
  });
});

describe('a Secret that changes while we write', () => {
  test.each([
    ['is changed', (stage: KubernetesStage) => stage.merge('kubectl-label', { metadata: { labels: { x: 'y' } } })],
    ['is deleted', (stage: KubernetesStage) => stage.kubernetes.cluster.deleteSecret(spot)],
  ])('is read again when it %s', async (_, change) => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    let isDone = false;
    const happen = () => {
      if (!isDone) change(stage);
      isDone = true;
    };
    stage.kubernetes.misbehave({ kind: 'meanwhile', happen }, ({ verb }) => verb === 'patch');
    await stage.write({ A: '2' }, 2);
    expect(isDone).toBe(true);
    expect(stage.kubernetes.values('app')).toEqual({ A: '2' });
  });

  test('all the time is given up, for a while', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    let count = 0;
    const happen = () => stage.merge('restless', { metadata: { labels: { x: String(++count) } } });
    stage.kubernetes.misbehave({ kind: 'meanwhile', happen }, ({ verb }) => verb === 'patch');
    expect(await failureOf(stage.write({ A: '2' }, 2))).toMatchObject({
      code: 'unavailable',
      message: 'somebody else changes the Secret shop/app all the time',
    });
    expect(count).toBe(5);
  });

  test('is what was written where only the answer was lost, and the next write knows', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    const mend = stage.kubernetes.misbehave({ kind: 'cut', when: 'after' }, ({ verb }) => verb === 'patch');
    expect(await failureOf(stage.write({ A: '2' }, 2))).toMatchObject({ code: 'unavailable', unsure: true });
    mend();
    expect(stage.kubernetes.values('app')).toEqual({ A: '2' });
    const version = stage.secret()?.metadata.resourceVersion;
    await stage.write({ A: '2' }, 2);
    expect(stage.secret()?.metadata.resourceVersion).toBe(version);
  });
});

describe('what nobody can change', () => {
  test('is told: an immutable Secret', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    stage.merge('kubectl-patch', { immutable: true });
    for (const failing of [stage.write({ A: '2' }, 2), stage.sink().check?.(going())]) {
      expect((await failureOf(failing)).message).toContain('is immutable, so that nobody can change it: delete it');
    }
  });

  test('is told: the type', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1', username: 'u' });
    for (const failing of [
      stage.write({ username: 'u' }, 2, { secretType: 'kubernetes.io/basic-auth' }),
      stage.sink({ secretType: 'kubernetes.io/basic-auth' }).check?.(going()),
    ]) {
      expect((await failureOf(failing)).message).toContain('has the type Opaque, and nobody can change a type');
    }
  });

  test('is told: a Secret that is being deleted', async () => {
    const stage = await aKubernetesStage();
    const mark = await stage.write({ A: '1' });
    stage.kubernetes.cluster.beginDeletion(spot);
    expect(await stage.sink().holds?.(mark, going())).toBe(false);
    expect((await failureOf(stage.write({ A: '2' }, 2))).message).toContain('is being deleted: it is made anew');
  });
});

test('values that an admission webhook changes on their way are noticed', async () => {
  const stage = await aKubernetesStage();
  await stage.write({ A: '1' });
  const answer = JSON.stringify({ ...stage.secret(), data: { A: inBase64('changed') } });
  stage.kubernetes.misbehave({ kind: 'answer', status: 200, body: answer }, ({ verb }) => verb === 'patch');
  const error = await failureOf(stage.write({ A: '1' }));
  expect(error).toMatchObject({ code: 'invalid', unsure: true, message: expect.stringContaining('admission webhook') });
});

test('another form of it is not held by what the former one wrote', async () => {
  const stage = await aKubernetesStage();
  const mark = await stage.write({ A: '1', B: '2' });
  expect(await stage.sink().holds?.(mark, going())).toBe(true);
  for (const change of [
    { keys: { A: 'A', B: 'B' } },
    { labels: { x: 'y' } },
    { annotations: { x: 'y' } },
    { secretType: 'mine' },
  ]) {
    expect(await stage.sink(change).holds?.(mark, going())).toBe(false);
  }
  expect(await stage.sink({}, { markKey: Buffer.alloc(32, 1) }).holds?.(mark, going())).toBe(false);
});

test('a write whose change was sent is waited for, and one that was not sent is not sent any more', async () => {
  const stage = await aKubernetesStage();
  await stage.write({ A: '1' });
  let answer: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const abort = new AbortController();
  stage.kubernetes.misbehave({ kind: 'meanwhile', happen: () => abort.abort() }, ({ verb }) => verb === 'patch');
  stage.kubernetes.misbehave({ kind: 'wait', until }, ({ verb }) => verb === 'patch');
  const writing = stage.sink().write(aDelivery({ A: '2' }, { sequence: 2 }), abort.signal);
  abort.signal.addEventListener('abort', () => answer());
  await writing;
  expect(stage.kubernetes.values('app')).toEqual({ A: '2' });
  const before = stage.kubernetes.requests.length;
  expect(await failureOf(stage.sink().write(aDelivery({ A: '3' }, { sequence: 3 }), abort.signal))).toBeInstanceOf(
    LeaseError,
  );
  expect(stage.kubernetes.requests).toHaveLength(before);
});

test('a namespace that is missing or being deleted is told, by the check as well', async () => {
  const stage = await aKubernetesStage();
  const elsewhere = { namespace: 'elsewhere' };
  for (const failing of [stage.write({ A: '1' }, 1, elsewhere), stage.sink(elsewhere).check?.(going())]) {
    expect(await failureOf(failing)).toMatchObject({ code: 'unavailable', message: 'there is no namespace elsewhere' });
  }
  const causes = [
    { reason: 'NamespaceTerminating', message: 'namespace shop is being terminated', field: 'metadata.namespace' },
  ];
  stage.kubernetes.misbehave(
    { kind: 'refuse', with: new Refused(403, 'Forbidden', 'unable to create new content', { causes }) },
    ({ verb }) => verb === 'patch',
  );
  expect((await failureOf(stage.sink().check?.(going()))).message).toBe('the namespace shop is being deleted');
});
