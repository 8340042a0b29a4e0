/** What Redis and processes may do to the schedule: be killed, forget, go back in time, hold on to jobs. */
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { steadyClock, wallClock } from '../../src/clock.ts';
import { looksAtATime } from '../../src/queue/bullmq.ts';
import { type Job, nameOf } from '../../src/queue/scheduler.ts';
import { aBullWorker, aServer, barrier, catchUp, working } from '../support/bull-worker.ts';
import { aRedis } from '../support/redis.ts';
import { aDelivery, aLook, gate, Runs } from '../support/runs.ts';

const { now } = wallClock;
const hour = 3_600_000;
const prefix = '{test}';

function aClient(socket: string): Redis {
  const client = new Redis({ path: socket, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

describe('the schedule on BullMQ', () => {
  test('is kept for the next process, which moves no date, and runs at once what was under way when the last was killed', async () => {
    const { socket } = await aServer();
    const first = working(socket);
    const stuck = aDelivery();
    first.runs.does(aLook(), async (job) => first.worker.succeed(job, now() + hour));
    first.runs.does(stuck, () => new Promise(() => undefined));
    await first.worker.ensure([aLook(), stuck, barrier]);
    await first.runs.begun(aLook());
    await first.runs.begun(stuck);
    await catchUp(first);
    const client = aClient(socket);
    const scheduled = () => client.zrange(`${prefix}:looks:delayed`, '0', '-1', 'WITHSCORES');
    const before = await scheduled();
    expect(before).toHaveLength(2);
    // As after SIGKILL: nothing is said to Redis any more, and the job stays taken, its lock held.
    const second = working(socket, { sweep: { every: 20, overdueAfter: 50, stuckAfter: hour } });
    await second.worker.ensure([aLook(), stuck, barrier]);
    await second.runs.begun(stuck);
    // The same job at the same date: it was neither moved nor put back.
    expect(await scheduled()).toEqual(before);
    // Several sweeps long: none of them may bring the look forward.
    second.runs.does(barrier, async (job) => second.worker.succeed(job, now() + 400));
    await catchUp(second);
    await second.runs.begun(barrier, second.runs.count(barrier) + 1);
    expect(second.runs.count(aLook())).toBe(0);
    await second.worker.wake(aLook(), now());
    await second.runs.begun(aLook());
  });

  test.each([[-hour], [hour]])(
    'is kept when the wall clock is set by %i ms: nobody is late, and nobody early',
    async (by) => {
      const { socket } = await aServer();
      const clock = steadyClock();
      const real = Date.now;
      onTestFinished(() => void vi.restoreAllMocks());
      const runs = new Runs();
      runs.now = () => clock.now();
      const worker = aBullWorker({
        handle: runs.handle,
        socket,
        prefix,
        clock,
        sweep: { every: 50, overdueAfter: hour },
      });
      onTestFinished(() => worker.close(AbortSignal.abort()));
      let dueAt = 0;
      runs.does(aDelivery(), async (job) => worker.succeed(job, clock.now() + hour / 2));
      runs.does(aLook(), async (job) => {
        dueAt = clock.now() + 1_000;
        await worker.succeed(job, dueAt);
      });
      await worker.ensure([aLook(), aDelivery(), barrier]);
      await runs.begun(aLook());
      await runs.begun(aDelivery());
      await catchUp({ runs, worker }, () => clock.now());
      vi.spyOn(Date, 'now').mockImplementation(() => real() + by);
      await runs.begun(aLook(), 2);
      expect(clock.now()).toBeGreaterThanOrEqual(dueAt - 500);
      expect(runs.count(aDelivery())).toBe(1);
    },
  );

  test('goes on when Redis is killed and started again on its file', async () => {
    const server = await aServer(['--appendonly', 'yes', '--appendfsync', 'always']);
    const subject = working(server.socket);
    const { runs, worker } = subject;
    const opened = gate();
    runs.does(aLook(), () => opened.opened.then(() => worker.succeed(aLook(), now() + 100)));
    runs.does(aDelivery(), async (job) => worker.succeed(job, now() + 300));
    await worker.ensure([aLook(), aDelivery(), barrier]);
    await runs.begun(aLook());
    await runs.begun(aDelivery());
    await server.kill();
    opened.open();
    await worker.wake(barrier, now());
    const again = await aRedis({ dir: server.dir, args: ['--appendonly', 'yes'] });
    onTestFinished(() => again.stop());
    await runs.begun(aLook(), 2);
    await runs.begun(aDelivery(), 2);
    await catchUp(subject);
    expect(Math.max(...runs.most.values())).toBe(1);
  });

  test.each([['nothing'], ['what it knew long ago']])(
    'is told anew to a Redis that comes back with %s, before any sweep',
    async (what) => {
      const server = await aServer(['--appendonly', 'yes', '--appendfsync', 'always']);
      const dir = await mkdtemp(join(tmpdir(), 'lk-old-'));
      onTestFinished(() => rm(dir, { recursive: true, force: true }));
      const never = { every: 50, overdueAfter: hour, stuckAfter: hour };
      const subject = working(server.socket, { sweep: never });
      const { runs, worker } = subject;
      runs.does(aLook(), async (job) => worker.succeed(job, now() + hour));
      runs.does(aDelivery(), async (job) => worker.succeed(job, now() + hour));
      await worker.ensure([aLook(), aDelivery(), barrier]);
      await runs.begun(aLook());
      await runs.begun(aDelivery());
      await catchUp(subject);
      const files = join(server.dir, 'appendonlydir');
      for (const name of await readdir(files)) await copyFile(join(files, name), join(dir, name));
      const due = now() + 1_500;
      await worker.wake(aLook(), due);
      await worker.wake(aDelivery(), due);
      await server.kill();
      if (what === 'nothing') await rm(files, { recursive: true });
      else for (const name of await readdir(dir)) await copyFile(join(dir, name), join(files, name));
      const again = await aRedis({ dir: server.dir, args: ['--appendonly', 'yes'] });
      onTestFinished(() => again.stop());
      expect(await runs.begun(aLook(), 2)).toBeGreaterThanOrEqual(due);
      expect(await runs.begun(aDelivery(), 2)).toBeGreaterThanOrEqual(due);
    },
  );

  test.each([
    ['deleted', true],
    ['in no list any more', false],
  ])('finds one job that is %s, and one that was put off behind its back', async (_, isDeleted) => {
    const { socket } = await aServer();
    const subject = working(socket, { memoryAfter: Number.POSITIVE_INFINITY });
    const { runs, worker } = subject;
    const client = aClient(socket);
    runs.does(aLook(), async (job) => worker.succeed(job, now() + 400));
    runs.does(aDelivery(), async (job) => worker.succeed(job, now() + 400));
    await worker.ensure([aLook(), aDelivery(), barrier]);
    await runs.begun(aLook());
    await runs.begun(aDelivery());
    await catchUp(subject);
    const [id = ''] = await client.zrange(`${prefix}:looks:delayed`, '0', '0');
    await client.zrem(`${prefix}:looks:delayed`, id);
    if (isDeleted) await client.del(`${prefix}:looks:${id}`);
    const [other = ''] = await client.zrange(`${prefix}:deliveries:delayed`, '0', '0');
    await client.zadd(`${prefix}:deliveries:delayed`, (now() + hour) * 0x1000, other);
    await runs.begun(aLook(), 2);
    await runs.begun(aDelivery(), 2);
  });

  test('finds at its start what Redis lost of the one before, though deduplication still knows it', async () => {
    const { socket } = await aServer();
    const first = working(socket);
    first.runs.does(aLook(), async (job) => first.worker.succeed(job, now() + hour));
    await first.worker.ensure([aLook(), barrier]);
    await first.runs.begun(aLook());
    await catchUp(first);
    await first.worker.close(AbortSignal.abort());
    const client = aClient(socket);
    const [id = ''] = await client.zrange(`${prefix}:looks:delayed`, '0', '0');
    await client.zrem(`${prefix}:looks:delayed`, id);
    await client.del(`${prefix}:looks:${id}`);
    const sweep = { every: hour, overdueAfter: hour, stuckAfter: hour };
    const second = working(socket, { memoryAfter: Number.POSITIVE_INFINITY, sweep });
    await second.worker.ensure([aLook(), barrier]);
    await second.runs.begun(aLook());
  });

  test('survives that everything is flushed in the middle of a run', async () => {
    const { socket } = await aServer();
    const { runs, worker } = working(socket);
    const client = aClient(socket);
    runs.does(aLook(), async (job) => {
      await client.flushall();
      await worker.succeed(job, now() + 50);
    });
    await worker.ensure([aLook()]);
    await runs.begun(aLook(), 2);
  });

  test('takes a job back from a worker that never began it', async () => {
    const { socket } = await aServer();
    const subject = working(socket, { sweep: { every: 50, overdueAfter: 100, stuckAfter: 300 } });
    const { runs, worker } = subject;
    const client = aClient(socket);
    runs.does(aLook(), async (job) => worker.succeed(job, now() + 600));
    await worker.ensure([aLook(), barrier]);
    await runs.begun(aLook());
    await catchUp(subject);
    // As where Redis gave it to a worker, and the answer was lost on the way.
    const [id = ''] = await client.zrange(`${prefix}:looks:delayed`, '0', '0');
    await client.zrem(`${prefix}:looks:delayed`, id);
    await client.lpush(`${prefix}:looks:active`, id);
    await client.set(`${prefix}:looks:${id}:lock`, 'nobody', 'PX', hour);
    await runs.begun(aLook(), 2);
  });

  test('makes a worker anew that takes no more jobs, and says so', async () => {
    const { socket } = await aServer();
    const clients: Redis[] = [];
    const errors: string[] = [];
    const rebuilt = gate();
    const follow = (client: Redis): Redis => {
      clients.push(client);
      const duplicate = client.duplicate.bind(client);
      client.duplicate = (...args) => follow(duplicate(...args) as Redis) as never;
      return client;
    };
    const fast = () => new Redis({ path: socket, maxRetriesPerRequest: 1, enableOfflineQueue: false });
    const subject = working(socket, {
      connections: { producer: fast, worker: () => follow(new Redis({ path: socket, maxRetriesPerRequest: null })) },
      sweep: { every: 50, overdueAfter: 100, stuckAfter: 400 },
      onError: ({ message }) => {
        errors.push(message);
        if (message.includes('made anew')) rebuilt.open();
      },
    });
    const { runs, worker } = subject;
    runs.does(aLook(), async (job) => worker.succeed(job, now() + 200));
    await worker.ensure([aLook(), barrier]);
    await runs.begun(aLook());
    await catchUp(subject);
    for (const client of clients.splice(0)) client.disconnect();
    await runs.begun(aLook(), 2);
    await rebuilt.opened;
    await catchUp(subject);
    expect(errors.some((message) => message.includes('the worker of looks took no jobs'))).toBe(true);
  });

  test('calls looks by what they do, and puts names into the jobs and nothing else', async () => {
    const { socket } = await aServer();
    const subject = working(socket, { lookName: (secret) => (secret === 'token' ? 'refresh-token' : 'renew-lease') });
    const { runs, worker } = subject;
    const client = aClient(socket);
    const jobs = [aLook(), aLook('token'), aDelivery(), { kind: 'reload', secret: 'orders-db' } as const];
    for (const job of jobs) runs.does(job, async () => worker.succeed(job, now() + hour));
    await worker.ensure([...jobs, barrier]);
    for (const job of jobs) await runs.begun(job);
    await catchUp(subject);
    const found: string[] = [];
    for (const queue of ['looks', 'deliveries', 'reloads']) {
      for (const id of await client.zrange(`${prefix}:${queue}:delayed`, '0', '-1')) {
        const [name, data] = await client.hmget(`${prefix}:${queue}:${id}`, 'name', 'data');
        found.push(`${queue} ${name} ${data}`);
      }
    }
    expect(found.sort()).toEqual([
      'deliveries deliver {"secret":"orders-db","sink":"file:/secrets/orders-db.env"}',
      'looks refresh-token {"secret":"token"}',
      'looks renew-lease {"secret":"orders-db"}',
      'reloads reload {"secret":"orders-db"}',
    ]);
    expect((await worker.counts()).deliveries['delayed']).toBe(1);
  });

  test('lets no program that hangs hold up a sink, and no sink that hangs what renewals wait for', async () => {
    const { socket } = await aServer();
    const [token, hanging, free]: Job[] = [
      { kind: 'deliver', secret: 'p/token', sink: 'memory' },
      { kind: 'reload', secret: 'hangs' },
      { kind: 'deliver', secret: 'other', sink: 'file' },
    ];
    if (!token || !hanging || !free) throw new Error('there are three');
    const { runs, worker } = working(socket, {
      concurrency: { looks: 2, deliveries: 1 },
      isPrompt: ({ secret }) => secret === 'p/token',
    });
    for (const job of [hanging, free]) runs.does(job, () => new Promise(() => undefined));
    await worker.ensure([hanging]);
    await runs.begun(hanging);
    await worker.ensure([hanging, free]);
    await runs.begun(free);
    await worker.ensure([hanging, free, token]);
    await runs.begun(token);
  });

  test('lets nothing that hangs hold up others of its kind, nor Redis forget what was under way when the process is killed', async () => {
    const { socket } = await aServer();
    const first = working(socket, { concurrency: { looks: 1, deliveries: 2 } });
    const hanging = Array.from({ length: 3 }, (_, i) => aDelivery(`hangs ${i}`));
    for (const job of hanging) first.runs.does(job, () => new Promise(() => undefined));
    await first.worker.ensure(hanging);
    for (const job of hanging) await first.runs.begun(job);
    await first.worker.ensure([...hanging, aDelivery()]);
    await first.runs.begun(aDelivery());
    const last = hanging.at(-1) ?? aDelivery();
    await first.worker.wake(last, now());
    await vi.waitFor(async () => {
      expect(await first.worker.counts()).toMatchObject({ deliveries: { active: 3, wait: 0 } });
    });
    expect(first.runs.count(last)).toBe(1);
    // As after SIGKILL.
    const second = working(socket);
    await second.worker.ensure([...hanging, aDelivery()]);
    for (const job of hanging) await second.runs.begun(job);
  });

  test('leaves nothing of an error in Redis but its code', async () => {
    const server = await aServer(['--appendonly', 'yes', '--appendfsync', 'always']);
    const failed: unknown[] = [];
    const subject = working(server.socket, {
      codeOf: () => 'unavailable',
      onFailed: (_, error) => failed.push(error),
    });
    const { runs, worker } = subject;
    runs.does(aLook(), async () => {
      throw Object.assign(new Error('password CANARY-7f3a is wrong'), { token: 'CANARY-7f3a', cause: 'CANARY-7f3a' });
    });
    await worker.ensure([aLook(), barrier]);
    await runs.begun(aLook(), 2);
    await catchUp(subject);
    expect(String(failed[0])).toContain('CANARY');
    const client = aClient(server.socket);
    const events = JSON.stringify(await client.xrange(`${prefix}:looks:events`, '-', '+'));
    expect(events).toContain('look failed: unavailable');
    const files = join(server.dir, 'appendonlydir');
    const written = await Promise.all((await readdir(files)).map((name) => readFile(join(files, name), 'latin1')));
    expect(written.join()).toContain('look failed: unavailable');
    expect(written.join()).not.toContain('CANARY');
  });

  test('counts a date from when it was said, not from the end of the run', async () => {
    const { socket } = await aServer();
    const subject = working(socket);
    const { runs, worker } = subject;
    const client = aClient(socket);
    let said = Number.NaN;
    let held = Number.NaN;
    runs.does(aLook(), async (job) => {
      const from = now();
      said = from + hour;
      await worker.succeed(job, said);
      await new Promise((resolve) => setTimeout(resolve, 500));
      held = now() - from;
    });
    await worker.ensure([aLook(), barrier]);
    await runs.begun(aLook());
    while (Number.isNaN(held)) await catchUp(subject);
    await catchUp(subject);
    const [, score] = await client.zrange(`${prefix}:looks:delayed`, '0', '0', 'WITHSCORES');
    // BullMQ by itself would count from the end, and be late by as long as the job was held.
    expect(Math.floor(Number(score) / 0x1000)).toBeGreaterThanOrEqual(said);
    expect(Math.floor(Number(score) / 0x1000)).toBeLessThan(said + held);
  });

  test('tells how late each job began', async () => {
    const { socket } = await aServer();
    const begun: [string, number][] = [];
    const { runs, worker } = working(socket, { onBegun: (job, lateness) => begun.push([nameOf(job), lateness]) });
    runs.does(aLook(), async (job) => worker.succeed(job, now() - 5_000));
    await worker.ensure([aLook()]);
    await runs.begun(aLook(), 2);
    expect(begun[0]?.[0]).toBe(nameOf(aLook()));
    expect(begun[1]?.[1]).toBeGreaterThanOrEqual(5_000);
  });

  test('ends in good time while Redis is away, and with a job that minds no signal', async () => {
    const server = await aServer();
    const { runs, worker } = working(server.socket);
    runs.does(aLook(), () => new Promise(() => undefined));
    await worker.ensure([aLook()]);
    await runs.begun(aLook());
    await server.kill();
    await worker.close(AbortSignal.abort());
    await worker.close(AbortSignal.abort());
  });

  test('begins to work when Redis comes, where it was away at the start', async () => {
    const server = await aServer();
    await server.kill();
    const { runs, worker } = working(server.socket);
    await expect(worker.ensure([aLook()])).rejects.toThrow();
    const again = await aRedis({ dir: server.dir });
    onTestFinished(() => again.stop());
    await runs.begun(aLook());
  });

  test('has room for the looks of every provider', () => {
    expect(looksAtATime(1)).toBe(50);
    expect(looksAtATime(10)).toBe(96);
  });
});
