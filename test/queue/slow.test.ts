/** What becomes of a job that takes long, and of those behind it. */
import { describe, expect, test } from 'vitest';
import { nameOf } from '../../src/queue/scheduler.ts';
import { aLook, gate } from '../support/runs.ts';
import { aLane, key, limits, several, turns } from './a-lane.ts';

describe('a job that takes long', () => {
  test('is done for Redis after a second, goes on, and Redis hears of its successor when it ends', async () => {
    const { opened, open } = gate();
    const { lane, clock, told } = await aLane(async () => {
      await opened;
      await lane.succeed(key, clock.now + 10_000);
    });
    let isDone = false;
    const run = lane.run(key).then(() => {
      isDone = true;
    });
    clock.now += 999;
    lane.underWay.setSlowAside(clock.now);
    await turns();
    expect(isDone).toBe(false);
    clock.now += 1;
    lane.underWay.setSlowAside(clock.now);
    await run;
    expect([lane.underWay.count, lane.underWay.aside, told.length]).toEqual([0, 1, 0]);
    // Started once more it waits for the one that is under way.
    await lane.run(key);
    open();
    await turns();
    expect([lane.underWay.count, lane.underWay.aside]).toEqual([0, 0]);
    expect(told).toEqual(['move 1000']);
  });

  test('and throws then is heard of, and run again', async () => {
    const { opened, open } = gate();
    const { lane, clock, told, failed } = await aLane(async () => {
      await opened;
      throw new Error('the store is away');
    });
    const run = lane.run(key);
    clock.now += 5_000;
    lane.underWay.setSlowAside(clock.now);
    await run;
    open();
    await turns();
    expect(failed).toEqual([['Error: the store is away', 1_000]]);
    expect(told).toEqual(['move 6000']);
  });

  test('takes nobody’s place from its beginning the next time, until it has been quick once', async () => {
    let took = 1_000;
    const { lane, clock } = await aLane(async () => {
      await turns();
      clock.now += took;
    });
    const aside: number[] = [];
    for (took of [1_000, 1_000, 999, 0]) {
      await lane.wake(key, clock.now);
      const run = lane.run(key);
      aside.push(lane.underWay.aside);
      await run;
      for (let i = 0; i < 3; i++) await turns();
    }
    expect(aside).toEqual([0, 1, 1, 0]);
  });

  test('keeps its place where as many are set aside as may be', async () => {
    const ends: (() => void)[] = [];
    const { lane, clock } = await aLane(async () => {
      const { opened, open } = gate();
      ends.push(open);
      await opened;
    });
    await lane.ensure(several);
    const runs = several.map(([job]) => lane.run(nameOf(job)));
    clock.now += 1_000;
    lane.underWay.setSlowAside(clock.now);
    expect([lane.underWay.count, lane.underWay.aside]).toEqual([1, 2]);
    await Promise.all(runs.slice(0, 2));
    ends[0]?.();
    await turns();
    lane.underWay.setSlowAside(clock.now);
    expect([lane.underWay.count, lane.underWay.aside]).toEqual([0, 2]);
    await runs[2];
  });

  test('leaves room for what Redis does not start', async () => {
    const begun: string[] = [];
    const { lane, clock } = await aLane(async ({ secret }) => {
      begun.push(secret);
      await new Promise(() => undefined);
    });
    await lane.ensure(several);
    void lane.run(nameOf(aLook('a')));
    clock.now += 60_000;
    lane.runOverdue(limits, 1);
    expect(begun).toEqual(['a']);
    lane.underWay.setSlowAside(clock.now);
    lane.runOverdue(limits, 1);
    expect(begun).toEqual(['a', 'b']);
  });

  test('does not run twice at a time though it left the configuration meanwhile and came back, but once more after', async () => {
    let runs = 0;
    const { opened, open } = gate();
    const { lane, clock, told } = await aLane(async () => {
      runs++;
      await opened;
    });
    const run = lane.run(key);
    clock.now += 1_000;
    lane.underWay.setSlowAside(clock.now);
    await run;
    await lane.ensure([]);
    await lane.ensure([[aLook(), { key, name: 'renew-lease', data: { secret: 'orders-db' } }]]);
    clock.now += 60_000;
    lane.runOverdue(limits, 10);
    expect(runs).toBe(1);
    told.length = 0;
    open();
    await turns();
    expect(told).toEqual(['move 1000']);
    await lane.run(key);
    expect(runs).toBe(2);
  });

  test('is waited for when all closes, and cut off with the others', async () => {
    let reason: unknown;
    const { lane, clock } = await aLane(
      (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason;
            resolve();
          });
        }),
    );
    const run = lane.run(key);
    clock.now += 1_000;
    lane.underWay.setSlowAside(clock.now);
    await run;
    const end = new AbortController();
    const closed = lane.close(end.signal, () => new Promise(() => undefined));
    await turns();
    expect(reason).toBeUndefined();
    end.abort('the end');
    expect(await closed).toBe(true);
    expect(reason).toBe('the end');
  });
});
