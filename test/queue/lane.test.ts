/** What Redis hears of a job, and what it may start: the rare orders of events, with a queue that does as the test says. */
import { describe, expect, test } from 'vitest';
import { Lane, type LaneQueue } from '../../src/queue/lane.ts';
import { type Handle, nameOf } from '../../src/queue/scheduler.ts';
import { aLook, gate } from '../support/runs.ts';

const key = nameOf(aLook());
const start = 1_000_000;

async function aLane(handle: Handle) {
  const told: string[] = [];
  const clock = { now: start };
  const state = { isAway: false };
  const queue: LaneQueue = {
    isRunning: false,
    add: async (_, at, how) => {
      if (state.isAway) throw new Error('away');
      told.push(`${how} ${at - start}`);
      return 'id';
    },
    taken: async () => [],
    dates: async () => new Map(),
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
  });
  await lane.ensure([[aLook(), { key, name: 'renew-lease', data: { secret: 'orders-db' } }]]);
  told.length = 0;
  return { lane, told, clock, state, errors, failed };
}

describe('a lane of jobs', () => {
  test('puts back a job that is started before its date, for that date', async () => {
    let runs = 0;
    const { lane, told } = await aLane(async () => void runs++);
    await lane.run(key);
    await lane.succeed(key, start + 10_000);
    await lane.run(key);
    expect(runs).toBe(1);
    expect(told).toEqual(['move 10000', 'move 10000']);
  });

  test('puts back a job that is started while it closes', async () => {
    let runs = 0;
    const { lane, told } = await aLane(async () => void runs++);
    await lane.close(new AbortController().signal, async () => undefined);
    await lane.run(key);
    expect(runs).toBe(0);
    expect(told).toEqual(['move 0']);
  });

  test('does not begin a job that is under way, but runs it again after', async () => {
    let runs = 0;
    const { opened, open } = gate();
    const { lane, told } = await aLane(async () => {
      runs++;
      await opened;
    });
    const first = lane.run(key);
    await lane.run(key);
    expect(runs).toBe(1);
    open();
    await first;
    expect(told).toEqual(['move 0']);
  });

  test('keeps the earliest of the dates that others ask for during a run', async () => {
    const { opened, open } = gate();
    const { lane, told } = await aLane(() => opened);
    const run = lane.run(key);
    await lane.wake(key, start + 100);
    await lane.wake(key, start + 9_000);
    open();
    await run;
    expect(told).toEqual(['move 100']);
  });

  test('remembers what Redis could not be told, and tells it later', async () => {
    const { lane, told, state, errors } = await aLane(async () => undefined);
    await lane.run(key);
    state.isAway = true;
    await lane.wake(key, start + 500);
    expect(errors).toHaveLength(1);
    state.isAway = false;
    await lane.tellAll();
    await lane.tellAll();
    expect(told).toEqual(['move 500']);
  });

  test('runs again after 1 s what threw, after 5 s at the most, and after 1 s again once it did well', async () => {
    let isFailing = true;
    const { lane, clock, failed } = await aLane(async () => {
      if (isFailing) throw new Error('the store is away');
    });
    for (let i = 0; i < 5; i++) {
      await expect(lane.run(key)).rejects.toThrow(/^look failed: unavailable$/);
      clock.now += 60_000;
    }
    isFailing = false;
    await lane.run(key);
    isFailing = true;
    await lane.wake(key, clock.now);
    await expect(lane.run(key)).rejects.toThrow();
    const waits = [1_000, 2_000, 4_000, 5_000, 5_000, 1_000];
    expect(failed).toEqual(waits.map((wait) => ['Error: the store is away', wait]));
  });
});
