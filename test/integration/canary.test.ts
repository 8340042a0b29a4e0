/** Values live in sinks and nowhere else: after a run with every fault, everything the daemon ever wrote is searched. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
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

/** Every kind that the sandbox knows. What hangs comes first, so that it hangs while the others strike. */
const faults: { readonly [K in Fault['kind']]: readonly Extract<Fault, { kind: K }>[] } = {
  hang: [
    { kind: 'hang', work: true, on: ['lease-create', 'lease-renew'], times: 1 },
    { kind: 'hang', work: false, times: 1 },
  ],
  slow: [{ kind: 'slow', from: 500, to: 2_000, times: 3 }],
  refuse: [{ kind: 'refuse', times: 2 }],
  cut: [
    { kind: 'cut', work: true, times: 2 },
    { kind: 'cut', work: false, times: 1 },
  ],
  fail: [
    { kind: 'fail', status: 500, times: 2 },
    { kind: 'fail', status: 403, error: 'PermissionDenied', message: 'You are not allowed', times: 1 },
    { kind: 'fail', status: 401, error: 'UnauthorizedError', message: 'No identity access token found', times: 1 },
  ],
  limit: [
    { kind: 'limit', retryAfter: 1, times: 1 },
    { kind: 'limit', times: 1 },
  ],
  page: [
    { kind: 'page', status: 502, times: 2 },
    { kind: 'page', status: 503, empty: true, times: 1 },
  ],
  lie: [{ kind: 'lie', endsIn: -5_000, times: 1 }],
  half: [{ kind: 'half', times: 2 }],
  huge: [{ kind: 'huge', bytes: 3 * 1024 * 1024, times: 1 }],
  type: [{ kind: 'type', contentType: 'text/html', times: 1 }],
  date: [{ kind: 'date', by: 3_600_000, times: 3 }],
};

/** What happens there besides: each is done, and what it leads to is awaited. */
const misfortunes = ({ sandbox }: Stage): Readonly<Record<string, () => Promise<void>>> => {
  const { control } = sandbox;
  const answered = (status: number) => {
    const count = () => sandbox.books().requests.filter((request) => request.status === status).length;
    const before = count();
    return eventually(`${status} is answered`, () => count() > before);
  };
  const takes = (what: string) => {
    const before = sandbox.books().leases.length;
    return eventually(`another lease is taken after ${what}`, () => sandbox.books().leases.length > before);
  };
  const living = () => sandbox.books().leases.filter(({ endedAt }) => endedAt === undefined);
  return {
    async 'the target is down'() {
      control.target('down');
      await answered(500);
      control.target('up');
    },
    async 'the target hangs'() {
      control.target('hanging');
      const asked = () =>
        sandbox
          .books()
          .requests.some(({ route, status }) => /^lease-(renew|create)$/.test(route) && status === undefined);
      await eventually('the target is waited for', asked);
      control.target('up');
    },
    async 'a lease is forgotten'() {
      await control.forget(living()[0]?.id);
      await takes('one was forgotten');
    },
    async 'an account is dropped'() {
      await control.dropAccount(living()[0]?.id ?? '');
    },
    async 'its jobs are lost'() {
      control.loseJobs();
    },
    async 'the licence is over'() {
      control.licence(false);
      await answered(400);
      control.licence(true);
    },
    async 'a dynamic secret is deleted'() {
      await control.removeSecret('db-9', 'start');
      await control.removeSecret('db-9', 'finish');
      await answered(404);
    },
    async 'the server is down'() {
      const before = sandbox.books().requests.length;
      await control.down(1_500);
      await eventually('it is asked again', () => sandbox.books().requests.length > before);
    },
  };
};

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
  const one = stage;
  const { sandbox, dir, secretFile } = one;
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
  const look = async () => {
    for (const path of ['/metrics', '/readyz', '/readyz/orders-db', '/readyz/infisical-main%2Ftoken']) {
      pages.push((await one.get(path)).body);
    }
    for (const pid of [daemon.pid, ...(await childrenOf(daemon.pid))]) commandLines.push(commandLineOf(pid));
  };
  // Before anything goes wrong: who met a refusal that only a person can lift asks again after minutes or an hour.
  await eventually('a static value was made here', () => sandbox.control.valuesOf('REPORT_PASSWORD').length > 1);
  for (const fault of Object.values(faults).flat()) {
    const before = sandbox.books().requests.filter(({ faults: struck }) => struck.includes(fault.kind)).length;
    sandbox.control.fault(fault);
    await eventually(`the fault ${fault.kind} has struck`, () => {
      const struck = sandbox.books().requests.filter(({ faults: all }) => all.includes(fault.kind)).length;
      return struck > before;
    });
    sandbox.control.clearFaults();
    await look();
  }
  for (const befall of Object.values(misfortunes(stage))) {
    await befall();
    await look();
  }
  await writeFile(secretFile, 'a-wrong-secret-that-nobody-may-read');
  sandbox.control.clearFaults();
  const inRedis = await everythingIn(join(dir, 'data', 'redis.sock'));
  await daemon.kill();
  const second = await stage.daemon({ config });
  await second.logged(({ msg }) => String(msg).startsWith('leasekeeper '));
  // A kill in the midst of a write leaves a temporary file, until the next process first looks at that sink.
  const files = ['orders.env', ...[...names, 'app', 'report'].map((name) => `${name}.json`)];
  const left = async () => (await readdir(join(dir, 'secrets'))).filter((name) => !files.includes(name));
  await eventually('what the kill left is cleared away', async () => (await left()).length === 0);
  await second.stop();

  const sinks = files.map((file) => join(dir, 'secrets', file));
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
  // As one text: a list would be cut short where it says which places they are.
  expect(placesWith([...proxy.values, 'a-wrong-secret-that-nobody-may-read'], places).join('\n')).toBe('');
  expect(Object.keys(places).some((place) => place.endsWith('.rdb'))).toBe(true);
  expect(Object.keys(places).some((place) => place.includes('.aof'))).toBe(true);
});
