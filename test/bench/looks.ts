/** Looks a second, next to jobs a second that do nothing: same Redis, same concurrency, turn by turn. */
import { setTimeout as pause } from 'node:timers/promises';
import { minutes, seconds } from '../../src/core/time.ts';
import { bullWorker, looksAtATime } from '../../src/queue/bullmq.ts';
import type { Job } from '../../src/queue/scheduler.ts';
import { type Finding, median, ratio, whole } from './figures.ts';
import { clock, openHouse } from './house.ts';
import { aPlainQueue } from './plain-bullmq.ts';
import { aBenchRedis, type BenchRedis } from './redis.ts';

/** What a number of jobs took. */
interface Taken {
  readonly perSecond: number;
  /** Processor time of one job, in microseconds. */
  readonly ours: number;
  readonly redis: number;
  /** Commands that Redis ran for one job, those in scripts included. */
  readonly commands: number;
}

const concurrency = looksAtATime(1);
const secrets = 300;
/** A second half of a term, and a little. */
const untilDue = minutes(2) + seconds(10);

export async function measureLooks(isQuick: boolean): Promise<Finding> {
  const rounds = isQuick ? 1 : 3;
  const window = isQuick ? 1_000 : 2_000;
  const kinds = {
    'no-op job of BullMQ': (redis: BenchRedis) => noOps(redis, isQuick ? 3_000 : 12_000),
    'no-op job through our schedule': (redis: BenchRedis) => scheduled(redis, window),
    'look with nothing due': (redis: BenchRedis) => looked(redis, window, false),
    'look that renews': (redis: BenchRedis) => looked(redis, window, true),
  };
  const results = new Map<string, Taken[]>();
  const redis = await aBenchRedis();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [kind, measure] of Object.entries(kinds)) {
        await redis.clear();
        results.set(kind, [...(results.get(kind) ?? []), await measure(redis)]);
      }
    }
  } finally {
    await redis.stop();
  }
  const [plain = []] = results.values();
  const ratios = (all: readonly Taken[], of: (taken: Taken) => number) =>
    ratio(all.map((taken, i) => of(taken) / of(plain[i] ?? taken)));
  const middle = (all: readonly Taken[], of: (taken: Taken) => number) => median(all.map(of));
  return {
    title: 'Looks',
    columns: ['', 'per second', 'to BullMQ', 'CPU µs', 'Redis CPU µs', 'CPU to BullMQ', 'commands'],
    rows: [...results].map(([kind, all]) => [
      kind,
      whole(middle(all, ({ perSecond }) => perSecond)),
      ratios(all, ({ perSecond }) => perSecond),
      whole(middle(all, ({ ours }) => ours)),
      whole(middle(all, (taken) => taken.redis)),
      ratios(all, (taken) => taken.ours + taken.redis),
      middle(all, ({ commands }) => commands).toFixed(1),
    ]),
    notes: [
      `concurrency ${concurrency}, ${rounds} rounds turn by turn on the embedded Redis (appendonly, everysec); the middle, and from where to where`,
      'a no-op of BullMQ is added before it is measured; the other three add their successor, which is counted',
      'a look that renews: the lease is due at once, its source answers at once; one renewal is saved for each look',
    ],
  };
}

async function spending(redis: BenchRedis, count: () => number, happen: () => Promise<void>): Promise<Taken> {
  const before = { ...(await redis.spent()), own: process.cpuUsage(), count: count(), at: performance.now() };
  await happen();
  const length = performance.now() - before.at;
  const done = count() - before.count;
  const { user, system } = process.cpuUsage(before.own);
  const after = await redis.spent();
  return {
    perSecond: (done / length) * 1000,
    ours: (user + system) / done,
    redis: ((after.cpu - before.cpu) * 1000) / done,
    commands: (after.commands - before.commands) / done,
  };
}

/** As many as there are, from the first to the last. */
async function noOps(redis: BenchRedis, count: number): Promise<Taken> {
  let done = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const queue = aPlainQueue(redis.access, concurrency, () => {
    if (++done === count) finish();
  });
  await queue.add(Array.from({ length: count }, () => 0));
  const taken = await spending(
    redis,
    () => done,
    () => {
      queue.start();
      return finished;
    },
  );
  await queue.close();
  return taken;
}

/** Each job runs again as soon as it has ended. */
async function scheduled(redis: BenchRedis, window: number): Promise<Taken> {
  let done = 0;
  const worker = bullWorker({
    handle: async (job) => {
      done++;
      await worker.succeed(job, clock.now());
    },
    connections: redis.access,
    prefix: redis.access.keys,
    lookName: () => 'renew-lease',
    concurrency: { looks: concurrency, deliveries: concurrency },
    clock,
  });
  await worker.ensure(Array.from({ length: secrets }, (_, i): Job => ({ kind: 'look', secret: `secret-${i}` })));
  await reached(() => done >= 2 * secrets);
  const taken = await spending(
    redis,
    () => done,
    () => pause(window),
  );
  await worker.close(AbortSignal.timeout(5_000));
  return taken;
}

/** Each secret is looked at again as soon as the look has ended. */
async function looked(redis: BenchRedis, window: number, isDue: boolean): Promise<Taken> {
  let looks = 0;
  let renewals = 0;
  const taken = new Set<number>();
  const due = new Set<number>();
  const house = await openHouse({
    redis: redis.access,
    count: secrets,
    concurrency,
    endOf: ({ number }, act, now) => {
      if (act === 'acquire') taken.add(number);
      else renewals++;
      due.delete(number);
      return now + minutes(4);
    },
    onLooked: (tenant) => {
      looks++;
      // Who waits for a lease is called when it is its turn.
      if (taken.size < secrets) return false;
      if (isDue && !due.has(tenant.number)) {
        tenant.ahead += untilDue;
        due.add(tenant.number);
      }
      return true;
    },
  });
  await reached(() => taken.size === secrets);
  const warm = looks + 2 * secrets;
  await house.lookAtAll();
  await reached(() => looks >= warm);
  const before = { looks, renewals };
  const spent = await spending(
    redis,
    () => looks,
    () => pause(window),
  );
  const share = (renewals - before.renewals) / (looks - before.looks);
  await house.close();
  const wanted = isDue ? 1 : 0;
  if (Math.abs(share - wanted) > 0.1)
    throw new Error(`${share.toFixed(2)} renewals for each look instead of ${wanted}`);
  return spent;
}

async function reached(isSo: () => boolean): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!isSo()) {
    if (performance.now() > limit) throw new Error('the looks did not come under way within a minute');
    await pause(20);
  }
}
