/** Finding one's way in the tree of a configuration file. */
import type { Path, Place } from './problem.ts';
import type { Entry, Mapping, Node, Scalar } from './tree.ts';

export interface Spot {
  /** Where to point at: the value, or where it is missing the key of what it is missing from. */
  readonly at: Place;
  readonly path: Path;
  /** Absent where nothing is written there. */
  readonly node?: Node;
}

/** `keyAt`: where the key of `node` itself stands. */
export function locate(node: Node, path: Path, keyAt: Place = node.at): Spot {
  const [step, ...rest] = path;
  if (step === undefined) return { at: node.at, path: node.path, node };
  if (node.kind === 'sequence') {
    const item = node.items[Number(step)];
    if (item) return locate(item, rest);
  }
  if (node.kind === 'mapping') {
    const entry = node.entries.get(String(step));
    if (entry) return locate(entry.node, rest, entry.keyAt);
  }
  return { at: keyAt, path: [...node.path, ...path] };
}

/** As `JSON.parse` would give it. */
export function plain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'sequence') return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plain(entry.node)]));
}

export const entryOf = (node: Node | undefined, key: string): Entry | undefined =>
  node?.kind === 'mapping' ? node.entries.get(key) : undefined;

export const nodeOf = (node: Node | undefined, key: string): Node | undefined => entryOf(node, key)?.node;

export const entriesOf = (node: Node | undefined): readonly (readonly [string, Entry])[] =>
  node?.kind === 'mapping' ? [...node.entries] : [];

export const itemsOf = (node: Node | undefined): readonly Node[] => (node?.kind === 'sequence' ? node.items : []);

/** A word that names something else in the file. Absent where none is written, or none that could be judged. */
export function wordOf(node: Node | undefined): (Scalar & { readonly value: string }) | undefined {
  if (node?.kind !== 'scalar' || node.unfilled || typeof node.value !== 'string') return undefined;
  return { ...node, value: node.value };
}

/** A word of the file in a message. What was filled in from the environment is not told. */
export const quoted = (word: Scalar): string => (word.fromOutside ? '' : ` ${String(word.value).slice(0, 80)}`);

export function without(node: Node, keys: readonly string[]): Node {
  if (node.kind !== 'mapping') return node;
  return { ...node, entries: new Map([...node.entries].filter(([key]) => !keys.includes(key))) };
}

/** `over` with what `under` has besides, as far as `takes` wants it. */
export function onTopOf(under: Node | undefined, over: Mapping, takes: (key: string) => boolean): Mapping {
  const entries = new Map(entriesOf(under).filter(([key]) => takes(key)));
  for (const [key, entry] of over.entries) entries.set(key, entry);
  return { ...over, entries };
}
