/** What Redis hears of a job, and what it may start: the rare orders of events, with a queue that does as the test says. */
import { describe, expect, test } from 'vitest';
import { Lane, type LaneQueue } from '../../src/queue/lane.ts';
import { nameOf } from '../../src/queue/scheduler.ts';
import { aLook, gate } from '../support/runs.ts';
import { aLane, key, limits, several, start, turns } from './a-lane.ts';

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

describe('what Redis does not start', () => {
  test('is begun from memory so long after its date, once', async () => {
    let runs = 0;
    const { opened, open } = gate();
    const { lane, clock } = await aLane(async () => {
      runs++;
      await opened;
    });
    clock.now += 999;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(0);
    clock.now += 1;
    lane.runOverdue(limits, 10);
    clock.now += 5_000;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(1);
    open();
  });

  test('is begun from memory the latest first, and no more at a time than there is room for', async () => {
    const begun: string[] = [];
    const { lane, clock } = await aLane(async ({ secret }) => {
      begun.push(secret);
      await new Promise(() => undefined);
    });
    await lane.ensure(several);
    await lane.succeed(nameOf(aLook('a')), start + 3);
    await lane.succeed(nameOf(aLook('b')), start + 1);
    await lane.succeed(nameOf(aLook('c')), start + 2);
    clock.now += 60_000;
    lane.runOverdue(limits, 2);
    lane.runOverdue(limits, 2);
    expect(begun).toEqual(['b', 'c']);
  });

  test('and was begun from memory is not begun again when Redis starts it at last', async () => {
    let runs = 0;
    const { lane, clock, told } = await aLane(async () => {
      runs++;
      await lane.succeed(key, clock.now + 10_000);
    });
    clock.now += 1_000;
    lane.runOverdue(limits, 10);
    await turns();
    told.length = 0;
    await lane.run(key);
    expect(runs).toBe(1);
    expect(told).toEqual(['move 11000']);
  });

  test('though it starts others, is begun from memory when it is too late for one that only waits its turn', async () => {
    let runs = 0;
    const { lane, clock } = await aLane(async () => void runs++);
    clock.now += 14_900;
    await lane.run('another');
    clock.now += 99;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(0);
    clock.now += 1;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(1);
    // The worker is in order.
    expect(lane.missedSince).toBeUndefined();
  });

  test('is not waited for once Redis has not taken a date', async () => {
    let runs = 0;
    const { lane, clock, state } = await aLane(async () => void runs++);
    await lane.succeed(key, start + 10_000);
    state.isAway = true;
    await lane.wake(key, start + 500);
    expect(lane.isAway).toBe(true);
    clock.now += 500;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(1);
    await turns();
    state.isAway = false;
    await lane.wake(key, start + 600);
    await lane.tellAll();
    expect(lane.isAway).toBe(false);
    clock.now += 100;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(1);
  });

  test('is not told to a Redis that answers nothing: nobody waits for it more than once', async () => {
    const { lane, state } = await aLane(async () => undefined);
    await lane.succeed(key, start + 10_000);
    Object.assign(state, { isHanging: true, isLate: true });
    await lane.wake(key, start + 9_000);
    expect(lane.isAway).toBe(true);
    state.isLate = false;
    await lane.wake(key, start + 8_000);
  });

  test('is a reason to doubt the worker only where Redis takes what it is told, until the worker takes something', async () => {
    const { lane, clock, state } = await aLane(async () => undefined);
    clock.now += 2_000;
    lane.runOverdue(limits, 10);
    expect(lane.missedSince).toBe(start + 2_000);
    await turns();
    await lane.wake(key, clock.now);
    clock.now += 2_000;
    lane.runOverdue(limits, 10);
    expect(lane.missedSince).toBe(start + 2_000);
    await lane.run('nobody');
    expect(lane.missedSince).toBeUndefined();
    expect(lane.lastTaken).toBe(start + 4_000);
    await turns();
    state.isAway = true;
    await lane.wake(key, clock.now);
    clock.now += 2_000;
    lane.runOverdue(limits, 10);
    expect(lane.missedSince).toBeUndefined();
  });

  test('stays where it is once all is closing', async () => {
    let runs = 0;
    const { lane, clock } = await aLane(async () => void runs++);
    await lane.close(new AbortController().signal, async () => undefined);
    clock.now += 60_000;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(0);
  });
});

test('what Redis knows already is not created again, and of all that are woken the first due comes first', async () => {
  const told: string[] = [];
  const queue: LaneQueue = {
    isRunning: false,
    add: async ({ key: name }, at, how) => {
      told.push(`${how} ${name} ${at - start}`);
      return `new ${name}`;
    },
    ensure: async (entry, at, { ids }) => ids.get(entry.key) ?? queue.add(entry, at, 'create'),
    standing: async () => ({
      ids: new Map([
        ['late', 'id of late'],
        ['soon', 'id of soon'],
      ]),
      dates: new Map([
        ['id of late', start + 9_000],
        ['id of soon', start + 1_000],
      ]),
      taken: new Set(),
      waiting: new Set(),
    }),
    release: async () => undefined,
    whenReady: async () => undefined,
    pause: async () => undefined,
  };
  const ignore = () => undefined;
  const said = { onBegun: ignore, onFailed: ignore, onError: ignore, codeOf: () => '' };
  const lane = new Lane(queue, { ...said, handle: async () => undefined, now: () => start });
  await lane.ensure(['late', 'new', 'soon'].map((name) => [aLook(name), { key: name, name: 'look', data: {} }]));
  expect(told).toEqual(['create new 0']);
  told.length = 0;
  await lane.wakeAll();
  expect(told).toEqual(['move soon 0', 'move late 0']);
});
