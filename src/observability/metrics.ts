/** What Prometheus is told. Listens to the keeper; nothing here is ever waited for by it. */
import type { Registry } from 'prom-client';
import { timer } from '../clock.ts';
import { type Clock, type Duration, type Instant, seconds } from '../core/time.ts';
import type { Done, KeeperEvent, Subject } from '../keeper/events.ts';
import { createDeadTime } from './dead-time.ts';
import { createLatest, doorOf } from './latest.ts';
import { createMeter, prune } from './registry.ts';
import { secretSeries } from './secret-series.ts';

/** What a provider's client reports of one request: names from closed lists only. */
export interface Request {
  readonly operation: string;
  readonly status: string;
  readonly took: Duration;
}

/** By queue and by state, how many jobs there are. */
export type QueueCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Metrics {
  /** Of all that is not about one secret. */
  readonly registry: Registry;
  /** Never throws. */
  listen(event: KeeperEvent): void;
  /** A secret, or a provider's token, is in the configuration. Said again when its part of it changes. */
  watch(subject: Subject): void;
  /** It has left the configuration: its series disappear, and those of a provider or source with its last. */
  forget(secret: string): void;
  onRequest(provider: string, request: Request): void;
  /** The provider's clock minus ours. */
  onSkew(provider: string, skew: Duration): void;
  redisUp(isUp: boolean): void;
  redisEvicting(isEvicting: boolean): void;
  /** What is asked at each scrape for how many are kept from memory. */
  keptFromMemory(ask: () => number): void;
  /** What is asked at each scrape for the jobs in the queues. Where it throws or takes long there is no series. */
  queueCounts(ask: () => Promise<QueueCounts>): void;
  configReloaded(isOk: boolean): void;
  /** A job that no `begun` event tells of was begun so late. */
  lateness(late: Duration): void;
  /** The text of a scrape. */
  render(): Promise<string>;
}

/** A scrape waits no longer than this for Redis. */
const patience: Duration = seconds(1);

export interface MetricsOptions {
  readonly version: string;
  /** The steady one: dead seconds are counted on it, and skews are told against it. */
  readonly clock: Clock;
  /** The machine's, which may be set at any time. Default: as `clock`. */
  readonly wall?: Clock;
}

export function createMetrics({ version, clock, wall = clock }: MetricsOptions): Metrics {
  const latest = createLatest(clock);
  const deadTime = createDeadTime(clock);
  const meter = createMeter();
  let ask: () => Promise<QueueCounts> = async () => ({});
  let countKept = () => 0;

  const ofSecrets = secretSeries(latest, deadTime);
  const acts = meter.counter('leasekeeper_acts_total');
  const actDuration = meter.histogram('leasekeeper_act_duration_seconds');
  const failures = meter.counter('leasekeeper_failures_total');
  const deliveries = meter.counter('leasekeeper_deliveries_total');
  const orphaned = meter.counter('leasekeeper_orphaned_leases_total');
  const lookLateness = meter.histogram('leasekeeper_look_lateness_seconds');
  const requests = meter.histogram('leasekeeper_provider_request_duration_seconds');
  const blockedUntil = meter.gauge('leasekeeper_provider_blocked_until_timestamp_seconds');
  const skewOf = new Map<string, Duration>();
  const skews = meter.gauge('leasekeeper_clock_skew_seconds', () => {
    const set = clock.now() - wall.now();
    for (const [provider, skew] of skewOf) skews.set({ provider }, (skew + set) / 1000);
  });
  const redis = meter.gauge('leasekeeper_redis_up');
  const evicting = meter.gauge('leasekeeper_redis_evicting');
  const kept = meter.gauge('leasekeeper_kept_from_memory', () => {
    kept.set(countKept());
  });
  const jobs = meter.gauge('leasekeeper_queue_jobs', async () => {
    jobs.reset();
    for (const [queue, counts] of Object.entries(await within(patience, ask))) {
      for (const [state, count] of Object.entries(counts)) jobs.set({ queue, state }, count);
    }
  });
  const reloadOk = meter.gauge('leasekeeper_config_last_reload_successful');
  const reloads = meter.counter('leasekeeper_config_reloads_total');
  redis.set(0);
  evicting.set(0);
  reloadOk.set(1);
  for (const outcome of ['ok', 'failed']) reloads.inc({ outcome }, 0);
  meter.gauge('leasekeeper_build_info').set({ version, node: process.version }, 1);

  const done = ({ secret, step, outcome, took }: Done) => {
    const subject = latest.get(secret)?.subject;
    if (!subject) return;
    const { source, provider, sinkTypes } = subject;
    const { act, because } = step;
    acts.inc({ act, source, provider, because, outcome });
    actDuration.observe({ act, source }, inSeconds(took));
    if (outcome !== 'ok' && outcome !== 'blocked') failures.inc({ act, source, provider, code: outcome });
    if ((act === 'write' && outcome !== 'blocked') || (act === 'reload' && outcome !== 'ok')) {
      deliveries.inc({ sink_type: sinkTypes[step.to] ?? 'all', outcome });
    }
  };

  /** Series of what left the configuration disappear; counting is cheap, and reloads are rare. */
  let hasForgotten = false;
  const forgetSeries = async () => {
    if (!hasForgotten) return;
    hasForgotten = false;
    const subjects = latest.all().map(({ subject }) => subject);
    const providers = new Set(subjects.flatMap((subject) => [subject.provider, doorOf(subject)]));
    for (const provider of skewOf.keys()) if (!providers.has(provider)) skewOf.delete(provider);
    const sources = new Set(subjects.map(({ source }) => source));
    const byProvider = [prune(acts, 'provider', (name) => providers.has(name))];
    byProvider.push(prune(failures, 'provider', (name) => providers.has(name)));
    byProvider.push(prune(requests, 'provider', (name) => providers.has(name)));
    byProvider.push(prune(blockedUntil, 'provider', (name) => providers.has(name)));
    byProvider.push(prune(skews, 'provider', (name) => providers.has(name)));
    await Promise.all(byProvider);
    await Promise.all([
      prune(acts, 'source', (type) => sources.has(type)),
      prune(failures, 'source', (type) => sources.has(type)),
      prune(actDuration, 'source', (type) => sources.has(type)),
      prune(orphaned, 'source', (type) => sources.has(type)),
    ]);
  };

  const scrape = async () => {
    await forgetSeries();
    return `${await meter.registry.metrics()}\n${await ofSecrets()}`;
  };
  let underWay: Promise<string> | undefined;

  return {
    registry: meter.registry,
    listen: (event) => {
      latest.listen(event);
      switch (event.type) {
        case 'done':
          return done(event);
        case 'changed': {
          const subject = latest.get(event.secret)?.subject;
          if (subject && !subject.isToken) deadTime.record(subject, event.record);
          return;
        }
        case 'begun':
          return lookLateness.observe(inSeconds(event.lateness));
        case 'blocked':
          return blockedUntil.set({ provider: event.provider }, stamp(event.until));
        case 'orphaned': {
          const source = latest.get(event.secret)?.subject.source;
          if (source !== undefined) orphaned.inc({ source }, event.count);
        }
      }
    },
    watch: (subject) => {
      latest.watch(subject);
      blockedUntil.inc({ provider: doorOf(subject) }, 0);
      orphaned.inc({ source: subject.source }, 0);
      // A rejected login is alerted on by its increase, which the first one would not be.
      if (subject.isToken)
        failures.inc({ act: 'acquire', source: subject.source, provider: subject.provider, code: 'denied' }, 0);
      for (const type of Object.values(subject.sinkTypes)) deliveries.inc({ sink_type: type, outcome: 'ok' }, 0);
    },
    forget: (secret) => {
      latest.forget(secret);
      deadTime.forget(secret);
      hasForgotten = true;
    },
    onRequest: (provider, { operation, status, took }) =>
      requests.observe({ provider, operation, status }, inSeconds(took)),
    onSkew: (provider, skew) => void skewOf.set(provider, skew),
    redisUp: (isUp) => redis.set(isUp ? 1 : 0),
    redisEvicting: (isEvicting) => evicting.set(isEvicting ? 1 : 0),
    keptFromMemory: (count) => {
      countKept = count;
    },
    queueCounts: (counts) => {
      ask = counts;
    },
    configReloaded: (isOk) => {
      reloadOk.set(isOk ? 1 : 0);
      reloads.inc({ outcome: isOk ? 'ok' : 'failed' });
    },
    lateness: (late) => lookLateness.observe(inSeconds(late)),
    render: () => {
      // Whoever asks while a scrape is made gets the same one: many askers cost no more than one.
      underWay ??= scrape().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}

/** A clock that was corrected in between may make it negative; a histogram has no place for that. */
const inSeconds = (length: Duration): number => (length > 0 && Number.isFinite(length) ? length / 1000 : 0);

const stamp = (until: Instant | undefined): number => (until === undefined ? 0 : until / 1000);

/** Nothing where it throws or takes too long. */
async function within(limit: Duration, ask: () => Promise<QueueCounts>): Promise<QueueCounts> {
  let cancel = () => {};
  const late = new Promise<QueueCounts>((resolve) => {
    cancel = timer(limit, () => resolve({}));
  });
  try {
    return await Promise.race([ask(), late]);
  } catch {
    return {};
  } finally {
    cancel();
  }
}
