/** The daemon as a real process on Lockbox: versions followed, rescued, rotated; and killed in the worst moment. */
import { describe, expect, test } from 'vitest';
import { aLockbox } from '../sandbox/yandex/builder.ts';
import { aLockboxStage, type LockboxStage } from '../support/lockbox-stage.ts';
import { eventually, isDelivered, metric } from '../support/stage.ts';

const days = 86_400_000;
const followed = () => aLockbox().withSecret({ name: 'payments', entries: { password: 'first' } });

const holds = (stage: LockboxStage, password: string) =>
  eventually(`the file holds ${password}`, async () => (await stage.held('payments'))?.['password'] === password);

const says = (words: string) => (line: Readonly<Record<string, unknown>>) => String(line['msg']).includes(words);

describe.concurrent('a secret that others rotate', () => {
  test('is delivered as it becomes, also where it goes back, and read only when it has changed', async (context) => {
    const stage = await aLockboxStage(context, followed());
    const { sandbox } = stage;
    await stage.daemon();
    await holds(stage, 'first');
    const [first = ''] = sandbox.secret().versions();
    sandbox.control.addVersion({ password: 'second' });
    await holds(stage, 'second');
    sandbox.control.setCurrent(first);
    await holds(stage, 'first');
    const polls = () => sandbox.books().counts['secret-get'] ?? 0;
    const before = polls();
    await eventually('it was asked for some more times', () => polls() > before + 2);
    expect(sandbox.books().payloadReads).toHaveLength(3);
    expect(sandbox.books().tokens).toHaveLength(1);
  });

  test('whose version is to be destroyed is reported at once, and not touched', async (context) => {
    const stage = await aLockboxStage(context, followed());
    const { sandbox } = stage;
    const daemon = await stage.daemon();
    await isDelivered(stage);
    const destroyed = () =>
      metric(stage, 'leasekeeper_version_destroy_timestamp_seconds{secret="payments",which="current"}');
    expect(await destroyed()).toBe(Number.POSITIVE_INFINITY);
    sandbox.control.scheduleDestruction(7 * days);
    await daemon.logged(says('its current version is to be destroyed in'));
    expect(Math.abs(((await destroyed()) ?? 0) - (Date.now() + 7 * days) / 1_000)).toBeLessThan(60);
    expect(JSON.parse((await stage.get('/readyz/payments')).body)).toMatchObject({ state: 'frozen', ready: true });
    sandbox.control.scheduleDestruction(3 * days);
    await daemon.logged(says('at another time'));
    sandbox.control.cancelDestruction();
    await daemon.logged(says('is not to be destroyed any more'));
    expect(await destroyed()).toBe(Number.POSITIVE_INFINITY);
    expect(sandbox.books().payloadReads).toHaveLength(1);
    expect(sandbox.books().versions[0]?.cancelled.map(({ by }) => by)).toEqual(['somebody']);
  });

  test('whose version in use is to be destroyed is reported at once, though the next one is current and we may not read it', async (context) => {
    const stage = await aLockboxStage(context, followed());
    const { sandbox } = stage;
    const daemon = await stage.daemon();
    await isDelivered(stage);
    const [first = ''] = sandbox.secret().versions();
    sandbox.control.setRoles(['lockbox.viewer']);
    sandbox.control.addVersion({ password: 'second' });
    await daemon.logged(says('lockbox.payloadViewer'));
    sandbox.control.scheduleDestruction(7 * days, first);
    await daemon.logged(says('the version that is in use is to be destroyed in'));
    const series = 'leasekeeper_version_destroy_timestamp_seconds{secret="payments",which="current"}';
    expect(Math.abs(((await metric(stage, series)) ?? 0) - (Date.now() + 7 * days) / 1_000)).toBeLessThan(60);
    sandbox.control.setRoles(['lockbox.viewer', 'lockbox.payloadViewer']);
    await holds(stage, 'second');
    expect(await metric(stage, series)).toBe(Number.POSITIVE_INFINITY);
  });

  test('whose next version is to be destroyed before we have it is reported at once', async (context) => {
    const stage = await aLockboxStage(context, followed());
    const { sandbox } = stage;
    const daemon = await stage.daemon();
    await isDelivered(stage);
    sandbox.control.deactivate();
    const next = sandbox.control.addVersion({ password: 'second' });
    sandbox.control.scheduleDestruction(7 * days, next);
    sandbox.control.activate();
    const line = await daemon.logged(says('its current version is to be destroyed in'));
    expect(line).toMatchObject({ level: 'error', version: next });
    const series = 'leasekeeper_version_destroy_timestamp_seconds{secret="payments",which="current"}';
    expect(Math.abs(((await metric(stage, series)) ?? 0) - (Date.now() + 7 * days) / 1_000)).toBeLessThan(60);
    sandbox.control.cancelDestruction(next);
    await holds(stage, 'second');
    expect(await metric(stage, series)).toBe(Number.POSITIVE_INFINITY);
  });

  test('whose version is to be destroyed before we have any is reported at once', async (context) => {
    const stage = await aLockboxStage(context, followed());
    const { sandbox } = stage;
    sandbox.control.scheduleDestruction(7 * days);
    const daemon = await stage.daemon();
    const line = await daemon.logged(says('is scheduled for destruction at '));
    expect(line).toMatchObject({ level: 'error' });
    const series = 'leasekeeper_version_destroy_timestamp_seconds{secret="payments",which="current"}';
    expect(Math.abs(((await metric(stage, series)) ?? 0) - (Date.now() + 7 * days) / 1_000)).toBeLessThan(60);
    expect(JSON.parse((await stage.get('/readyz/payments')).body)).toMatchObject({
      ready: false,
      destroyAt: expect.any(String),
      reason: expect.stringContaining('its version is to be destroyed: cancel that'),
    });
    sandbox.control.cancelDestruction();
    await holds(stage, 'first');
    expect(await metric(stage, series)).toBe(Number.POSITIVE_INFINITY);
  });

  test('whose other versions are watched has their ends reported, in a lower voice', async (context) => {
    const versions = [{ entries: { password: 'older' } }, { entries: { password: 'first' } }];
    const stage = await aLockboxStage(context, aLockbox().withSecret({ name: 'payments', versions }));
    const { sandbox } = stage;
    const [older = ''] = sandbox.secret().versions();
    const daemon = await stage.daemon(stage.configuration(', watchVersions: true'));
    await isDelivered(stage);
    sandbox.control.scheduleDestruction(7 * days, older);
    const line = await daemon.logged(says('another of its versions is to be destroyed in'));
    expect(line).toMatchObject({ level: 'warn', version: older, which: 'other' });
    const series = 'leasekeeper_version_destroy_timestamp_seconds{secret="payments",which="other"}';
    expect(Math.abs(((await metric(stage, series)) ?? 0) - (Date.now() + 7 * days) / 1_000)).toBeLessThan(60);
    sandbox.control.cancelDestruction(older);
    await daemon.logged(says('no other of its versions is to be destroyed any more'));
    expect(await metric(stage, series)).toBeUndefined();
  });

  test('whose version is to be destroyed is rescued where that is wanted', async (context) => {
    const stage = await aLockboxStage(context, followed());
    const { sandbox } = stage;
    const daemon = await stage.daemon(stage.configuration(', onDestroyScheduled: cancel'));
    await isDelivered(stage);
    sandbox.control.scheduleDestruction(7 * days);
    await daemon.logged(says('is not to be destroyed any more'));
    expect(sandbox.books().versions[0]?.cancelled.map(({ by }) => by)).toEqual(['keeper']);
    expect(sandbox.books().payloadReads).toHaveLength(1);
  });

  test('keeps its last value through all that may be wrong with it, and says what that is', async (context) => {
    const versions = [{ entries: { password: 'older' } }, { entries: { password: 'first' } }];
    const stage = await aLockboxStage(context, aLockbox().withSecret({ name: 'payments', versions }));
    const { sandbox } = stage;
    const [older = ''] = sandbox.secret().versions();
    const daemon = await stage.daemon();
    await isDelivered(stage);
    sandbox.control.deactivate();
    await daemon.logged(says('somebody has deactivated it'));
    sandbox.control.activate();
    await daemon.logged(says('it can be read at the provider again'));
    sandbox.control.destroyVersion();
    await daemon.logged(says('has ended'));
    expect(await stage.held('payments')).toEqual({ password: 'first' });
    expect((await stage.get('/readyz')).status).toBe(503);
    sandbox.control.setCurrent(older);
    await holds(stage, 'older');
    await isDelivered(stage);
  });
});

describe.concurrent('a password that is rotated', () => {
  const generated = [
    [
      'by: leasekeeper, key: password, length: 24',
      aLockbox().withSecret({ name: 'payments', entries: { password: 'first', user: 'app' } }),
    ],
    ['by: lockbox', aLockbox().withSecret({ name: 'payments', generated: { passwordKey: 'password', length: 24 } })],
  ] as const;

  test.for(generated)(
    '%s: the new one is delivered before the old one is scheduled for destruction',
    async ([how, builder], context) => {
      const stage = await aLockboxStage(context, builder);
      const { sandbox } = stage;
      const [first = ''] = sandbox.secret().versions();
      const config = stage.configuration(`, generate: { ${how} }`, '{ rotate: { every: 10s }, grace: 2s }');
      await stage.daemon(config);
      await eventually(
        'what is there is delivered, and nothing rotated for it',
        async () => (await stage.held('payments')) !== undefined,
      );
      expect(sandbox.secret().versions()).toEqual([first]);
      const before = await stage.held('payments');
      await eventually('the old one is scheduled', () =>
        sandbox.books().versions.some(({ scheduled }) => scheduled.length > 0),
      );
      const after = (await stage.held('payments')) ?? {};
      const { versions } = sandbox.books();
      expect(versions.map(({ id, scheduled }) => [id === first, scheduled.length])).toEqual([
        [true, 1],
        [false, 0],
      ]);
      expect(sandbox.control.versionsWith(after)).toMatchObject([{ version: versions[1]?.id, isCurrent: true }]);
      expect(after['password']).not.toBe(before?.['password']);
      expect(after['password']).toHaveLength(24);
      const [scheduled] = versions[0]?.scheduled ?? [];
      expect((scheduled?.at ?? 0) - (versions[1]?.createdAt ?? 0)).toBeGreaterThanOrEqual(2_000);
    },
  );

  test('that is to end with the daemon is what everybody reads: the next start replaces it first', async (context) => {
    const [[how, builder]] = generated;
    const stage = await aLockboxStage(context, builder);
    const { sandbox } = stage;
    const config = stage
      .configuration(`, generate: { ${how} }`, '{ grace: 1h }')
      .replace(/^ {4}policy:/m, '    onShutdown: revoke\n    policy:');
    const daemon = await stage.daemon(config);
    await holds(stage, 'first');
    expect(await daemon.stop()).toBe(0);
    const scheduled = () => sandbox.books().versions.map((version) => version.scheduled.length);
    expect(scheduled()).toEqual([0]);
    await stage.daemon(config);
    await eventually('the first is scheduled', () => (scheduled()[0] ?? 0) > 0);
    expect(scheduled()).toEqual([1, 0]);
    const [, second] = sandbox.books().versions;
    expect(sandbox.control.versionsWith((await stage.held('payments')) ?? {})).toMatchObject([
      { version: second?.id, isCurrent: true },
    ]);
  });

  test.for(generated)(
    '%s: is added once, though the daemon is killed before it has heard of it',
    async ([how, builder], context) => {
      const stage = await aLockboxStage(context, builder);
      const { sandbox } = stage;
      const config = stage.configuration(`, generate: { ${how} }`, '{ rotate: { every: 10s }, grace: 1s }');
      const daemon = await stage.daemon(config);
      await eventually('what is there is delivered', async () => (await stage.held('payments')) !== undefined);
      const before = await stage.held('payments');
      const stop = sandbox.control.fault({ kind: 'cut', work: true, on: 'version-add' });
      await eventually('a version is added', () => sandbox.secret().versions().length > 1);
      await daemon.kill();
      stop();
      await stage.daemon(config);
      const isInUse = async () => {
        const held = (await stage.held('payments')) ?? {};
        return sandbox.control.versionsWith(held).some(({ isCurrent }) => isCurrent);
      };
      await eventually('the new one is delivered', isInUse);
      await eventually('it is rotated again', () => sandbox.secret().versions().length > 2);
      await eventually('that is delivered as well', isInUse);
      const [first, second, third] = sandbox.books().versions;
      expect(sandbox.secret().versions()).toHaveLength(3);
      expect((third?.createdAt ?? 0) - (second?.createdAt ?? 0)).toBeGreaterThan(9_000);
      if (how !== 'by: lockbox') expect([second?.base, third?.base]).toEqual([first?.id, second?.id]);
      expect((await stage.held('payments'))?.['user']).toBe(before?.['user']);
    },
  );

  test('is added once, though the daemon is killed while that is under way and nobody can see it yet', async (context) => {
    const [[how, builder]] = generated;
    const stage = await aLockboxStage(context, builder);
    const { sandbox } = stage;
    const [first = ''] = sandbox.secret().versions();
    const config = stage.configuration(`, generate: { ${how} }`, '{ rotate: { every: 20s }, grace: 1s }');
    const daemon = await stage.daemon(config);
    await holds(stage, 'first');
    sandbox.control.fault({ kind: 'operation', takes: 15_000, on: 'version-add', times: 1 });
    const additions = () => sandbox.books().operations.filter(({ route }) => route === 'version-add');
    await eventually('it is under way', () => additions().length > 0);
    await daemon.kill();
    await stage.daemon(config);
    // All that the next process has of it is the key: the version is on no list, and the former one is current.
    await eventually('it is asked for again', () => additions().length > 1 || (additions()[0]?.repeats ?? 0) > 0);
    expect(sandbox.secret().versions()).toEqual([first]);
    await eventually('the new one is delivered', async () => (await stage.held('payments'))?.['password'] !== 'first');
    expect(additions()).toHaveLength(1);
    expect(sandbox.secret().versions()).toEqual([first, additions()[0]?.version]);
    expect(sandbox.secret().current()).toBe(additions()[0]?.version);
  });
});
