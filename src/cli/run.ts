/** `leasekeeper run`: the daemon. */
import { loadConfiguration } from '../config/load.ts';
import type { Duration } from '../core/time.ts';
import { exitCodes } from './exit-codes.ts';
import { configurationIn, type World } from './world.ts';

export interface RunArguments {
  readonly config: string;
  readonly shutdownTimeout: Duration;
}

export async function run({ config: file, shutdownTimeout }: RunArguments, world: World): Promise<number> {
  const configuration = configurationIn(file, world);
  if (!configuration) return exitCodes.invalidConfiguration;
  const { env } = world;
  // Only now: who has a mistake in the file is told of it without the whole daemon being read.
  const daemon = await import('../daemon.ts');
  return daemon.run({ configuration, file, env, shutdownTimeout, reload: () => loadConfiguration({ file, env }) });
}
