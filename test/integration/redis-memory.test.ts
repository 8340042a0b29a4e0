/** What is run from memory because Redis does not start it, and how a worker that takes nothing is found out. */
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { wallClock } from '../../src/clock.ts';
import { aServer, barrier, catchUp, working } from '../support/bull-worker.ts';
import { aDelivery, aLook, gate } from '../support/runs.ts';

const { now } = wallClock;
const hour = 3_600_000;

describe('the schedule on BullMQ', () => {
  test('runs from memory what a frozen Redis does not start, in time, and nothing twice when it goes on', async () => {
    const server = await aServer();
    const subject = working(server.socket, { memoryAfter: 200, sweep: { every: 100, overdueAfter: hour } });
    const { runs, worker } = subject;
    for (let i = 0; i < 20; i++) runs.does(aLook(), async (job) => worker.succeed(job, now() + 300));
    runs.does(aDelivery(), async (job) => worker.succeed(job, now() + hour));
    await worker.ensure([aLook(), aDelivery(), barrier]);
    await runs.begun(aLook());
    await runs.begun(aDelivery());
    await catchUp(subject);
    process.kill(server.pid, 'SIGSTOP');
    try {
      await runs.begun(aLook(), 8);
      await worker.wake(aDelivery(), now());
      await runs.begun(aDelivery(), 2);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await catchUp(subject);
    await catchUp(subject);
    expect(Math.max(...runs.most.values())).toBe(1);
    expect(runs.count(aDelivery())).toBe(2);
  });

  test('makes a worker anew that takes no more jobs, also where all are run from memory meanwhile', async () => {
    const { socket } = await aServer();
    const rebuilt = gate();
    let dead = 3;
    const fast = () => new Redis({ path: socket, maxRetriesPerRequest: 1, enableOfflineQueue: false });
    const subject = working(socket, {
      connections: {
        producer: fast,
        // It never gets an answer: BullMQ waits for it for ever.
        worker: () => {
          if (dead-- <= 0) return new Redis({ path: socket, maxRetriesPerRequest: null });
          const client = new Redis({ path: '/nowhere', maxRetriesPerRequest: null, retryStrategy: () => hour });
          client.on('error', () => undefined);
          return client;
        },
      },
      memoryAfter: 50,
      sweep: { every: 50, overdueAfter: hour, stuckAfter: 500 },
      onError: ({ message }) => message.includes('looks took no jobs') && rebuilt.open(),
    });
    const { runs, worker } = subject;
    runs.does(aLook(), async (job) => worker.succeed(job, now() + hour));
    await worker.ensure([aLook()]);
    // The only job there is, once: it is not what it runs that shows that a worker is dead.
    await runs.begun(aLook());
    await rebuilt.opened;
  });

  test('leaves a worker alone that took nothing only because there was nothing to take', async () => {
    const { socket } = await aServer();
    const errors: string[] = [];
    const subject = working(socket, {
      memoryAfter: 0,
      sweep: { every: 50, overdueAfter: hour, stuckAfter: 400 },
      onError: ({ message }) => errors.push(message),
    });
    const { runs, worker } = subject;
    runs.does(aLook(), async (job) => worker.succeed(job, now() + hour));
    runs.does(barrier, async (job) => worker.succeed(job, now() + 1_000));
    await worker.ensure([aLook(), barrier]);
    await runs.begun(barrier, 2);
    expect(errors.filter((message) => message.includes('made anew'))).toEqual([]);
  });
});
