/** Deadlines in virtual time. They stand in for abort signals: a real one for each call took an eighth of a world's time. */
import type { Duration, Instant } from '../../src/core/time.ts';
import { idle, type Timeline } from './timeline.ts';

const tooLong = new Error('too long');

/** As much of an `AbortSignal` as the program asks for. */
export class Deadline {
  readonly at: Instant;
  readonly #timeline: Timeline;
  readonly #listeners = new Set<() => void>();
  /** When the process can hear of it. */
  readonly #whenAwake: (happen: () => unknown) => unknown;

  constructor(timeline: Timeline, after: Duration, whenAwake = (happen: () => unknown) => happen()) {
    this.#timeline = timeline;
    this.#whenAwake = whenAwake;
    this.at = Math.ceil(timeline.now() + Math.max(0, after));
  }

  get aborted(): boolean {
    return this.#timeline.now() >= this.at;
  }

  get reason(): unknown {
    return this.aborted ? tooLong : undefined;
  }

  throwIfAborted(): void {
    if (this.aborted) throw tooLong;
  }

  addEventListener(_: 'abort', listen: () => void): void {
    this.#listeners.add(listen);
    const abort = () => {
      if (!this.#listeners.delete(listen)) return idle;
      listen();
      return undefined;
    };
    this.#timeline.at(this.at, () => (this.#listeners.has(listen) ? this.#whenAwake(abort) : idle));
  }

  removeEventListener(_: 'abort', listen: () => void): void {
    this.#listeners.delete(listen);
  }
}

const isDeadline = (signal: unknown): signal is Deadline => signal instanceof Deadline;

const joined = AbortSignal.any.bind(AbortSignal);

/** Of a process that nobody stops, the deadline is all that can abort a call. */
AbortSignal.any = (signals) => {
  const all = [...signals];
  return (
    all.find((signal) => isDeadline(signal) && all.every((other) => other === signal || !other.aborted)) ?? joined(all)
  );
};
