/** The upper half of the dashboard: what is the matter now, and every lease with its dates. */
import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge';
import { VizOrientation } from '@grafana/grafana-foundation-sdk/common';
import { MappingType, type ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as TimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import type { State } from '../../src/core/status.ts';
import { figure, green, here, left, lines, picked, red, source, table, thresholdsOf, zeroIsGood } from './panels.ts';

/** From the best to the worst: the higher number wins where several replicas keep one secret. */
const colours: Readonly<Record<State, string>> = {
  healthy: 'green',
  pending: 'light-yellow',
  frozen: 'blue',
  overdue: 'yellow',
  blocked: 'light-orange',
  failing: 'orange',
  rejected: 'light-red',
  expired: 'dark-red',
};
export const stateNames = Object.keys(colours) as readonly State[];

/** For labels of which only some metrics have all. */
const end = `min by (secret) (leasekeeper_lease_expiry_timestamp_seconds{${picked}})`;
const renewal = `min by (secret) (leasekeeper_next_renewal_timestamp_seconds{${picked}})`;

/** A number for each state, since a panel cannot show a label over time. */
const stateNumber = `max by (secret) (${stateNames
  .map((state, i) => `leasekeeper_secret_state{${picked},state="${state}"} * ${i + 1}`)
  .join(' or ')})`;

const stateWords: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      stateNames.map((state, i) => [i + 1, { text: state, color: colours[state], index: i }]),
    ),
  },
];

const stateColours = stateNames.map((state, i) => ({ value: i === 0 ? null : i + 1, color: colours[state] }));

export const now = [
  figure(
    { title: 'Secrets', description: 'How many secrets and tokens are in each state.', unit: 'none', width: 9 },
    { expr: `sum by (state) (leasekeeper_secret_state{${picked}}) > 0`, legend: '{{state}}' },
  ),
  figure(
    {
      title: 'Soonest end',
      description: 'Of any value that a program uses. Renewals keep it up.',
      unit: 's',
      width: 3,
      thresholds: left,
    },
    { expr: `min(${end} - time())` },
  ),
  figure(
    {
      title: 'Dead, last 24 h',
      description: 'How long programs had values that had ended: 0, or the promise was broken.',
      unit: 's',
      width: 3,
      thresholds: zeroIsGood,
    },
    { expr: `sum(increase(leasekeeper_dead_seconds_total{${picked}}[24h]))` },
  ),
  figure(
    {
      title: 'Deliveries owed',
      description: 'Sinks that do not hold the newest value, or whose programs were not told.',
      unit: 'none',
      width: 3,
      thresholds: zeroIsGood,
    },
    { expr: `sum(leasekeeper_delivery_owed{${picked}})` },
  ),
  figure(
    { title: 'Alerts', description: 'Of leasekeeper that fire now.', unit: 'none', width: 3, thresholds: zeroIsGood },
    { expr: 'count(ALERTS{alertname=~"Leasekeeper.*",alertstate="firing"}) or vector(0)' },
  ),
  figure(
    {
      title: 'Daemons',
      description: 'That are scraped.',
      unit: 'none',
      width: 3,
      thresholds: [red, { value: 1, color: 'green' }],
    },
    { expr: `count(leasekeeper_build_info{${here}})` },
  ),
];

export const leases = [
  new TimelineBuilder()
    .title('State of each secret')
    .description('The worst of its replicas. Tokens are called PROVIDER/token.')
    .datasource(source)
    .span(24)
    .height(8)
    .mergeValues(true)
    .mappings(stateWords)
    .thresholds(thresholdsOf(stateColours))
    .targets([
      new DataqueryBuilder().datasource(source).expr(stateNumber).legendFormat('{{secret}}').refId('A').range(),
    ]),
  lines(
    {
      title: 'Time to expiry',
      description: 'Of the soonest value in use. A saw whose teeth never touch the ground.',
      unit: 's',
      width: 12,
      thresholds: left,
    },
    { expr: `${end} - time() < Inf`, legend: '{{secret}}' },
  ).min(0),
  lines(
    {
      title: 'Outage tolerance used',
      description:
        'From the date of the renewal (0) to the end of the value (1). From 0.5 on LeasekeeperRenewalOverdue, from 0.8 on LeasekeeperLeaseExpiring.',
      unit: 'percentunit',
      width: 12,
      thresholds: [green, { value: 0.5, color: 'orange' }, { value: 0.8, color: 'red' }],
    },
    {
      expr: `clamp_min((time() - leasekeeper_next_renewal_timestamp_seconds{${picked}}) / (leasekeeper_outage_tolerance_seconds > 0), 0)`,
      legend: '{{secret}}',
    },
  )
    .min(0)
    .max(1),
  table({ title: 'Leases', description: "Each secret with its dates, on the provider's clock." }, 'secret', [
    { name: 'state', expr: stateNumber, unit: 'none' },
    { name: 'ends', expr: `${end} * 1000 < Inf`, unit: 'dateTimeFromNow' },
    { name: 'time left', expr: `${end} - time() < Inf`, unit: 's', thresholds: left },
    { name: 'next renewal', expr: `${renewal} * 1000 < Inf`, unit: 'dateTimeFromNow' },
    {
      name: 'outage tolerance',
      expr: `min by (secret) (leasekeeper_outage_tolerance_seconds{${picked}}) < Inf`,
      unit: 's',
    },
    {
      name: 'wall',
      expr: `min by (secret) (leasekeeper_lease_max_expiry_timestamp_seconds{${picked}}) * 1000 < Inf`,
      unit: 'dateTimeFromNow',
    },
    {
      name: 'failures in a row',
      expr: `max by (secret) (leasekeeper_consecutive_failures{${picked}})`,
      unit: 'none',
      thresholds: zeroIsGood,
    },
  ]).overrideByName('state', [
    { id: 'mappings', value: stateWords },
    { id: 'custom.cellOptions', value: { type: 'color-text' } },
  ]),
  new BarGaugeBuilder()
    .title('Next renewals')
    .description('The twenty that are due next. What is negative is overdue.')
    .datasource(source)
    .unit('s')
    .span(12)
    .height(9)
    .orientation(VizOrientation.Horizontal)
    .thresholds(thresholdsOf([red, { value: 0, color: 'blue' }]))
    .targets([
      new DataqueryBuilder()
        .datasource(source)
        .expr(`sort(bottomk(20, ${renewal} - time() < Inf))`)
        .legendFormat('{{secret}}')
        .refId('A')
        .instant(),
    ]),
  table(
    {
      title: 'Versions to be destroyed',
      description:
        'Lockbox: versions in use, and others that are watched, whose destruction was scheduled, and by when. Empty is good.',
      width: 12,
    },
    'secret',
    [
      {
        name: 'destroyed',
        expr: `min by (secret, which) (leasekeeper_version_destroy_timestamp_seconds{${picked}}) * 1000 < Inf`,
        unit: 'dateTimeFromNow',
      },
    ],
  ),
];
