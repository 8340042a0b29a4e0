/** One process in the world. Killed, it hears no answer any more; what it sent may take effect all the same. Stopped, it hears them late. */
import { LeaseError } from '../../src/core/failure.ts';
import type { Duration, Instant } from '../../src/core/time.ts';
import { Deadline } from './deadline.ts';
import { idle, type Timeline } from './timeline.ts';

/** `strike` kills the process. */
export interface Blow {
  readonly falls: 'before' | 'after';
  readonly strike: () => void;
}

export class Life {
  isAlive = true;
  readonly abort = new AbortController();
  readonly startedAt: Instant;
  /** Asked at every call, to whomever: is the process killed right before it takes effect, or right after it? */
  blow: () => Blow | undefined = () => undefined;
  /** It did something while it was stopped: then the world is wrong. */
  onGhost: () => void = () => undefined;
  readonly #timeline: Timeline;
  /** What waits until it goes on. Absent: it runs. */
  #waiting: { readonly isTimer: boolean; readonly happen: () => unknown }[] | undefined;
  #killedAt: Instant = Number.POSITIVE_INFINITY;
  /** What has waited too long is given up before the answer is seen that came meanwhile. */
  #isImpatient = false;

  constructor(timeline: Timeline) {
    this.startedAt = timeline.now();
    this.#timeline = timeline;
  }

  kill(): void {
    if (this.isAlive) this.#killedAt = this.#timeline.now();
    this.isAlive = false;
    this.#waiting = undefined;
  }

  /** SIGSTOP: nothing of it runs, though its clocks go on. */
  stop(): void {
    this.#waiting ??= [];
  }

  /** SIGCONT: all that should have happened happens now; its timers first, or in the order in which it came. */
  goOn(areTimersFirst: boolean): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#isImpatient = areTimersFirst;
    const first = areTimersFirst ? waiting.filter(({ isTimer }) => isTimer) : waiting;
    const then = areTimersFirst ? waiting.filter(({ isTimer }) => !isTimer) : [];
    for (const { happen } of [...first, ...then]) this.#timeline.after(0, () => this.whenAwake(happen));
  }

  get isStopped(): boolean {
    return this.#waiting !== undefined;
  }

  /** At once, or when it goes on. What happens in the process itself happens by this. */
  whenAwake(happen: () => unknown, isTimer = false): unknown {
    if (!this.#waiting) return happen();
    this.#waiting.push({ isTimer, happen });
    return idle;
  }

  /** A signal that aborts after so long. */
  deadline = (after: Duration): AbortSignal => {
    const whenAwake = (happen: () => unknown) => this.whenAwake(happen, true);
    return new Deadline(this.#timeline, after, whenAwake) as unknown as AbortSignal;
  };

  /** Let time pass before something is sent: cut off, nothing has happened. */
  async pass(delay: Duration, signal?: AbortSignal): Promise<void> {
    if (delay > 0) await this.send(() => undefined, { there: delay, back: 0, signal, isSure: true });
    if (signal?.aborted) throw new LeaseError('unavailable', 'cut off before it was sent');
  }

  /** Send a request: it takes effect when it is there, and is answered when the answer is back. */
  async send<T>(asked: (isAwaited: boolean) => T, way: Way): Promise<T> {
    if (this.isStopped) this.onGhost();
    // Only what it was at when it was killed was sent.
    if (this.#timeline.now() > this.#killedAt) return new Promise<T>(() => undefined);
    const effect = this.isAlive ? underBlow(this.blow(), asked) : asked;
    const isAtOnce = way.there <= 0 && way.back <= 0;
    if (isAtOnce && this.isAlive && !way.signal?.aborted) {
      this.#timeline.spin();
      const answer = attempt(() => effect(true));
      // Killed by it, nobody hears the answer.
      if (!this.isAlive) return new Promise<T>(() => undefined);
      if ('error' in answer) throw answer.error;
      return answer.value;
    }
    return new Promise((resolve, reject) => {
      const { signal } = way;
      let isOver = false;
      let ignore: (() => void) | undefined;
      const end = (settle: () => void) => {
        if (isOver || !this.isAlive) return;
        isOver = true;
        ignore?.();
        settle();
      };
      const cutOff = () =>
        end(() => reject(new LeaseError('unavailable', 'cut off by its deadline', { unsure: !way.isSure })));
      if (signal?.aborted) return cutOff();
      if (signal) ignore = this.#onAbort(signal, way, cutOff);
      const arrive = () => {
        if (isOver && way.isVoidable) return;
        const answer = attempt(() => effect(!isOver && this.isAlive));
        const hear = () => {
          if (this.#isImpatient && signal?.aborted) cutOff();
          else end(() => ('error' in answer ? reject(answer.error) : resolve(answer.value)));
        };
        const settle = () => this.whenAwake(hear);
        if (way.back > 0) this.#timeline.after(way.back, settle);
        else settle();
      };
      // What we do ourselves is not under way.
      this.#timeline.after(way.there, () => (way.isVoidable ? this.whenAwake(arrive) : arrive()));
    });
  }

  /** Only what comes before the answer has to be waited for. */
  #onAbort(signal: AbortSignal, { there, back }: Way, cutOff: () => void): (() => void) | undefined {
    const deadline: unknown = signal;
    if (deadline instanceof Deadline && deadline.at > this.#timeline.now() + Math.ceil(there) + Math.ceil(back))
      return undefined;
    signal.addEventListener('abort', cutOff, { once: true });
    return () => signal.removeEventListener('abort', cutOff);
  }
}

function underBlow<T>(blow: Blow | undefined, effect: (isAwaited: boolean) => T): (isAwaited: boolean) => T {
  if (!blow) return effect;
  return (isAwaited) => {
    if (blow.falls === 'before') {
      blow.strike();
      throw new LeaseError('unavailable', 'never sent');
    }
    try {
      return effect(isAwaited);
    } finally {
      blow.strike();
    }
  };
}

export interface Way {
  readonly there: Duration;
  readonly back: Duration;
  readonly signal?: AbortSignal | undefined;
  /** Cut off, it has certainly not taken effect. */
  readonly isSure?: boolean;
  /** Cut off before it is there, it does not take effect. */
  readonly isVoidable?: boolean;
}

export function attempt<T>(effect: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: effect() };
  } catch (error) {
    return { error };
  }
}
