/** BullMQ as it comes, doing nothing: what everything of ours that runs on it is measured by. */
import { once } from 'node:events';
import { type Job, Queue, Worker } from 'bullmq';
import { wallClock } from '../../src/clock.ts';
import type { Instant } from '../../src/core/time.ts';
import type { RedisAccess } from '../../src/state/redis.ts';

export interface PlainQueue {
  add(delays: readonly number[]): Promise<void>;
  /** Begin to take jobs. */
  start(): void;
  close(): Promise<void>;
}

/** `onJob` is called with its date when a job begins, which is all that is done for it. */
export function aPlainQueue(redis: RedisAccess, concurrency: number, onJob: (at: Instant) => void): PlainQueue {
  const prefix = `${redis.keys}:plain`;
  const producer = redis.producer();
  const client = redis.worker();
  const queue = new Queue('no-op', {
    connection: producer,
    prefix,
    skipWaitingForReady: true,
    skipVersionCheck: true,
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  const run = async (job: Job<{ readonly at: Instant }>) => onJob(job.data.at);
  const worker = new Worker('no-op', run, { connection: client, prefix, concurrency, autorun: false });
  const wrongs: Error[] = [];
  const onError = (error: Error) => void wrongs.push(error);
  queue.on('error', onError);
  worker.on('error', onError);
  for (const each of [producer, client]) each.on('error', onError);
  return {
    async add(delays) {
      if (producer.status !== 'ready') await once(producer, 'ready');
      for (let from = 0; from < delays.length; from += 500) {
        const now = wallClock.now();
        const some = delays.slice(from, from + 500).map((delay) => ({
          name: 'no-op',
          data: { at: now + delay },
          opts: { delay, timestamp: now },
        }));
        await queue.addBulk(some);
      }
    },
    start: () => {
      worker.run().catch(onError);
    },
    async close() {
      const before = [...wrongs];
      await worker.close();
      await queue.close();
      client.disconnect();
      producer.disconnect();
      if (before.length > 0) throw new AggregateError(before, 'plain BullMQ failed: no figures');
    },
  };
}
