/** The sinks of the file, wherever they stand: each checked by itself, and against the others. */
import type { Remark } from '../sinks/define.ts';
import { withWholePaths } from './beside.ts';
import type { SinkConfiguration } from './configuration.ts';
import { split } from './issues.ts';
import { entriesOf, locate, nodeOf, onTopOf, wordOf } from './locate.ts';
import { meant } from './nearest.ts';
import { type Parsed, parsePart, pluginOf } from './parse.ts';
import { type Finding, finding, type Place } from './problem.ts';
import type { Plugin, Plugins } from './schema.ts';
import type { Surroundings } from './secrets.ts';
import { keysAt } from './shape.ts';
import type { Mapping, Node } from './tree.ts';

/** A sink, and where it is written. */
export type Placed = SinkConfiguration & { readonly node: Node };

/** What the defaults bring to a plugin's options: only what it knows. */
export function withDefaults(
  written: Mapping,
  kind: 'source' | 'sink',
  plugins: readonly Plugin[],
  root: Node,
): Mapping {
  const defaults = nodeOf(nodeOf(root, 'defaults'), kind);
  if (!defaults) return written;
  const typed = onTopOf(defaults, written, (key) => key === 'type');
  const type = wordOf(nodeOf(typed, 'type'))?.value;
  const plugin = plugins.find((one) => one.type === type);
  const known = plugin ? keysAt(plugin.schema, [], undefined) : [];
  return onTopOf(defaults, typed, (key) => known.includes(key));
}

/** Keys among the defaults that no plugin would take. */
export function idleDefaults(root: Node, plugins: Plugins): readonly Finding[] {
  const kinds = [
    ['source', plugins.sources],
    ['sink', plugins.sinks],
  ] as const;
  return kinds.flatMap(([kind, all]) => {
    const known = [...new Set(all.flatMap(({ schema }) => keysAt(schema, [], undefined)))];
    return entriesOf(nodeOf(nodeOf(root, 'defaults'), kind)).flatMap(([key, { keyAt, node }]) =>
      known.includes(key) ? [] : [finding(keyAt, node.path, `no ${kind} knows this key`, meant(key, known))],
    );
  });
}

export function remarked({ at, message }: Remark, node: Node): Finding {
  const spot = locate(node, [at]);
  return finding(spot.at, spot.path, ...split(message));
}

/** `keyAt`: where the key of `node` stands, if it has one. */
export function sinkOf(node: Node, { root, plugins, env, file }: Surroundings, keyAt: Place = node.at): Parsed<Placed> {
  if (node.kind !== 'mapping') return { findings: [] };
  const merged = withWholePaths(withDefaults(node, 'sink', plugins.sinks, root), file);
  const { plugin, findings } = pluginOf(plugins.sinks, merged, keyAt);
  if (!plugin) return { findings };
  const own = parsePart(plugin.schema, merged, keyAt, env);
  if (own.value === undefined) return { findings: own.findings };
  const { warnings = [], ...sink } = own.value as SinkConfiguration & { warnings?: readonly Remark[] };
  return {
    value: { ...sink, node: merged },
    findings: own.findings,
    warnings: warnings.map((one) => remarked(one, merged)),
  };
}

/** Sinks of one secret that have one name: nobody could tell which of them owes. */
export function oneName(sinks: readonly Placed[]): readonly Finding[] {
  const seen = new Map<string, Placed>();
  return sinks.flatMap((sink) => {
    const first = seen.get(sink.name);
    if (!first) seen.set(sink.name, sink);
    // Two on one place are told of anyway.
    if (!first || (!sink.isShared && placeOf(first) === placeOf(sink))) return [];
    const at = nodeOf(sink.node, 'name') ?? sink.node;
    const message = `another sink of this secret has this name, in line ${first.node.at.line}`;
    return [finding(at.at, at.path, message, 'give each a name of its own')];
  });
}

/** Paths are one name space, whoever writes there. */
const placeOf = ({ type, target }: SinkConfiguration): string =>
  target.startsWith('/') ? target.replace(/\/+/g, '/').replace(/\/$/, '') : `${type}:${target}`;

/** Sinks on one place would overwrite one another for ever. */
export function onePlace(sinks: readonly Placed[]): readonly Finding[] {
  const seen = new Map<string, Placed>();
  return sinks.flatMap((sink) => {
    if (sink.isShared) return [];
    const place = placeOf(sink);
    const first = seen.get(place);
    if (!first) seen.set(place, sink);
    if (!first) return [];
    const at = nodeOf(sink.node, 'path') ?? sink.node;
    const message = `another sink writes to the same place, in line ${first.node.at.line}`;
    return [finding(at.at, at.path, message, 'give each a place of its own')];
  });
}
