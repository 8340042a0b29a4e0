/** The scheduler suite on the steered scheduler of the tests, and on BullMQ with a real Redis. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { wallClock } from '../../src/clock.ts';
import { aBullWorker } from '../support/bull-worker.ts';
import { ManualScheduler } from '../support/manual-scheduler.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { schedulerSuite } from './scheduler-suite.ts';

schedulerSuite('of the tests', async (handle) => {
  const worker = new ManualScheduler(handle);
  return {
    worker,
    now: worker.clock.now,
    pass: (promise) => worker.pass(promise),
    end: () => worker.close(AbortSignal.abort()),
  };
});

let redis: RedisServer;
beforeAll(async () => {
  redis = await aRedis();
});
afterAll(() => redis.stop());

let count = 0;
schedulerSuite('on BullMQ', async (handle) => {
  const worker = aBullWorker({ handle, socket: redis.socket, prefix: `{suite${++count}}` });
  return {
    worker,
    now: wallClock.now,
    pass: (promise) => promise,
    lose: async () => {
      const client = new Redis({ path: redis.socket });
      await client.flushall();
      client.disconnect();
    },
    end: () => worker.close(AbortSignal.abort()),
  };
});
