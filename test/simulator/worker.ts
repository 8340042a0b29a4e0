/** Lives through the worlds that it is told to, and answers with what came of them. */
import { tallyOf, World } from './world.ts';

export interface Report {
  readonly seed: number;
  readonly broken: readonly string[];
  readonly tally: Readonly<Record<string, number>>;
}

process.on('message', (seeds: readonly number[]) => {
  void (async () => {
    const reports: Report[] = [];
    for (const seed of seeds) reports.push(await report(seed));
    process.send?.(reports);
  })();
});

async function report(seed: number): Promise<Report> {
  const world = new World(seed);
  const broken = await world.live().catch((error: unknown) => [String(error instanceof Error ? error.stack : error)]);
  return { seed, broken, tally: tallyOf(world) };
}
