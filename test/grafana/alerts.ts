/** Alert rules for who has Grafana evaluate them: those on leases that end, word for word as Prometheus has them. */
import { readFileSync } from 'node:fs';
import { RuleBuilder, QueryBuilder as RuleQueryBuilder } from '@grafana/grafana-foundation-sdk/alerting';
import { TypeThresholdBuilder } from '@grafana/grafana-foundation-sdk/expr';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { parse } from 'yaml';
import { rulesFile } from '../prometheus/files.ts';

/** The data source's, as the provisioning file for it says. */
export const sourceUid = 'leasekeeper-prometheus';

/** Their answers are above 0 wherever they answer: a length of time, or 1. */
const taken = [
  'LeasekeeperRenewalOverdue',
  'LeasekeeperLeaseExpiring',
  'LeasekeeperLeaseExpired',
  'LeasekeeperDeliveryOwed',
] as const;

/** How they say in words what their answer is. */
const descriptions: Readonly<Record<(typeof taken)[number], string>> = {
  LeasekeeperRenewalOverdue:
    '{{ $labels.secret }} has been due for renewal or replacement for {{ humanizeDuration $values.A.Value }}, and half of the time for which its provider may be gone is over.',
  LeasekeeperLeaseExpiring:
    '{{ $labels.secret }} is neither renewed nor replaced in time, and its programs fail in {{ humanizeDuration $values.A.Value }}.',
  LeasekeeperLeaseExpired: 'The programs that use {{ $labels.secret }} fail.',
  LeasekeeperDeliveryOwed:
    'The newest value of {{ $labels.secret }} has not reached {{ $labels.sink }}, or the program behind it was not told.',
};

const panels: Readonly<Record<(typeof taken)[number], string>> = {
  LeasekeeperRenewalOverdue: 'Outage tolerance used',
  LeasekeeperLeaseExpiring: 'Time to expiry',
  LeasekeeperLeaseExpired: 'Dead seconds',
  LeasekeeperDeliveryOwed: 'Deliveries owed',
};

interface PrometheusRule {
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

/** Links of a rule go to a panel of the dashboard by its number. */
export interface Panels {
  readonly dashboard: string;
  numberOf(title: string): number;
}

export function alertRules({ dashboard, numberOf }: Panels): object {
  const { groups } = parse(readFileSync(rulesFile, 'utf8')) as {
    groups: readonly { rules: readonly PrometheusRule[] }[];
  };
  const known = groups.flatMap(({ rules }) => rules);
  const rules = taken.map((name) => {
    const rule = known.find(({ alert }) => alert === name);
    if (!rule) throw new Error(`Prometheus has no rule ${name}`);
    const built = new RuleBuilder(name)
      .uid(name.toLowerCase())
      .condition('B')
      .withQuery(
        new RuleQueryBuilder('A')
          .datasourceUid(sourceUid)
          .relativeTimeRange({ from: 600, to: 0 })
          .model(new DataqueryBuilder().refId('A').expr(rule.expr).instant()),
      )
      .withQuery(
        new RuleQueryBuilder('B')
          .datasourceUid('__expr__')
          .relativeTimeRange({ from: 0, to: 0 })
          .model(
            new TypeThresholdBuilder()
              .refId('B')
              .expression('A')
              .conditions([{ evaluator: { type: 'gt', params: [0] } }]),
          ),
      )
      .forDuration(rule.for ?? '0s')
      // Nobody who is late is the usual answer.
      .noDataState('OK')
      .execErrState('Error')
      .labels(rule.labels)
      .annotations({
        summary: grafanaWords(rule.annotations['summary'] ?? ''),
        description: descriptions[name],
        runbook_url: rule.annotations['runbook_url'] ?? '',
        __dashboardUid__: dashboard,
        __panelId__: String(numberOf(panels[name])),
      })
      .build();
    // Where they are kept is said of their group.
    const { folderUID: _, orgID: __, ruleGroup: ___, ...own } = built;
    return own;
  });
  const group = { orgId: 1, name: 'leasekeeper', folder: 'leasekeeper', interval: '15s', rules };
  return { apiVersion: 1, groups: [group] };
}

/** `$value` is all answers in a row there. */
const grafanaWords = (text: string): string =>
  text.replaceAll('{{ $value | humanizeDuration }}', '{{ humanizeDuration $values.A.Value }}');
