/** The options that say what a file looks like, for every sink that writes some. */
import { z } from 'zod';
import { mode, owner } from '../config/values.ts';
import type { Remark } from './define.ts';
import { formats, groupsOf, type Shape, variablesOf } from './render.ts';
import type { Rights } from './rights.ts';
import { readTemplate } from './template.ts';
import { readTemplateFile } from './template-file.ts';
import type { Problem } from './together.ts';
import { unfitForShell } from './variable-names.ts';

export const shapeOptions = {
  format: z
    .enum(formats, `one of ${formats.join(', ')}`)
    .describe('dotenv for shells and --env-file; raw is the value of one key and nothing else; template is yours'),
  key: z.string().min(1).optional().describe('For raw: the key whose value is the content'),
  template: z
    .string()
    .min(1)
    .transform((text) => readTemplate(text))
    .optional()
    .describe('For template: it itself, in Liquid, such as "password={{ PASSWORD | json }}"'),
  templateFile: z
    .string()
    .min(1)
    .transform(readTemplateFile)
    .optional()
    .describe('For template: the file that holds it. A relative path begins where this configuration is'),
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
export function factsOf({ format, keys, key, mode, owner, ...shape }: Shape & Rights): readonly unknown[] {
  const chosen = keys === 'all' ? keys : Object.entries(keys).sort();
  const digest = (shape.template ?? shape.templateFile)?.template?.digest;
  return [format, chosen, key, mode, owner?.uid, owner?.gid, ...(digest === undefined ? [] : [digest])];
}

/** What only all of it together can tell. What is wrong by itself is absent. */
export function checkShape(shape: Partial<Shape>, problem: Problem): void {
  const { format, key, keys } = shape;
  if (format === undefined) return;
  if (format === 'raw' && key === undefined) problem(['key'], 'which value is the content? such as key: PASSWORD');
  if (format === 'raw' && keys !== undefined && keys !== 'all')
    problem(['keys'], 'raw is the value of one key: name it by key');
  if (format !== 'raw' && key !== undefined) problem(['key'], 'key belongs to format: raw; choose keys by keys');
  checkTemplate(shape, problem);
  if (format !== 'dotenv' || keys === undefined || keys === 'all') return;
  for (const name of Object.keys(keys)) {
    const reason = unfitForShell(name);
    if (reason) problem(['keys', name], reason);
  }
}

function checkTemplate({ format, keys, template, templateFile }: Partial<Shape>, problem: Problem): void {
  for (const [option, read] of Object.entries({ template, templateFile })) {
    if (read && format !== 'template')
      problem([option], 'a template for another format: remove it, or write format: template');
    else for (const one of read?.problems ?? []) problem([option], one);
  }
  if (format !== 'template') return;
  if (template && templateFile) problem(['templateFile'], 'there is a template already: keep one of the two');
  if (!template && !templateFile)
    problem(['template'], 'which template? write it here, or name its file by templateFile');
  if (keys === undefined || keys === 'all') return;
  const names = variablesOf(Object.keys(keys).map((name) => [name, '']));
  const option = template ? 'template' : 'templateFile';
  for (const one of (template ?? templateFile)?.template?.unknown(names) ?? [])
    problem([option], `${one}: name it in keys`);
}

/** What the template names, where it is given the values of these secrets. */
export function unknownIn(shape: Shape, secrets: readonly string[]): readonly Remark[] {
  const { format, keys, template, templateFile } = shape;
  if (format !== 'template' || keys !== 'all') return [];
  const names = groupsOf(secrets.map((secret) => [secret, '']));
  const unknown = (template ?? templateFile)?.template?.unknown(names) ?? [];
  const remedy = `write ${secrets[0]}.KEY, or secrets["${secrets[0]}"]["KEY"]`;
  return unknown.map((one) => ({ at: template ? 'template' : 'templateFile', message: `${one}: ${remedy}` }));
}

export function checkMode({ mode }: { readonly mode?: number | undefined }, problem: Problem): void {
  if (mode !== undefined && (mode & 0o400) === 0) problem(['mode'], 'its owner must be able to read it');
}
