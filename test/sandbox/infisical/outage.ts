/** Stands between the server and a target: the target can be down, or take connections and never answer (contract 6.6). */
import { sleep } from '../../../src/clock.ts';
import type { Duration } from '../../../src/core/time.ts';
import type { ServerClock } from '../clock.ts';

export type Condition = 'up' | 'down' | 'hanging';

export interface Gate {
  /** Resolves when the target can be worked with; rejects with what the server would note as the reason. */
  pass(): Promise<void>;
  turn(condition: Condition): void;
}

/** `patience`: how long an operation waits for a hanging target. `latency`: how long each takes in good times. */
export function openGate(clock: ServerClock, patience: Duration, latency: Duration = 0): Gate {
  let condition: Condition = 'up';
  let changed: (() => void)[] = [];
  const change = () =>
    new Promise<'changed' | 'late'>((resolve) => {
      const cancel = clock.at(clock.now() + patience, () => resolve('late'));
      changed.push(() => {
        cancel();
        resolve('changed');
      });
    });
  return {
    async pass() {
      if (latency > 0) await sleep(latency);
      while (condition === 'hanging') {
        if ((await change()) === 'late')
          throw new Error('Knex: Timeout acquiring a connection. The pool is probably full.');
      }
      if (condition === 'down') throw new Error('connect ECONNREFUSED 127.0.0.1:5432');
    },
    turn(next) {
      condition = next;
      const waiting = changed;
      changed = [];
      for (const wake of waiting) wake();
    },
  };
}
