/** Files that belong to the configuration and lie beside it: their relative paths begin where it is. */
import { dirname, resolve } from 'node:path';
import type { Node } from './tree.ts';

/** The keys that name one. */
const beside: readonly string[] = ['templateFile'];

/** The same part of the file, with these paths whole. `file`: the configuration. */
export function withWholePaths(node: Node, file: string, isPath = false): Node {
  if (node.kind === 'sequence') return { ...node, items: node.items.map((item) => withWholePaths(item, file)) };
  if (node.kind === 'mapping') {
    const entries = [...node.entries].map(
      ([key, entry]) => [key, { ...entry, node: withWholePaths(entry.node, file, beside.includes(key)) }] as const,
    );
    return { ...node, entries: new Map(entries) };
  }
  if (!isPath || node.unfilled || typeof node.value !== 'string' || node.value === '') return node;
  return { ...node, value: resolve(dirname(file), node.value) };
}
