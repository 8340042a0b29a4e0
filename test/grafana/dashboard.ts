/** The dashboard, as typed code: `npm run grafana` writes it to config/grafana. */
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { leases, now } from './lease-panels.ts';
import { daemon, deliveries, failures, providers } from './operation-panels.ts';
import { source } from './panels.ts';

const sections = {
  Now: now,
  Leases: leases,
  Failures: failures,
  Deliveries: deliveries,
  Providers: providers,
  Daemon: daemon,
};

const ofLabel = (name: string, label: string, metric: string) =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource(source)
    .query({ query: `label_values(${metric}, ${name})`, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] });

export function dashboard(): Dashboard {
  const builder = new DashboardBuilder('leasekeeper')
    .uid('leasekeeper')
    .description(
      'Leases of access tokens, dynamic secrets and secret versions: when they end, what is done about it, and what is in the way.',
    )
    .tags(['leasekeeper'])
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .timezone('browser')
    .readonly()
    .withVariable(new DatasourceVariableBuilder('datasource').label('data source').type('prometheus'))
    .withVariable(ofLabel('instance', 'daemon', 'leasekeeper_build_info'))
    .withVariable(ofLabel('secret', 'secret', 'leasekeeper_secret_state'));
  let id = 0;
  for (const [title, panels] of Object.entries(sections)) {
    builder.withRow(new RowBuilder(title).id(++id));
    // Links to a panel go by its number.
    for (const panel of panels) builder.withPanel(panel.id(++id));
  }
  return builder.build();
}
