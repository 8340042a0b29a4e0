/** Secrets whose leases come from memory, kept by the real keeper on the real store and schedule: all but a provider. */
import { randomUUID } from 'node:crypto';
import { steadyClock } from '../../src/clock.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import { type Duration, type Instant, minutes } from '../../src/core/time.ts';
import { deliver } from '../../src/keeper/deliver.ts';
import { Gate } from '../../src/keeper/gate.ts';
import { look } from '../../src/keeper/look.ts';
import { type Ports, secretOf, type Visit } from '../../src/keeper/secret.ts';
import { bullWorker } from '../../src/queue/bullmq.ts';
import type { Job } from '../../src/queue/scheduler.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import type { Source } from '../../src/sources/source.ts';
import type { RedisAccess } from '../../src/state/redis.ts';
import { RedisStore } from '../../src/state/redis-store.ts';
import { aSealing } from '../support/key-ring.ts';

/** What everything here is dated on, as in the daemon: it never jumps. */
export const clock = steadyClock();

/** One of the secrets, in the hands of the measurement. */
export interface Tenant {
  readonly number: number;
  /** How far its provider's clock is ahead of ours: to set it forward makes a renewal due. */
  ahead: Duration;
  /** So late the look that is under way, or was the last, was begun; and when that was, on our clock. */
  late: Duration;
  begunAt: Instant;
}

export interface HouseOptions {
  readonly redis: RedisAccess;
  readonly count: number;
  readonly concurrency: number;
  /** The end of a lease that is taken or renewed now, in its provider's time. */
  readonly endOf: (tenant: Tenant, act: 'acquire' | 'renew', now: Instant) => Instant;
  /** A look has ended. Answers whether to look again at once. */
  readonly onLooked: (tenant: Tenant) => boolean;
}

export interface House {
  readonly tenants: readonly Tenant[];
  lookAtAll(): Promise<void>;
  close(): Promise<void>;
}

const term = minutes(4);

/** Takes a lease for each secret as soon as it is open. Rejects in `close` where anything went wrong on the way. */
export async function openHouse(options: HouseOptions): Promise<House> {
  const { redis, count, concurrency, endOf, onLooked } = options;
  const tenants = Array.from({ length: count }, (_, number): Tenant => ({ number, ahead: 0, late: 0, begunAt: 0 }));
  const wrongs: unknown[] = [];
  const openedAt = clock.now();
  // The most that can be configured: what is measured here is not how looks wait for a provider.
  const gate = new Gate({ name: 'bench', clock, emit: () => undefined, slots: 64 });
  const store = new RedisStore({ redis: redis.store, keys: redis.keys, sealing: aSealing(redis.keys) });
  const tenantOf = new Map(tenants.map((tenant) => [nameOf(tenant), tenant]));
  const worker = bullWorker({
    handle: (job, signal) => handle(job, signal),
    connections: redis,
    prefix: redis.keys,
    lookName: () => 'renew-lease',
    concurrency: { looks: concurrency, deliveries: concurrency },
    clock,
    onBegun: (job, lateness) => {
      const tenant = tenantOf.get(job.secret);
      if (job.kind === 'look' && tenant) Object.assign(tenant, { late: lateness, begunAt: clock.now() });
    },
    onFailed: (_, error) => wrongs.push(error),
    onError: (error) => wrongs.push(error),
  });
  const visits = new Map(
    tenants.map((tenant) => {
      const now = () => clock.now() + tenant.ahead;
      const secret = secretOf({
        name: nameOf(tenant),
        type: 'bench/lease',
        provider: 'bench',
        required: true,
        isToken: false,
        source: sourceOf(tenant, now, endOf),
        sinks: { memory: memorySink() },
        sinkTypes: { memory: 'memory' },
        policy: { renewAt: 0.5, jitter: 0, grace: minutes(1) },
        gate,
      });
      const ports: Ports = {
        store,
        scheduler: worker,
        clock,
        // Or the start of the process would move with the provider's clock, and everything be in doubt.
        uptime: () => now() - openedAt,
        deadline: (after) => AbortSignal.timeout(Math.max(0, Math.ceil(after))),
        emit: () => undefined,
        newKey: randomUUID,
      };
      return [secret.name, { secret, ports }] as const;
    }),
  );

  async function handle(job: Job, signal: AbortSignal): Promise<void> {
    const place = visits.get(job.secret);
    const tenant = tenantOf.get(job.secret);
    if (!place || !tenant || job.kind === 'reload') return;
    const visit: Visit = { ...place, signal };
    if (job.kind === 'deliver') return deliver(visit, job.sink);
    await look(visit);
    if (onLooked(tenant)) await worker.wake(job, clock.now());
  }

  await worker.ensure(
    [...visits.keys()].flatMap((secret): Job[] => [
      { kind: 'look', secret },
      { kind: 'deliver', secret, sink: 'memory' },
    ]),
  );
  return {
    tenants,
    async lookAtAll() {
      await Promise.all([...visits.keys()].map((secret) => worker.wake({ kind: 'look', secret }, clock.now())));
    },
    async close() {
      // What fails while it is closed is no part of the figures.
      const before = [...wrongs];
      await worker.close(AbortSignal.timeout(5_000));
      if (before.length > 0) throw new AggregateError(before, `${before.length} jobs or commands failed: no figures`);
    },
  };
}

const nameOf = ({ number }: Tenant): string => `secret-${number}`;

function sourceOf(tenant: Tenant, now: () => Instant, endOf: HouseOptions['endOf']): Source {
  let taken = 0;
  return {
    clock: { now },
    uncertainty: () => 0,
    async acquire() {
      const lease: Lease = {
        id: `lease-${tenant.number}-${++taken}`,
        issuedAt: now(),
        expiresAt: endOf(tenant, 'acquire', now()),
        renewal: { from: 'now', by: term, atLeast: term, canShorten: false },
      };
      return { lease, material: new Material({ value: 'of no use' }) };
    },
    renew: async (lease) => ({ lease: { ...lease, expiresAt: endOf(tenant, 'renew', now()) } }),
    revoke: async () => 'ended',
  };
}
