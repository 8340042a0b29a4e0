/** Builds a scheduler on BullMQ whose sweep is quick, so that tests need not wait for it. */
import { Redis } from 'ioredis';
import { wallClock } from '../../src/clock.ts';
import { type BullWorker, type BullWorkerOptions, bullWorker } from '../../src/queue/bullmq.ts';

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
