/** How values become the bytes of a file: choosing and renaming keys, and the formats. */
import { z } from 'zod';
import { LeaseError } from '../core/failure.ts';
import type { Material } from '../core/material.ts';
import { asJson, inShellQuotes, isWellFormed } from './quotes.ts';
import type { ReadTemplate, Variables } from './template.ts';
import { steersPrograms, unfitForShell } from './variable-names.ts';

const manual =
  'which keys, and under which names: keys: { PGUSER: DB_USERNAME }, the name at the target first; or keys: all';

/** `all`, or what a sink gets under which name: `{ PGUSER: DB_USERNAME }`, target to source. An option of every sink. */
export const keys = z
  .union(
    [
      z.literal('all'),
      z.record(z.string().min(1), z.string().min(1, manual)).refine((map) => Object.keys(map).length > 0, manual),
    ],
    manual,
  )
  .default('all')
  .describe('Which keys the sink gets and under which names, { PGUSER: DB_USERNAME }; or all of them');

export type Keys = z.output<typeof keys>;

export const formats = ['dotenv', 'json', 'yaml', 'raw', 'template'] as const;

/** All that decides what the bytes look like, besides the values. */
export interface Shape {
  readonly format: (typeof formats)[number];
  readonly keys: Keys;
  /** For `raw`: the one key whose value is the content. */
  readonly key?: string | undefined;
  /** For `template`: one of the two. */
  readonly template?: ReadTemplate | undefined;
  readonly templateFile?: ReadTemplate | undefined;
}

export type Entry = readonly [name: string, value: string];

/** More than this is no secret; and a file of ours is never read back further. */
export const largest = 4 * 2 ** 20;

/**
 * The bytes for these values, the same for the same values. Throws `LeaseError` `invalid`, naming the key and never
 * the value, where a key is missing or the format cannot hold it: nothing of the set is written then.
 */
export function render(material: Material, shape: Shape): Buffer {
  const isGrouped = shape.format === 'template' && shape.keys === 'all' && material.parts().size > 0;
  const text = isGrouped
    ? filled(shape, groupsOf([...material.parts()].map(([name, part]) => [name, group(part, shape)])))
    : writers[shape.format](entriesOf(material, shape), shape);
  // A template may make more of them than can be put into bytes at all.
  const bytes = text.length > largest ? undefined : Buffer.from(text);
  if (!bytes || bytes.length > largest) throw new LeaseError('invalid', `the values take more than ${largest} bytes`);
  return bytes;
}

/** YAML allows 1024 characters to a key on one line. */
const longestName = 1000;

/** The chosen values under their new names, sorted by these. Throws as `render` does. */
export function entriesOf(material: Material, shape: Pick<Shape, 'keys'> & Partial<Shape>): Entry[] {
  const entries = chosen(material, shape);
  if (entries.length === 0) throw new LeaseError('invalid', 'there are no values to write');
  for (const [name, value] of entries) {
    if (asJson(name).length > longestName) throw unfit(name.slice(0, 40), 'its name is too long');
    // Written as UTF-8 it would become another value. What becomes of it in a template is seen there.
    if (shape.format !== 'template' && !isWellFormed(name + value)) throw unfit(name, 'it is not well-formed text');
  }
  return entries;
}

function chosen(material: Material, { format, keys, key }: Pick<Shape, 'keys'> & Partial<Shape>): Entry[] {
  const wanted: Entry[] =
    format === 'raw'
      ? [[key ?? '', key ?? '']]
      : keys === 'all'
        ? material.keys().map((name) => [name, name])
        : Object.entries(keys);
  return wanted.sort(byName).map(([name, source]) => {
    const value = material.reveal(source);
    if (value === undefined) throw new LeaseError('invalid', `there is no value for the key ${shown(source)}`);
    return [name, value];
  });
}

const byName = ([a]: Entry, [b]: Entry): number => (a < b ? -1 : a > b ? 1 : 0);

const writers: Readonly<Record<Shape['format'], (entries: readonly Entry[], shape: Shape) => string>> = {
  dotenv(entries, shape) {
    for (const [name, value] of entries) {
      const reason = unfitForShell(name) ?? (shape.keys === 'all' && steersPrograms(name) ? steering : undefined);
      if (reason) throw unfit(name, reason);
      if (value.includes('\0')) throw unfit(name, 'an environment variable cannot hold a NUL byte');
    }
    return entries.map(([name, value]) => `${name}=${inShellQuotes(value)}\n`).join('');
  },
  json: (entries) => `{\n${entries.map((entry) => `  ${entry.map(asJson).join(': ')}`).join(',\n')}\n}\n`,
  yaml: (entries) => entries.map((entry) => `${entry.map(asJson).join(': ')}\n`).join(''),
  raw: (entries) => entries[0]?.[1] ?? '',
  template: (entries, shape) => filled(shape, variablesOf(entries)),
};

function filled({ template, templateFile }: Shape, variables: Variables): string {
  const text = (template ?? templateFile)?.template?.fill(variables);
  if (text === undefined) throw new LeaseError('invalid', 'there is no template');
  if (!isWellFormed(text)) throw new LeaseError('invalid', 'what the template comes to is not well-formed text');
  return text;
}

const group = (material: Material, shape: Shape): Variables => Object.fromEntries(entriesOf(material, shape));

/** Of several secrets, the values of each by its name; and all of them, for names that Liquid cannot spell. */
export const groupsOf = (groups: readonly (readonly [secret: string, Variables | string])[]): Variables => {
  const all = Object.fromEntries(groups);
  return { ...all, secrets: all };
};

/** Each by its name; and all of them as a group, for names that Liquid cannot spell, and to go through them. */
export const variablesOf = (entries: readonly Entry[]): Variables => {
  const group = Object.fromEntries(entries);
  return { ...group, [groupName]: group };
};

const groupName = 'secret';

/**
 * Who may add a key at the provider must not thereby run code in the program that reads the file. The set is refused
 * as a whole rather than written without it: half of what was asked for is not a set. A person who means it says so
 * in `keys:`.
 */
const steering = 'it would steer the program itself: where that is meant, list it in keys:';

const unfit = (name: string, reason: string): LeaseError =>
  new LeaseError('invalid', `the key ${shown(name)} cannot be written: ${reason}`);

const shown = (name: string): string => JSON.stringify(name);
