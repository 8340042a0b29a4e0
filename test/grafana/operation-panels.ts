/** The lower half of the dashboard: what fails and why, and how sinks, providers and the daemon itself are. */
import { green, here, left, lines, picked, zeroIsGood } from './panels.ts';

export const failures = [
  lines(
    {
      title: 'Failures by reason',
      description:
        'unavailable: not now; denied: our credential; gone, refused: the lease ended; invalid: a person has to change something.',
      unit: 'none',
    },
    {
      expr: `sum by (provider, act, code) (increase(leasekeeper_failures_total{${here}}[$__rate_interval]))`,
      legend: '{{provider}} {{act}} {{code}}',
    },
  ).min(0),
  lines(
    {
      title: 'Failures in a row',
      description: 'The twenty worst. A success makes it 0.',
      unit: 'none',
      thresholds: zeroIsGood,
    },
    {
      expr: `topk(20, max by (secret, act) (leasekeeper_consecutive_failures{${picked}}))`,
      legend: '{{secret}} {{act}}',
    },
  ).min(0),
  lines(
    { title: 'What was done, and why', description: 'Acts that succeeded, by their reason.', unit: 'none' },
    {
      expr: `sum by (act, because) (increase(leasekeeper_acts_total{${here},outcome="ok"}[$__rate_interval]))`,
      legend: '{{act}} because {{because}}',
    },
  ).min(0),
];

export const deliveries = [
  lines(
    {
      title: 'Deliveries owed',
      description: 'Sinks that do not hold the newest value, or whose programs were not told.',
      unit: 'none',
      thresholds: zeroIsGood,
    },
    { expr: `max by (secret, sink) (leasekeeper_delivery_owed{${picked}})`, legend: '{{secret}} {{sink}}' },
  ).min(0),
  lines(
    { title: 'Deliveries by outcome', description: 'Writes into sinks, and reload steps that failed.', unit: 'none' },
    {
      expr: `sum by (sink_type, outcome) (increase(leasekeeper_deliveries_total{${here}}[$__rate_interval]))`,
      legend: '{{sink_type}} {{outcome}}',
    },
  ).min(0),
  lines(
    {
      title: 'Dead seconds',
      description: 'Time in which a sink, or the program behind it, used a value that had ended.',
      unit: 's',
      thresholds: zeroIsGood,
    },
    {
      expr: `sum by (secret, sink) (increase(leasekeeper_dead_seconds_total{${picked}}[$__rate_interval]))`,
      legend: '{{secret}} {{sink}}',
    },
  ).min(0),
];

const quantile = (share: number, by: string, metric: string): string =>
  `histogram_quantile(${share}, sum by (le, ${by}) (rate(${metric}_bucket{${here}}[$__rate_interval])))`;

export const providers = [
  lines(
    { title: 'Latency of providers', description: 'Nineteen requests in twenty take no longer.', unit: 's' },
    {
      expr: quantile(0.95, 'provider, operation', 'leasekeeper_provider_request_duration_seconds'),
      legend: '{{provider}} {{operation}}',
    },
  ).min(0),
  lines(
    {
      title: 'Requests to providers',
      description: 'By the class of the answer; none: there was no answer.',
      unit: 'reqps',
    },
    {
      expr: `sum by (provider, status) (rate(leasekeeper_provider_request_duration_seconds_count{${here}}[$__rate_interval]))`,
      legend: '{{provider}} {{status}}',
    },
  ).min(0),
  lines(
    { title: 'Tokens', description: 'How long our own access tokens still live.', unit: 's', thresholds: left },
    {
      expr: `min by (provider) (leasekeeper_token_expiry_timestamp_seconds{${here}}) - time() < Inf`,
      legend: '{{provider}}',
    },
  ).min(0),
  lines(
    {
      title: 'Blocked for',
      description: 'Nothing is asked of the provider for so long. PROVIDER/token: its logins.',
      unit: 's',
      width: 12,
    },
    {
      expr: `max by (provider) (clamp_min(leasekeeper_provider_blocked_until_timestamp_seconds{${here}} - time(), 0))`,
      legend: '{{provider}}',
    },
  ).min(0),
  lines(
    { title: 'Clock skew', description: "The provider's clock minus ours.", unit: 's', width: 12 },
    { expr: `leasekeeper_clock_skew_seconds{${here}}`, legend: '{{provider}} {{instance}}' },
  ),
];

export const daemon = [
  lines(
    {
      title: 'Jobs in the queues',
      description: 'Delayed is the schedule, one job for each secret. Waiting that grows: looks come late.',
      unit: 'none',
    },
    { expr: `sum by (queue, state) (leasekeeper_queue_jobs{${here}})`, legend: '{{queue}} {{state}}' },
  ).min(0),
  lines(
    { title: 'Lateness of looks', description: 'From when a look was due to when it was begun.', unit: 's' },
    {
      expr: `histogram_quantile(0.5, sum by (le) (rate(leasekeeper_look_lateness_seconds_bucket{${here}}[$__rate_interval])))`,
      legend: 'half of them',
    },
    {
      expr: `histogram_quantile(0.95, sum by (le) (rate(leasekeeper_look_lateness_seconds_bucket{${here}}[$__rate_interval])))`,
      legend: '19 of 20',
    },
  ).min(0),
  lines(
    { title: 'Duration of acts', description: 'Nineteen in twenty take no longer, failed ones included.', unit: 's' },
    { expr: quantile(0.95, 'act', 'leasekeeper_act_duration_seconds'), legend: '{{act}}' },
  ).min(0),
  lines(
    {
      title: 'Redis',
      description:
        'up: 1 while it can be reached. evicting: 1 where it would throw records away. from memory: how many secrets and tokens it cannot be told of.',
      unit: 'none',
      thresholds: [green],
    },
    { expr: `leasekeeper_redis_up{${here}}`, legend: 'up {{instance}}' },
    { expr: `leasekeeper_redis_evicting{${here}}`, legend: 'evicting {{instance}}' },
    { expr: `leasekeeper_kept_from_memory{${here}}`, legend: 'from memory {{instance}}' },
  ).min(0),
  lines(
    {
      title: 'Leases nobody uses',
      description:
        'superseded: alive for their grace. orphaned: left to their own end, since nobody could tell whose they are.',
      unit: 'none',
    },
    { expr: `sum(leasekeeper_superseded_leases{${picked}})`, legend: 'superseded' },
    { expr: `sum by (source) (leasekeeper_orphaned_leases_total{${here}})`, legend: 'orphaned {{source}}' },
  ).min(0),
  lines(
    {
      title: 'Configuration',
      description: 'taken over: 1 where the configuration in use is the one last asked for.',
      unit: 'none',
    },
    { expr: `leasekeeper_config_last_reload_successful{${here}}`, legend: 'taken over {{instance}}' },
  )
    .min(0)
    .max(1),
  lines(
    { title: 'Memory', description: 'Resident, of the daemon alone.', unit: 'bytes', width: 12 },
    {
      expr: `process_resident_memory_bytes and on (job, instance) leasekeeper_build_info{${here}}`,
      legend: '{{instance}}',
    },
  ).min(0),
  lines(
    {
      title: 'Event loop',
      description: 'By how much timers come late, at worst one in a hundred.',
      unit: 's',
      width: 12,
    },
    {
      expr: `nodejs_eventloop_lag_p99_seconds and on (job, instance) leasekeeper_build_info{${here}}`,
      legend: '{{instance}}',
    },
  ).min(0),
];
