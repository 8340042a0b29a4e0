/** One queue in Redis and its worker: the only file that speaks BullMQ, and knows the four keys of its layout we need. */
import { once } from 'node:events';
import { type Job as BullJob, Queue, Worker as QueueWorker, UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';
import { sleep } from '../clock.ts';
import type { Duration, Instant } from '../core/time.ts';

/** BullMQ keeps a job's date times 4096, and the order of its coming in the rest. */
const scoresPerMillisecond = 0x1000;
/** A date further away is asked for in pieces: BullMQ's scores are no longer exact from the year 2039 on. */
const longestDelay: Duration = 7 * 86_400_000;
/** A worker that has not said so for so long is taken for dead, and its job is given to another. */
const lockDuration: Duration = 30_000;
const stalledInterval: Duration = 5_000;
/** How long Redis may take to connect, and an orderly end of the worker before its connections are cut. */
const patience: Duration = 2_000;

/** What BullMQ remembers of a job; never a value. */
export interface Entry {
  /** Unique for the job: BullMQ's deduplication id. */
  readonly key: string;
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
}

/** What Redis knows of jobs, by BullMQ's ids. */
export interface Standing {
  /** What deduplication takes for the jobs that were asked about, by their keys: empty where it knows none. */
  readonly ids: ReadonlyMap<string, string>;
  /** The dates of all jobs that wait for theirs. */
  readonly dates: ReadonlyMap<string, Instant>;
  /** What some worker has taken and not given back. */
  readonly taken: ReadonlySet<string>;
  /** What waits for its turn. */
  readonly waiting: ReadonlySet<string>;
}

/** A client that fails fast, for what we ask; and one that waits for Redis, for the worker. */
export interface Connections {
  producer(): Redis;
  worker(): Redis;
}

export interface JobQueueOptions {
  readonly name: string;
  readonly prefix: string;
  readonly connections: Connections;
  readonly concurrency: number;
  /** Runs a job. What it throws is stored in Redis: its message must be fit for that. */
  readonly run: (data: unknown, name: string) => Promise<void>;
  /** The clock of all dates that are said here. */
  readonly now: () => Instant;
  /** The clock of BullMQ's. */
  readonly wall: () => Instant;
  /** What went wrong with Redis or in BullMQ. Nothing is lost by it. */
  readonly onError: (error: Error) => void;
  /** Redis can be asked again after it could not. */
  readonly onReady: () => void;
}

export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #producer: Redis;
  readonly #queue: Queue;
  #worker: { readonly worker: QueueWorker; readonly client: Redis } | undefined;

  constructor(options: JobQueueOptions) {
    this.#options = options;
    this.#producer = options.connections.producer();
    this.#producer.on('error', options.onError);
    this.#producer.on('ready', options.onReady);
    this.#queue = new Queue(options.name, {
      connection: this.#producer,
      prefix: options.prefix,
      // Else adding hangs while Redis is away at start, or fails for ever after.
      skipWaitingForReady: true,
      skipVersionCheck: true,
      streams: { events: { maxLen: 100 } },
      defaultJobOptions: {
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: { age: 86_400, count: 100 },
        stackTraceLimit: 0,
      },
    });
    this.#queue.on('error', options.onError);
  }

  /** Resolves when Redis can be asked, or has kept us waiting for two seconds: then what is asked of it rejects. */
  async whenReady(): Promise<void> {
    if (this.#producer.status === 'ready') return;
    await this.#within(once(this.#producer, 'ready').catch(() => undefined));
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /**
   * Have the job run at `at`. While it runs this is its successor, counted from its end. Where it waits for its date:
   * `move` sets this one, `create` leaves it alone. Answers with BullMQ's id of the one that is there now.
   */
  async add(entry: Entry, at: Instant, how: 'move' | 'create'): Promise<string> {
    const delay = Math.min(longestDelay, Math.max(0, Math.ceil(at - this.#options.now())));
    const job = await this.#queue.add(entry.name, entry.data, {
      delay,
      deduplication: { id: entry.key, keepLastIfActive: true, ...(how === 'move' && { reschedule: true }) },
    });
    return job.id ?? '';
  }

  /** What Redis knows of these jobs, seen in one moment. Changes nothing. */
  async standing(entries: readonly Entry[]): Promise<Standing> {
    const key = (name: string) => this.#queue.toKey(name);
    const asked = this.#producer.multi();
    asked.lrange(key('active'), 0, -1).lrange(key('wait'), 0, -1).zrange(key('delayed'), '0', '-1', 'WITHSCORES');
    if (entries.length > 0) asked.mget(entries.map((entry) => key(`de:${entry.key}`)));
    const answers = (await asked.exec()) ?? [];
    const [active = [], wait = [], delayed = [], found = []] = answers.map(([error, answer]) => {
      if (error) throw error;
      return (answer as (string | null)[]).map((one) => one ?? '');
    });
    const dates = new Map<string, Instant>();
    for (let i = 0; i + 1 < delayed.length; i += 2) dates.set(delayed[i] ?? '', this.#onOurs(delayed[i + 1]));
    const ids = new Map(entries.map((entry, i) => [entry.key, found[i] ?? '']));
    return { ids, dates, taken: new Set(active), waiting: new Set(wait) };
  }

  /**
   * A job that Redis knows is left as it is; any other is to run at `at`. Answers with BullMQ's id of it. What
   * deduplication takes for it, though it neither waits nor is taken, is the rest of one that Redis lost: it goes.
   */
  async ensure(entry: Entry, at: Instant, { ids, dates, taken, waiting }: Standing): Promise<string> {
    const id = ids.get(entry.key) ?? '';
    if (taken.has(id) || dates.has(id) || waiting.has(id)) return id;
    if (id !== '') await this.release(id);
    return this.add(entry, at, 'create');
  }

  #onOurs(score: string | undefined): Instant {
    const { now, wall } = this.#options;
    return Math.floor(Number(score) / scoresPerMillisecond) + now() - wall();
  }

  /** Forget a job that a worker has taken which no longer works on it. */
  async release(id: string): Promise<void> {
    await this.#producer.del(`${this.#queue.toKey(id)}:lock`);
    await this.#queue.remove(id);
    await this.#producer.lrem(this.#queue.toKey('active'), 0, id);
  }

  /** How many jobs there are, by BullMQ's state. */
  counts(): Promise<Readonly<Record<string, number>>> {
    return this.#queue.getJobCounts('wait', 'active', 'delayed', 'failed');
  }

  /** Begin to take jobs. Said again, another worker takes the place of the one that was there. */
  start(): void {
    const { name, prefix, connections, concurrency, onError } = this.#options;
    const former = this.#worker;
    const client = connections.worker();
    client.on('error', onError);
    const worker = new QueueWorker(name, (job) => this.#run(job), {
      connection: client,
      prefix,
      concurrency,
      lockDuration,
      stalledInterval,
      // Jobs are harmless to run again; who crashed five times over one is looked after by the next ensure.
      maxStalledCount: 5,
      runRetryDelay: 500,
      drainDelay: 5,
    });
    worker.on('error', onError);
    this.#worker = { worker, client };
    if (former) void this.#end(former, true);
  }

  /** Take no new job. Those under way go on. */
  async pause(): Promise<void> {
    await this.#worker?.worker.pause(true);
  }

  /** End all connections: in order where no job is under way and Redis answers, else by cutting them. */
  async close(isOrderly: boolean): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker) await this.#end(worker, !isOrderly);
    await this.#within(this.#queue.close());
    this.#producer.disconnect();
  }

  async #end({ worker, client }: { worker: QueueWorker; client: Redis }, isForced: boolean): Promise<void> {
    await this.#within(worker.close(isForced));
    // BullMQ made this connection as a duplicate of ours, and leaves it open where closing did not come to its end.
    const blocking = (worker.getBackend() as unknown as { blockingClient?: Promise<{ disconnect(): void }> })
      .blockingClient;
    blocking?.then(
      (redis) => redis.disconnect(),
      () => undefined,
    );
    client.disconnect();
  }

  async #within(task: Promise<unknown>): Promise<void> {
    const isOver = new AbortController();
    const late = sleep(patience, isOver.signal).catch(() => undefined);
    await Promise.race([task.catch(this.#options.onError), late]);
    isOver.abort();
  }

  /** Nothing but an error's sanitised message may reach Redis: no result, no stack. */
  async #run(job: BullJob): Promise<void> {
    try {
      await this.#options.run(job.data, job.name);
    } catch (error) {
      throw new UnrecoverableError(error instanceof Error ? error.message : 'job failed');
    }
  }
}
