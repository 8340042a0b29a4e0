/** A scheduler and a store that live through the death of the process, as Redis does. */
import { emptyRecord, type SecretRecord } from '../../src/core/record.ts';
import { type Instant, seconds } from '../../src/core/time.ts';
import type { Transition } from '../../src/core/transitions.ts';
import { type Job, nameOf, type Scheduler } from '../../src/queue/scheduler.ts';
import type { Saved, Store } from '../../src/state/store.ts';
import type { Dice, Life, Timeline } from './timeline.ts';

type Handle = (job: Job) => Promise<void>;

export class Wakes {
  /** The process that works now; killed, its running jobs are never ended. */
  handle: Handle | undefined;
  /** Share of wake-ups that are lost. */
  losses = 0;
  onLoss: () => void = () => undefined;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #due = new Map<string, { readonly at: Instant; readonly job: Job }>();
  readonly #running = new Map<string, Handle>();

  constructor(timeline: Timeline, dice: Dice) {
    this.#timeline = timeline;
    this.#dice = dice;
  }

  scheduler(life: Life): Scheduler {
    return {
      wake: (job, at) =>
        life.call(this.#dice.between(0, 4), () => {
          this.ensure(job, at);
          if (this.#dice.chance(this.losses)) this.#lose(nameOf(job));
        }),
    };
  }

  /** The last word counts, also against the successor of a running job. */
  ensure(job: Job, at: Instant): void {
    const name = nameOf(job);
    const entry = { at: Math.max(at, this.#timeline.now()), job };
    this.#due.set(name, entry);
    this.#timeline.at(entry.at, () => this.#start(name, entry));
  }

  /** Every job that is neither waiting nor running is begun: what was lost comes back. */
  sweep(jobs: readonly Job[]): void {
    for (const job of jobs) {
      if (!this.#due.has(nameOf(job)) && !this.#running.has(nameOf(job))) this.ensure(job, this.#timeline.now());
    }
  }

  #lose(name: string): void {
    this.#due.delete(name);
    this.onLoss();
  }

  /** The process is gone, and with it what it was working on. */
  abandon(): void {
    this.handle = undefined;
    this.#running.clear();
  }

  #start(name: string, entry: { at: Instant; job: Job }): void {
    const { handle } = this;
    if (this.#due.get(name) !== entry || !handle || this.#running.has(name)) return;
    this.#due.delete(name);
    this.#running.set(name, handle);
    const end = () => {
      if (this.#running.get(name) !== handle) return;
      this.#running.delete(name);
      const successor = this.#due.get(name);
      if (successor) this.#timeline.at(successor.at, () => this.#start(name, successor));
    };
    handle(entry.job).then(end, () => {
      end();
      if (this.handle === handle) this.ensure(entry.job, this.#timeline.now() + seconds(1));
    });
  }
}

export class Records {
  readonly #saved = new Map<string, Saved>();
  readonly #dice: Dice;
  onSave: (json: string) => void = () => undefined;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  get = (secret: string): Saved => this.#saved.get(secret) ?? { record: emptyRecord, revision: 0 };

  store(life: Life): Store {
    const call = <T>(effect: () => T) => life.call(this.#dice.between(0, 4), effect);
    return {
      load: (secret) => call(() => this.get(secret)),
      update: (secret, change) => call(() => this.#update(secret, change)),
      remove: (secret) => call(() => void this.#saved.delete(secret)),
      list: () => call(() => [...this.#saved.keys()]),
    };
  }

  #update(secret: string, change: Transition): Saved {
    const { record, revision } = this.get(secret);
    // As after a lost compare-and-set: the change is asked for twice, and only the second answer counts.
    if (this.#dice.chance(0.1)) change(emptyRecord);
    const json = JSON.stringify(change(record));
    this.onSave(json);
    const saved = { record: JSON.parse(json) as SecretRecord, revision: revision + 1 };
    this.#saved.set(secret, saved);
    return saved;
  }
}
