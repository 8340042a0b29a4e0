/** Builds a scheduler on BullMQ whose sweep is quick, so that tests need not wait for it. */
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { wallClock } from '../../src/clock.ts';
import { type BullWorker, type BullWorkerOptions, bullWorker } from '../../src/queue/bullmq.ts';
import { aRedis, type RedisServer } from './redis.ts';
import { aLook, Runs } from './runs.ts';

export function aBullWorker(
  options: Partial<BullWorkerOptions> & Pick<BullWorkerOptions, 'handle'> & { readonly socket: string },
): BullWorker {
  const { socket, ...rest } = options;
  const retryStrategy = () => 20;
  return bullWorker({
    connections: {
      producer: () => new Redis({ path: socket, maxRetriesPerRequest: 1, enableOfflineQueue: false, retryStrategy }),
      worker: () => new Redis({ path: socket, maxRetriesPerRequest: null, retryStrategy }),
    },
    prefix: '{test}',
    lookName: () => 'renew-lease',
    concurrency: { looks: 10, deliveries: 10 },
    clock: wallClock,
    sweep: { every: 50, overdueAfter: 100, stuckAfter: 1_000 },
    ...rest,
  });
}

/** Ended with the test. */
export async function aServer(args: readonly string[] = []): Promise<RedisServer> {
  const server = await aRedis({ args });
  onTestFinished(() => server.stop());
  return server;
}

export interface Working {
  readonly runs: Runs;
  readonly worker: BullWorker;
}

/** A worker on the wall clock and what it ran; ended with the test. */
export function working(socket: string, options: Partial<BullWorkerOptions> = {}): Working {
  const runs = new Runs();
  runs.now = wallClock.now;
  const worker = aBullWorker({ handle: runs.handle, socket, ...options });
  onTestFinished(() => worker.close(AbortSignal.abort()));
  return { runs, worker };
}

/** The job that `catchUp` has run: to be among those that the worker is to ensure. */
export const barrier = aLook('barrier');

/** Redis has heard all that was said to it before. */
export async function catchUp({ runs, worker }: Working, now = wallClock.now): Promise<void> {
  const passed = runs.count(barrier) + 1;
  await worker.wake(barrier, now());
  await runs.begun(barrier, passed);
}
