/** Secrets at work: every job of the scheduler becomes a look, a delivery or a reload of the household of the moment. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { assemble, type Connection, type Household, type Kept, type Surroundings } from './assemble.ts';
import type { Configuration } from './config/configuration.ts';
import { learnTimes, leaving, relearning } from './connections.ts';
import { asLeaseError, ProviderBlocked } from './core/failure.ts';
import type { Clock, Duration } from './core/time.ts';
import type { Foundations } from './foundations.ts';
import { deliver } from './keeper/deliver.ts';
import type { KeeperEvent, Subject } from './keeper/events.ts';
import { endLeases } from './keeper/farewell.ts';
import { Hands } from './keeper/hands.ts';
import { look } from './keeper/look.ts';
import { reload } from './keeper/reload.ts';
import { subjectOf } from './keeper/secret.ts';
import { type InMemory, inMemory } from './memory.ts';
import { outstanding } from './outstanding.ts';
import { type BullWorker, bullWorker, looksAtATime } from './queue/bullmq.ts';
import type { Job } from './queue/scheduler.ts';
import type { ProviderRequest } from './sources/define.ts';

/** Who is told what happens: log, metrics, health. */
export interface Listener {
  listen(event: KeeperEvent): void;
  watch(subject: Subject): void;
  forget(secret: string): void;
}

export interface KeepingOptions {
  readonly configuration: Configuration;
  readonly foundations: Foundations;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly listeners: readonly Listener[];
  readonly steady: Clock;
  readonly wall: Clock;
  readonly onRequest: (provider: string, request: ProviderRequest) => void;
  readonly onSkew: (provider: string, skew: Duration) => void;
  readonly onError: (doing: string, error: unknown) => void;
  readonly onMemory: (secret: string, what: InMemory, error?: unknown) => void;
}

export interface Keeping {
  readonly counts: BullWorker['counts'];
  /** How many secrets and tokens Redis cannot be told of at this moment. */
  readonly keptFromMemory: () => number;
  /**
   * Go on under another configuration, whose state is the same. Throws where part of it cannot be opened: then all is as
   * it was. Rejects where the schedule cannot be told; it will be.
   */
  change(configuration: Configuration): Promise<void>;
  lookAtEverything(): Promise<void>;
  /** That too, and have every provider say what time it is: ours may have stood still. Resolves before they have. */
  learnTimeAnew(): Promise<void>;
  /** Resolves once every sink of every secret holds its head. */
  delivered(signal: AbortSignal): Promise<void>;
  /** Names of secrets for which that is not so. */
  undelivered(): readonly string[];
  /** Begin nothing, end what is under way until `signal` aborts, and then cut it off. Twice is once. */
  rest(signal: AbortSignal): Promise<void>;
  /**
   * At rest: end the leases of all secrets that are configured to end with us, until `signal` aborts. Answers with those
   * of which some could not be ended now: the next start will.
   */
  endLeases(signal: AbortSignal): Promise<readonly string[]>;
  /** At rest: let go of all providers. */
  close(): Promise<void>;
}

const deliveriesAtATime = 50;
const endingsAtATime = 8;

export async function startKeeping(options: KeepingOptions): Promise<Keeping> {
  const { foundations, listeners, steady, wall, onError } = options;
  const { keys, redis } = foundations;
  const memory = inMemory({
    store: foundations.store,
    clock: steady,
    keys: () => [...household.secrets].map(([name, { key }]) => [key, name]),
    onMemory: options.onMemory,
    // What could wait has waited.
    onBack: (secret) => {
      worker.wake({ kind: 'look', secret }, steady.now()).catch((error: unknown) => onError(`waking ${secret}`, error));
    },
  });
  const end = new AbortController();
  /** What was seen before is seen to again. */
  let believedFrom = steady.now();
  const open = outstanding(() => household);
  const emit = (event: KeeperEvent) => {
    for (const listener of listeners) listener.listen(event);
    if (event.type === 'changed') open.note(event.secret, event.record);
  };
  const worker = bullWorker({
    handle: (job, signal) => handle(job, signal),
    connections: redis,
    prefix: redis.keys,
    lookName: (secret) => household.secrets.get(secret)?.look ?? 'renew-lease',
    concurrency: {
      looks: looksAtATime(Object.keys(options.configuration.providers).length),
      deliveries: deliveriesAtATime,
    },
    // A token on its way to our own client waits for nobody's file or program.
    isPrompt: (job) => household.secrets.get(job.secret)?.secret.isToken === true,
    clock: steady,
    wall,
    onBegun: (job, lateness) => job.kind === 'look' && emit({ type: 'begun', secret: job.secret, lateness }),
    onFailed: (job, error) => onError(`${job.kind} of ${job.secret}`, error),
    onError: (error) => onError('the schedule in Redis', error),
    codeOf: (error) => (error instanceof ProviderBlocked ? 'blocked' : asLeaseError(error).code),
  });
  const around: Surroundings = {
    ports: {
      store: memory.store,
      scheduler: worker,
      clock: steady,
      uptime: () => steady.now() - believedFrom,
      deadline: (after) => AbortSignal.timeout(Math.max(0, Math.ceil(after))),
      emit,
      newKey: randomUUID,
    },
    deps: { clock: steady, env: options.env, markKey: keys.markKey },
    sinkDeps: { markKey: keys.markKey, env: options.env, clock: steady, wallClock: wall, pid: process.pid },
    hands: new Hands(),
    host: hostname(),
    onRequest: options.onRequest,
    onSkew: options.onSkew,
    onError,
    signal: end.signal,
  };
  let household: Household = assemble(options.configuration, around);

  async function handle(job: Job, signal: AbortSignal): Promise<void> {
    const visit = household.visit(job.secret, signal);
    if (!visit) return;
    if (job.kind === 'look') await look(visit);
    else if (job.kind === 'reload') await reload(visit);
    else if (visit.secret.sinks[job.sink]) await deliver(visit, job.sink);
  }

  const isKept = (connection: Connection) =>
    !end.signal.aborted && [...household.connections.values()].includes(connection);
  const watch = () => {
    for (const { secret } of household.secrets.values()) for (const one of listeners) one.watch(subjectOf(secret));
  };
  watch();
  const relearn = relearning(isKept);
  const parted = leaving(onError);
  const lookAtEverything = () => {
    believedFrom = steady.now();
    for (const { secret } of household.secrets.values()) secret.seen.clear();
    return worker.wakeAll();
  };
  await learnTimes(household, isKept);
  // Redis may have gone since it was found to be there: all is planned in memory, and it is told when it is back.
  await worker.ensure(household.jobs).catch((error: unknown) => onError('the schedule in Redis', error));
  // Believe nothing from before the start: tokens are in nobody's memory, and who knows what became of the sinks.
  await worker.wakeAll();

  return {
    counts: () => worker.counts(),
    keptFromMemory: () => memory.kept,
    undelivered: open.names,
    delivered: open.none,
    change(configuration) {
      const former = household;
      household = assemble(configuration, around, former);
      for (const [name, { key, secret }] of former.secrets) {
        const present = household.secrets.get(name);
        if (present?.key !== key) open.forget(name);
        if (present) continue;
        for (const one of listeners) one.forget(name);
        // Nobody looks at it any more: those behind it in the line must not wait for its turn.
        secret.gate.pass(name);
      }
      memory.change();
      watch();
      open.recount();
      return goOn(former);
    },
    lookAtEverything,
    learnTimeAnew: () => {
      relearn(household, steady.now());
      return lookAtEverything();
    },
    rest: (signal) => worker.close(signal),
    async endLeases(signal) {
      const ending = [...household.secrets.values()].filter(({ endsWithUs }) => endsWithUs).values();
      const left = await Promise.all(Array.from({ length: endingsAtATime }, () => endEach(ending, signal)));
      return left.flat();
    },
    async close() {
      end.abort(new Error('the daemon ends'));
      await memory.close();
      await parted.closeAll(household);
    },
  };

  async function endEach(ending: Iterable<Kept>, signal: AbortSignal): Promise<readonly string[]> {
    const left: string[] = [];
    for (const { secret } of ending) {
      const visit = household.visit(secret.name, signal);
      const isDone = await (visit ? endLeases(visit) : undefined)?.catch((error: unknown) => {
        onError(`ending the leases of ${secret.name}`, error);
      });
      if (isDone !== 0) left.push(secret.name);
    }
    return left;
  }

  async function goOn(former: Household): Promise<void> {
    try {
      await learnTimes(household, isKept, former);
      await worker.ensure(household.jobs);
    } finally {
      parted.close(former, household);
      await worker.wakeAll();
    }
  }
}
