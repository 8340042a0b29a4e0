/** The scheduler on BullMQ: looks, deliveries and reloads in a queue each, so that no sink delays a look, and no program a sink. */
import { every, sleep, wallClock } from '../clock.ts';
import { type Clock, type Duration, type Instant, seconds } from '../core/time.ts';
import { type Connections, type Entry, JobQueue } from './job-queue.ts';
import { Lane, type LaneOptions } from './lane.ts';
import { type Handle, type Job, nameOf, type Worker } from './scheduler.ts';
import { type SweepLimits, sweep } from './sweep.ts';

export interface BullWorkerOptions {
  readonly handle: Handle;
  readonly connections: Connections;
  /** Begins every key in Redis. One process at a time works under a prefix. Braces make it a cluster's hash tag. */
  readonly prefix: string;
  /** What a look is called in Redis: what it does most of the time. */
  readonly lookName: (secret: string) => string;
  /** How many looks, how many deliveries, and how many reloads are under way at a time, without those that take long. */
  readonly concurrency: { readonly looks: number; readonly deliveries: number };
  /** Deliveries that nothing outside can hold up, and renewals wait for: they do not queue behind slow sinks. */
  readonly isPrompt?: (job: Job) => boolean;
  /** What all dates are on: a clock that never jumps. */
  readonly clock: Clock;
  /** What BullMQ's dates are on. After it jumped Redis is told all of them anew. Default: the machine's. */
  readonly wall?: Clock;
  /** A job begins, so long after its date. */
  readonly onBegun?: (job: Job, lateness: Duration) => void;
  /** A job threw, and runs again then. The error may quote anything: not to be printed as it is. */
  readonly onFailed?: (job: Job, error: unknown, again: Instant) => void;
  /** A failing connection or command, as often as it fails. Nothing is lost by it: the sweep makes up for it. */
  readonly onError?: (error: Error) => void;
  /** The word for an error that may be stored in Redis. Default: `unexpected`. */
  readonly codeOf?: (error: unknown) => string;
  /** Default: every 5 s, after 5 s, after 15 s. */
  readonly sweep?: Partial<SweepLimits & { readonly every: Duration }>;
  /** So long after its date a job is begun that Redis has not started. Default: 1 s. `Infinity`: never. */
  readonly memoryAfter?: Duration;
}

/** Programs that hang when they are told hold up other programs, and no sink. */
type QueueName = 'looks' | 'deliveries' | 'reloads';

export interface BullWorker extends Worker {
  /** All jobs run now; those that would have run first come first. */
  wakeAll(): Promise<void>;
  /** By queue, how many jobs there are in each of BullMQ's states. Rejects where Redis cannot be asked. */
  counts(): Promise<Readonly<Record<QueueName, Readonly<Record<string, number>>>>>;
}

/** Enough that no provider's slots are left empty by the looks that wait for another's. */
export const looksAtATime = (providers: number): number => Math.max(50, 8 * providers + 16);

const defaultSweep = { every: seconds(5), overdueAfter: seconds(5), stuckAfter: seconds(15) };
/** How often it is seen whether Redis has started what is due, when it should have, and how long anybody waits to tell it. */
const memory = { every: 250 as Duration, after: seconds(1), crowded: seconds(15), wait: seconds(1) };
/** What takes longer holds up nobody, so many at a time. */
const slow = { after: seconds(1), atMost: 450 };
/** The wall clock was set. What is less is made up for little by little, without anybody's being early or late. */
const jump: Duration = seconds(1);
/** How long jobs may take to end after their signal was aborted. */
const abortTime: Duration = seconds(2);

/** Works from the first `ensure` on. Connections are made at once; Redis may be away. */
export function bullWorker(options: BullWorkerOptions): BullWorker {
  const looks = track('looks', options.concurrency.looks, options);
  const deliveries = track('deliveries', options.concurrency.deliveries, options);
  const reloads = track('reloads', options.concurrency.deliveries, options);
  const tracks = [looks, deliveries, reloads];
  const trackOf = (job: Job) => {
    if (job.kind === 'look' || options.isPrompt?.(job)) return looks;
    return job.kind === 'reload' ? reloads : deliveries;
  };
  const period = options.sweep?.every ?? defaultSweep.every;
  const stopSweep = every(period, () => {
    for (const one of tracks) one.sweep();
  });
  const stopMemory = every(memory.every, () => {
    for (const one of tracks) {
      one.runOverdue();
      // After that: what takes the place of these is Redis' to start, until the next time.
      one.lane.underWay.setSlowAside(options.clock.now());
    }
  });
  let closing: Promise<void> | undefined;
  return {
    succeed: (job, at) => trackOf(job).lane.succeed(nameOf(job), at),
    wake: (job, at) => trackOf(job).lane.wake(nameOf(job), at),
    ensure: async (jobs) => {
      await Promise.all(tracks.map((one) => one.ensure(jobs.filter((job) => trackOf(job) === one))));
    },
    wakeAll: async () => {
      await Promise.all(tracks.map(({ lane }) => lane.wakeAll()));
    },
    counts: async () => ({
      looks: await looks.counts(),
      deliveries: await deliveries.counts(),
      reloads: await reloads.counts(),
    }),
    close: (signal) => {
      closing ??= (async () => {
        stopSweep();
        stopMemory();
        await Promise.all(tracks.map((one) => one.close(signal)));
      })();
      return closing;
    },
  };
}

/** One queue, its lane, and the sweep over both. */
function track(name: QueueName, concurrency: number, options: BullWorkerOptions) {
  const { clock, wall = wallClock, handle, lookName, onBegun = ignore, onFailed = ignore, onError = ignore } = options;
  const { codeOf = () => 'unexpected' } = options;
  const now = () => clock.now();
  const late = (signal: AbortSignal) => sleep(memory.wait, signal);
  const laneOptions: LaneOptions = { handle, now, onBegun, onFailed, onError, codeOf, late, slow };
  const { memoryAfter = memory.after } = options;
  const limits = { ...defaultSweep, ...options.sweep };
  const entryOf = (job: Job): Entry => ({
    key: nameOf(job),
    name: job.kind === 'look' ? lookName(job.secret) : job.kind,
    data: job.kind === 'deliver' ? { secret: job.secret, sink: job.sink } : { secret: job.secret },
  });
  // One thing at a time: a sweep in the middle of an `ensure` would move what must only be created.
  let last: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const next = last.then(task);
    last = next.catch(ignore);
    return next;
  };
  const queue: JobQueue = new JobQueue({
    name,
    prefix: options.prefix,
    connections: options.connections,
    concurrency,
    run: (data, bullName) => lane.run(keyOf(data, bullName)),
    now,
    wall: () => wall.now(),
    onError,
    onReady: () => {
      // What Redis remembers may be older than what it was told.
      if (queue.isRunning && !isClosed) inTurn(() => lane.tellAll(true)).catch(onError);
    },
  });
  const lane: Lane = new Lane(queue, laneOptions);
  let isSweeping = false;
  let ahead = wall.now() - clock.now();
  const sweepOnce = async () => {
    if (isClosed) return;
    const present = wall.now() - clock.now();
    if (Math.abs(present - ahead) >= jump) {
      await lane.tellAll(true);
      ahead = present;
    }
    if (!(await sweep(lane, queue, limits, now())) || lane.underWay.count >= concurrency) return;
    onError(new Error(`the worker of ${name} took no jobs, and was made anew`));
    lane.restart();
    queue.start();
  };
  return {
    lane,
    queue,
    ensure: (jobs: readonly Job[]) =>
      inTurn(async () => {
        try {
          await lane.ensure(jobs.map((job) => [job, entryOf(job)] as const));
        } finally {
          if (!queue.isRunning && !isClosed) queue.start();
        }
      }),
    counts: async () => {
      const counts = await queue.counts();
      // Those set aside are under way, though Redis takes them for done.
      return { ...counts, active: (counts['active'] ?? 0) + lane.underWay.aside };
    },
    runOverdue: () => {
      if (queue.isRunning && memoryAfter !== Number.POSITIVE_INFINITY)
        lane.runOverdue({ after: memoryAfter, crowded: memory.crowded }, concurrency);
    },
    sweep: () => {
      if (!queue.isRunning || isSweeping || isClosed) return;
      isSweeping = true;
      inTurn(sweepOnce)
        .catch(onError)
        .finally(() => {
          isSweeping = false;
        });
    },
    close: async (signal: AbortSignal) => {
      isClosed = true;
      const isOrderly = await lane.close(signal, () => sleep(abortTime));
      await queue.close(isOrderly);
    },
  };
}

const ignore = () => undefined;

/** Which job it is that Redis started: told by its name and data, as we wrote them. */
function keyOf(data: unknown, name: string): string {
  const { secret, sink } = (data ?? {}) as { readonly secret?: unknown; readonly sink?: unknown };
  if (typeof secret !== 'string') return '';
  if (typeof sink === 'string') return nameOf({ kind: 'deliver', secret, sink });
  return nameOf({ kind: name === 'reload' ? 'reload' : 'look', secret });
}
