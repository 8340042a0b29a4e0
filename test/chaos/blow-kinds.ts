/** What may happen to the daemon, its Redis, its disks and its provider. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Disk } from './disks.ts';
import type { KeeperProcess } from './keeper-process.ts';
import type { Lives } from './lives.ts';
import type { BadProxy, Weather } from './proxy.ts';
import type { RedisUnderTest } from './redis-under-test.ts';
import type { SandboxProcess, StoreProcess } from './sandbox-process.ts';
import type { Part, Timeline } from './timeline.ts';

export interface Scene {
  readonly keeper: KeeperProcess;
  readonly redis: RedisUnderTest;
  readonly sandbox: SandboxProcess;
  readonly store: StoreProcess;
  /** Between the daemon and both of them. */
  readonly network: Pick<BadProxy, 'weather'>;
  /** That of the sinks, and that of the daemon's own directory where it has one of its own. */
  readonly sinkDisk: Disk;
  readonly dataDisk: Disk | undefined;
  readonly timeline: Timeline;
  readonly lives: Lives;
}

export interface BlowKind {
  readonly name: string;
  readonly part: Part;
  readonly weight: number;
  readonly canStrike?: (scene: Scene, left: Duration) => boolean;
  /** The dice were thrown before: whatever is awaited here, the next blow comes from the same numbers. */
  readonly strike: (scene: Scene, dice: Dice) => Promise<void>;
}

/** Numbers drawn for one blow. */
interface Dice {
  readonly length: Duration;
  /** In [0, 1). */
  readonly which: number;
}

const isTrue = ({ which }: Dice) => which < 0.5;

/** Between a blow's begin and its end on the timeline, whatever becomes of the act. */
async function lasting(
  { timeline }: Scene,
  kind: string,
  part: Part,
  act: (note: (text: string) => void) => Promise<void>,
): Promise<void> {
  const blow = timeline.begin(kind, part);
  try {
    await act((text) => {
      blow.note = text;
    });
  } finally {
    timeline.end(blow);
  }
}

const network = (name: string, weight: number, weatherOf: (dice: Dice) => Weather): BlowKind => ({
  name,
  part: 'provider',
  weight,
  strike: (scene, dice) =>
    lasting(scene, name, 'provider', async (note) => {
      const weather = weatherOf(dice);
      note(JSON.stringify(weather));
      scene.network.weather = weather;
      await pause(dice.length);
      scene.network.weather = { kind: 'fair' };
    }),
});

const dates = [-15, -3, 3, 15].map(minutes);
const dateOf = ({ which }: Dice): Duration => dates[Math.floor(which * dates.length)] ?? 0;
let awayAt: Instant = Number.NEGATIVE_INFINITY;

export const kinds: readonly BlowKind[] = [
  {
    name: 'daemon: kill -9',
    part: 'daemon',
    weight: 2,
    canStrike: ({ timeline }) => !isAway(timeline),
    strike: async ({ keeper, timeline }, { length }) => {
      // How long it is away is said by its supervisor; this is the moment.
      timeline.end(timeline.begin('daemon: kill -9', 'daemon'));
      await keeper.kill(length / 3);
    },
  },
  {
    name: 'daemon: kill -9, and again while it starts',
    part: 'daemon',
    weight: 0.5,
    canStrike: ({ timeline }) => !isAway(timeline),
    strike: async ({ keeper, timeline }, { length, which }) => {
      timeline.end(timeline.begin('daemon: kill -9, and again while it starts', 'daemon'));
      const isOver = keeper.kill(length / 6);
      await pause(length / 6 + 2_500 * which);
      await Promise.all([isOver, keeper.kill(length / 6)]);
    },
  },
  {
    name: 'daemon: SIGSTOP',
    part: 'daemon',
    weight: 1,
    strike: (scene, { length }) =>
      lasting(scene, 'daemon: SIGSTOP', 'daemon', async () => {
        const { keeper } = scene;
        keeper.signal('SIGSTOP');
        await pause(length);
        keeper.signal('SIGCONT');
      }),
  },
  {
    name: 'redis: kill -9',
    part: 'redis',
    weight: 1.5,
    strike: (scene, { length }) =>
      lasting(scene, 'redis: kill -9', 'redis', async (note) => {
        const { redis } = scene;
        if (!(await redis.kill())) note('there was none');
        if (!redis.isEmbedded) await pause(length);
        await redis.restart();
      }),
  },
  {
    name: 'redis: SIGSTOP',
    part: 'redis',
    weight: 1,
    strike: (scene, { length }) =>
      lasting(scene, 'redis: SIGSTOP', 'redis', async (note) => {
        const thaw = await scene.redis.freeze();
        if (thaw === undefined) return note('there was none');
        await pause(1.5 * length);
        thaw();
      }),
  },
  {
    name: 'redis: all lost (FLUSHALL)',
    part: 'redis',
    weight: 0.6,
    strike: (scene) =>
      lasting(scene, 'redis: all lost (FLUSHALL)', 'redis', async (note) => {
        if (!(await scene.redis.flush())) note('it did not answer');
      }),
  },
  {
    name: 'sandbox: kill -9',
    part: 'provider',
    weight: 1,
    strike: (scene, { length }) =>
      lasting(scene, 'sandbox: kill -9', 'provider', async () => {
        const { sandbox, store } = scene;
        await store.away(length / 3);
        await sandbox.kill();
        await pause(length / 3);
        await sandbox.restart();
      }),
  },
  {
    name: 'sandbox: SIGSTOP',
    part: 'provider',
    weight: 1,
    strike: (scene, { length }) =>
      lasting(scene, 'sandbox: SIGSTOP', 'provider', async () => {
        const both = [scene.sandbox, scene.store];
        for (const one of both) one.signal('SIGSTOP');
        await pause(length);
        for (const one of both) one.signal('SIGCONT');
      }),
  },
  {
    name: 'disk full: the sinks',
    part: 'sink',
    weight: 1,
    strike: (scene, { length }) =>
      lasting(scene, 'disk full: the sinks', 'sink', async () => {
        const free = await scene.sinkDisk.fill(scene.keeper.pid());
        await pause(length);
        await free();
      }),
  },
  {
    name: 'disk full: the data directory',
    part: 'redis',
    weight: 0.7,
    canStrike: ({ dataDisk }) => dataDisk !== undefined,
    strike: (scene, { length }) =>
      lasting(scene, 'disk full: the data directory', 'redis', async () => {
        const free = await scene.dataDisk?.fill(scene.keeper.pid());
        await pause(length);
        await free?.();
      }),
  },
  {
    // Two answers: three that agree would be believed, and rightly.
    name: 'wrong date: two answers of the provider',
    part: 'provider',
    weight: 1,
    strike: async ({ sandbox, store, timeline }, dice) => {
      const by = dateOf(dice);
      const lie = { kind: 'date', by, times: 2 };
      await Promise.all([sandbox, store].map((one) => one.order(lie).catch(() => undefined)));
      timeline.end(timeline.begin('wrong date: two answers of the provider', 'provider', `${by / 60_000} min`));
    },
  },
  network("wrong date: a proxy's error page", 0.7, (dice) => ({ kind: 'page', status: 503, dateOff: dateOf(dice) })),
  network('network: cut in the middle of the answer', 1, () => ({ kind: 'cut' })),
  network('network: hangs', 0.8, (dice) => ({ kind: 'hang', work: isTrue(dice) })),
  network('network: reset', 0.8, (dice) => ({ kind: 'reset', work: isTrue(dice) })),
  network('network: slow', 0.8, ({ which }) => ({ kind: 'slow', by: 500 + 2_500 * which })),
  network('network: 502 page', 0.6, () => ({ kind: 'page', status: 502, dateOff: 0 })),
  network('network: 429', 0.6, ({ which }) => ({ kind: 'limit', retryAfter: 1 + Math.floor(3 * which) })),
];

/** As soon as there is time for them, once. */
export const first: readonly BlowKind[] = [
  {
    name: 'redis: away for longer than any TTL',
    part: 'redis',
    weight: 0,
    // A daemon that starts while it is away has neither a memory nor anything to remember it by.
    canStrike: ({ redis, lives, timeline }, left) =>
      !redis.isEmbedded &&
      left > longestTtl(lives) + minutes(2) &&
      Date.now() - awayAt > minutes(10) &&
      timeline.longestCalm(['daemon'], Date.now() - 1_000, Date.now()) >= 1_000,
    strike: (scene) =>
      lasting(scene, 'redis: away for longer than any TTL', 'redis', async () => {
        awayAt = Date.now();
        await scene.redis.kill();
        await pause(longestTtl(scene.lives) + seconds(10));
        await scene.redis.restart();
      }),
  },
];

const longestTtl = ({ secrets }: Lives): Duration => Math.max(...secrets.map(({ ttl }) => ttl));
const isAway = ({ blows }: Timeline): boolean =>
  blows.some(({ kind, to }) => kind === 'redis: away for longer than any TTL' && to === Number.POSITIVE_INFINITY);
