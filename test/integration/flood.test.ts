/** The daemon as a real process at a server that says 429 to everything for a while, and to one kind of request for long. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aStage, eventually, isDelivered, valuesIn } from '../support/stage.ts';

const names = Array.from({ length: 12 }, (_, n) => `db-${n}`);

test('a flood of 429 delays but drops nothing, and who may not look at leases renews them all the same', async (context) => {
  const builder = names.reduce(
    (all, name) => all.withDynamicSecret({ name, type: 'redis', defaultTTL: '30s', maxTTL: '10m' }),
    aSandbox().with({ minimumTtl: 1000, rateLimits: { read: 2, write: 1_000, secrets: 1_000 } }),
  );
  const stage = await aStage(builder.withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '30s' }));
  onTestFinished(() => stage.close(context));
  const { sandbox, dir } = stage;
  const fileOf = (name: string) => join(dir, 'secrets', `${name}.env`);
  const config = stage.configuration({
    reload: '',
    secrets: names
      .map(
        (name) => `  ${name}:
    source: { type: infisical/dynamic-secret, provider: infisical-main, project: shop, environment: prod, name: ${name} }
    policy: { renewAt: 50%, jitter: 5%, grace: 1s }
    sinks: [{ type: file, path: ${fileOf(name)}, format: dotenv }]
`,
      )
      .join(''),
  });
  const quiet = config.replace('level: debug', 'level: warn');
  const daemon = await stage.daemon({ config: quiet });
  await isDelivered(stage);
  await daemon.kill();
  const taken = sandbox.books().leases.length;
  expect(taken).toBe(names.length + 1);
  const refusals = () => sandbox.books().requests.filter(({ status }) => status === 429).length;
  // A new process has to look at what it finds, of which the server lets it do two in a minute.
  const stop = sandbox.control.fault({ kind: 'limit', retryAfter: 1 });
  await stage.daemon({ config: quiet });
  await eventually('it was refused again and again', () => refusals() >= 3);
  stop();
  const isRenewed = () => sandbox.books().leases.every(({ renewals }) => renewals.length > 0);
  await eventually('each lease was renewed', isRenewed, 60_000);
  const { leases, requests } = sandbox.books();
  expect([leases.length, leases.filter(({ endedAt }) => endedAt !== undefined)]).toEqual([taken, []]);
  expect(requests.filter(({ route, status }) => route === 'lease-get' && status === 200).length).toBeLessThan(7);
  for (const name of names) expect(await sandbox.control.accepts(await valuesIn(fileOf(name)))).toBe(true);
});
