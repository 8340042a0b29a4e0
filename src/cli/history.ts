/** `leasekeeper history`: what was done to a secret, by whom or by what, and how it ended; also where no daemon runs. */
import type { Duration } from '../core/time.ts';
import { exitCodes } from './exit-codes.ts';
import { printable } from './say.ts';
import { configurationIn, type World } from './world.ts';

export interface HistoryArguments {
  readonly config: string;
  /** Only what happened within this time. */
  readonly last?: Duration;
  readonly json?: boolean;
}

export async function history(secret: string | undefined, options: HistoryArguments, world: World): Promise<number> {
  const configuration = configurationIn(options.config, world);
  if (!configuration) return exitCodes.invalidConfiguration;
  const { historyIn, sayEntry, wallClock } = await import('../daemon.ts');
  const { dataDir } = configuration.state;
  const since = options.last === undefined ? {} : { since: wallClock.now() - options.last };
  const unreadable = { count: 0 };
  const known = new Set<string>();
  let count = 0;
  try {
    for await (const entry of historyIn({ directory: dataDir, ...since }, unreadable)) {
      if ('secret' in entry) known.add(entry.secret);
      // What the daemon itself went through explains what happened to each.
      if (secret !== undefined && 'secret' in entry && entry.secret !== secret) continue;
      if ('secret' in entry || secret === undefined) count += 1;
      world.out.write(`${options.json ? JSON.stringify(entry) : printable(sayEntry(entry))}\n`);
    }
  } catch (error) {
    world.err.write(`the history in ${dataDir} cannot be read: ${(error as NodeJS.ErrnoException).code}\n`);
    return exitCodes.failed;
  }
  if (unreadable.count > 0) world.err.write(`${unreadable.count} lines are not whole, and left out\n`);
  if (count > 0) return exitCodes.done;
  const isConfigured = configuration.secrets.some(({ name }) => name === secret);
  if (secret === undefined || isConfigured || known.has(secret)) {
    world.err.write(`there is no history yet in ${dataDir}\n`);
    return exitCodes.done;
  }
  const names = [...new Set([...configuration.secrets.map(({ name }) => name), ...known])].sort();
  world.err.write(`no secret of that name; there are: ${names.map(printable).join(', ')}\n`);
  return exitCodes.wrongUsage;
}
