/** Builds a lane on a queue that does as the test says, and a clock that is steered. */
import { setImmediate as turn } from 'node:timers/promises';
import { Lane, type LaneQueue } from '../../src/queue/lane.ts';
import { type Handle, nameOf } from '../../src/queue/scheduler.ts';
import { aLook } from '../support/runs.ts';

export const key = nameOf(aLook());
export const start = 1_000_000;
export const limits = { after: 1_000, crowded: 15_000 };

export async function aLane(handle: Handle) {
  const told: string[] = [];
  const clock = { now: start };
  const state = { isAway: false, isHanging: false, isLate: false };
  const queue: LaneQueue = {
    isRunning: false,
    add: async (_, at, how) => {
      if (state.isHanging) return new Promise(() => undefined);
      if (state.isAway) throw new Error('away');
      told.push(`${how} ${at - start}`);
      return 'id';
    },
    ensure: (entry, at) => queue.add(entry, at, 'create'),
    standing: async () => ({ ids: new Map(), dates: new Map(), taken: new Set(), waiting: new Set() }),
    release: async () => undefined,
    whenReady: async () => undefined,
    pause: async () => undefined,
  };
  const errors: Error[] = [];
  const failed: unknown[] = [];
  const lane = new Lane(queue, {
    handle,
    now: () => clock.now,
    onBegun: () => undefined,
    onFailed: (_, error, again) => failed.push([String(error), again - clock.now]),
    onError: (error) => errors.push(error),
    codeOf: () => 'unavailable',
    late: (signal) =>
      state.isLate ? Promise.resolve() : new Promise((_, reject) => signal.addEventListener('abort', reject)),
    slow: { after: 1_000, atMost: 2 },
  });
  await lane.ensure([[aLook(), { key, name: 'renew-lease', data: { secret: 'orders-db' } }]]);
  told.length = 0;
  return { lane, told, clock, state, errors, failed };
}

export const entryOf = (secret: string) => ({ key: nameOf(aLook(secret)), name: 'renew-lease', data: { secret } });
export const several = ['a', 'b', 'c'].map((secret) => [aLook(secret), entryOf(secret)] as const);

export async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}
