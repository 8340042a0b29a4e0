/** A scheduler that lives through the death of the process, as a queue in Redis does: it loses and delays, as queues do. */
import { type Duration, type Instant, seconds } from '../../src/core/time.ts';
import type { Job, Scheduler } from '../../src/queue/scheduler.ts';
import type { Life } from './life.ts';
import { type Dice, idle, type Timeline } from './timeline.ts';
import type { Troubles } from './troubles.ts';

export type Handle = (job: Job) => Promise<void>;

interface Due {
  readonly at: Instant;
  readonly job: Job;
  /** Others asked for it while the job ran. */
  readonly isWoken?: boolean;
}

const sweepEvery: Duration = seconds(5);
const againAfter: Duration = seconds(1);

const nameOf = (job: Job): string => `${job.kind} ${job.secret} ${job.kind === 'deliver' ? job.sink : ''}`;

export class Wakes {
  /** Share of wake-ups that are lost, and of jobs that begin up to 20 s late. */
  losses = 0;
  delays = 0;
  /** So many jobs run at a time. */
  concurrency = Number.POSITIVE_INFINITY;
  onBegun: (job: Job, lateness: Duration) => void = () => undefined;
  /** What the queue holds, whoever works on it. */
  readonly #due = new Map<string, Due>();
  #running = new Set<string>();
  /** Due, and waiting for a free worker. */
  #waiting: Due[] = [];
  #worker: { readonly life: Life; readonly handle: Handle } | undefined;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #troubles: Troubles;

  constructor(timeline: Timeline, dice: Dice, troubles: Troubles) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#troubles = troubles;
  }

  /** A process begins to work: all its jobs run now that are not scheduled already. */
  work(life: Life, handle: Handle, jobs: readonly Job[]): void {
    this.#worker = { life, handle };
    this.#running = new Set();
    this.#waiting = [];
    const now = this.#timeline.now();
    for (const job of jobs) {
      const due = this.#due.get(nameOf(job)) ?? { at: now, job };
      this.#put(due);
    }
  }

  /** The process is gone, and with it what it was working on: its jobs are found stalled by the next one. */
  abandon(): void {
    this.#worker = undefined;
    this.#running.clear();
    this.#waiting = [];
  }

  scheduler(life: Life): Scheduler {
    const say = (job: Job, at: Instant, isBinding: boolean) =>
      life.send(() => this.#say(life, job, at, isBinding), {
        there: this.#dice.between(-2, 3),
        back: this.#dice.between(-10, 2),
      });
    return { succeed: (job, at) => say(job, at, true), wake: (job, at) => say(job, at, false) };
  }

  #say(life: Life, job: Job, at: Instant, isBinding: boolean): void {
    const name = nameOf(job);
    const isWoken = !isBinding && this.#running.has(name);
    const due = { at: Math.max(at, this.#timeline.now()), job, isWoken };
    const before = this.#due.get(name);
    // What others asked for while it runs is not overruled by what it decided before it could know of that.
    const isBound = isBinding && !before?.isWoken;
    if (!isBound && before && before.at <= due.at) return;
    if (!this.#dice.chance(this.losses)) {
      this.#put(due);
      return;
    }
    this.#due.delete(name);
    this.#troubles.note('process', due.at, due.at + 2 * sweepEvery + againAfter);
    this.#sweepUp(life, due);
  }

  #put(due: Due): void {
    const name = nameOf(due.job);
    this.#due.set(name, due);
    const delay = this.#dice.chance(this.delays) ? this.#dice.between(0, seconds(20)) : 0;
    if (delay > 0) this.#troubles.note('process', due.at, due.at + delay);
    this.#timeline.at(due.at + delay, () => (this.#isBegun(due) ? undefined : idle));
  }

  /** The process remembers what is due: what should have begun more than a period ago it puts there again. */
  #sweepUp(life: Life, lost: Due): void {
    this.#timeline.at(lost.at + sweepEvery + this.#dice.between(0, sweepEvery), () => {
      const name = nameOf(lost.job);
      if (this.#worker?.life !== life || this.#due.has(name)) return;
      if (this.#running.has(name)) return this.#sweepUp(life, { ...lost, at: this.#timeline.now() });
      this.#put({ at: this.#timeline.now(), job: lost.job });
    });
  }

  #isBegun(due: Due): boolean {
    if (this.#due.get(nameOf(due.job)) !== due) return false;
    this.#start(due);
    return true;
  }

  #start(due: Due): void {
    const name = nameOf(due.job);
    const worker = this.#worker;
    if (this.#due.get(name) !== due || !worker || this.#running.has(name)) return;
    if (this.#running.size >= this.concurrency) {
      if (!this.#waiting.includes(due)) this.#waiting.push(due);
      return;
    }
    this.#due.delete(name);
    this.#running.add(name);
    this.onBegun(due.job, this.#timeline.now() - due.at);
    const end = (hasFailed: boolean) => {
      if (this.#worker !== worker || !worker.life.isAlive) return;
      this.#running.delete(name);
      const soon = this.#timeline.now() + againAfter;
      const successor = this.#due.get(name);
      if (hasFailed && (successor?.at ?? soon) >= soon) this.#put({ at: soon, job: due.job });
      else if (successor) this.#timeline.at(successor.at, () => this.#start(successor));
      const next = this.#waiting.shift();
      if (next) this.#start(next);
    };
    worker.handle(due.job).then(
      () => end(false),
      () => end(true),
    );
  }
}
