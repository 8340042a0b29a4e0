/** Makes prom-client's metrics from our table, so that nothing is measured that the table does not name. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type LabelsOf, type MetricName, rowOf } from './metrics-table.ts';

export interface Meter {
  readonly registry: Registry;
  gauge<Name extends MetricName>(name: Name, collect?: () => void | Promise<void>): Gauge<LabelsOf<Name>>;
  counter<Name extends MetricName>(name: Name): Counter<LabelsOf<Name>>;
  histogram<Name extends MetricName>(name: Name): Histogram<LabelsOf<Name>>;
}

/** Gauges whose names end like a counter's: `promtool check metrics` objects to them, and each has a twin. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** A registry of its own, with what prom-client knows of the process. */
export function createMeter(): Meter {
  const registry = new Registry();
  const options = <Name extends MetricName>(name: Name) => {
    const { help, labels } = rowOf(name);
    return { name, help, labelNames: labels as readonly LabelsOf<Name>[], registers: [registry] };
  };
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  return {
    registry,
    gauge: (name, collect) => new Gauge({ ...options(name), ...(collect && { collect }) }),
    counter: (name) => new Counter(options(name)),
    histogram: (name) => {
      const { buckets } = rowOf(name);
      return new Histogram({ ...options(name), ...(buckets && { buckets: [...buckets] }) });
    },
  };
}

/** Drop the series with a label that nobody keeps any more. */
export async function prune<Label extends string>(
  metric: Counter<Label> | Gauge<Label> | Histogram<Label>,
  label: Label,
  isKept: (value: string) => boolean,
): Promise<void> {
  const { values } = await metric.get();
  for (const { labels } of values) {
    const value = labels[label];
    if (value === undefined || isKept(String(value))) continue;
    const { le: _, ...own } = labels as Record<string, string | number>;
    metric.remove(own as Record<Label, string | number>);
  }
}
