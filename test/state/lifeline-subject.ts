/** A lifeline on a store that does as the test says, in time that moves when told. */
import { setImmediate as turn } from 'node:timers/promises';
import { Lifeline } from '../../src/state/lifeline.ts';
import type { Store } from '../../src/state/store.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** What may become of one call. */
export type Fate = 'done' | 'slow' | 'refused' | 'unheard' | 'never';

/** Longer than anybody is to wait who can be answered from memory. */
export const slowness = 3_000;

export class Subject {
  now = 1_000_000;
  inner = new MemoryStore();
  /** What becomes of all calls, and before that of the next ones. */
  fate: Fate = 'done';
  readonly fates: Fate[] = [];
  /** Reads go well whatever becomes of writes. */
  isReadable = false;
  readonly asked: string[] = [];
  readonly told: string[] = [];
  readonly #timers = new Map<object, { readonly at: number; readonly happen: () => void }>();

  readonly store: Store = {
    load: (secret) => this.#call(`load ${secret}`, () => this.inner.load(secret), this.isReadable),
    update: (secret, change, values) => this.#call(`update ${secret}`, () => this.inner.update(secret, change, values)),
    values: (secret) => this.#call(`values ${secret}`, () => this.inner.values(secret), this.isReadable),
    remove: (secret) => this.inner.remove(secret),
    list: () => this.#call('list', () => this.inner.list(), this.isReadable),
  };

  readonly lifeline = new Lifeline({
    store: this.store,
    clock: { now: () => this.now },
    timer: (delay, happen) => this.#after(delay, happen),
    onKept: (secret, error) => this.told.push(`${secret} kept: ${(error as Error).message}`),
    onBack: (secret, wasReported) => this.told.push(`${secret} back${wasReported ? ', as reported' : ''}`),
  });

  #after(delay: number, happen: () => void): () => void {
    const key = {};
    this.#timers.set(key, { at: this.now + delay, happen });
    return () => void this.#timers.delete(key);
  }

  async #call<T>(name: string, effect: () => Promise<T>, isSpared = false): Promise<T> {
    this.asked.push(name);
    const fate = isSpared ? 'done' : (this.fates.shift() ?? this.fate);
    if (fate === 'never') return new Promise(() => undefined);
    if (fate === 'refused') throw new Error('OOM');
    const result = await effect();
    if (fate === 'slow') await new Promise<void>((resolve) => this.#after(slowness, resolve));
    if (fate === 'unheard') throw new Error('no answer');
    return result;
  }

  async pass(time: number): Promise<void> {
    const end = this.now + time;
    for (;;) {
      for (let i = 0; i < 5; i++) await turn();
      const next = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0];
      if (!next || next[1].at > end) break;
      this.#timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].at);
      next[1].happen();
    }
    this.now = end;
  }

  /** What becomes of it, while time goes on as far as is needed. */
  async get<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const end = promise.finally(() => {
      isOver = true;
    });
    end.catch(() => undefined);
    for (let i = 0; i < 50 && !isOver; i++) await this.pass(i < 10 ? 0 : 100);
    return end;
  }

  count = async (secret = 's') => (await this.inner.load(secret)).record.failures['counter']?.count;
}
