/** What config/grafana holds is what the code says, and what Grafana can read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { metricsTable } from '../../src/observability/metrics-table.ts';
import { states } from '../../src/observability/view.ts';
import { grafanaDirectory, grafanaFiles } from './files.ts';
import { stateNames } from './lease-panels.ts';

const files = grafanaFiles();

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

const { panels } = JSON.parse(files['dashboards/leasekeeper.json'] ?? '') as { panels: readonly Panel[] };

test('the files are those of the code: npm run grafana', () => {
  const present = readdirSync(grafanaDirectory, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const names = present.map(({ parentPath, name }) => join(parentPath, name).slice(grafanaDirectory.length + 1));
  expect(names.sort()).toEqual(Object.keys(files).sort());
  for (const [name, text] of Object.entries(files)) {
    expect(readFileSync(join(grafanaDirectory, name), 'utf8'), name).toBe(text);
  }
});

test('every panel has a number of its own, a place that no other has, and says what it shows', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { title, type, description, gridPos: at, targets = [] } of panels) {
    if (type !== 'row') expect(description?.length, title).toBeGreaterThan(10);
    expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
    expect(at.x + at.w, title).toBeLessThanOrEqual(24);
    for (let x = at.x; x < at.x + at.w; x++) {
      for (let y = at.y; y < at.y + at.h; y++) {
        expect(taken, title).not.toContain(`${x},${y}`);
        taken.add(`${x},${y}`);
      }
    }
  }
});

test('the dashboard asks for nothing that is not measured', () => {
  const measured = metricsTable.flatMap(({ name }) => [name, `${name}_bucket`, `${name}_count`]);
  const asked = panels.flatMap(({ targets = [] }) =>
    targets.flatMap(({ expr }) => expr.match(/leasekeeper_\w+/g) ?? []),
  );
  expect(new Set(asked).size).toBeGreaterThan(20);
  for (const name of asked) expect(measured).toContain(name);
});

test('every state has a colour', () => {
  expect([...stateNames].sort()).toEqual([...states].sort());
});

test('an alert of Grafana points to a panel that there is, and nothing in it is taken for the environment', () => {
  const text = files['provisioning/alerting/leasekeeper.yaml'] ?? '';
  const { groups } = parse(text) as {
    groups: readonly { rules: readonly { title: string; uid: string; annotations: Record<string, string> }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(3);
  for (const { annotations, ...rest } of rules) {
    expect(panels.map(({ id }) => String(id))).toContain(annotations['__panelId__']);
    // Grafana fills in variables of its environment everywhere but in annotations.
    expect(JSON.stringify(rest)).not.toContain('$');
    // Prometheus' functions, and what it calls the answer, Grafana does not know.
    expect(Object.values(annotations).join()).not.toMatch(/\$value\b|query \}\}|\| humanize/);
  }
});
