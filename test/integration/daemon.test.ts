/** The daemon as a process, against the sandbox and the real Redis users that it makes. */
import { stat, writeFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { minutes, seconds } from '../../src/core/time.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aStage, eventually, isDelivered, metric, type Stage, shortLives, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

test('a lease is renewed three times and more, replaced at its wall, and ended when nobody uses it any more', async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 10, accessTokenMaxTTL: 30 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '7s', maxTTL: '32s' })
      .with({ minimumTtl: 1000 }),
  );
  const { sandbox, file } = stage;
  const daemon = await stage.daemon();
  await eventually('the credential is on disk', () =>
    stat(file).then(
      () => true,
      () => false,
    ),
  );
  const program = stage.program();
  await eventually('a second lease is in use, and the first was ended', () => {
    const [first, second] = sandbox.books().leases;
    return second !== undefined && first?.endedBy === 'revoked';
  });
  const [first, second] = sandbox.books().leases;
  expect(first?.renewals.length).toBeGreaterThanOrEqual(3);
  expect((await valuesIn(file))['REDIS_USER']).toBe(second?.username);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await program.stop();
  expect(program.failures).toEqual([]);
  expect(program.tally.uses).toBeGreaterThan(10);
  expect(await daemon.stop()).toBe(0);
});

test('a provider that is down when a renewal is due, and back before the end, costs nobody a working credential', async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 60, accessTokenMaxTTL: 600 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '20s', maxTTL: '10m' })
      .with({ minimumTtl: 1000 }),
  );
  const { sandbox } = stage;
  await stage.daemon();
  await isDelivered(stage);
  const program = stage.program();
  await eventually('the program works', () => program.tally.uses > 2);
  // Renewal is due after 10 s: it fails, again and again.
  await sandbox.control.down(14_000);
  const renewals = () => sandbox.books().leases[0]?.renewals.length ?? 0;
  await eventually('the same lease is renewed after the outage', () => renewals() > 0);
  await eventually(
    'all is well',
    async () => (await stage?.get('/readyz/orders-db'))?.body.includes('"healthy"') ?? false,
  );
  await program.stop();
  expect(program.failures).toEqual([]);
  expect(sandbox.books().leases).toHaveLength(1);
});

test('a provider that is down until a lease has ended is asked for another when it is back', async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 60, accessTokenMaxTTL: 600 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '8s', maxTTL: '10m' })
      .with({ minimumTtl: 1000 }),
  );
  const { sandbox, file } = stage;
  await stage.daemon();
  await isDelivered(stage);
  const program = stage.program();
  await eventually('the program works', () => program.tally.uses > 2);
  const state = async () => JSON.parse((await stage?.get('/readyz/orders-db'))?.body ?? '{}').state;
  const [first] = sandbox.books().leases;
  // Nothing can be renewed any more: however often it was by now, its term goes by while nobody answers.
  await sandbox.control.down();
  await eventually('the lease has ended', () => sandbox.books().leases[0]?.endedBy === 'expired');
  await eventually('that is said', async () => (await state()) === 'expired');
  await eventually('the program is turned away', () => program.tally.failures > 0);
  const held = await valuesIn(file);
  // The last good value stays, though it is dead: there is none that is better.
  expect(held['REDIS_USER']).toBe(first?.username);
  await sandbox.control.up();
  await eventually('another lease is in the file', async () => {
    const [, second] = sandbox.books().leases;
    return second !== undefined && (await valuesIn(file))['REDIS_USER'] === second.username;
  });
  await eventually('all is well', async () => (await state()) === 'healthy');
  await eventually('the program was told', () => program.tally.user !== first?.username);
  const { uses } = program.tally;
  await eventually('the program works with it', () => program.tally.uses > uses + 2);
  await program.stop();
  expect(new Set(program.failures.map(({ user }) => user))).toEqual(new Set([first?.username]));
  expect(sandbox.books().leases).toHaveLength(2);
});

test('a wrong client secret is tried once, and again only when it is another one', async () => {
  stage = await aStage();
  const { sandbox, secretFile } = stage;
  await writeFile(secretFile, 'not-the-secret');
  const daemon = await stage.daemon();
  await daemon.logged(
    ({ secret, level }) => secret === 'infisical-main/token' && (level === 'warn' || level === 'error'),
  );
  expect((await stage.get('/readyz')).status).toBe(503);
  const next = await metric(
    stage,
    'leasekeeper_acts_total{act="acquire",source="infisical/access-token",provider="infisical-main",because="NothingHeld",outcome="denied"}',
  );
  expect(next).toBe(1);
  const look = (await stage.get('/readyz/infisical-main%2Ftoken')).body;
  expect(Date.parse(JSON.parse(look).nextLookAt) - Date.now()).toBeGreaterThan(50_000);
  expect(sandbox.books().logins).toHaveLength(1);
  await writeFile(secretFile, `${sandbox.identity.clientSecret}\n`);
  await isDelivered(stage);
  expect(sandbox.books().logins.map(({ outcome }) => outcome)).toEqual(['refused', 'ok']);
});

test('a wrong client secret is tried again after a minute, then after five, and never locks the identity out', async () => {
  // Three failures within 30 s, and for five minutes even the right secret is refused.
  stage = await aStage(shortLives().flavour('2026'));
  const { sandbox, secretFile } = stage;
  await writeFile(secretFile, 'not-the-secret');
  let daemon = await stage.daemon();
  /** Time passes at the provider, and nobody lives through it here: who comes after has only the record to go by. */
  const later = async (one: Stage, by: number) => {
    await daemon.kill();
    sandbox.control.skew(by);
    daemon = await one.daemon();
  };
  const planned = (one: Stage, least: number) =>
    eventually(`another is planned, ${least} ms after the last`, async () => (await pauseOf(one)) >= least);
  const logins = () => sandbox.books().logins;

  await planned(stage, minutes(1));
  await later(stage, seconds(30));
  await planned(stage, minutes(1));
  await later(stage, seconds(31));
  await planned(stage, minutes(5));
  await later(stage, minutes(4));
  await planned(stage, minutes(5));
  await later(stage, minutes(1));
  await eventually('it is tried for the third time', () => logins().length > 2);
  await planned(stage, minutes(5));
  await writeFile(secretFile, sandbox.identity.clientSecret);
  await isDelivered(stage);
  const [first, second, third] = logins().map(({ at }) => at);
  expect(logins().map(({ outcome }) => outcome)).toEqual(['refused', 'refused', 'refused', 'ok']);
  // However long all took here: by the clock that counts the failures, of which no two processes know the very second.
  const unknown = seconds(2);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(minutes(1) - unknown);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThan(minutes(5) - unknown);
});

/** How long after the latest rejection another login is planned. Both dates are in the provider's time. */
async function pauseOf(one: Stage): Promise<number> {
  const page = await one.get('/readyz/infisical-main%2Ftoken').catch(() => undefined);
  // Before it is known what the secret is there is no page.
  if (!page?.body.startsWith('{')) return Number.NaN;
  const { nextLookAt = '', failures = [] } = JSON.parse(page.body) as TokenPage;
  return Date.parse(nextLookAt) - Date.parse(failures.find(({ act }) => act === 'acquire')?.at ?? '');
}

interface TokenPage {
  readonly nextLookAt?: string;
  readonly failures?: readonly { readonly act: string; readonly at?: string }[];
}

test('one broken identity disturbs no other', async () => {
  stage = await aStage(
    shortLives().withDynamicSecret({ name: 'other-db', type: 'redis', defaultTTL: '6s', maxTTL: '18s' }),
  );
  const { sandbox, dir, file } = stage;
  const config = stage.configuration({
    providers: `  broken:
    type: infisical
    url: ${sandbox.url}
    auth: { method: universal, clientId: ${sandbox.identity.clientId}, clientSecret: { file: ${dir}/wrong } }
`,
    secrets: `  other-db:
    source: { type: infisical/dynamic-secret, provider: broken, project: shop, environment: prod, name: other-db }
    sinks: [{ type: file, path: ${dir}/secrets/other.env, format: dotenv }]
`,
  });
  await writeFile(`${dir}/wrong`, 'not-the-secret');
  await stage.daemon({ config });
  await eventually(
    'the other one is delivered and renewed',
    () => (sandbox.books().leases[0]?.renewals.length ?? 0) > 1,
  );
  expect(await valuesIn(file)).toHaveProperty('REDIS_USER');
  const reasons = (await stage.get('/readyz')).body;
  expect(reasons).toContain('other-db');
  expect(reasons).not.toContain('orders-db');
  expect(sandbox.books().logins.filter(({ outcome }) => outcome === 'refused')).toHaveLength(1);
});

test('a restart takes, writes and reloads nothing anew', async () => {
  stage = await aStage(
    aSandbox().withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '5m', maxTTL: '1h' }),
  );
  const { sandbox, file } = stage;
  const first = await stage.daemon();
  await isDelivered(stage);
  const program = stage.program();
  await eventually('the program was told', async () => (await metricOwed(stage)) === 0);
  const { ino, mtimeMs } = await stat(file);
  const loads = program.tally.loads;
  expect(await first.stop()).toBe(0);
  const second = await stage.daemon();
  await isDelivered(stage);
  await second.logged(({ secret, act }) => secret === 'orders-db' && act === 'observe');
  await eventually('the lease was observed', () => (sandbox.books().counts['lease-get'] ?? 0) > 0);
  expect(sandbox.books().leases).toHaveLength(1);
  expect(await stat(file)).toMatchObject({ ino, mtimeMs });
  expect(program.tally.loads).toBe(loads);
});

async function metricOwed(one: Stage | undefined): Promise<number | undefined> {
  if (!one) return undefined;
  const { body } = await one.get('/metrics');
  const lines = body.split('\n').filter((line) => line.startsWith('leasekeeper_delivery_owed{secret="orders-db"'));
  return lines.length === 0 ? undefined : Math.max(...lines.map((line) => Number(line.split(' ').at(-1))));
}
