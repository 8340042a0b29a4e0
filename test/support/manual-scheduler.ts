/** A scheduler without Redis, on a clock that is steered: what the port promises, and nothing else. */
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, type Instant, seconds } from '../../src/core/time.ts';
import { type Handle, type Job, nameOf, type Worker } from '../../src/queue/scheduler.ts';

interface Planned {
  readonly job: Job;
  due: Instant;
  running: { next: Instant; woken: Instant; readonly abort: AbortController; readonly end: Promise<void> } | undefined;
}

const never = Number.POSITIVE_INFINITY;

export class ManualScheduler implements Worker {
  readonly clock: Clock = { now: () => this.#now };
  readonly #handle: Handle;
  readonly #plan = new Map<string, Planned>();
  #now: Instant;
  #isClosing = false;

  constructor(handle: Handle, now: Instant = Date.UTC(2026, 0, 1)) {
    this.#handle = handle;
    this.#now = now;
  }

  async ensure(jobs: readonly Job[]): Promise<void> {
    const names = new Set(jobs.map(nameOf));
    for (const name of this.#plan.keys()) if (!names.has(name)) this.#plan.delete(name);
    for (const job of jobs) {
      const planned = this.#plan.get(nameOf(job));
      if (!planned) this.#plan.set(nameOf(job), { job, due: this.#now, running: undefined });
      else if (!planned.running && planned.due === never) planned.due = this.#now;
    }
  }

  async succeed(job: Job, at: Instant): Promise<void> {
    const planned = this.#plan.get(nameOf(job));
    if (planned?.running) planned.running.next = at;
    else if (planned) planned.due = at;
  }

  async wake(job: Job, at: Instant): Promise<void> {
    const planned = this.#plan.get(nameOf(job));
    if (planned?.running) planned.running.woken = Math.min(planned.running.woken, at);
    else if (planned) planned.due = Math.min(planned.due, at);
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#isClosing = true;
    const stop = () => {
      for (const { running } of this.#plan.values()) running?.abort.abort(signal.reason);
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    await Promise.all([...this.#plan.values()].map(({ running }) => running?.end));
    signal.removeEventListener('abort', stop);
  }

  /** When the job runs next: `Infinity` where nobody said, `undefined` where it does not exist. */
  dueOf(job: Job): Instant | undefined {
    const planned = this.#plan.get(nameOf(job));
    return planned?.running ? Math.min(planned.running.next, planned.running.woken) : planned?.due;
  }

  /** Let time go on, from one date to the next, until the promise is settled. Rejects where nothing is left to happen. */
  async pass<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    for (let idle = 0; !isSettled; idle++) {
      if (this.#start()) idle = 0;
      await turn();
      if (isSettled || idle < 20) continue;
      const next = Math.min(...[...this.#plan.values()].filter(({ running }) => !running).map(({ due }) => due));
      if (next === never || this.#isClosing) {
        if (idle > 2_000) throw new Error('nothing is left that could happen');
        continue;
      }
      this.#now = Math.max(this.#now, next);
    }
    return promise;
  }

  /** Begin what is due. Answers whether there was any. */
  #start(): boolean {
    if (this.#isClosing) return false;
    const due = [...this.#plan.values()].filter((planned) => !planned.running && planned.due <= this.#now);
    for (const planned of due) this.#run(planned);
    return due.length > 0;
  }

  #run(planned: Planned): void {
    const abort = new AbortController();
    let ended = () => {};
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const running = { next: never, woken: never, abort, end };
    planned.running = running;
    this.#handle(planned.job, abort.signal)
      .catch(() => {
        running.next = Math.min(running.next, this.#now + seconds(1));
      })
      .finally(() => {
        planned.running = undefined;
        planned.due = Math.min(running.next, running.woken);
        ended();
      });
  }
}
