/** Everything a daemon may have left behind, and the search in it for what must be found nowhere. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/**
 * All that Redis has in memory, and all that its files held until now, which are then written anew. What passed through
 * it and was deleted since is told by its log alone, and a rewrite throws that away: it is read before.
 */
export async function everythingIn(socket: string): Promise<string> {
  const redis = new Redis({ path: socket });
  try {
    const written = await everythingWritten(redis);
    // What is compressed cannot be searched.
    await redis.config('SET', 'rdbcompression', 'no');
    await redis.bgrewriteaof();
    await redis.save();
    const keys = await redis.keys('*');
    const parts = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    return [written, ...keys, ...parts.map((part) => part?.toString('latin1'))].join('\n');
  } finally {
    redis.disconnect();
  }
}

/** The files of this Redis, each command in the order in which it came. */
async function everythingWritten(redis: Redis): Promise<string> {
  const rewrites = /^aof_rewrites:(\d+)/m.exec(await redis.info('persistence'))?.[1];
  if (rewrites !== '0') throw new Error(`its log was written anew before (${rewrites}): what it held then is gone`);
  // From now on nothing is answered before it is written, nor is anything that came before.
  await redis.config('SET', 'appendfsync', 'always');
  await redis.ping();
  const settings = await redis.config('GET', 'dir', 'appenddirname', 'dbfilename');
  const { dir = '', appenddirname = '', dbfilename = '' } = settingsOf(settings as readonly string[]);
  const logs = await filesBelow(join(dir, appenddirname), []);
  const snapshot = await readFile(join(dir, dbfilename), 'latin1').catch(() => '');
  return [...Object.values(logs), snapshot].join('\n');
}

/** Names and values come by turns. */
const settingsOf = (list: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? '']] : [])));

/** By path, as they are. Redis gives files other names while we read: then all are read once more. */
export async function filesBelow(dir: string, except: readonly string[]): Promise<Record<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const kept = files.filter((file) => !except.includes(file));
  try {
    return Object.fromEntries(
      await Promise.all(kept.map(async (file) => [file, await readFile(file, 'latin1')] as const)),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return filesBelow(dir, except);
  }
}

/** Which of these hold one of the values, in whatever dress? */
export const placesWith = (values: readonly string[], places: Readonly<Record<string, string>>): readonly string[] =>
  values.flatMap((value) =>
    dressesOf(value).flatMap((dress) =>
      Object.entries(places).flatMap(([place, text]) => (text.includes(dress) ? [place] : [])),
    ),
  );

/** A value in every dress it could leave in: as it is, as JSON writes it, in base64 at three offsets, percent-encoded, in hex. */
export function dressesOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const offsets = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    // The first and last letters depend on what stands beside it.
    return encoded.slice(offset === 0 ? 0 : 4, -4);
  });
  const urlSafe = offsets.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const json = JSON.stringify(value).slice(1, -1);
  return [...new Set([value, json, ...offsets, ...urlSafe, encodeURIComponent(value), bytes.toString('hex')])];
}
