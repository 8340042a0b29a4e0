/** What becomes of leases when the daemon ends. */
import { afterEach, expect, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aStage, eventually, isDelivered, type Stage } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

const endsWithUs = (one: Stage) => one.configuration({ reload: '    onShutdown: revoke' });

test('leases are kept for the next start unless they are said to end with the daemon', async () => {
  stage = await aStage();
  const daemon = await stage.daemon();
  await isDelivered(stage);
  expect(await daemon.stop()).toBe(0);
  expect(stage.sandbox.books().leases.map(({ revocations }) => revocations.length)).toEqual([0]);
});

test('what is said to end with the daemon is revoked at its end, and taken anew by the next start', async () => {
  stage = await aStage();
  const daemon = await stage.daemon({ config: endsWithUs(stage) });
  await isDelivered(stage);
  expect(await daemon.stop()).toBe(0);
  const [lease] = stage.sandbox.books().leases;
  expect(lease?.endedBy).toBe('revoked');
  await stage.daemon({ config: endsWithUs(stage) });
  await isDelivered(stage);
  expect(stage.sandbox.books().leases[1]?.endedAt).toBeUndefined();
});

test('what could not be ended in time is ended by the next start, and said to be left', async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 600, accessTokenMaxTTL: 3600 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '10m', maxTTL: '1h' }),
  );
  const { sandbox } = stage;
  const config = endsWithUs(stage);
  const daemon = await stage.daemon({ config, args: ['--shutdown-timeout', '3s'] });
  await isDelivered(stage);
  await sandbox.control.down(60_000);
  const ended = daemon.stop();
  await daemon.logged(({ msg }) => String(msg).includes('the next start will'));
  expect(await ended).toBe(0);
  const [lease] = sandbox.books().leases;
  expect(lease?.endedAt).toBeUndefined();
  await sandbox.control.up();
  await stage.daemon({ config });
  await eventually('the lease of the first daemon is revoked', () => sandbox.books().leases[0]?.endedBy === 'revoked');
  await eventually('another is in use', () => sandbox.books().leases[1] !== undefined);
});

test('once leaves its leases to the daemon that comes after it', async () => {
  stage = await aStage();
  const once = await stage.daemon({ config: endsWithUs(stage), command: 'once' });
  expect(await once.exited).toBe(0);
  expect(stage.sandbox.books().leases.map(({ revocations }) => revocations.length)).toEqual([0]);
});
