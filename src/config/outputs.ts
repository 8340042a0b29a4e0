/** The outputs of the file: several secrets in one place. */
import type { OutputConfiguration } from './configuration.ts';
import { split } from './issues.ts';
import { entriesOf, entryOf, itemsOf, locate, nodeOf, quoted, without, wordOf } from './locate.ts';
import { meant } from './nearest.ts';
import { type Parsed, parsePart } from './parse.ts';
import { type Finding, finding, type Place } from './problem.ts';
import { isNamedByKey, outputOutline } from './schema.ts';
import type { Surroundings } from './secrets.ts';
import { type Placed, sinkOf } from './sinks.ts';
import type { Mapping, Node } from './tree.ts';

/** As it is written, also where something is wrong with it. */
export interface PlacedOutput {
  readonly name: string;
  readonly from: readonly string[];
  readonly sink?: Placed;
}

export interface Outputs extends Required<Parsed<readonly OutputConfiguration[]>> {
  readonly placed: readonly PlacedOutput[];
}

export function outputsOf(around: Surroundings): Outputs {
  const placed: PlacedOutput[] = [];
  const findings: Finding[] = [];
  const warnings: Finding[] = [];
  for (const [name, { node, keyAt }] of entriesOf(nodeOf(around.root, 'outputs'))) {
    if (node.kind !== 'mapping') continue;
    const one = outputOf(name, node, keyAt, around);
    placed.push(one.placed);
    findings.push(...one.findings);
    warnings.push(...one.warnings);
  }
  const value = placed.flatMap(({ name, from, sink }): OutputConfiguration[] => {
    if (!sink) return [];
    const { node: _, ...rest } = sink;
    return [{ name, from, sink: rest }];
  });
  return { value, placed, findings, warnings };
}

function outputOf(name: string, node: Mapping, keyAt: Place, around: Surroundings) {
  const own = parsePart(outputOutline, node, keyAt, around.env);
  const words = itemsOf(nodeOf(node, 'from')).flatMap((item) => wordOf(item) ?? []);
  const from = [...new Set(words.map(({ value }) => value))];
  const type = wordOf(nodeOf(node, 'type'))?.value;
  const plugin = around.plugins.sinks.find((one) => one.type === type);
  const named = plugin && isNamedByKey(plugin.schema) ? entryOf(node, 'name') : undefined;
  const parsed = sinkOf(without(node, ['from', ...(named ? ['name'] : [])]), around, keyAt);
  const sink = parsed.value && { ...parsed.value, name };
  const strangers = from.length > 0 ? (sink?.unknownIn?.(from) ?? []) : [];
  const findings = [
    ...own.findings,
    ...unknownSecrets(words, around.root),
    ...(named ? [finding(named.keyAt, named.node.path, 'an output has a name already', 'remove it')] : []),
    ...parsed.findings,
    ...strangers.map(({ at, message }) => {
      const spot = locate(node, [at]);
      return finding(spot.at, spot.path, ...split(message));
    }),
  ];
  return { placed: { name, from, ...(sink && { sink }) }, findings, warnings: parsed.warnings ?? [] };
}

type Word = NonNullable<ReturnType<typeof wordOf>>;

function unknownSecrets(words: readonly Word[], root: Node): readonly Finding[] {
  const known = entriesOf(nodeOf(root, 'secrets')).map(([name]) => name);
  return words.flatMap((word, i) => {
    if (words.findIndex(({ value }) => value === word.value) < i)
      return [finding(word.at, word.path, 'this secret is named twice', 'name each once')];
    if (known.includes(word.value)) return [];
    return [finding(word.at, word.path, `there is no secret${quoted(word)}`, meant(word.value, known))];
  });
}
