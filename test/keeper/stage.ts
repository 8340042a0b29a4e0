/** A keeper on a stage: a steered clock, a store in memory, a scheduler that can be read, and a source that does as told. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import type { SecretRecord } from '../../src/core/record.ts';
import { type Duration, type Instant, minutes } from '../../src/core/time.ts';
import { deliver } from '../../src/keeper/deliver.ts';
import type { Done, KeeperEvent } from '../../src/keeper/events.ts';
import { Gate } from '../../src/keeper/gate.ts';
import { look } from '../../src/keeper/look.ts';
import { reload } from '../../src/keeper/reload.ts';
import { type Ports, type Secret, type SecretOptions, secretOf, type Visit } from '../../src/keeper/secret.ts';
import { type Job, nameOf, type Scheduler } from '../../src/queue/scheduler.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import type { Source } from '../../src/sources/source.ts';
import type { Store } from '../../src/state/store.ts';
import { MemoryStore } from '../support/memory-store.ts';

export class Stage {
  now: Instant;
  /** How far the provider's clock is ahead of ours. */
  skew: Duration = 0;
  readonly events: KeeperEvent[] = [];
  readonly store = new MemoryStore();
  /** What is asked of the store goes through here. */
  throughStore: Store = this.store;
  readonly secrets = new Map<string, Secret>();
  readonly clock = { now: () => this.now };
  readonly #plan = new Map<string, { readonly job: Job; readonly at: Instant }>();
  readonly #running = new Set<string>();
  readonly #timers: { readonly at: Instant; readonly happen: () => void }[] = [];
  /** What jobs have thrown. */
  readonly thrown: unknown[] = [];
  #startedAt: Instant;
  #keys = 0;

  constructor(now: Instant = 0) {
    this.now = now;
    this.#startedAt = now;
  }

  readonly ports: Ports = {
    store: {
      load: (secret) => this.throughStore.load(secret),
      update: (secret, change, values) => this.throughStore.update(secret, change, values),
      values: (secret) => this.throughStore.values(secret),
      remove: (secret) => this.throughStore.remove(secret),
      list: () => this.throughStore.list(),
    },
    scheduler: this.#scheduler(),
    clock: this.clock,
    uptime: () => this.now - this.#startedAt,
    deadline: (after) => {
      const abort = new AbortController();
      this.after(after, () => abort.abort(new DOMException('too late', 'TimeoutError')));
      return abort.signal;
    },
    emit: (event) => this.events.push(event),
    newKey: () => `key${++this.#keys}`,
  };

  gate(name = 'p', slots = 8): Gate {
    return new Gate({ name, clock: this.clock, emit: this.ports.emit, slots });
  }

  /** The process is another one now, and has no values in memory. */
  restart(): void {
    this.#startedAt = this.now;
    for (const [name, { hand: _, seen: __, ...secret }] of this.secrets) {
      const { exclusive, trusts, reloadAfter, takenBack } = secret.rules;
      const later = reloadAfter === undefined ? {} : { reloadAfter };
      const options = { exclusive, trusts, takesBack: takenBack !== undefined, ...later };
      this.secrets.set(name, secretOf({ ...secret, policy: secret.rules, ...options }));
    }
  }

  add(options: Partial<SecretOptions> & { readonly source: Source }): Secret {
    const secret = secretOf({
      name: 's',
      type: 'test/lease',
      provider: 'p',
      required: true,
      isToken: false,
      sinks: {},
      sinkTypes: {},
      policy: { renewAt: 0.5, jitter: 0, grace: minutes(5) },
      gate: this.gate(),
      ...options,
    });
    this.secrets.set(secret.name, secret);
    this.wakeAll(secret.name);
    return secret;
  }

  wakeAll(name: string): void {
    this.#put({ kind: 'look', secret: name }, this.now);
    for (const sink of Object.keys(this.secrets.get(name)?.sinks ?? {})) {
      this.#put({ kind: 'deliver', secret: name, sink }, this.now);
    }
    if (this.secrets.get(name)?.reload) this.#put({ kind: 'reload', secret: name }, this.now);
  }

  visit(name = 's'): Visit {
    const secret = this.secrets.get(name);
    if (!secret) throw new Error(`no secret ${name}`);
    return { secret, ports: this.ports, signal: new AbortController().signal };
  }

  after(delay: Duration, happen: () => void): void {
    this.#timers.push({ at: this.now + delay, happen });
  }

  /** When the job is planned for; undefined where it is not. */
  dueOf = (job: Job): Instant | undefined => this.#plan.get(nameOf(job))?.at;

  lookOf = (secret = 's'): Instant | undefined => this.dueOf({ kind: 'look', secret });

  /** Let everything happen until then, in its order; calls under way go on as far as they can. */
  async until(end: Instant): Promise<void> {
    for (;;) {
      await this.rest();
      let next = Math.min(...this.#timers.map(({ at }) => at));
      for (const [name, { at }] of this.#plan) if (at < next && !this.#running.has(name)) next = at;
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.#begin();
    }
    this.now = end;
  }

  /** All that can go on without time going on. */
  async rest(): Promise<void> {
    for (let i = 0; i < 8; i++) await turn();
  }

  async record(name = 's'): Promise<SecretRecord> {
    return (await this.store.load(name)).record;
  }

  done(name = 's'): readonly Done[] {
    return this.events.filter((event): event is Done => event.type === 'done' && event.secret === name);
  }

  #begin(): void {
    const due = this.#timers.filter(({ at }) => at <= this.now);
    for (const timer of due) this.#timers.splice(this.#timers.indexOf(timer), 1);
    for (const { happen } of due) happen();
    const now = [...this.#plan].filter(([name, { at }]) => at <= this.now && !this.#running.has(name));
    for (const [name, { job }] of now) {
      this.#plan.delete(name);
      this.#running.add(name);
      void this.#run(job)
        .catch((error: unknown) => {
          this.thrown.push(error);
          this.#put(job, this.now + 1000);
        })
        .finally(() => this.#running.delete(name));
    }
  }

  #run(job: Job): Promise<void> {
    const visit = this.visit(job.secret);
    if (job.kind === 'look') return look(visit);
    if (job.kind === 'reload') return reload(visit);
    // One that was configured before.
    return visit.secret.sinks[job.sink] ? deliver(visit, job.sink) : Promise.resolve();
  }

  #put(job: Job, at: Instant): void {
    this.#plan.set(nameOf(job), { job, at });
  }

  #scheduler(): Scheduler {
    return {
      succeed: async (job, at) => this.#put(job, at),
      wake: async (job, at) => this.#put(job, Math.min(at, this.dueOf(job) ?? Number.POSITIVE_INFINITY)),
    };
  }
}

/** A source that lends leases of an hour, renewed from now, unless it is told otherwise. */
export function aSource(stage: Stage, change: Partial<Source> = {}): Source & { readonly asked: string[] } {
  const asked: string[] = [];
  const clock = { now: () => stage.now + stage.skew };
  let count = 0;
  const source: Source = {
    clock,
    uncertainty: () => 0,
    acquire: async () => {
      const id = `l${++count}`;
      return { lease: lent(id, clock.now()), material: new Material({ value: `VALUE-${id}` }) };
    },
    renew: async (lease) => ({ lease: { ...lease, expiresAt: clock.now() + minutes(60) } }),
    revoke: async () => 'ended',
    ...change,
  };
  const listen = <A extends unknown[], R>(name: string, call: ((...args: A) => R) | undefined) =>
    call && {
      [name]: (...args: A) => {
        asked.push(`${name} at ${stage.now}`);
        return call(...args);
      },
    };
  return {
    ...source,
    ...listen('acquire', source.acquire),
    ...listen('renew', source.renew),
    ...listen('revoke', source.revoke),
    ...listen('observe', source.observe),
    asked,
  };
}

export const lent = (id: string, now: Instant, change: Partial<Lease> = {}): Lease => ({
  id,
  issuedAt: now,
  expiresAt: now + minutes(60),
  renewal: { from: 'now', by: minutes(60), atLeast: minutes(60), canShorten: false },
  ...change,
});

/** A sink that remembers what it was given, and what was asked of it. */
export interface StagedSink extends Sink {
  content: string | undefined;
  readonly asked: string[];
}

export function aSink(change: Partial<Sink> = {}): StagedSink {
  const sink: StagedSink = {
    content: undefined,
    asked: [],
    write: async ({ material, lease }) => {
      sink.asked.push(`write ${lease}`);
      sink.content = material.reveal('value');
      return `mark of ${lease}`;
    },
    holds: async () => {
      sink.asked.push('holds');
      return sink.content !== undefined;
    },
    ...change,
  };
  return sink;
}

/** A promise in the hands of the test. */
export function pending<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
