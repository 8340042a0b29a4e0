/** Every metric of our own: its name, labels and meaning. The only place that names them; the README's table is made of it. */

/** `labels` are names from the configuration and words from closed lists: never a lease id, a URL or an error text. */
export interface MetricRow {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/**
 * Timestamps are in seconds since the epoch, as the provider's clock has it. `secret` is a name from the configuration;
 * for what is kept alike, from `term_start` to `secret_state`, also `PROVIDER/token`.
 */
export const metricsTable = [
  {
    name: 'leasekeeper_lease_expiry_timestamp_seconds',
    type: 'gauge',
    labels: ['secret', 'source'],
    help: 'Soonest end of any value that a sink holds. +Inf: it never ends; absent only before the first; 0: ended, and no longer known when.',
  },
  {
    name: 'leasekeeper_lease_term_start_timestamp_seconds',
    type: 'gauge',
    labels: ['secret'],
    help: 'Start of the present term: issue, or the last renewal.',
  },
  {
    name: 'leasekeeper_lease_max_expiry_timestamp_seconds',
    type: 'gauge',
    labels: ['secret'],
    help: 'The wall that no renewal of the present lease reaches past. +Inf: there is none.',
  },
  {
    name: 'leasekeeper_next_renewal_timestamp_seconds',
    type: 'gauge',
    labels: ['secret'],
    help: 'When the lease is next due to be renewed or replaced. Moves on success only; +Inf: never.',
  },
  {
    name: 'leasekeeper_next_look_timestamp_seconds',
    type: 'gauge',
    labels: ['secret'],
    help: 'When the secret is looked at next. In the past for longer than a moment: nobody looks.',
  },
  {
    name: 'leasekeeper_last_success_timestamp_seconds',
    type: 'gauge',
    labels: ['secret', 'act'],
    help: 'When this act last succeeded.',
  },
  {
    name: 'leasekeeper_outage_tolerance_seconds',
    type: 'gauge',
    labels: ['secret'],
    help: 'Expiry minus next renewal: how long the provider may be gone from then on.',
  },
  {
    name: 'leasekeeper_consecutive_failures',
    type: 'gauge',
    labels: ['secret', 'act'],
    help: 'How many times in a row this act failed.',
  },
  {
    name: 'leasekeeper_secret_state',
    type: 'gauge',
    labels: ['secret', 'state'],
    help: '1 for the state the secret is in, 0 for the others.',
  },
  {
    name: 'leasekeeper_delivery_owed',
    type: 'gauge',
    labels: ['secret', 'sink'],
    help: '1 while the sink, or the program behind it, does not have the newest good values.',
  },
  {
    name: 'leasekeeper_superseded_leases',
    type: 'gauge',
    labels: ['secret'],
    help: 'Leases that nobody uses any more and that are not yet retired.',
  },
  {
    name: 'leasekeeper_required',
    type: 'gauge',
    labels: ['secret'],
    help: '1 where the secret counts for readiness.',
  },
  {
    name: 'leasekeeper_version_destroy_timestamp_seconds',
    type: 'gauge',
    labels: ['secret', 'which'],
    help: 'When a version is destroyed: the current one (or the one in use, if that is sooner), the pinned one, or the soonest of the others where they are watched, but for those that we end ourselves. +Inf: nobody has set that.',
  },
  {
    name: 'leasekeeper_token_expiry_timestamp_seconds',
    type: 'gauge',
    labels: ['provider'],
    help: 'End of the access token that is shown to the provider. +Inf: it never ends; absent only before the first.',
  },
  {
    name: 'leasekeeper_dead_seconds_total',
    type: 'counter',
    labels: ['secret', 'sink'],
    help: 'Time in which a sink, or the program behind it, used a value that had ended.',
  },
  {
    name: 'leasekeeper_acts_total',
    type: 'counter',
    labels: ['act', 'source', 'provider', 'because', 'outcome'],
    help: 'What was done, and why. outcome: ok, blocked (nothing happened), or the code of the failure.',
  },
  {
    name: 'leasekeeper_act_duration_seconds',
    type: 'histogram',
    labels: ['act', 'source'],
    help: 'How long acts took, failed ones included.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40],
  },
  {
    name: 'leasekeeper_failures_total',
    type: 'counter',
    labels: ['act', 'source', 'provider', 'code'],
    help: 'Failed acts.',
  },
  {
    name: 'leasekeeper_deliveries_total',
    type: 'counter',
    labels: ['sink_type', 'outcome'],
    help: 'Writes into sinks, and reload steps that failed. sink_type all: the reload steps of the secret. outcome: ok, or the code of the failure.',
  },
  {
    name: 'leasekeeper_orphaned_leases_total',
    type: 'counter',
    labels: ['source'],
    help: 'Leases left to their own end, because nobody could end them or tell whose they are.',
  },
  {
    name: 'leasekeeper_look_lateness_seconds',
    type: 'histogram',
    labels: [],
    help: 'From when a job was scheduled to when it was begun.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  {
    name: 'leasekeeper_provider_request_duration_seconds',
    type: 'histogram',
    labels: ['provider', 'operation', 'status'],
    help: 'Requests to providers. status: the class of the answer, or none.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40],
  },
  {
    name: 'leasekeeper_provider_blocked_until_timestamp_seconds',
    type: 'gauge',
    labels: ['provider'],
    help: 'Nothing, or nothing more of one kind, is asked of the provider before then, on our clock. 0: it may be asked. PROVIDER/token: its logins.',
  },
  {
    name: 'leasekeeper_clock_skew_seconds',
    type: 'gauge',
    labels: ['provider'],
    help: "The provider's clock minus ours.",
  },
  {
    name: 'leasekeeper_redis_up',
    type: 'gauge',
    labels: [],
    help: '1 while Redis can be reached.',
  },
  {
    name: 'leasekeeper_redis_evicting',
    type: 'gauge',
    labels: [],
    help: '1 where Redis would evict keys, and records with them, when its memory is full.',
  },
  {
    name: 'leasekeeper_kept_from_memory',
    type: 'gauge',
    labels: [],
    help: 'Secrets and tokens of which Redis cannot be told, away or full as it is. What is done for them is forgotten if the daemon ends now.',
  },
  {
    name: 'leasekeeper_queue_jobs',
    type: 'gauge',
    labels: ['queue', 'state'],
    help: 'Jobs in the queues. Absent while Redis cannot be asked.',
  },
  {
    name: 'leasekeeper_config_last_reload_successful',
    type: 'gauge',
    labels: [],
    help: '1 where the configuration in use is the one last asked for, 0 where that was rejected.',
  },
  {
    name: 'leasekeeper_config_reloads_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Reloads of the configuration: ok or failed.',
  },
  {
    name: 'leasekeeper_build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the labels say what runs.',
  },
] as const satisfies readonly MetricRow[];

type Row = (typeof metricsTable)[number];
export type MetricName = Row['name'];
/** The labels of one metric, so that a wrong one does not compile. */
export type LabelsOf<Name extends MetricName> = Extract<Row, { name: Name }>['labels'][number];

/** Throws where the table has no such metric; the types say it has. */
export function rowOf(name: MetricName): MetricRow {
  const row = metricsTable.find((each) => each.name === name);
  if (!row) throw new TypeError(`no metric ${name}`);
  return row;
}
