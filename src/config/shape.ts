/** Looking into a schema: which keys it knows, and where in it a credential may stand. */
import { z } from 'zod';
import { credential } from './credential.ts';
import { entriesOf, itemsOf, nodeOf } from './locate.ts';
import type { Path } from './problem.ts';
import type { Node } from './tree.ts';
import { fileToRead } from './values.ts';

type Schema = z.core.$ZodType;

/** Beneath what only adds a default, a transformation or a description, and what a union is made of. Absent at the bottom. */
function beneath(schema: Schema): readonly Schema[] | undefined {
  if (schema instanceof z.ZodPipe) return [schema.in instanceof z.ZodTransform ? schema.out : schema.in];
  if (schema instanceof z.ZodUnion) return schema.options;
  if ('unwrap' in schema && !(schema instanceof z.ZodArray)) return [(schema as z.ZodOptional).unwrap()];
  return undefined;
}

/** One schema, or the several of a union. */
const alternatives = (schema: Schema): readonly Schema[] => beneath(schema)?.flatMap(alternatives) ?? [schema];

/** What the schema allows at a key, or at a position of a list. */
function inside(schema: Schema, step: string | number): readonly Schema[] {
  return alternatives(schema).flatMap((one): readonly Schema[] => {
    if (one instanceof z.ZodObject) return Object.hasOwn(one.shape, step) ? [one.shape[step]] : [];
    if (one instanceof z.ZodRecord) return [one.valueType];
    if (one instanceof z.ZodArray) return [one.element];
    return [];
  });
}

const shapesOf = (schema: Schema): readonly Record<string, Schema>[] =>
  alternatives(schema).flatMap((one) => (one instanceof z.ZodObject ? [one.shape as Record<string, Schema>] : []));

const reach = (schema: Schema, path: Path): readonly Schema[] =>
  path.reduce<readonly Schema[]>((reached, step) => reached.flatMap((one) => inside(one, step)), [schema]);

/** What its author says of the thing at that place. */
export function descriptionAt(schema: Schema, path: Path): string | undefined {
  const described = reach(schema, path).flatMap((one) => [one, ...(beneath(one) ?? [])]);
  return described.flatMap((one) => z.globalRegistry.get(one)?.description ?? [])[0];
}

/** The keys that something at that place may have. Where there are several kinds of things, those of the kind that is written. */
export function keysAt(schema: Schema, path: Path, written: Node | undefined): readonly string[] {
  const shapes = reach(schema, path).flatMap(shapesOf);
  const meant = shapes.filter((shape) => isOfItsKind(shape, written));
  return [...new Set((meant.length > 0 ? meant : shapes).flatMap((shape) => Object.keys(shape)))];
}

/** Do the words by which kinds are told apart (`type`, `method`) agree? */
function isOfItsKind(shape: Record<string, Schema>, written: Node | undefined): boolean {
  return Object.entries(shape).every(([key, schema]) => {
    const node = nodeOf(written, key);
    if (!(schema instanceof z.ZodLiteral)) return true;
    return node?.kind === 'scalar' && [...schema.values].some((value) => value === node.value);
  });
}

/** Also under another description. */
function isOne(of: Schema, schema: Schema): boolean {
  for (let one: Schema | undefined = schema; one; one = one._zod.parent) if (one === of) return true;
  return false;
}

/** The credentials that are pointed to in that part of the file, and the names of files that we log in with. */
export function credentialsIn(schema: Schema, written: Node): readonly Node[] {
  if (isOne(credential, schema)) return written.kind === 'mapping' ? [written] : [];
  if (isOne(fileToRead, schema)) return written.kind === 'scalar' ? [written] : [];
  const under = beneath(schema);
  if (under) return [...new Set(under.flatMap((one) => credentialsIn(one, written)))];
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, Schema>;
    if (!isOfItsKind(shape, written)) return [];
    return entriesOf(written).flatMap(([key, { node }]) => {
      const own = Object.hasOwn(shape, key) ? shape[key] : undefined;
      return own ? credentialsIn(own, node) : [];
    });
  }
  if (schema instanceof z.ZodArray) return itemsOf(written).flatMap((item) => credentialsIn(schema.element, item));
  if (schema instanceof z.ZodRecord)
    return entriesOf(written).flatMap(([, { node }]) => credentialsIn(schema.valueType, node));
  return [];
}
