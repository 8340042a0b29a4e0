/** What config/grafana holds: the dashboard, and what Grafana reads at its start to have it, its data source and its alerts. */
import { join } from 'node:path';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { stringify } from 'yaml';
import { alertRules, sourceUid } from './alerts.ts';
import { dashboard } from './dashboard.ts';

export const grafanaDirectory = join(import.meta.dirname, '..', '..', 'config', 'grafana');

const made = '# Written by `npm run grafana` from test/grafana.\n';

const asYaml = (value: object): string =>
  // Builders leave what was not said as `undefined`, which YAML has no word for.
  made + stringify(JSON.parse(JSON.stringify(value)), { lineWidth: 0, aliasDuplicateObjects: false });

const dataSources = {
  apiVersion: 1,
  datasources: [
    {
      name: 'Prometheus',
      uid: sourceUid,
      type: 'prometheus',
      access: 'proxy',
      url: 'http://prometheus:9090',
      // As often as it scrapes: what Grafana makes $__rate_interval of.
      jsonData: { timeInterval: '15s', httpMethod: 'POST' },
    },
  ],
};

const dashboards = {
  apiVersion: 1,
  providers: [
    {
      name: 'leasekeeper',
      folder: 'leasekeeper',
      type: 'file',
      disableDeletion: true,
      options: { path: '/etc/grafana/dashboards' },
    },
  ],
};

/** By their place in config/grafana, the texts. The same every time. */
export function grafanaFiles(): Readonly<Record<string, string>> {
  const board = dashboard();
  const panels = { dashboard: board.uid ?? '', numberOf: (title: string) => numberOf(board, title) };
  return {
    'dashboards/leasekeeper.json': `${JSON.stringify(board, null, 2)}\n`,
    'provisioning/dashboards/leasekeeper.yaml': asYaml(dashboards),
    'provisioning/datasources/leasekeeper.yaml': asYaml(dataSources),
    'provisioning/alerting/leasekeeper.yaml': asYaml(alertRules(panels)),
  };
}

function numberOf({ panels = [] }: Dashboard, title: string): number {
  const panel = panels.find((one) => one.title === title);
  if (panel?.id === undefined) throw new Error(`the dashboard has no panel ${title}`);
  return panel.id;
}
