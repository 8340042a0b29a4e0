/** HUP and USR2: what they have the daemon do at once, and what they must not cost. */
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import type { Daemon } from '../support/daemon.ts';
import { aHoldingProxy, type HoldingProxy } from '../support/holding-proxy.ts';
import { aRedis } from '../support/redis.ts';
import { aStage, eventually, isDelivered, type Stage, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

const longLives = () =>
  aSandbox().withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '5m', maxTTL: '1h' });

const statusOf = async (one: Stage, path: string) => (await one.get(path).catch(() => undefined))?.status;

async function hangUp(one: Stage, daemon: Daemon, configuration: string): Promise<unknown> {
  await writeFile(join(one.dir, 'leasekeeper.yaml'), configuration);
  const said = daemon.log.length;
  daemon.signal('SIGHUP');
  const { msg } = await daemon.logged(({ msg }) => String(msg).includes('is taken over'), said);
  return msg;
}

test('another number of slots costs neither the token nor a renewal', async () => {
  stage = await aStage(
    aSandbox()
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '20s', maxTTL: '10m' })
      .with({ minimumTtl: 1000 }),
  );
  const { sandbox } = stage;
  const config = stage.configuration({ reload: '' });
  const daemon = await stage.daemon({ config });
  await isDelivered(stage);
  await hangUp(stage, daemon, config.replace('type: infisical\n', 'type: infisical\n    slots: 4\n'));
  await eventually('the lease is renewed', () => (sandbox.books().leases[0]?.renewals.length ?? 0) > 1);
  expect(sandbox.books().leases).toHaveLength(1);
  expect(sandbox.books().logins).toHaveLength(1);
});

/** A daemon whose acquire is done at the provider, and not answered yet. */
async function acquiring(): Promise<{ one: Stage; daemon: Daemon; config: string; proxy: HoldingProxy }> {
  const one = await aStage(longLives());
  stage = one;
  const proxy = await aHoldingProxy(one.sandbox.url, 'POST', /\/leases$/);
  onTestFinished(() => proxy.close());
  const config = one.configuration({ reload: '' }).replace(one.sandbox.url, proxy.url);
  const daemon = await one.daemon({ config });
  await proxy.held;
  return { one, daemon, config, proxy };
}

test('an acquire that is under way when its provider is changed is answered, and no other is made', async () => {
  const { one, daemon, config, proxy } = await acquiring();
  await hangUp(one, daemon, config.replace('type: infisical\n', 'type: infisical\n    slots: 4\n'));
  proxy.release();
  await isDelivered(one);
  expect(one.sandbox.books().leases.map(({ endedBy }) => endedBy)).toEqual([undefined]);
  expect((await valuesIn(one.file))['REDIS_USER']).toBeDefined();
  expect(await daemon.stop()).toBe(0);
});

test('an acquire that is under way when its secret goes and comes back has its values delivered, and no other is made', async () => {
  const { one, daemon, config, proxy } = await acquiring();
  const without = `${config.slice(0, config.indexOf('secrets:\n  orders-db'))}secrets:
  other:
    source: { type: infisical/secrets, provider: infisical-main, project: shop, environment: prod }
    sinks: [{ type: file, path: ${join(one.dir, 'secrets', 'other.env')}, format: dotenv }]
`;
  await hangUp(one, daemon, without);
  await hangUp(one, daemon, config);
  proxy.release();
  await isDelivered(one);
  expect(one.sandbox.books().leases.map(({ endedBy }) => endedBy)).toEqual([undefined]);
  expect((await valuesIn(one.file))['REDIS_USER']).toBeDefined();
});

test('a provider that asked for silence is not asked the sooner for being changed', async () => {
  stage = await aStage(longLives());
  const { sandbox } = stage;
  sandbox.control.fault({ kind: 'limit', retryAfter: 600, on: 'lease-create', times: 1 });
  const config = stage.configuration({ reload: '' });
  const daemon = await stage.daemon({ config });
  const isTold = ({ because }: { readonly because?: unknown }) => because === 'RetryAfter';
  await daemon.logged(isTold);
  const before = { ...sandbox.books().counts };
  await hangUp(stage, daemon, config.replace('type: infisical\n', 'type: infisical\n    slots: 4\n'));
  const said = daemon.log.length;
  daemon.signal('SIGUSR2');
  await daemon.logged(({ msg }) => /orders-db: .*wait/.test(String(msg)), said);
  expect(sandbox.books().counts['lease-create']).toBe(before['lease-create']);
});

test('a file that is to look otherwise is written at once, with the values that are there', async () => {
  stage = await aStage(longLives());
  const { sandbox, file } = stage;
  const config = stage.configuration({ reload: '' });
  const daemon = await stage.daemon({ config });
  await isDelivered(stage);
  const before = await valuesIn(file);
  await hangUp(stage, daemon, config.replace('keys: {', 'mode: "0640", keys: { OTHER: DB_USERNAME,'));
  await eventually('it has another mode', async () => ((await stat(file)).mode & 0o777) === 0o640, 10_000);
  expect(await valuesIn(file)).toEqual({ ...before, OTHER: before['REDIS_USER'] });
  expect(sandbox.books().leases).toHaveLength(1);
  const renamed = await hangUp(stage, daemon, config.replace('orders-db:', 'renamed:'));
  const news = 'new: renamed; gone: orders-db (leases there end by their dates, and what was written stays)';
  expect(String(renamed).split(': 1 secret; ')[1]).toBe(news);
});

test('the log tells as much as the file says now, and how it tells it cannot change', async () => {
  stage = await aStage(longLives());
  const one = stage;
  const config = stage.configuration({ reload: '' });
  const quiet = config.replace('log: { level: debug }', 'log: { level: info }');
  const daemon = await stage.daemon({ config: quiet });
  await isDelivered(stage);
  const isDecision = ({ level }: { readonly level?: unknown }) => level === 'debug';
  expect(daemon.log.filter(isDecision)).toEqual([]);
  await hangUp(stage, daemon, config);
  daemon.signal('SIGUSR2');
  await daemon.logged(isDecision);
  await writeFile(join(one.dir, 'leasekeeper.yaml'), config.replace('level: debug', 'level: debug, format: pretty'));
  daemon.signal('SIGHUP');
  await daemon.logged(({ msg }) => msg === 'log.format cannot change while the daemon runs: restart it');
});

test('HUP while the daemon starts is heard when it has started', async () => {
  const redis = await aRedis({ tcp: true });
  onTestFinished(() => redis.stop());
  stage = await aStage(longLives());
  const one = stage;
  const config = stage.configuration({ reload: '', state: `, redis: { url: "redis://127.0.0.1:${redis.port}" }` });
  process.kill(redis.pid, 'SIGSTOP');
  const daemon = await stage.daemon({ config });
  await eventually('the door is open', async () => (await statusOf(one, '/livez')) === 200);
  await writeFile(join(stage.dir, 'leasekeeper.yaml'), config.replace('keys: {', 'mode: "0640", keys: {'));
  daemon.signal('SIGHUP');
  // Later than the signal: the event loop has answered once more.
  await stage.get('/livez');
  process.kill(redis.pid, 'SIGCONT');
  await daemon.logged(({ msg }) => String(msg).includes('is taken over'));
  await isDelivered(stage);
  await eventually(
    'the file is as it is now wanted',
    async () => ((await stat(one.file)).mode & 0o777) === 0o640,
    10_000,
  );
});

test('what cannot be opened is not taken over, and all goes on as before', async () => {
  stage = await aStage(longLives());
  const config = stage.configuration({ reload: '' });
  const daemon = await stage.daemon({ config, env: { HTTPS_PROXY: 'ftp://nowhere' } });
  await isDelivered(stage);
  const more = stage.configuration({
    reload: '',
    providers: `  other:
    type: infisical
    url: https://infisical.invalid
    auth: { method: universal, clientId: x, clientSecret: { file: ${stage.secretFile} } }
`,
  });
  await writeFile(join(stage.dir, 'leasekeeper.yaml'), more);
  daemon.signal('SIGHUP');
  await daemon.logged(({ msg }) => String(msg).includes('is not taken over'));
  expect((await stage.get('/metrics')).body).toContain('leasekeeper_config_last_reload_successful 0');
  expect((await stage.get('/readyz')).status).toBe(200);
  expect(await daemon.stop()).toBe(0);
});

test('USR2 has a file written again that somebody deleted, and its lease asked about', async () => {
  stage = await aStage(longLives());
  const { file, sandbox } = stage;
  const daemon = await stage.daemon({ config: stage.configuration({ reload: '' }) });
  await isDelivered(stage);
  const before = await valuesIn(file);
  await rm(file);
  daemon.signal('SIGUSR2');
  const isThere = () =>
    stat(file).then(
      () => true,
      () => false,
    );
  await eventually('the file is back', isThere, 10_000);
  expect(await valuesIn(file)).toEqual(before);
  await eventually('the lease was asked about', () => (sandbox.books().counts['lease-get'] ?? 0) > 0, 10_000);
  expect(sandbox.books().leases).toHaveLength(1);
});
