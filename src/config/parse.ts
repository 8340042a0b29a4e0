/** One part of the file against the schema it has to fit. */
import type { z } from 'zod';
import type { Env } from './fill.ts';
import { findingsOf, unsaid } from './issues.ts';
import { comesLater, notYet } from './later.ts';
import { locate, nodeOf, plain, quoted, wordOf } from './locate.ts';
import { meant } from './nearest.ts';
import { unreadableCredentials } from './pointers.ts';
import { type Finding, finding, type Place } from './problem.ts';
import type { Plugin } from './schema.ts';
import type { Node } from './tree.ts';

export interface Parsed<T> {
  /** Absent where something is wrong with it. */
  readonly value?: T;
  readonly findings: readonly Finding[];
  /** Nothing is wrong with what these are about. */
  readonly warnings?: readonly Finding[];
}

/** `keyAt`: where the key of `node` stands, for what is missing from it. */
export function parsePart<S extends z.ZodType>(schema: S, node: Node, keyAt: Place, env: Env): Parsed<z.output<S>> {
  const result = schema.safeParse(plain(node), { error: unsaid });
  const unreadable = unreadableCredentials(schema, node, env);
  if (result.success) return { value: result.data, findings: unreadable };
  return { findings: [...findingsOf(result.error.issues, { schema, node, keyAt }), ...unreadable] };
}

/** The plugin that is named by `type:`, or what is wrong with that. */
export function pluginOf<P extends Plugin>(
  plugins: readonly P[],
  node: Node,
  keyAt: Place,
): { readonly plugin?: P; readonly findings: readonly Finding[] } {
  const types = plugins.map(({ type }) => type);
  const spot = locate(node, ['type'], keyAt);
  const word = wordOf(spot.node);
  const plugin = word && plugins.find(({ type }) => type === word.value);
  if (plugin) return { plugin, findings: [] };
  if (spot.node?.kind === 'scalar' && spot.node.unfilled) return { findings: [] };
  if (!nodeOf(node, 'type')) return { findings: [finding(spot.at, spot.path, 'missing', meant(undefined, types))] };
  if (word && comesLater(spot.path, word.value))
    return { findings: [finding(spot.at, spot.path, notYet, meant(undefined, types))] };
  const message = word ? `there is no such type${quoted(word)}` : 'expected the name of a type';
  return { findings: [finding(spot.at, spot.path, message, meant(word?.value, types))] };
}
