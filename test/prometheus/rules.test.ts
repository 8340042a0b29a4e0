/** The rules that Prometheus is given: their own tests, by promtool, and what promtool does not look at. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { metricsTable } from '../../src/observability/metrics-table.ts';
import { readmeFile } from '../support/readme.ts';
import { rulesFile, testsFile } from './files.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Test {
  readonly name: string;
  readonly input_series: readonly { readonly series: string }[];
  readonly promql_expr_test?: readonly object[];
  readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

const { groups } = parse(readFileSync(rulesFile, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] };
const tests = parse(readFileSync(testsFile, 'utf8')) as { readonly tests: readonly Test[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const promtool = (...args: readonly string[]) => promisify(execFile)('promtool', args);

test('promtool finds nothing wrong with the rules', async () => {
  expect((await promtool('check', 'rules', '--lint-fatal', rulesFile)).stdout).toContain('SUCCESS');
});

// What `promtool test rules` does with both files, in two parts: words are dear, and made at every step for all that fires.
test('every alert fires when it should and is silent when it should be', { timeout: 300_000 }, async () => {
  const silent = groups.map((group) => ({ ...group, rules: group.rules.map(({ annotations: _, ...rule }) => rule) }));
  const mute = tests.tests.map(({ alert_rule_test: _, ...each }) => each);
  expect(await promtoolTest(silent, mute)).toContain('SUCCESS');
});

test('every alert says in words what is the matter', { timeout: 300_000 }, async () => {
  for (const { promql_expr_test: _, ...each } of tests.tests) {
    const { alert_rule_test = [] } = each;
    const isAsked = (rule: Rule) =>
      rule.alert === undefined || alert_rule_test.some(({ alertname }) => alertname === rule.alert);
    const few = groups.map((group) => ({ ...group, rules: group.rules.filter(isAsked) }));
    if (alert_rule_test.length > 0) expect(await promtoolTest(few, [each]), each.name).toContain('SUCCESS');
  }
});

test('every alert is seen to fire', () => {
  const all = tests.tests.flatMap(({ alert_rule_test = [] }) => alert_rule_test);
  const seen = all.filter((one) => one.exp_alerts.length > 0);
  expect(new Set(seen.map(({ alertname }) => alertname))).toEqual(new Set(alerts.map(({ alert }) => alert)));
});

test('every alert says how urgent it is, what is the matter, and where to read what to do', () => {
  const headings = [...readFileSync(readmeFile, 'utf8').matchAll(/^#+ (\w+)$/gm)].map(([, heading = '']) => heading);
  expect(alerts.length).toBeGreaterThan(15);
  for (const { alert = '', labels, annotations } of alerts) {
    expect(labels, alert).toEqual({ severity: expect.stringMatching(/^(critical|warning)$/) });
    expect(Object.keys(annotations ?? {}).sort(), alert).toEqual(['description', 'runbook_url', 'summary']);
    expect(annotations?.['summary'], alert).toMatch(/\$labels\.(secret|sink|provider|instance)/);
    expect(annotations?.['runbook_url']).toBe(`README.md#${alert.toLowerCase()}`);
    expect(headings).toContain(alert);
  }
});

test('the README tells of no alert that there is not', () => {
  const told = [...readFileSync(readmeFile, 'utf8').matchAll(/\bLeasekeeper[A-Z]\w+/g)].map(([name]) => name);
  expect(new Set(told)).toEqual(new Set(alerts.map(({ alert }) => alert)));
});

test('the rules ask for nothing that is not measured', () => {
  const measured = metricsTable.flatMap(({ name }) => [name, `${name}_bucket`]);
  const recorded = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
  const asked = rules.flatMap(({ expr, annotations }) =>
    [...`${expr} ${annotations?.['description']}`.matchAll(/\bleasekeeper[_:][\w:]+/g)].map(([name]) => name),
  );
  expect(asked.length).toBeGreaterThan(40);
  for (const name of asked) expect([...measured, ...recorded]).toContain(name);
});

test('no rule breaks where several daemons are scraped, each with labels of its own', {
  timeout: 300_000,
}, async () => {
  const twice = tests.tests.map(({ name, input_series }) => ({
    name,
    interval: '5s',
    input_series: input_series.flatMap((one) => [
      one,
      { ...one, series: one.series.replace(/instance="(\w+)"/, 'instance="$1-2",pod="b",namespace="n"') },
    ]),
    // Asks for nothing but that all rules can be evaluated until then.
    promql_expr_test: [{ expr: 'vector(1)', eval_time: '10m', exp_samples: [{ labels: '{}', value: 1 }] }],
  }));
  expect(await promtoolTest(groups, twice, '60s')).toContain('SUCCESS');
});

/** Rejects with what promtool has to say where a test fails. */
async function promtoolTest(groups: readonly object[], changed: readonly object[], evaluation_interval = '5s') {
  const dir = await mkdtemp(join(tmpdir(), 'leasekeeper-rules-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'some.test.yml');
  const asText = (value: object) => stringify(value, { aliasDuplicateObjects: false });
  await writeFile(join(dir, 'leasekeeper.rules.yml'), asText({ groups }));
  await writeFile(file, asText({ ...tests, evaluation_interval, tests: changed }));
  return (await promtool('test', 'rules', file)).stdout;
}
