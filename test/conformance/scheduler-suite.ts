/** What every scheduler keeps to, the steered one of the tests and the one on BullMQ. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Instant } from '../../src/core/time.ts';
import { type Handle, type Job, nameOf, type Worker } from '../../src/queue/scheduler.ts';
import { aDelivery, aLook, gate, Runs } from '../support/runs.ts';

export interface SchedulerSubject {
  readonly worker: Worker;
  now(): Instant;
  /** Time goes on until the promise is settled. */
  pass<T>(promise: Promise<T>): Promise<T>;
  /** Everything that is kept outside of the process is gone. Absent: nothing is. */
  lose?(): Promise<void>;
  end(): Promise<void>;
}

const hour = 3_600_000;
const soon = 150;

export function schedulerSuite(name: string, open: (handle: Handle) => Promise<SchedulerSubject>): void {
  describe(`the scheduler ${name}`, () => {
    let subject: SchedulerSubject | undefined;
    afterEach(async () => {
      await subject?.end();
      subject = undefined;
    });
    const start = async () => {
      const runs = new Runs();
      const opened = await open(runs.handle);
      subject = opened;
      runs.now = opened.now;
      const barrier: Job = aLook('barrier');
      let passed = 0;
      return {
        ...opened,
        runs,
        barrier,
        begun: (job: Job, times = 1) => opened.pass(runs.begun(job, times)),
        /** Whatever was due before has begun by the end of it. */
        catchUp: async () => {
          passed = runs.count(barrier) + 1;
          await opened.worker.wake(barrier, opened.now());
          await opened.pass(runs.begun(barrier, passed));
        },
      };
    };

    test('runs each job that exists as soon as it is ensured', async () => {
      const { worker, begun, runs } = await start();
      await worker.ensure([aLook(), aDelivery()]);
      await begun(aLook());
      await begun(aDelivery());
      expect(runs.all).toHaveLength(2);
    });

    test('runs the successor that a job names for itself at its date, not before, and once', async () => {
      const { worker, now, begun, runs, barrier, catchUp } = await start();
      let at = Number.NaN;
      runs.does(aLook(), async (job) => {
        at = now() + soon;
        await worker.succeed(job, at);
      });
      await worker.ensure([aLook(), barrier]);
      expect(await begun(aLook(), 2)).toBeGreaterThanOrEqual(at);
      await catchUp();
      expect(runs.count(aLook())).toBe(2);
    });

    test('takes the last word of a running job, be it later or earlier', async () => {
      const { worker, now, begun, runs, barrier } = await start();
      let at = Number.NaN;
      runs.does(
        aLook(),
        async (job) => {
          await worker.succeed(job, now() + 10);
          at = now() + 2 * soon;
          await worker.succeed(job, at);
        },
        async (job) => {
          await worker.succeed(job, now() + hour);
          await worker.succeed(job, now());
        },
      );
      await worker.ensure([aLook(), barrier]);
      expect(await begun(aLook(), 2)).toBeGreaterThanOrEqual(at);
      await begun(aLook(), 3);
    });

    test('brings a date forward when others ask for it', async () => {
      const { worker, now, begun, runs, catchUp, barrier } = await start();
      let far = Number.NaN;
      runs.does(aLook(), async (job) => {
        far = now() + hour;
        await worker.succeed(job, far);
      });
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await catchUp();
      await worker.wake(aLook(), now() + soon);
      expect(await begun(aLook(), 2)).toBeLessThan(far);
    });

    test('never puts a date off when others ask for a later one', async () => {
      const { worker, now, begun, runs, catchUp, barrier } = await start();
      runs.does(aLook(), async (job) => worker.succeed(job, now() + 3 * soon));
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await catchUp();
      const far = now() + hour;
      await worker.wake(aLook(), far);
      expect(await begun(aLook(), 2)).toBeLessThan(far);
    });

    test('runs again when others asked for it during a run, whatever the job itself says after that', async () => {
      const { worker, now, begun, runs, catchUp, barrier } = await start();
      const opened = gate();
      runs.does(aLook(), async (job) => {
        await opened.opened;
        await worker.succeed(job, now() + hour);
      });
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await worker.wake(aLook(), now());
      opened.open();
      await begun(aLook(), 2);
      await catchUp();
      expect(runs.count(aLook())).toBe(2);
    });

    test('brings forward what the running job itself said, when others ask after it', async () => {
      const { worker, now, begun, runs, barrier } = await start();
      const opened = gate();
      const said = gate();
      let far = Number.NaN;
      runs.does(aLook(), async (job) => {
        far = now() + hour;
        await worker.succeed(job, far);
        said.open();
        await opened.opened;
      });
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await said.opened;
      await worker.wake(aLook(), now());
      opened.open();
      expect(await begun(aLook(), 2)).toBeLessThan(far);
    });

    test('never runs the same job twice at a time, and others meanwhile', async () => {
      const { worker, now, begun, runs, catchUp, barrier } = await start();
      const opened = gate();
      runs.does(aLook(), () => opened.opened);
      await worker.ensure([aLook(), aDelivery(), barrier]);
      await begun(aLook());
      for (let i = 0; i < 20; i++) await worker.wake(aLook(), now());
      await catchUp();
      await begun(aDelivery());
      expect(runs.count(aLook())).toBe(1);
      opened.open();
      await begun(aLook(), 2);
      await catchUp();
      expect(runs.count(aLook())).toBe(2);
      expect(runs.most.get(nameOf(aLook()))).toBe(1);
    });

    test('leaves the dates that are set alone when the same jobs and more are ensured', async () => {
      const { worker, now, begun, runs, catchUp, barrier } = await start();
      runs.does(aLook(), async (job) => worker.succeed(job, now() + hour));
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await catchUp();
      await worker.ensure([aLook(), aDelivery(), barrier]);
      await begun(aDelivery());
      await catchUp();
      expect(runs.count(aLook())).toBe(1);
    });

    test('runs a job again that nobody named a date for, when it is ensured again', async () => {
      const { worker, begun, catchUp, barrier } = await start();
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await catchUp();
      await worker.ensure([aLook(), barrier]);
      await begun(aLook(), 2);
    });

    test('does not run a job that left the configuration, whoever asks for it', async () => {
      const { worker, now, begun, runs, catchUp, barrier } = await start();
      runs.does(aLook(), async (job) => worker.succeed(job, now() + soon));
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await worker.ensure([barrier]);
      await worker.wake(aLook(), now());
      await catchUp();
      await catchUp();
      expect(runs.count(aLook())).toBe(1);
    });

    test('runs a job again soon that threw, and lets others run meanwhile', async () => {
      const { worker, now, begun, runs, barrier } = await start();
      const fail = () => Promise.reject(new Error('the store is away'));
      let far = Number.NaN;
      runs.does(aLook(), fail, async (job) => {
        far = now() + hour;
        await worker.succeed(job, far);
        await fail();
      });
      await worker.ensure([aLook(), aDelivery(), barrier]);
      await begun(aDelivery());
      await begun(aLook(), 2);
      expect(await begun(aLook(), 3)).toBeLessThan(far);
    });

    test('tells apart jobs whose names are made of the same characters', async () => {
      const { worker, begun, runs, catchUp, barrier } = await start();
      const jobs: readonly Job[] = [
        { kind: 'deliver', secret: 'a', sink: 'b/c' },
        { kind: 'deliver', secret: 'a/b', sink: 'c' },
        { kind: 'deliver', secret: 'a:b', sink: '{c}' },
        { kind: 'look', secret: 'a' },
        { kind: 'reload', secret: 'a' },
        { kind: 'look', secret: '42' },
        { kind: 'look', secret: 'пароль' },
      ];
      await worker.ensure([...jobs, barrier]);
      for (const job of jobs) await begun(job);
      await catchUp();
      expect(runs.all.filter(({ name: ran }) => ran !== nameOf(barrier))).toHaveLength(jobs.length);
    });

    test('waits at its end for the jobs under way, and begins no other', async () => {
      const { worker, now, begun, runs } = await start();
      const opened = gate();
      let isEnded = false;
      runs.does(aLook(), async (job) => {
        await opened.opened;
        await worker.succeed(job, now());
        isEnded = true;
      });
      await worker.ensure([aLook(), aDelivery()]);
      await begun(aLook());
      await begun(aDelivery());
      const closed = worker.close(new AbortController().signal);
      await worker.wake(aDelivery(), now());
      opened.open();
      await closed;
      expect(isEnded).toBe(true);
      expect(runs.all).toHaveLength(2);
    });

    test('aborts the jobs under way when it is told to end at once', async () => {
      const { worker, begun, runs } = await start();
      const stop = new AbortController();
      let heard: unknown;
      runs.does(aLook(), async (_, signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        heard = signal.reason;
      });
      await worker.ensure([aLook()]);
      await begun(aLook());
      const closed = worker.close(stop.signal);
      const reason = new Error('at once');
      stop.abort(reason);
      await closed;
      expect(heard).toBe(reason);
      expect(runs.count(aLook())).toBe(1);
    });

    test('finds a job that was lost, and runs it', async () => {
      const { worker, now, begun, runs, catchUp, barrier, lose } = await start();
      runs.does(aLook(), async (job) => worker.succeed(job, now() + soon));
      await worker.ensure([aLook(), barrier]);
      await begun(aLook());
      await catchUp();
      await lose?.();
      await begun(aLook(), 2);
    });
  });
}
