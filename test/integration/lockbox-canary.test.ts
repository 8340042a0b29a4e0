/** Values of Lockbox live in sinks and nowhere else: after a run with faults, everything the daemon ever wrote is searched. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aLockbox } from '../sandbox/yandex/builder.ts';
import type { LockboxFault } from '../sandbox/yandex/faults.ts';
import { commandLineOf } from '../support/daemon.ts';
import { aLockboxStage } from '../support/lockbox-stage.ts';
import { aRecordingProxy } from '../support/recording-proxy.ts';
import { eventually, isDelivered } from '../support/stage.ts';
import { everythingIn, filesBelow, placesWith } from '../support/traces.ts';

const faults: readonly LockboxFault[] = [
  { kind: 'refuse', times: 2 },
  { kind: 'cut', work: true, times: 2 },
  { kind: 'fail', status: 500, times: 2 },
  { kind: 'limit', retryAfter: 1, times: 1 },
  { kind: 'page', status: 502, times: 2 },
  { kind: 'half', times: 2 },
];

test('no password, token or key is found in Redis, logs, metrics, pages, leftover files or command lines', async (context) => {
  const builder = aLockbox()
    .withSecret({ name: 'payments', entries: { password: 'a-password-that-others-made' } })
    .withSecret({ name: 'report', entries: { password: 'the-first-of-many-passwords' } });
  const stage = await aLockboxStage(context, builder);
  const { sandbox, dir } = stage;
  const proxies = await Promise.all(
    (['iam', 'payload', 'lockbox'] as const).map(async (host) => {
      const proxy = await aRecordingProxy(sandbox.endpoints[host]);
      context.onTestFinished(() => proxy.close());
      return { host, proxy };
    }),
  );
  const generated = ', generate: { by: leasekeeper, key: password, length: 24 }';
  const config = proxies.reduce(
    (text, { host, proxy }) => text.replace(sandbox.endpoints[host], proxy.url),
    stage.configuration({ report: generated }, { report: '{ rotate: { every: 10s }, grace: 1s }' }),
  );
  const pages: string[] = [];
  const daemon = await stage.daemon(config);
  await isDelivered(stage);
  for (const fault of faults) {
    const strikes = () => sandbox.books().requests.filter(({ faults: struck }) => struck.includes(fault.kind)).length;
    const before = strikes();
    sandbox.control.fault(fault);
    await eventually(`the fault ${fault.kind} has struck`, () => strikes() > before);
    sandbox.control.clearFaults();
    for (const path of ['/metrics', '/readyz', '/readyz/report', '/readyz/yc%2Ftoken']) {
      pages.push((await stage.get(path)).body);
    }
  }
  await eventually('a password was made here', () => sandbox.books().versions.some(({ by }) => by === 'keeper'));
  const held = async () => JSON.stringify([await stage.held('payments'), await stage.held('report')]);
  const commandLine = commandLineOf(daemon.pid);
  const inRedis = await everythingIn(join(dir, 'data', 'redis.sock'));
  await daemon.kill();
  const second = await stage.daemon(config);
  await second.logged(({ msg }) => String(msg).startsWith('leasekeeper '));
  await second.stop();

  const { private_key: key } = sandbox.account.keyFile as unknown as { readonly private_key: string };
  const values = [
    ...proxies.flatMap(({ proxy }) => [...proxy.values]),
    ...key.split('\n').filter((line) => line.length === 64),
  ];
  const except = ['secrets/payments.json', 'secrets/report.json', 'key.json'].map((file) => join(dir, file));
  const places: Record<string, string> = {
    'the log': [...daemon.lines, ...second.lines].join('\n'),
    'the pages': pages.join('\n'),
    'the command line': commandLine,
    Redis: inRedis,
    ...(await filesBelow(dir, except)),
  };
  expect(placesWith(values, places)).toEqual([]);
  // The search can find: the sinks hold what passed last, and of each kind something has passed.
  expect(placesWith(values, { sinks: await held() })).not.toEqual([]);
  for (const { host, proxy } of proxies) expect(proxy.values.size, host).toBeGreaterThan(0);
  expect(Object.keys(places).some((place) => place.endsWith('.rdb'))).toBe(true);
  expect(Object.keys(places).some((place) => place.includes('.aof'))).toBe(true);
});
