/** A sink that is one file: replaced whole, with the right owner and mode from the first byte. */
import { createHmac } from 'node:crypto';
import { constants, renameSync, type Stats, unlinkSync } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { z } from 'zod';
import { defineSink } from './define.ts';
import { couldRewrite, empty, isMountedAlone, rewrite } from './in-place.ts';
import { isEqual, shapeOf } from './mark.ts';
import {
  clearLeftovers,
  discard,
  inPlace,
  inWords,
  moment,
  mountPoint,
  type Place,
  present,
  type Temporary,
  temporary,
} from './place.ts';
import { largest, render, type Shape } from './render.ts';
import { begun, codeOf, isAsTold, prepare, type Rights, stopIf } from './rights.ts';
import { checkMode, checkShape, factsOf, parents, rightOptions, shapeOptions, unknownIn } from './shape.ts';
import type { Sink } from './sink.ts';
import type { Making } from './way.ts';

const ways = ['auto', 'atomic', 'in-place'] as const;

export interface FileOptions extends Shape, Rights {
  /** Absolute. */
  readonly path: string;
  /** Absent: `auto`, in place only where the file is mounted by itself. */
  readonly write?: (typeof ways)[number];
  /** The mode of directories that are missing on the way. Absent: they are not made. */
  readonly parents?: number | undefined;
}

export const file = defineSink(
  'file',
  {
    path: z
      .string('an absolute path, such as /secrets/app.env')
      .refine((path) => isAbsolute(path) && !path.includes('\0'), 'an absolute path, such as /secrets/app.env')
      .refine((path) => !/\/\.{0,2}$/.test(path), 'the path of a file, not of a directory')
      .transform((path) => normalize(path))
      .describe('Absolute; its directory must exist, or is made by parents'),
    ...shapeOptions,
    ...rightOptions,
    write: z
      .enum(ways, `one of ${ways.join(', ')}`)
      .default('auto')
      .describe('atomic replaces the file; in-place keeps it and may be seen half written; auto: what is possible'),
    parents,
  },
  {
    check(options, problem) {
      checkShape(options, problem);
      checkMode(options, problem);
    },
    warnings: ({ write }) =>
      write === 'in-place'
        ? [
            {
              at: 'write',
              message: 'a reader may see it half written: leave it out where the directory can be mounted',
            },
          ]
        : [],
    unknownIn,
    target: ({ path }) => path,
    open: (options, { markKey }) => fileSink(options, markKey),
  },
);

/** The sink on its own, for who has the options already. `markKey`: see `SinkDeps`. */
export function fileSink(options: FileOptions, markKey: Buffer): Sink {
  const { path, write = 'auto', owner } = options;
  const shape = shapeOf(factsOf(options));
  const making: Making = { parents: options.parents === undefined ? undefined : { mode: options.parents, owner } };
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
  /** Is it written into as it lies there? Only where there is one: a first one is seen whole or not at all. */
  const staysTheSame = async (place: Place): Promise<boolean> => {
    if (!(await present(place))) return false;
    if (write === 'in-place') return true;
    const isMounted = await isMountedAlone(place);
    if (isMounted && write === 'atomic') throw mountPoint(path);
    return isMounted;
  };
  const replace = (place: Place, bytes: Buffer, last: () => void): Promise<Stats> =>
    withTemporary(place, async ({ file, at }) => {
      // Before the first byte: who may open it now can read what comes later.
      await prepare(file, path, options);
      await file.writeFile(bytes);
      await file.sync();
      const stats = await file.stat();
      // Network file systems say only here that there was no space.
      await file.close();
      last();
      // Synchronous, as in `remove`, so that no abort comes between that look and this.
      renameSync(at, place.target);
      return stats;
    });

  return {
    saysUnsure: true,
    check: (signal) =>
      told(
        path,
        async (place) => {
          if (await staysTheSame(place)) return couldRewrite(place, options);
          stopIf(signal);
          // A file of this owner and mode and some space: whether they are to be had only trying tells.
          await withTemporary(place, async (made) => {
            await prepare(made.file, path, options);
            await made.file.writeFile(Buffer.alloc(4096));
            await made.file.sync();
          });
        },
        { ...making, isTrial: true },
      ),

    // Closed to us, as much as can be seen of it is believed.
    ...(owner !== undefined && { isBelieved: true as const }),

    isTaken: () =>
      lstat(path).then(
        ({ size }) => size > 0,
        (error) => {
          if (notThere.includes(codeOf(error))) return false;
          throw error;
        },
      ),

    async write({ material }, signal) {
      const bytes = render(material, options);
      stopIf(signal);
      return begun((begin) => {
        const last = () => {
          stopIf(signal);
          begin();
        };
        const work = async (place: Place) => {
          const isKept = await staysTheSame(place);
          await tidy(place);
          if (isKept) return markOf(bytes, await rewrite(place, bytes, options, last));
          const stats = await replace(place, bytes, last).catch((error) => {
            // Not every kernel tells beforehand.
            if (write === 'atomic' || !cannotBeReplaced.includes(codeOf(error))) throw error;
            return rewrite(place, bytes, options, last);
          });
          await place.directory.sync();
          return markOf(bytes, stats);
        };
        return told(path, work, making);
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
          if (await isMountedAlone(place)) return empty(place, () => stopIf(signal));
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

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** A pipe in its place would otherwise be waited for. */
const readOnly = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
/** What the system says where there is nothing, or no file. */
const notThere = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];
const cannotBeReplaced = ['EBUSY', 'EXDEV'];

const told = <T>(path: string, work: (place: Place) => Promise<T>, how: Making): Promise<T> =>
  inPlace(path, work, how).catch(async (error) => {
    throw await inWords(error, path);
  });
