/** A sink that is one file: replaced whole, with the right owner and mode from the first byte. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { constants, renameSync, type Stats, unlinkSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { z } from 'zod';
import { defineSink } from './define.ts';
import {
  clearLeftovers,
  codeOf,
  discard,
  inPlace,
  inWords,
  moment,
  no,
  type Place,
  present,
  refuseMountPoint,
  type Temporary,
  temporary,
} from './place.ts';
import { largest, render, type Shape } from './render.ts';
import { checkMode, checkShape, rightOptions, shapeOptions } from './shape.ts';
import type { Sink } from './sink.ts';

export interface FileOptions extends Shape {
  /** Absolute; its directory exists. */
  readonly path: string;
  readonly mode: number;
  /** Absent: whoever we run as. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

export const file = defineSink(
  'file',
  {
    path: z
      .string('an absolute path, such as /secrets/app.env')
      .refine((path) => isAbsolute(path) && !path.includes('\0'), 'an absolute path, such as /secrets/app.env')
      .refine((path) => !/\/\.{0,2}$/.test(path), 'the path of a file, not of a directory')
      .transform((path) => normalize(path))
      .describe('Absolute; its directory must exist'),
    ...shapeOptions,
    ...rightOptions,
  },
  {
    check(options, problem) {
      checkShape(options, problem);
      checkMode(options, problem);
    },
    target: ({ path }) => path,
    open: (options, { markKey }) => fileSink(options, markKey),
  },
);

/** The sink on its own, for who has the options already. `markKey`: see `SinkDeps`. */
export function fileSink(options: FileOptions, markKey: Buffer): Sink {
  const { path } = options;
  const shape = shapeOf(options);
  /** There may be leftovers of ours from before then. Absent: there are none. */
  let leftBy: number | undefined = moment();
  const tidy = async (place: Place) => {
    if (leftBy !== undefined && (await clearLeftovers(place, leftBy))) leftBy = undefined;
  };
  /** Nothing is left of it, whatever happens, unless it has been given its name. */
  const withTemporary = async <T>(place: Place, work: (made: Temporary) => Promise<T>): Promise<T> => {
    const made = await temporary(place);
    try {
      return await work(made);
    } finally {
      await made.file.close();
      if (!(await discard(made.at))) leftBy = moment();
    }
  };
  /** Over the file as it lies there, bytes, owner and mode; and over what made it so. */
  const markOf = (bytes: Buffer, { mode, uid, gid }: Stats): string => {
    const facts = `${shape}\n${mode & 0o7777}\n${uid}:${gid}\n`;
    return `${shape}.${createHmac('sha256', markKey).update(facts).update(bytes).digest('base64url')}`;
  };

  return {
    check: (signal) =>
      told(path, async (place) => {
        await present(place);
        await refuseMountPoint(place);
        stopIf(signal);
        // A file of this owner and mode and some space: whether they are to be had only trying tells.
        await withTemporary(place, async (made) => {
          await prepare(made.file, options);
          await made.file.writeFile(Buffer.alloc(4096));
          await made.file.sync();
        });
      }),

    async write({ material }, signal) {
      const bytes = render(material, options);
      stopIf(signal);
      return told(path, async (place) => {
        await present(place);
        await tidy(place);
        const mark = await withTemporary(place, async ({ file, at }) => {
          // Before the first byte: who may open it now can read what comes later.
          await prepare(file, options);
          await file.writeFile(bytes);
          await file.sync();
          const stats = await file.stat();
          // Network file systems say only here that there was no space.
          await file.close();
          stopIf(signal);
          // Synchronous, as in `remove`, so that no abort comes between that look and this.
          renameSync(at, place.target);
          return markOf(bytes, stats);
        });
        await place.directory.sync();
        return mark;
      });
    },

    async holds(mark) {
      const expected = (place: Place) =>
        open(place.target, readOnly).then(async (file) => {
          try {
            const stats = await file.stat();
            return stats.isFile() && stats.size <= largest ? markOf(await file.readFile(), stats) : '';
          } finally {
            await file.close();
          }
        });
      try {
        return await inPlace(path, async (place) => {
          try {
            return isEqual(mark, await expected(place));
          } catch (error) {
            if (codeOf(error) !== 'EACCES') throw error;
            // Given away to another user and closed to us: as much as can be seen is compared, the rest believed.
            return mark.startsWith(`${shape}.`) && isAsTold(await lstat(place.target), options);
          }
        });
      } catch (error) {
        if (notThere.includes(codeOf(error))) return false;
        throw await inWords(error, path);
      }
    },

    async remove(signal) {
      stopIf(signal);
      try {
        await inPlace(path, async (place) => {
          await tidy(place);
          if (!(await present(place))) return;
          stopIf(signal);
          unlinkSync(place.target);
          await place.directory.sync();
        });
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw await inWords(error, path);
      }
    },
  };
}

/** Tells a file that was made by other options, so that a change of them makes the sink owe. Holds no value. */
function shapeOf({ format, keys, key, mode, owner }: FileOptions): string {
  const chosen = keys === 'all' ? keys : Object.entries(keys).sort();
  return createHash('sha256')
    .update(JSON.stringify([format, chosen, key, mode, owner?.uid, owner?.gid]))
    .digest('base64url')
    .slice(0, 12);
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** A pipe in its place would otherwise be waited for. */
const readOnly = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
/** What the system says where there is nothing, or no file. */
const notThere = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];

const told = <T>(path: string, work: (place: Place) => Promise<T>): Promise<T> =>
  inPlace(path, work).catch(async (error) => {
    throw await inWords(error, path);
  });

/** The owner first: with the mode alone another group could open it for a moment. Both need no right where they fit. */
async function prepare(file: FileHandle, { path, mode, owner }: FileOptions): Promise<void> {
  const { uid, gid, mode: first } = await file.stat();
  try {
    if (owner && (owner.uid !== uid || owner.gid !== gid)) await file.chown(owner.uid, owner.gid);
    if ((first & 0o7777) !== mode) await file.chmod(mode);
  } catch (error) {
    const wanted = owner ? `${owner.uid}:${owner.gid}` : `${uid}:${gid}`;
    throw no(
      `${path} cannot be given to ${wanted} (${codeOf(error)}): leasekeeper runs as ${uid}:${gid}; leave owner out, ` +
        'run it as that user, or let it have CAP_CHOWN and CAP_FOWNER',
    );
  }
}

const isAsTold = (found: Stats, { mode, owner }: FileOptions): boolean =>
  found.isFile() && (found.mode & 0o7777) === mode && found.uid === owner?.uid && found.gid === owner.gid;

/** As long for one that differs early as for one that differs late. */
const isEqual = (a: string, b: string): boolean =>
  Buffer.byteLength(a) === Buffer.byteLength(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));

function stopIf(signal: AbortSignal): void {
  if (signal.aborted) throw no('stopped before anything was written');
}
