/** What else is done at a cluster: workloads that start anew, what is asked before, and what is taken back. */
import { describe, expect, test } from 'vitest';
import { annotationFor } from '../../src/sinks/kubernetes/restart.ts';
import { Refused } from '../sandbox/kubernetes/status.ts';
import { aKubernetesStage, failureOf, going, inBase64, spot } from './kubernetes-stage.ts';

const restart = [
  { kind: 'Deployment', name: 'web' },
  { kind: 'StatefulSet', name: 'db' },
  { kind: 'DaemonSet', name: 'agent' },
] as const;
const resources = ['deployments', 'statefulsets', 'daemonsets'] as const;

async function withWorkloads() {
  const stage = await aKubernetesStage();
  for (const [i, { name }] of restart.entries()) {
    stage.kubernetes.cluster.addWorkload(resources[i] ?? '', { namespace: 'shop', name });
  }
  const generations = () =>
    restart.map(
      ({ name }, i) => stage.kubernetes.cluster.workload(resources[i] ?? '', { namespace: 'shop', name }).generation,
    );
  return { ...stage, generations };
}

describe('workloads', () => {
  test('start anew once for each new value, however often they are told', async () => {
    const stage = await withWorkloads();
    const sink = stage.sink({ restart });
    await stage.write({ A: '1' }, 5);
    for (let i = 0; i < 3; i += 1) await sink.reload?.(going());
    expect(stage.generations()).toEqual([2, 2, 2]);
    // By a later process, too.
    await stage.sink({ restart }).reload?.(going());
    expect(stage.generations()).toEqual([2, 2, 2]);
    await stage.write({ A: '2' }, 6);
    await sink.reload?.(going());
    expect(stage.generations()).toEqual([3, 3, 3]);
    const { annotations } = stage.kubernetes.cluster.workload('deployments', { namespace: 'shop', name: 'web' });
    expect(annotations).toEqual({ 'leasekeeper/restarted-for.app': '6' });
  });

  test('that use two Secrets start anew once for each of both', async () => {
    const stage = await withWorkloads();
    const both = [stage.sink({ restart }), stage.sink({ restart, name: 'other' })];
    await stage.write({ A: '1' }, 5);
    await stage.write({ B: '1' }, 9, { name: 'other' });
    for (let i = 0; i < 2; i += 1) for (const sink of both) await sink.reload?.(going());
    expect(stage.generations()).toEqual([3, 3, 3]);
  });

  test('are told by an annotation whose name is short enough, and no other Secret has it', () => {
    const long = 'x'.repeat(200);
    const names = ['app', 'a.b-c', long, `${long}y`].map(annotationFor);
    for (const name of names) expect(name).toMatch(/^leasekeeper\/[a-z][a-z0-9.-]{1,61}[a-z0-9]$/);
    expect(new Set(names).size).toBe(names.length);
  });

  test('that are missing or not ours to change are named, and those before them have been told', async () => {
    const stage = await withWorkloads();
    await stage.write({ A: '1' });
    const missing = stage.sink({ restart: [restart[0], { kind: 'DaemonSet', name: 'none' }] });
    expect((await failureOf(missing.reload?.(going()))).message).toBe(
      'there is no daemonsets "none" in the namespace shop',
    );
    expect(stage.generations()).toEqual([2, 1, 1]);
    stage.kubernetes.grant([{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'patch'] }]);
    expect((await failureOf(stage.sink({ restart }).reload?.(going()))).message).toContain(
      'grant patch on deployments.apps "web" in the namespace shop',
    );
  });

  test('are not told of a Secret that is not there or does not say what it has', async () => {
    const stage = await withWorkloads();
    const sink = stage.sink({ restart });
    expect((await failureOf(sink.reload?.(going()))).message).toContain('is to be written first');
    await stage.write({ A: '1' });
    stage.merge('kubectl-annotate', { metadata: { annotations: { 'leasekeeper/sequence': null } } });
    expect((await failureOf(sink.reload?.(going()))).message).toContain('is to be written first');
    expect(stage.generations()).toEqual([1, 1, 1]);
  });

  test('that nobody names are not told: pods see a mounted Secret change by themselves', async () => {
    expect((await aKubernetesStage()).sink().reload).toBeUndefined();
  });
});

describe('the check', () => {
  test('names every right that is missing, at once', async () => {
    const stage = await aKubernetesStage();
    stage.kubernetes.grant([{ apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['app'] }]);
    const error = await failureOf(stage.sink({ restart }).check?.(going()));
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(error.message).toBe(
      'forbidden: grant create and patch on secrets "app" in the namespace shop; ' +
        'patch on deployments.apps "web" in the namespace shop; patch on statefulsets.apps "db" in the namespace shop; ' +
        'patch on daemonsets.apps "agent" in the namespace shop',
    );
  });

  test('is content with just the rights that are needed', async () => {
    const stage = await aKubernetesStage();
    const named = { apiGroups: [''], resources: ['secrets'], resourceNames: ['app'], verbs: ['get', 'patch'] };
    stage.kubernetes.grant([named, { apiGroups: [''], resources: ['secrets'], verbs: ['create'] }]);
    await stage.sink().check?.(going());
    await stage.write({ A: '1' });
    stage.kubernetes.grant([named]);
    await stage.sink({ create: false }).check?.(going());
    await stage.write({ A: '2' }, 2, { create: false });
    expect((await failureOf(stage.sink().check?.(going()))).message).toContain('grant create on secrets "app"');
  });

  test('does without asking where that is forbidden', async () => {
    const stage = await aKubernetesStage();
    stage.kubernetes.misbehave(
      { kind: 'refuse', with: new Refused(403, 'Forbidden', 'no reviews') },
      ({ resource }) => resource === 'selfsubjectaccessreviews',
    );
    await stage.sink().check?.(going());
    stage.kubernetes.grant([{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]);
    expect((await failureOf(stage.sink().check?.(going()))).message).toContain(
      'grant create and patch on secrets "app"',
    );
  });
});

describe('taking it back', () => {
  test('deletes what is ours', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    await stage.sink().remove?.(going());
    expect(stage.secret()).toBeUndefined();
  });

  test("leaves somebody else's alone", async () => {
    const stage = await aKubernetesStage();
    stage.apply('helm', { data: { A: inBase64('1') } });
    const before = stage.secret();
    await stage.sink().remove?.(going());
    expect(stage.secret()).toEqual(before);
  });

  test('takes only our values out of one that others use as well, or have made', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    stage.apply('helm', { data: { B: inBase64('2') } });
    await stage.sink().remove?.(going());
    expect(stage.secret()).toMatchObject({ type: 'Opaque', data: { B: inBase64('2') } });
    expect(stage.secret()?.metadata.labels).toBeUndefined();
    expect(stage.secret()?.metadata.annotations).toBeUndefined();
    await stage.sink().remove?.(going());
    stage.apply('helm', {});
    await stage.write({ A: '1' }, 2, { create: false });
    await stage.sink({ create: false }).remove?.(going());
    expect(stage.secret()).toMatchObject({ type: 'Opaque' });
    expect(stage.secret()?.data).toBeUndefined();
  });

  test('deletes only what it has seen: one that was changed is looked at again, one that was made anew stays', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    let isDone = false;
    const happen = () => {
      if (isDone) return;
      isDone = true;
      stage.kubernetes.cluster.deleteSecret(spot);
      stage.apply('helm', { data: { A: inBase64('theirs') } });
    };
    stage.kubernetes.misbehave({ kind: 'meanwhile', happen }, ({ verb }) => verb === 'delete');
    await stage.sink().remove?.(going());
    expect(isDone).toBe(true);
    expect(stage.kubernetes.values('app')).toEqual({ A: 'theirs' });
  });

  test('needs a right of its own, which is named', async () => {
    const stage = await aKubernetesStage();
    await stage.write({ A: '1' });
    stage.kubernetes.grant([{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'patch'] }]);
    expect((await failureOf(stage.sink().remove?.(going()))).message).toContain('grant delete on secrets "app"');
  });
});
