/** The options that say what a file looks like, for every sink that writes some. */
import { z } from 'zod';
import { mode, owner } from '../config/values.ts';
import { formats, type Shape, unfitForShell } from './render.ts';
import type { Rights } from './rights.ts';
import type { Problem } from './together.ts';

export const shapeOptions = {
  format: z
    .enum(formats, {
      error: ({ input }) =>
        input === 'template' ? 'not supported by this version yet: template' : `one of ${formats.join(', ')}`,
    })
    .describe('dotenv for shells and --env-file; raw is the value of one key and nothing else'),
  key: z.string().min(1).optional().describe('For raw: the key whose value is the content'),
};

/** Who may read it. */
export const rightOptions = {
  mode: mode.prefault('0600').describe('Four octal digits in quotes; default "0600"'),
  owner: owner.optional().describe('"uid:gid", as numbers; default: whoever leasekeeper runs as'),
};

export const parents = mode
  .optional()
  .describe('The mode of directories on the way that are missing, such as "0750"; default: they are not made');

/** All of it that makes a file another one; no value. */
export function factsOf({ format, keys, key, mode, owner }: Shape & Rights): readonly unknown[] {
  const chosen = keys === 'all' ? keys : Object.entries(keys).sort();
  return [format, chosen, key, mode, owner?.uid, owner?.gid];
}

/** What only all of it together can tell. What is wrong by itself is absent. */
export function checkShape({ format, key, keys }: Partial<Shape>, problem: Problem): void {
  if (format === undefined) return;
  if (format === 'raw' && key === undefined) problem(['key'], 'which value is the content? such as key: PASSWORD');
  if (format === 'raw' && keys !== undefined && keys !== 'all')
    problem(['keys'], 'raw is the value of one key: name it by key');
  if (format !== 'raw' && key !== undefined) problem(['key'], 'key belongs to format: raw; choose keys by keys');
  if (format !== 'dotenv' || keys === undefined || keys === 'all') return;
  for (const name of Object.keys(keys)) {
    const reason = unfitForShell(name);
    if (reason) problem(['keys', name], reason);
  }
}

export function checkMode({ mode }: { readonly mode?: number | undefined }, problem: Problem): void {
  if (mode !== undefined && (mode & 0o400) === 0) problem(['mode'], 'its owner must be able to read it');
}
