/** Jobs for the tests of schedulers, and what became of them. */
import type { Instant } from '../../src/core/time.ts';
import { type Handle, type Job, nameOf } from '../../src/queue/scheduler.ts';

export const aLook = (secret = 'orders-db'): Job => ({ kind: 'look', secret });
export const aDelivery = (sink = 'file:/secrets/orders-db.env'): Job => ({
  kind: 'deliver',
  secret: 'orders-db',
  sink,
});

/** Handles jobs as the test says, and tells of each begin. */
export class Runs {
  readonly all: { readonly name: string; readonly at: Instant }[] = [];
  /** The most that were under way at a time, by job. */
  readonly most = new Map<string, number>();
  readonly #deeds = new Map<string, Handle[]>();
  readonly #under = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  now: () => Instant = () => 0;

  /** What the next run of the job does; after the last, nothing. */
  does(job: Job, ...deeds: Handle[]): void {
    this.#deeds.set(nameOf(job), [...(this.#deeds.get(nameOf(job)) ?? []), ...deeds]);
  }

  count(job: Job): number {
    return this.all.filter(({ name }) => name === nameOf(job)).length;
  }

  /** Resolves with when it was begun, once the job has begun so often. */
  async begun(job: Job, times = 1): Promise<Instant> {
    while (this.count(job) < times) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.all.filter(({ name }) => name === nameOf(job))[times - 1]?.at ?? Number.NaN;
  }

  handle: Handle = async (job, signal) => {
    const name = nameOf(job);
    const under = (this.#under.get(name) ?? 0) + 1;
    this.#under.set(name, under);
    this.most.set(name, Math.max(this.most.get(name) ?? 0, under));
    const deed = this.#deeds.get(name)?.shift();
    this.all.push({ name, at: this.now() });
    for (const resolve of this.#waiting.splice(0)) resolve();
    try {
      await deed?.(job, signal);
    } finally {
      this.#under.set(name, (this.#under.get(name) ?? 1) - 1);
    }
  };
}

/** A promise that the test keeps in its hand. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
