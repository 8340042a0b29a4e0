/** A real Prometheus that scrapes a real daemon: its rules, and every query of Grafana's dashboard and alerts. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { grafanaFiles } from '../grafana/files.ts';
import { rulesFile } from '../prometheus/files.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aLockbox } from '../sandbox/yandex/builder.ts';
import { aPrometheus, type Prometheus } from '../support/prometheus.ts';
import { aStage, eventually, isDelivered } from '../support/stage.ts';

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const week = 7 * 86_400_000;

/** What Grafana puts in for its variables. */
const filledIn = (expr: string): string =>
  expr.replaceAll('$instance', '.*').replaceAll('$secret', '.*').replaceAll('$__rate_interval', '5s');

function queriesOfDashboard(): readonly { readonly where: string; readonly expr: string }[] {
  const { panels } = JSON.parse(grafanaFiles()['dashboards/leasekeeper.json'] ?? '') as { panels: readonly Panel[] };
  return panels
    .filter(({ type }) => type !== 'row')
    .flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr: filledIn(expr) })));
}

function queriesOfAlerts(): readonly { readonly where: string; readonly expr: string }[] {
  const { groups } = parse(grafanaFiles()['provisioning/alerting/leasekeeper.yaml'] ?? '') as {
    groups: readonly { rules: readonly { title: string; data: readonly { model: { expr?: string } }[] }[] }[];
  };
  return groups
    .flatMap(({ rules }) => rules)
    .flatMap(({ title, data }) =>
      data.flatMap(({ model: { expr } }) => (expr === undefined ? [] : [{ where: title, expr }])),
    );
}

const isOverdue = async (prometheus: Prometheus): Promise<boolean> =>
  (await prometheus.alerts()).some(
    ({ labels: { alertname, secret }, state }) =>
      state === 'firing' && alertname === 'LeasekeeperRenewalOverdue' && secret === 'orders-db',
  );

/** Infisical's lease of 10 s and Lockbox's version, both in files, and a program that uses the lease. */
async function aScene() {
  const lockbox = await aLockbox()
    .withSecret({ name: 'payments', entries: { key: 'others-made-it' } })
    .start();
  onTestFinished(() => lockbox.close());
  const stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 60, accessTokenMaxTTL: 300 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '10s', maxTTL: '10m' })
      .with({ minimumTtl: 1000 }),
  );
  onTestFinished((finished) => stage.close(finished));
  const keyFile = join(stage.dir, 'sa-key.json');
  await mkdir(join(stage.dir, 'secrets'), { recursive: true });
  await writeFile(keyFile, JSON.stringify(lockbox.account.keyFile), { mode: 0o600 });
  const { lockbox: main, payload, operation, iam, auth } = lockbox.endpoints;
  const config = stage.configuration({
    providers: `  yc:
    type: yandex
    auth: { method: service-account-key, keyFile: ${keyFile} }
    endpoints: { lockbox: "${main}", payload: "${payload}", operation: "${operation}", iam: "${iam}", auth: "${auth}" }`,
    secrets: `  payments:
    source: { type: yandex/lockbox, provider: yc, secretId: ${lockbox.secret('payments').id}, poll: 1s }
    sinks: [{ type: file, path: ${join(stage.dir, 'secrets', 'payments.json')}, format: json }]`,
  });
  await stage.daemon({ config });
  await isDelivered(stage);
  stage.program();
  const prometheus = await aPrometheus({ target: stage.port, rules: [rulesFile] });
  onTestFinished(() => prometheus.stop());
  return { stage, lockbox, prometheus };
}

test('alerts come with a fault and go with it, and no query of the dashboard fails or has nothing to show', async () => {
  const { stage, lockbox, prometheus } = await aScene();
  const begun = Date.now();
  const { sandbox } = stage;
  const renewals = () => sandbox.books().leases[0]?.renewals.length ?? 0;
  const before = renewals();
  await eventually('it is renewed under the eyes of Prometheus', () => renewals() > before);
  expect((await prometheus.alerts()).filter(({ state }) => state === 'firing')).toEqual([]);

  // Without these, `Versions to be destroyed` and `Failures by reason` would have nothing to show, which is good.
  lockbox.control.scheduleDestruction(week);
  await sandbox.control.down();
  await eventually('the alarm', () => isOverdue(prometheus));
  await sandbox.control.up();
  await eventually('all is well', async () => !(await isOverdue(prometheus)), 60_000);
  const destruction = (await prometheus.alerts()).find(({ labels }) => labels['which'] === 'current');
  expect(destruction?.annotations['description']).toMatch(/it is destroyed in 6d 23h/);

  const sick = (await prometheus.rules()).filter(({ health }) => health !== 'ok');
  expect(sick.map(({ name, lastError }) => `${name}: ${lastError}`)).toEqual([]);

  const queries = queriesOfDashboard();
  expect(queries.length).toBeGreaterThan(35);
  const empty: string[] = [];
  for (const { where, expr } of queries) {
    const series = await prometheus.range(expr, begun);
    if (!series.some(({ values }) => values.some(([, value]) => value !== 'NaN'))) empty.push(`${where}: ${expr}`);
  }
  expect(empty).toEqual([]);
  for (const { expr } of queriesOfAlerts()) await prometheus.range(expr, begun);

  await noLabelTellsTooMuch(prometheus, [
    ...sandbox.books().leases.flatMap(({ id, username }) => [id, username]),
    ...lockbox.books().versions.map(({ id }) => id),
    lockbox.secret('payments').id,
    sandbox.url,
  ]);
});

/** Labels are names from the configuration and words from closed lists. */
async function noLabelTellsTooMuch(prometheus: Prometheus, told: readonly string[]): Promise<void> {
  const series = await prometheus.series('{__name__=~"leasekeeper_.+"}');
  const values = new Set(series.flatMap(({ __name__: _, instance: __, job: ___, ...own }) => Object.values(own)));
  expect(values).toContain('orders-db');
  expect(told.length).toBeGreaterThan(3);
  for (const value of values) for (const word of told) expect(value).not.toContain(word);
}
