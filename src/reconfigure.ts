/** What HUP does: the file is read again, and taken over whole or not at all. */
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, LoadResult } from './config/configuration.ts';
import type { Problem } from './config/problem.ts';
import { lastWords } from './last-words.ts';
import { sayCount } from './observability/words.ts';
import type { Program } from './prepare.ts';

export interface ReconfigureOptions {
  /** The configuration's file, for people. */
  readonly file: string;
  readonly reload: () => LoadResult;
}

/** Answers with the configuration that holds now, `undefined` where it is the former one. */
export async function reconfigured(
  { reload, file }: ReconfigureOptions,
  { log, metrics, keeping, reconfigured: note }: Program,
  present: Configuration,
): Promise<Configuration | undefined> {
  const result = reload();
  const refuse = (words: readonly string[]) => {
    for (const line of words) log.always('error', line);
    log.always('error', `HUP: ${file} is not taken over; everything goes on as before`);
    metrics.configReloaded(false);
  };
  if (!result.ok) return void refuse(result.problems.map(inWords));
  const { configuration } = result;
  const [was, wanted] = [fixedParts(present), fixedParts(configuration)];
  const fixed = keysOf(was).filter((part) => !isDeepStrictEqual(was[part], wanted[part]));
  if (fixed.length > 0) return void refuse([`${fixed.join(' and ')} cannot change while the daemon runs: restart it`]);
  let changing: Promise<void> | undefined;
  try {
    changing = keeping?.change(configuration);
  } catch (error) {
    return void refuse([lastWords(error)]);
  }
  try {
    await changing;
  } catch (error) {
    // The household is the new one already; what the schedule does not know yet the sweep tells it.
    log.warn('the schedule does not know all of the new configuration yet; it will soon', { err: error });
  }
  log.setLevel(configuration.log.level);
  metrics.configReloaded(true);
  note();
  const count = sayCount(configuration.secrets.length, 'secret');
  log.always('info', [`HUP: ${file} is taken over: ${count}`, ...news(present, configuration)].join('; '));
  return configuration;
}

/** Which secrets came and went, and what becomes of those. */
function news(before: Configuration, after: Configuration): readonly string[] {
  const [old, now] = [before, after].map(({ secrets }) => new Set(secrets.map(({ name }) => name)));
  const added = [...(now ?? [])].filter((name) => !old?.has(name));
  const gone = [...(old ?? [])].filter((name) => !now?.has(name));
  const left = `gone: ${gone.join(', ')} (leases there end by their dates, and what was written stays)`;
  return [...(added.length > 0 ? [`new: ${added.join(', ')}`] : []), ...(gone.length > 0 ? [left] : [])];
}

/** Everything that was made of them would have to be made anew. */
const fixedParts = ({ state, http, page, log }: Configuration) => ({ state, http, page, 'log.format': log.format });

const keysOf = <T extends object>(parts: T) => Object.keys(parts) as (keyof T)[];

const inWords = ({ file, line, column, path, message, remedy }: Problem): string =>
  `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}${remedy === undefined ? '' : ` (${remedy})`}`;
