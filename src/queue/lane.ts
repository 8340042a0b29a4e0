/** Jobs of one queue: when each runs next is decided here, in memory. Redis wakes us where it is there, and remembers. */
import type { Duration, Instant } from '../core/time.ts';
import { inBatches } from './batches.ts';
import type { Entry, JobQueue } from './job-queue.ts';
import type { MemoryLimits, Planned, Running } from './planned.ts';
import type { Handle, Job } from './scheduler.ts';
import { type SlowLimits, UnderWay } from './under-way.ts';

/** What a lane needs of its queue. */
export type LaneQueue = Pick<JobQueue, 'add' | 'ensure' | 'standing' | 'release' | 'whenReady' | 'isRunning' | 'pause'>;

export interface LaneOptions {
  readonly handle: Handle;
  readonly now: () => Instant;
  /** A job begins, so long after its date. */
  readonly onBegun: (job: Job, lateness: Duration) => void;
  /** A job threw. The error is as it was thrown: it must not be printed as it is. */
  readonly onFailed: (job: Job, error: unknown, again: Instant) => void;
  readonly onError: (error: Error) => void;
  /** The word for what a job threw that may be stored in Redis. */
  readonly codeOf: (error: unknown) => string;
  /** Settles when whoever tells Redis a date need not wait for it any longer. Default: never. */
  readonly late?: (signal: AbortSignal) => Promise<unknown>;
  /** What is set aside. Default: nothing. */
  readonly slow?: SlowLimits;
}

const shortestRetry: Duration = 1_000;
const longestRetry: Duration = 5_000;
/** A job that Redis starts earlier than this before its date was asked for in pieces, or by mistake. */
const premature: Duration = 500;

export class Lane {
  readonly #options: LaneOptions;
  readonly #queue: LaneQueue;
  readonly #plan = new Map<string, Planned>();
  readonly underWay: UnderWay;
  #isClosing = false;
  /** Redis did not take what it was told last: nobody waits for it. */
  #isAway = false;
  /** When a job was last taken from Redis, or the worker made. */
  lastTaken: Instant;
  /** Since when jobs are begun from memory that Redis should have started, though it takes what it is told. */
  missedSince: Instant | undefined;

  constructor(queue: LaneQueue, options: LaneOptions) {
    this.#queue = queue;
    this.#options = options;
    this.underWay = new UnderWay(options.slow);
    this.lastTaken = options.now();
  }

  get planned(): Iterable<Planned> {
    return this.#plan.values();
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** A worker takes jobs again, or Redis can be told again: nothing was missed until now. */
  restart(): void {
    this.lastTaken = this.#options.now();
    this.missedSince = undefined;
  }

  /** These are all the jobs from now on: see `Worker.ensure`. */
  async ensure(jobs: readonly (readonly [Job, Entry])[]): Promise<void> {
    const wanted = new Map(jobs.map(([job, entry]) => [entry.key, { job, entry }]));
    for (const key of this.#plan.keys()) if (!wanted.has(key)) this.#plan.delete(key);
    const now = this.#options.now();
    const fresh: Planned[] = [];
    for (const [key, { job, entry }] of wanted) {
      const known = this.#plan.get(key);
      if (known && !known.running && known.due === Number.POSITIVE_INFINITY) known.due = now;
      if (known) continue;
      // It left the plan while it ran: once more after that, since it never runs twice at a time.
      const leaving = this.underWay.of(key);
      if (leaving?.running) {
        leaving.running.woken = now;
        this.#plan.set(key, leaving);
        continue;
      }
      const base = { due: now, told: undefined, running: undefined, failures: 0, isSlow: false };
      const planned: Planned = { job, entry, ...base, telling: undefined, suspect: undefined };
      this.#plan.set(key, planned);
      fresh.push(planned);
    }
    await this.#queue.whenReady();
    // Nobody else works on this queue: what is taken by the time we start was taken by a process that died.
    if (!this.#queue.isRunning) for (const id of (await this.#queue.standing([])).taken) await this.#queue.release(id);
    const standing = await this.#queue.standing(fresh.map(({ entry }) => entry));
    await inBatches(fresh, async (planned) => {
      const id = await this.#queue.ensure(planned.entry, now, standing);
      if (planned.due !== now || planned.running) return;
      planned.due = standing.dates.get(id) ?? now;
      planned.told = planned.due;
    });
    await this.tellAll();
  }

  /** All run now; those that would have run first come first. */
  async wakeAll(): Promise<void> {
    const now = this.#options.now();
    const all = [...this.#plan].sort(([, a], [, b]) => a.due - b.due);
    await inBatches(all, ([key]) => this.wake(key, now));
  }

  /** While the job runs, its last word; else as if it had just ended. */
  async succeed(key: string, at: Instant): Promise<void> {
    const planned = this.#plan.get(key);
    if (planned?.running) planned.running.next = at;
    else if (planned) await this.#move(planned, at);
  }

  /** A job that is not planned is not woken: its secret has left the configuration. */
  async wake(key: string, at: Instant): Promise<void> {
    const planned = this.#plan.get(key);
    if (planned?.running) planned.running.woken = Math.min(planned.running.woken, at);
    else if (planned && at < planned.due) await this.#move(planned, at);
  }

  /** What runs next has moved, though Redis could not be told. Rejects with what Redis said. */
  async tellAll(isForced = false): Promise<void> {
    const untold = [...this.#plan.values()].filter((one) => !one.running && (isForced || one.told !== one.due));
    for (const planned of untold) planned.told = undefined;
    await inBatches(untold, (planned) => this.#tell(planned));
    if (untold.length === 0 || !this.#isAway) return;
    this.#isAway = false;
    this.restart();
  }

  /**
   * Begin what Redis has not started, the latest first, until so many are under way. Where Redis is known to be away
   * nobody waits for it; where it starts others there may only be many of them, or this one is lost.
   */
  runOverdue({ after, crowded }: MemoryLimits, atMost: number): void {
    const room = atMost - this.underWay.count;
    if (this.#isClosing || room <= 0) return;
    const now = this.#options.now();
    const isTaking = now - this.lastTaken < after;
    const before = now - (this.#isAway ? 0 : isTaking ? crowded : after);
    const overdue = [...this.#plan].filter(([, { running, due }]) => !running && due <= before);
    if (overdue.length > 0 && !this.#isAway && !isTaking) this.missedSince ??= now;
    overdue.sort(([, a], [, b]) => a.due - b.due);
    for (const [key, planned] of overdue.slice(0, room)) {
      // What it threw was said already.
      this.#begin(key, planned).catch(() => undefined);
    }
  }

  /** Called by Redis. Throws where the job did; with words that may be stored. */
  async run(key: string): Promise<void> {
    const planned = this.#plan.get(key);
    const now = this.#options.now();
    this.restart();
    if (!planned) return;
    // Taken while we close, or long before its date: put back for when it is due.
    if (this.#isClosing || planned.due - now > premature) return this.#putBack(planned);
    // It was taken for dead while it works on, or was started twice.
    if (planned.running) return this.wake(key, now);
    await this.#begin(key, planned);
  }

  /**
   * Settles when it has ended or was set aside: Redis takes it for done then. It is known in memory all the same, and
   * begun anew by any process after us.
   */
  #begin(key: string, planned: Planned): Promise<void> {
    const now = this.#options.now();
    const running = this.underWay.begin(planned, now);
    planned.suspect = undefined;
    this.#options.onBegun(planned.job, Math.max(0, now - planned.due));
    return Promise.race([this.#work(key, planned, running), running.wasSetAside]);
  }

  async #work(key: string, planned: Planned, running: Running): Promise<void> {
    try {
      await this.#options.handle(planned.job, running.abort.signal);
      planned.failures = 0;
    } catch (error) {
      const again = this.#retry(planned, running);
      if (!running.abort.signal.aborted) this.#options.onFailed(planned.job, error, again);
      throw new Error(`${planned.job.kind} failed: ${this.#options.codeOf(error)}`);
    } finally {
      this.underWay.end(planned, this.#options.now());
      planned.due = Math.min(running.next ?? Number.POSITIVE_INFINITY, running.woken);
      planned.told = undefined;
      if (this.#plan.get(key) === planned) await this.#move(planned, planned.due);
      running.end();
    }
  }

  /** Let no job begin any more, and wait for those under way; on `signal` abort theirs, and wait `grace` at most. Did all end? */
  async close(signal: AbortSignal, grace: () => Promise<void>): Promise<boolean> {
    this.#isClosing = true;
    await this.#queue.pause();
    return this.underWay.close(signal, grace);
  }

  #retry(planned: Planned, running: Running): Instant {
    planned.failures += 1;
    // Cut off by the end of the process, it is due at once in the next.
    const delay = running.abort.signal.aborted ? 0 : shortestRetry * 2 ** Math.min(planned.failures - 1, 8);
    const again = this.#options.now() + Math.min(longestRetry, delay);
    running.next = Math.min(running.next ?? Number.POSITIVE_INFINITY, again);
    return running.next;
  }

  /** What Redis does not take now it is told by the sweep. */
  async #move(planned: Planned, at: Instant): Promise<void> {
    planned.due = at;
    if (this.#isAway) return;
    const isOver = new AbortController();
    const hear = (error?: Error) => {
      this.#isAway = error !== undefined;
      if (error) this.#options.onError(error);
    };
    const told = this.#tell(planned).then(() => hear(), hear);
    const late = this.#options.late?.(isOver.signal).then(() => !isOver.signal.aborted) ?? told;
    const isLate = await Promise.race([told, late.catch(() => false)]);
    if (isLate) this.#isAway = true;
    // A reason of our own: else one with a stack is made each time.
    isOver.abort('over');
  }

  async #putBack(planned: Planned): Promise<void> {
    planned.told = undefined;
    await this.#move(planned, planned.due);
  }

  /** One telling at a time for each job: the last date that Redis hears is the last that was said. */
  #tell(planned: Planned): Promise<void> {
    planned.telling ??= this.#telling(planned).finally(() => {
      planned.telling = undefined;
    });
    return planned.telling;
  }

  async #telling(planned: Planned): Promise<void> {
    while (!planned.running && planned.told !== planned.due) {
      const { due } = planned;
      if (due !== Number.POSITIVE_INFINITY) await this.#queue.add(planned.entry, due, 'move');
      planned.told = due;
    }
  }
}
