/** A sink that is a directory: a file for each key, or files of any format, all of which change at once. */
import { createHmac } from 'node:crypto';
import { type FileHandle, readdir } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { z } from 'zod';
import { mode, owner } from '../config/values.ts';
import { LeaseError } from '../core/failure.ts';
import type { Material } from '../core/material.ts';
import type { Duration } from '../core/time.ts';
import { defineSink } from './define.ts';
import { type FileOfSet, type LyingSet, plainName, readSet, removeSet, swapSet, trySet } from './file-set.ts';
import { isEqual, shapeOf } from './mark.ts';
import { inWords } from './place.ts';
import { type Keys, keys, largest, render, type Shape } from './render.ts';
import { begun, codeOf, isAsTold, no, type Rights, stopIf } from './rights.ts';
import { checkMode, checkShape, factsOf, parents, rightOptions, shapeOptions } from './shape.ts';
import type { Sink } from './sink.ts';
import { together } from './together.ts';
import { inDirectory, type Making } from './way.ts';

type FileShape = Shape & { readonly [Right in keyof Rights]?: Rights[Right] | undefined };

export interface DirectoryOptions extends Rights {
  /** Absolute. */
  readonly path: string;
  /** Without `files`: which keys have a file, and under which names. */
  readonly keys: Keys;
  readonly files?: Readonly<Record<string, FileShape>> | undefined;
  /** The mode of directories that are missing, itself and on the way. Absent: they are not made. */
  readonly parents?: number | undefined;
}

const nameRule =
  'not a name for a file: letters, digits, ".", "_" and "-", at most 253 of them, not beginning with "-"';
const absolute = 'an absolute path, such as /secrets/app';

const oneFile = together(
  z.strictObject({
    ...shapeOptions,
    keys,
    mode: mode.optional().describe('Default: that of all files'),
    owner: owner.optional().describe('Default: that of all files'),
  }),
  (options, problem) => {
    checkShape(options, problem);
    checkMode(options, problem);
  },
);

export const directory = defineSink(
  'directory',
  {
    path: z
      .string(absolute)
      .refine((path) => isAbsolute(path) && !path.includes('\0'), absolute)
      .transform((path) => normalize(path).replace(/(.)\/$/, '$1'))
      .refine((path) => path !== '/', 'not the root of everything: name a directory of its own')
      .describe('Absolute; it must exist, or is made by parents'),
    files: z
      .record(z.string().regex(new RegExp(`^\\.?${plainName.source.slice(1)}`), nameRule), oneFile)
      .refine((files) => Object.keys(files).length > 0, 'name at least one file, or leave it out: then each key is one')
      .optional()
      .describe('The files by name, { db.env: { format: dotenv } }; default: one for each key, with its value'),
    ...rightOptions,
    parents,
  },
  {
    check({ files, keys, ...options }, problem) {
      checkMode(options, problem);
      if (keys === undefined || keys === 'all') return;
      if (files) problem(['keys'], 'each file has keys of its own: write them there');
      else for (const name of Object.keys(keys)) if (!plainName.test(name)) problem(['keys', name], nameRule);
    },
    target: ({ path }) => path,
    open: (options, { markKey }) => directorySink(options, markKey),
  },
);

/** Whoever has just followed `..data` still finds what it led to. */
const untilCleared: Duration = 200;

/**
 * The sink on its own, for who has the options already. `markKey`: see `SinkDeps`. `pause`: how long a set stays after
 * another has taken its place.
 */
export function directorySink(options: DirectoryOptions, markKey: Buffer, pause = untilCleared): Sink {
  const { path, files, owner } = options;
  const shape = shapeOf(factsOfAll(options));
  const making: Making = { parents: options.parents === undefined ? undefined : { mode: options.parents, owner } };
  /** Over all of it as it lies there, and over what made it so; not over the name under which it lies there. */
  const markOf = (set: LyingSet): string => {
    const hmac = createHmac('sha256', markKey).update(`${shape}\n${set.around.mode & 0o7777}\n`);
    for (const { name, bytes = Buffer.alloc(0), stats } of set.files) {
      hmac.update(`${name}\n${stats.mode & 0o7777}\n${stats.uid}:${stats.gid}\n${bytes.length}\n`).update(bytes);
    }
    return `${shape}.${hmac.digest('base64url')}`;
  };
  const rightsOf = (name: string): Rights => ({
    mode: files?.[name]?.mode ?? options.mode,
    owner: files?.[name]?.owner ?? owner,
  });
  const told = <T>(work: Promise<T>): Promise<T> =>
    work.catch(async (error) => {
      throw await inWords(error, path, path);
    });

  return {
    saysUnsure: true,

    async check(signal) {
      stopIf(signal);
      const names = Object.keys(files ?? (options.keys === 'all' ? {} : options.keys));
      const tried = Object.keys(files ?? { file: undefined });
      const samples = tried.map((name) => ({ name, bytes: Buffer.alloc(4096), rights: rightsOf(name) }));
      const work = inDirectory(path, (directory) => trySet(directory, samples, path, names), {
        ...making,
        isTrial: true,
      });
      await told(work);
    },

    // Closed to us, as much as can be seen of it is believed.
    ...((owner ?? Object.values(files ?? {}).find((one) => one.owner)) !== undefined && { isBelieved: true as const }),

    isTaken: () =>
      readdir(path).then(
        (names) => names.length > 0,
        (error) => {
          if (notThere.includes(codeOf(error))) return false;
          throw error;
        },
      ),

    async write({ material }, signal) {
      const set = filesOf(material, options).map((one) => ({ ...one, rights: rightsOf(one.name) }));
      stopIf(signal);
      return begun((begin) => {
        const last = () => {
          stopIf(signal);
          begin();
        };
        const work = async (directory: FileHandle) => markOf(await swapSet(directory, set, { path, pause, last }));
        return told(inDirectory(path, work, making));
      });
    },

    async holds(mark) {
      try {
        const set = await inDirectory(path, (directory) => readSet(directory, largest));
        if (!set) return false;
        if (set.files.every(({ bytes }) => bytes !== undefined)) return isEqual(mark, markOf(set));
        // Given away to another user and closed to us: as much as can be seen is compared, the rest believed.
        const areAsTold = set.files.every(
          ({ name, bytes, stats }) => bytes !== undefined || isAsTold(stats, rightsOf(name)),
        );
        return mark.startsWith(`${shape}.`) && areAsTold;
      } catch (error) {
        if (notThere.includes(codeOf(error))) return false;
        throw await inWords(error, path, path);
      }
    },

    async remove(signal) {
      stopIf(signal);
      try {
        const isClear = await inDirectory(path, (directory) => removeSet(directory, () => stopIf(signal)));
        if (!isClear) throw no(`not all that leasekeeper put into ${path} can be removed`);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw await inWords(error, path, path);
      }
    },
  };
}

/** What the system says where there is nothing, or something else. */
const notThere = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EINVAL'];

/** In the order of their names. Throws `LeaseError` `invalid` where one of them cannot be: then there is none of them. */
function filesOf(material: Material, { keys, files }: DirectoryOptions): readonly Omit<FileOfSet, 'rights'>[] {
  if (files) return sorted(files).map(([name, shape]) => ({ name, bytes: render(material, shape) }));
  const chosen = keys === 'all' ? Object.fromEntries(material.keys().map((key) => [key, key])) : keys;
  const all = sorted(chosen).map(([name, key]) => {
    if (!plainName.test(name)) throw new LeaseError('invalid', `the key ${shown(name)} cannot be a file: ${nameRule}`);
    return { name, bytes: render(material, { format: 'raw', keys: 'all', key }) };
  });
  if (all.length === 0) throw new LeaseError('invalid', 'there are no values to write');
  return all;
}

const sorted = <T>(named: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1));

const shown = (name: string): string => JSON.stringify(name.slice(0, 80));

function factsOfAll({ files, keys, mode, owner }: DirectoryOptions): readonly unknown[] {
  if (!files) return factsOf({ format: 'raw', keys, mode, owner });
  const whole = (file: FileShape) => ({ ...file, mode: file.mode ?? mode, owner: file.owner ?? owner });
  return sorted(files).map(([name, file]) => [name, factsOf(whole(file))]);
}
