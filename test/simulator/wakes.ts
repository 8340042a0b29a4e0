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
  /** Redis has lost it: the process begins it so late. */
  readonly isLostBy?: Duration;
}

/** What Redis does to a job and leaves the records alone: it is not there, or much later, or given to a worker that is none. */
export type Loss = 'deleted' | 'put off' | 'taken';

const sweepEvery: Duration = seconds(5);
const againAfter: Duration = seconds(1);
/** So late a job is begun from memory: while Redis starts none, and at the latest. See `Lane.runOverdue` and `sweep`. */
const fromMemory = { soon: [seconds(1), seconds(1.25)], late: [seconds(15), seconds(15.25)] } as const;

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
      const { isLostBy: _, ...due } = this.#due.get(nameOf(job)) ?? { at: now, job, isLostBy: undefined };
      this.#due.delete(nameOf(job));
      this.#put(due);
    }
  }

  /** Redis loses so large a share of what is due before then. The process knows its dates, and begins it late. */
  lose(what: Loss, share: number, before: Instant = Number.POSITIVE_INFINITY): void {
    for (const [name, due] of [...this.#due]) {
      if (due.at >= before || !this.#dice.chance(share)) continue;
      const isSoon = share === 1 && (before < Number.POSITIVE_INFINITY || this.#dice.chance(0.5));
      const swept = [sweepEvery, 2 * sweepEvery] as const;
      const [least, most] = isSoon ? fromMemory.soon : what === 'taken' ? fromMemory.late : swept;
      this.#due.delete(name);
      this.#put({ ...due, isLostBy: this.#dice.between(least, most) });
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

  #put(asked: Due): void {
    const name = nameOf(asked.job);
    const { isLostBy } = this.#due.get(name) ?? {};
    // What is lost may stay so when it is told another date.
    const due = isLostBy !== undefined && this.#dice.chance(0.5) ? { ...asked, isLostBy } : asked;
    this.#due.set(name, due);
    const delay = this.#dice.chance(this.delays) ? this.#dice.between(0, seconds(20)) : 0;
    if (delay > 0) this.#troubles.note('process', due.at, due.at + delay);
    const lateness = delay + (due.isLostBy ?? 0);
    if (due.isLostBy !== undefined) this.#timeline.watch(due.at, () => this.#excuse(due, lateness));
    this.#timeline.at(due.at + lateness, () => (this.#isBegun(due) ? undefined : idle));
  }

  #excuse(due: Due, lateness: Duration): void {
    if (this.#due.get(nameOf(due.job)) === due) this.#troubles.note('process', due.at, due.at + lateness);
  }

  /** The process remembers what is due: what should have begun more than a period ago it puts there again. */
  #sweepUp(life: Life, lost: Due): void {
    const sweep = () => {
      const name = nameOf(lost.job);
      if (this.#worker?.life !== life || this.#due.has(name)) return;
      if (this.#running.has(name)) return this.#sweepUp(life, { ...lost, at: this.#timeline.now() });
      this.#put({ at: this.#timeline.now(), job: lost.job });
    };
    const at = lost.at + sweepEvery + this.#dice.between(0, sweepEvery);
    this.#timeline.at(at, () => life.whenAwake(sweep, true));
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
    if (worker.life.isStopped) {
      worker.life.whenAwake(() => this.#start(due));
      return;
    }
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
