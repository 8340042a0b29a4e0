/** A sandbox's own clock, with its alarms: it may be wrong, and it can be moved to make time pass. */
import { timer, wallClock } from '../../src/clock.ts';
import type { Clock, Duration, Instant } from '../../src/core/time.ts';

interface Alarm {
  readonly at: Instant;
  readonly happen: () => void;
  cancel: () => void;
}

/** A class, because everything the server does shares the one clock. */
export class ServerClock implements Clock {
  #ahead: Duration;
  readonly #alarms = new Set<Alarm>();

  constructor(ahead: Duration = 0) {
    this.#ahead = ahead;
  }

  now(): Instant {
    return wallClock.now() + this.#ahead;
  }

  /** Move the clock. Alarms whose time has come by that go off, in the order of their dates. */
  shift(by: Duration): void {
    this.#ahead += by;
    const waiting = [...this.#alarms].sort((a, b) => a.at - b.at);
    for (const alarm of waiting) alarm.cancel();
    for (const alarm of waiting) if (this.#alarms.has(alarm)) this.#arm(alarm);
  }

  /** Call `happen` once the server's clock shows this. Answers with what cancels it. */
  at(when: Instant, happen: () => void): () => void {
    const alarm: Alarm = { at: when, happen, cancel: () => undefined };
    this.#alarms.add(alarm);
    this.#arm(alarm);
    return () => {
      this.#alarms.delete(alarm);
      alarm.cancel();
    };
  }

  /** Alarms go off when the machine has time for them: let those that are due go off now, in the order of their dates. */
  catchUp(): void {
    const isDue = ({ at }: Alarm) => at <= this.now();
    for (const alarm of [...this.#alarms].filter(isDue).sort((a, b) => a.at - b.at)) {
      // One before may have cancelled it.
      if (!this.#alarms.delete(alarm)) continue;
      alarm.cancel();
      alarm.happen();
    }
  }

  /** Forget every alarm. */
  stop(): void {
    for (const alarm of this.#alarms) alarm.cancel();
    this.#alarms.clear();
  }

  #arm(alarm: Alarm): void {
    alarm.cancel = timer(alarm.at - this.now(), () => {
      // The machine's timer holds 24.8 days at most and may be early.
      if (this.now() < alarm.at) return this.#arm(alarm);
      this.#alarms.delete(alarm);
      alarm.happen();
    });
  }
}
