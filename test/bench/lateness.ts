/** How late looks begin whose dates are spread over some seconds, next to delayed jobs of BullMQ that do nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { wallClock } from '../../src/clock.ts';
import { hours, seconds } from '../../src/core/time.ts';
import { looksAtATime } from '../../src/queue/bullmq.ts';
import { type Finding, inMilliseconds, quantile, ratio } from './figures.ts';
import { clock, openHouse } from './house.ts';
import { aPlainQueue } from './plain-bullmq.ts';
import { aBenchRedis, type BenchRedis } from './redis.ts';

const concurrency = looksAtATime(1);
/** Between the preparations and the first date. */
const lead = seconds(3);

interface Spread {
  readonly count: number;
  readonly over: number;
}

export async function measureLateness(isQuick: boolean): Promise<Finding> {
  const spread = isQuick ? { count: 400, over: seconds(2) } : { count: 2_000, over: seconds(10) };
  const redis = await aBenchRedis();
  try {
    const plain = await latenessOfJobs(redis, spread);
    await redis.clear();
    const { begun, asked } = await latenessOfLooks(redis, spread);
    const row = (what: string, sample: readonly number[]) => [
      what,
      ...[0.5, 0.99, 1].map((share) => inMilliseconds(quantile(sample, share))),
      ...[0.5, 0.99].map((share) => ratio([quantile(sample, share) / quantile(plain, share)])),
    ];
    return {
      title: `Lateness of ${spread.count} dates within ${spread.over / 1000} s`,
      columns: ['', 'p50', 'p99', 'max', 'p50 to BullMQ', 'p99 to BullMQ'],
      rows: [
        row('delayed job of BullMQ begins', plain),
        row('look begins', begun),
        row('renewal reaches the source', asked),
      ],
      notes: [
        `concurrency ${concurrency}; embedded Redis (hz 100, appendonly, everysec); one after the other in one process`,
        'each look renews, and is saved',
      ],
    };
  } finally {
    await redis.stop();
  }
}

async function latenessOfJobs(redis: BenchRedis, { count, over }: Spread): Promise<readonly number[]> {
  const sample: number[] = [];
  const queue = aPlainQueue(redis.access, concurrency, (at) => {
    sample.push(Math.max(0, wallClock.now() - at));
  });
  queue.start();
  await queue.add(Array.from({ length: count }, (_, i) => lead + (over * i) / count));
  await reached(() => sample.length >= count, lead + over);
  await queue.close();
  return sample;
}

/** Leases that are taken first, and are then due one after the other. */
async function latenessOfLooks(redis: BenchRedis, { count, over }: Spread) {
  const begun: number[] = [];
  const asked: number[] = [];
  // Leases are taken a thousand a second on a quiet machine; who comes late gets its date later.
  const firstAt = clock.now() + lead + 2 * count;
  const house = await openHouse({
    redis: redis.access,
    count,
    concurrency,
    endOf: (tenant, act, now) => {
      if (act === 'acquire') return now + 2 * (Math.max(firstAt + (over * tenant.number) / count, now + lead) - now);
      begun.push(tenant.late);
      asked.push(tenant.late + clock.now() - tenant.begunAt);
      return now + hours(1);
    },
    onLooked: () => false,
  });
  await reached(() => asked.length >= count, firstAt - clock.now() + over);
  await house.close();
  return { begun, asked };
}

async function reached(isSo: () => boolean, expected: number): Promise<void> {
  const limit = performance.now() + expected + seconds(60);
  while (!isSo()) {
    if (performance.now() > limit) throw new Error('not all that was due was begun within a minute after the last');
    await pause(20);
  }
}
