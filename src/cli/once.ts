/** `leasekeeper once`: deliver everything once and end, for init containers. */
import type { Duration } from '../core/time.ts';
import { exitCodes } from './exit-codes.ts';
import { configurationIn, type World } from './world.ts';

export interface OnceArguments {
  readonly config: string;
  readonly timeout: Duration;
}

export async function once({ config: file, timeout }: OnceArguments, world: World): Promise<number> {
  const configuration = configurationIn(file, world);
  if (!configuration) return exitCodes.invalidConfiguration;
  const daemon = await import('../daemon.ts');
  return daemon.once({ configuration, env: world.env, timeout });
}
