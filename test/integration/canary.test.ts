/** Values live in sinks and nowhere else: after a run with every fault, everything the daemon ever wrote is searched. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import type { Fault } from '../sandbox/infisical/faults.ts';
import { childrenOf, commandLineOf } from '../support/daemon.ts';
import { aRecordingProxy, type RecordingProxy } from '../support/recording-proxy.ts';
import { aStage, eventually, type Stage } from '../support/stage.ts';
import { everythingIn, filesBelow, placesWith } from '../support/traces.ts';

let stage: Stage | undefined;
let proxy: RecordingProxy | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  await proxy?.close();
  stage = undefined;
  proxy = undefined;
});

const faults: readonly Fault[] = [
  { kind: 'refuse', times: 2 },
  { kind: 'cut', work: true, times: 2 },
  { kind: 'cut', work: false, times: 1 },
  { kind: 'fail', status: 500, times: 2 },
  { kind: 'fail', status: 403, error: 'PermissionDenied', message: 'You are not allowed', times: 1 },
  { kind: 'fail', status: 401, error: 'UnauthorizedError', message: 'No identity access token found', times: 1 },
  { kind: 'limit', retryAfter: 1, times: 1 },
  { kind: 'page', status: 502, times: 2 },
  { kind: 'lie', endsIn: -5_000, times: 1 },
  { kind: 'half', times: 2 },
  { kind: 'huge', bytes: 3 * 1024 * 1024, times: 1 },
  { kind: 'type', contentType: 'text/html', times: 1 },
  { kind: 'date', by: 3_600_000, times: 3 },
];

test('no credential is found in Redis, logs, metrics, pages, leftover files or command lines', async () => {
  // So many, and renewed so early, that there is always one that asks for something though others back off.
  const names = Array.from({ length: 10 }, (_, i) => `db-${i}`);
  stage = await aStage(
    names.reduce(
      (all, name) => all.withDynamicSecret({ name, type: 'redis', defaultTTL: '40s', maxTTL: '2m' }),
      aSandbox()
        .withIdentity({ accessTokenTTL: 40, accessTokenMaxTTL: 120 })
        .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '40s', maxTTL: '2m' })
        .withSecret({ key: 'API_KEY', value: 'a-value-that-others-made' })
        .withSecret({ key: 'REPORT_PASSWORD', value: 'the-first-of-many-values' })
        .with({ minimumTtl: 1000 }),
    ),
  );
  const { sandbox, dir, secretFile } = stage;
  proxy = await aRecordingProxy(sandbox.url);
  const secrets = names.map(
    (name) => `  ${name}:
    source: { type: infisical/dynamic-secret, provider: infisical-main, project: shop, environment: prod, name: ${name} }
    policy: { renewAt: 15%, jitter: 10%, grace: 1s }
    sinks: [{ type: file, path: ${dir}/secrets/${name}.json, format: json }]`,
  );
  const folder = 'type: infisical/secrets, provider: infisical-main, project: shop, environment: prod, poll: 1s';
  const statics = `  app:
    source: { ${folder} }
    policy: { grace: 1s }
    sinks: [{ type: file, path: ${dir}/secrets/app.json, format: json }]
  report:
    source: { ${folder}, generate: { by: leasekeeper, key: REPORT_PASSWORD } }
    policy: { rotate: { every: 10s }, grace: 1s }
    sinks: [{ type: file, path: ${dir}/secrets/report.json, format: json }]`;
  const config = stage.configuration({ secrets: [...secrets, statics].join('\n') }).replace(sandbox.url, proxy.url);
  const pages: string[] = [];
  const commandLines: string[] = [];
  const daemon = await stage.daemon({ config });
  await eventually(
    'everything is delivered',
    async () => (await stage?.get('/readyz').catch(() => undefined))?.status === 200,
  );
  for (const fault of faults) {
    const before = sandbox.books().requests.filter(({ faults: struck }) => struck.includes(fault.kind)).length;
    sandbox.control.fault(fault);
    await eventually(`the fault ${fault.kind} has struck`, () => {
      const struck = sandbox.books().requests.filter(({ faults: all }) => all.includes(fault.kind)).length;
      return struck > before;
    });
    sandbox.control.clearFaults();
    for (const path of ['/metrics', '/readyz', '/readyz/orders-db', '/readyz/infisical-main%2Ftoken']) {
      pages.push((await stage.get(path)).body);
    }
    for (const pid of [daemon.pid, ...(await childrenOf(daemon.pid))]) commandLines.push(commandLineOf(pid));
  }
  await eventually('a static value was made here', () => sandbox.control.valuesOf('REPORT_PASSWORD').length > 1);
  await writeFile(secretFile, 'a-wrong-secret-that-nobody-may-read');
  sandbox.control.clearFaults();
  const inRedis = await everythingIn(join(dir, 'data', 'redis.sock'));
  await daemon.kill();
  const second = await stage.daemon({ config });
  await second.logged(({ msg }) => String(msg).startsWith('leasekeeper '));
  await second.stop();

  const sinks = ['orders.env', ...[...names, 'app', 'report'].map((name) => `${name}.json`)].map((file) =>
    join(dir, 'secrets', file),
  );
  const places: Record<string, string> = {
    'the log': [...daemon.lines, ...second.lines].join('\n'),
    'the pages': pages.join('\n'),
    'the command lines': commandLines.join('\n'),
    Redis: inRedis,
    ...(await filesBelow(dir, [...sinks, secretFile])),
  };
  // The search can find: the sink holds what passed last.
  const held = (await Promise.all(sinks.map((sink) => readFile(sink, 'latin1')))).join('\n');
  expect([...proxy.values].some((value) => held.includes(value))).toBe(true);
  expect(proxy.values.size).toBeGreaterThan(4);
  // Those that others made, that we made, and that was there before.
  for (const value of [...sandbox.control.valuesOf('REPORT_PASSWORD'), 'a-value-that-others-made']) {
    expect(proxy.values).toContain(value);
  }
  expect(placesWith([...proxy.values, 'a-wrong-secret-that-nobody-may-read'], places)).toEqual([]);
  expect(Object.keys(places).some((place) => place.endsWith('.rdb'))).toBe(true);
  expect(Object.keys(places).some((place) => place.includes('.aof'))).toBe(true);
});
