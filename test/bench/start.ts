/** From the start of the process to the first secret on disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Finding, inMilliseconds, median, quantile, ratio } from './figures.ts';
import { aScene, type Scene, until } from './scene.ts';

export async function measureStart(isQuick: boolean): Promise<Finding> {
  const rounds = isQuick ? 2 : 5;
  const node: number[] = [];
  const cold: number[] = [];
  const warm: number[] = [];
  const scene = await aScene();
  try {
    for (let round = 0; round < rounds; round++) {
      node.push(await bareNode());
      await scene.forget();
      cold.push(await firstSecret(scene));
      warm.push(await firstSecret(scene));
    }
  } finally {
    await scene.close();
  }
  const row = (what: string, sample: readonly number[]) => [
    what,
    ...[0.5, 0, 1].map((share) => inMilliseconds(quantile(sample, share))),
    ratio([median(sample) / median(node)]),
  ];
  return {
    title: 'Start to the first secret on disk',
    columns: ['', 'median', 'least', 'most', 'to Node'],
    rows: [
      row('Node alone: starts and ends', node),
      row('daemon, fresh data directory', cold),
      row('daemon, data directory of the last run', warm),
    ],
    notes: [
      `${rounds} rounds turn by turn; one secret, its file removed before each start, sandbox on the loopback`,
      'with the data directory of the last run: the old lease is asked about, found without values, and replaced',
    ],
  };
}

async function bareNode(): Promise<number> {
  const from = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - from;
}

async function firstSecret(scene: Scene): Promise<number> {
  await scene.removeFiles();
  const from = performance.now();
  const daemon = await scene.daemon(1);
  const took = await until(daemon, () => scene.delivered() === 1, { from, every: 2, atMost: 30_000 });
  await daemon.stop();
  if (Number.isNaN(took)) throw new Error(`no secret on disk within 30 s:\n${daemon.lines.slice(-10).join('\n')}`);
  return took;
}
