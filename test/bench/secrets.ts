/** The size of the daemon with one secret and with ten thousand, and what so many take: what grows faster than they do. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Finding, inMebibytes, inSeconds, median, whole } from './figures.ts';
import { cpuTimeOf, memoryOf } from './machine.ts';
import { aScene, redisOf, type Scene, until } from './scene.ts';

interface Measured {
  readonly secrets: number;
  readonly delivered: number;
  /** From the start until the first, and until all. */
  readonly first: number;
  readonly took: number;
  readonly resident: number;
  readonly peak: number;
  readonly redis: number;
  /** Processor time from the start until all was delivered, daemon and Redis, in milliseconds. */
  readonly cpu: number;
  readonly redisCpu: number;
  /** Share of one core while nothing is due. */
  readonly idle: number;
  readonly scrape: number;
  readonly page: number;
}

export async function measureSecrets(isQuick: boolean): Promise<Finding> {
  const all: Measured[] = [];
  for (const secrets of isQuick ? [1, 500] : [1, 1_000, 10_000]) {
    const scene = await aScene();
    try {
      all.push(await measureSize(scene, secrets));
    } finally {
      await scene.close();
    }
  }
  const row = (what: string, tell: (measured: Measured) => string) => [what, ...all.map(tell)];
  return {
    title: 'Size',
    columns: ['secrets', ...all.map(({ secrets }) => whole(secrets))],
    rows: [
      row('start to the first delivered', ({ first }) => inSeconds(first)),
      row('start to all delivered', ({ took }) => inSeconds(took)),
      row('  delivered', ({ delivered }) => whole(delivered)),
      row('  CPU until then, daemon', ({ cpu }) => inSeconds(cpu)),
      row('  CPU until then, its Redis', ({ redisCpu }) => inSeconds(redisCpu)),
      row(
        '  for each secret, both',
        ({ cpu, redisCpu, delivered }) => `${((cpu + redisCpu) / delivered).toFixed(1)} ms`,
      ),
      row('RSS of the daemon, at rest', ({ resident }) => inMebibytes(resident)),
      row('  its peak', ({ peak }) => inMebibytes(peak)),
      row('RSS of its Redis', ({ redis }) => inMebibytes(redis)),
      row('CPU at rest, daemon and Redis, of one core', ({ idle }) => `${(100 * idle).toFixed(1)} %`),
      row('scrape of /metrics', ({ scrape }) => `${whole(scrape)} ms`),
      row('  its size', ({ page }) => `${whole(page / 1024)} KiB`),
    ],
    notes: [
      'dist/leasekeeper.js with its embedded Redis; leases of 1 h from the sandbox on the loopback, each to a file; log level info',
      `at rest: ${rest / 1000} s after the last delivery; a scrape: the middle of 3, or – where none came within 10 s`,
      ...all
        .filter(({ secrets, delivered }) => delivered < secrets)
        .map(
          ({ secrets }) =>
            `${whole(secrets)} were not delivered within ${patience / 1000} s: nothing of theirs is at rest`,
        ),
    ],
  };
}

const rest = 5_000;
/** Who is not done by then is told with what it has. */
const patience = 180_000;

async function measureSize(scene: Scene, secrets: number): Promise<Measured> {
  const from = performance.now();
  const daemon = await scene.daemon(secrets);
  const every = secrets === 1 ? 5 : 250;
  const within = { from, every, atMost: patience };
  const first = await until(daemon, () => scene.delivered() > 0, within);
  const took = await until(daemon, () => scene.delivered() >= secrets, within);
  const delivered = scene.delivered();
  const redis = await redisOf(daemon);
  const spent = () => ({ daemon: cpuTimeOf(daemon.pid), redis: cpuTimeOf(redis), at: performance.now() });
  const busy = spent();
  await pause(rest);
  const before = spent();
  await pause(rest);
  const after = spent();
  const idle = (after.daemon - before.daemon + after.redis - before.redis) / (after.at - before.at);
  const { resident, peak } = memoryOf(daemon.pid);
  const inRedis = memoryOf(redis).resident;
  const { scrape, page } = await scrapes(scene);
  const { daemon: cpu, redis: redisCpu } = busy;
  return { secrets, delivered, first, took, resident, peak, redis: inRedis, cpu, redisCpu, idle, scrape, page };
}

/** As Prometheus asks, and with as much patience as it has where nobody says otherwise. */
async function scrapes(scene: Scene): Promise<{ readonly scrape: number; readonly page: number }> {
  const times: number[] = [];
  let page = Number.NaN;
  for (let i = 0; i < 3; i++) {
    const from = performance.now();
    const text = await scene.get('/metrics').catch(() => undefined);
    if (text === undefined) continue;
    times.push(performance.now() - from);
    page = Buffer.byteLength(text);
  }
  return { scrape: median(times), page };
}
