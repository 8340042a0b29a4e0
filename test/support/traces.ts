/** Everything a daemon may have left behind, and the search in it for what must be found nowhere. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** All that Redis has in memory, and afterwards in its files, which are written anew for it. */
export async function everythingIn(socket: string): Promise<string> {
  const redis = new Redis({ path: socket });
  // What is compressed cannot be searched.
  await redis.config('SET', 'rdbcompression', 'no');
  await redis.bgrewriteaof();
  await redis.save();
  const keys = await redis.keys('*');
  const parts = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  redis.disconnect();
  return keys.join('\n') + parts.map((part) => part?.toString('latin1')).join('\n');
}

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
