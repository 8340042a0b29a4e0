/** `onExpired: remove` where a sink cannot take anything back: what it was told once, it knows. */
import type { SinkConfiguration } from './configuration.ts';
import { nodeOf, wordOf } from './locate.ts';
import { type Finding, finding } from './problem.ts';
import type { Node } from './tree.ts';

/** A mistake where no sink can; to be known where some cannot. */
export function idleRemoval(
  secret: Node,
  sinks: readonly SinkConfiguration[],
): { readonly findings: readonly Finding[]; readonly warnings: readonly Finding[] } {
  const node = nodeOf(secret, 'onExpired');
  const told = sinks.filter(({ isShared }) => isShared);
  if (!node || wordOf(node)?.value !== 'remove' || told.length === 0) return { findings: [], warnings: [] };
  if (told.length === sinks.length) {
    const message = `${told.length === 1 ? 'its sink' : 'each of its sinks'} is told values and cannot take them back`;
    return { findings: [finding(node.at, node.path, message, 'write keep')], warnings: [] };
  }
  const names = told.map(({ name }) => name).join(', ');
  const message = `what has ended stays with ${names}, which cannot take back what it was told`;
  return { findings: [], warnings: [finding(node.at, node.path, message, 'its other sinks are emptied')] };
}
