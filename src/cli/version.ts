/** `leasekeeper version`. */
import { version as current } from '../version.ts';
import { exitCodes } from './exit-codes.ts';
import type { World } from './world.ts';

export async function version({ out }: World): Promise<number> {
  out.write(`leasekeeper ${current}\n`);
  return exitCodes.done;
}
