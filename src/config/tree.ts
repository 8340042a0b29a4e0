/** The YAML file as a tree that knows where everything in it was written. */
import { isAlias, isMap, isScalar, isSeq, visit, type Node as YamlNode } from 'yaml';
import { type Env, fill } from './fill.ts';
import { type Finding, finding, type Path, type Place } from './problem.ts';
import { type Parsed, parseYaml } from './syntax.ts';

export type Node = Mapping | Sequence | Scalar;

interface Written {
  /** Where in the file. What came by an alias was written at its anchor. */
  readonly at: Place;
  readonly path: Path;
}

export interface Mapping extends Written {
  readonly kind: 'mapping';
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  readonly keyAt: Place;
  readonly node: Node;
}

export interface Sequence extends Written {
  readonly kind: 'sequence';
  readonly items: readonly Node[];
}

export interface Scalar extends Written {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** Some of it was not written in the file, but filled in from the environment: not to be quoted. */
  readonly fromOutside?: true;
  /** Not to be judged: what it refers to is not there, and that was already found. */
  readonly unfilled?: true;
}

export interface Tree {
  /** Absent where the file is not YAML, or holds nothing. */
  readonly root?: Node;
  readonly findings: readonly Finding[];
}

/** Below these keys `${…}` belongs to a program's or a template's own language. */
const verbatim = ['template', 'exec'];

/** Keys that start so are ignored everywhere: a place for anchors and remarks. But headers of HTTP are often named so. */
const ignored = (key: string, path: Path): boolean => key.startsWith('x-') && path.at(-1) !== 'headers';

/** How much larger than what was written the tree may become through aliases of aliases. */
const growth = 100;
const deepest = 50;

export function parseTree(text: string, env: Env): Tree {
  let parsed: Parsed;
  try {
    parsed = parseYaml(text);
  } catch {
    return { findings: [finding(start, [], 'the file is nested too deeply to be read', `at most ${deepest} levels`)] };
  }
  if (!parsed.whole) return { findings: parsed.findings };
  const planter = new Planter(parsed, env);
  const { contents } = parsed.document;
  const root = contents && !(isScalar(contents) && contents.value === null) ? planter.plant(contents, []) : undefined;
  const findings = [...parsed.findings, ...planter.findings];
  return root && !planter.isOvergrown ? { root, findings } : { findings };
}

export const start: Place = { line: 1, column: 1 };

/** One walk over one document; it carries what has been found and how far the tree has grown. */
class Planter {
  readonly findings: Finding[] = [];
  readonly #parsed: Parsed;
  readonly #env: Env;
  readonly #targets = new Map<YamlNode, YamlNode>();
  /** The anchors being expanded: one of them inside itself would never end. */
  readonly #open = new Set<YamlNode>();
  #room = 0;

  constructor(parsed: Parsed, env: Env) {
    this.#parsed = parsed;
    this.#env = env;
    const anchors = new Map<string, YamlNode>();
    let written = 0;
    visit(parsed.document, {
      Node: (_, node) => {
        written += 1;
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target) this.#targets.set(node, target);
        } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
    this.#room = Math.max(10_000, growth * written);
  }

  /** Nothing can be said about a tree that was given up. */
  get isOvergrown(): boolean {
    return this.#room < 0;
  }

  plant(node: YamlNode, path: Path): Node {
    this.#room -= 1;
    if (this.#room < 0 || path.length > deepest) return this.#giveUp(node, path);
    if (isAlias(node) || node.anchor === undefined) return this.#plant(node, path);
    this.#open.add(node);
    const planted = this.#plant(node, path);
    this.#open.delete(node);
    return planted;
  }

  #giveUp(node: YamlNode, path: Path): Node {
    const at = this.#place(node);
    if (this.#room === -1)
      this.findings.push(finding(at, [], 'aliases of aliases make the file too large', 'write it out'));
    if (this.#room >= 0)
      this.findings.push(finding(at, path, 'this is nested too deeply', `at most ${deepest} levels`));
    return { kind: 'scalar', value: null, at, path, unfilled: true };
  }

  #plant(node: YamlNode, path: Path): Node {
    const at = this.#place(node);
    if (isAlias(node)) return this.#alias(node, path);
    if (isMap(node)) return { kind: 'mapping', entries: this.#entries(node, path), at, path };
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.plant(item as YamlNode, [...path, index]));
      return { kind: 'sequence', items, at, path };
    }
    return this.#scalar(isScalar(node) ? node.value : null, isScalar(node) ? node.source : undefined, at, path);
  }

  #place(node: unknown): Place {
    const range = (node as YamlNode | null)?.range;
    const { line, col } = this.#parsed.places.linePos(range?.[0] ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #alias(node: YamlNode, path: Path): Node {
    const target = this.#targets.get(node);
    const at = this.#place(node);
    if (!target || this.#open.has(target)) {
      this.findings.push(
        target
          ? finding(at, path, 'this alias stands inside what it refers to', 'write it out')
          : finding(at, path, 'there is no such anchor above', 'an anchor is &name, and stands before its aliases'),
      );
      return { kind: 'scalar', value: null, at, path, unfilled: true };
    }
    return this.plant(target, path);
  }

  #entries(node: YamlNode, path: Path): Map<string, Entry> {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const pair of isMap(node) ? node.items : []) {
      const key = this.#key(pair.key, path);
      if (key === undefined || ignored(key, path)) continue;
      const value = pair.value as YamlNode | null;
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        for (const [name, entry] of this.#merge(value, path)) if (!merged.has(name)) merged.set(name, entry);
        continue;
      }
      const keyAt = this.#place(pair.key);
      const at = [...path, key];
      const planted = value ? this.plant(value, at) : ({ kind: 'scalar', value: null, at: keyAt, path: at } as const);
      const first = own.get(key);
      if (first)
        this.findings.push(
          finding(keyAt, at, `this key was already given in line ${first.keyAt.line}`, 'remove one of the two'),
        );
      else own.set(key, { keyAt, node: planted });
    }
    for (const [name, entry] of merged) if (!own.has(name)) own.set(name, entry);
    return own;
  }

  #key(key: unknown, path: Path): string | undefined {
    if (isScalar(key) && key.value !== null && typeof key.value !== 'object') {
      const name = String(typeof key.value === 'string' ? key.value : (key.source ?? key.value));
      if (name !== '__proto__') return name;
    }
    this.findings.push(finding(this.#place(key), path, 'this cannot be a key', 'a key is a word'));
    return undefined;
  }

  /** The entries that `<<` brings: of a mapping, or of several, of which the first that has a key wins. */
  #merge(value: YamlNode | null, path: Path): ReadonlyMap<string, Entry> {
    const planted = value ? this.plant(value, path) : undefined;
    if (planted?.kind === 'mapping') return planted.entries;
    const several = planted?.kind === 'sequence' ? planted.items : [];
    const mappings = several.flatMap((item) => (item.kind === 'mapping' ? [item] : []));
    if (mappings.length === 0 || mappings.length < several.length) {
      const unfilled = planted?.kind === 'scalar' && planted.unfilled;
      if (!unfilled)
        this.findings.push(
          finding(this.#place(value), path, '<< takes a mapping, or a list of them', 'write <<: *name'),
        );
    }
    const entries = new Map<string, Entry>();
    for (const mapping of mappings)
      for (const [name, entry] of mapping.entries)
        if (!entries.has(name)) entries.set(name, { ...entry, node: movedTo(entry.node, [...path, name]) });
    return entries;
  }

  #scalar(value: unknown, source: string | undefined, at: Place, path: Path): Scalar {
    const place = { kind: 'scalar', at, path } as const;
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return { ...place, value };
    const text = typeof value === 'string' ? value : (source ?? '');
    if (path.some((step) => typeof step === 'string' && verbatim.includes(step))) return { ...place, value: text };
    const filled = fill(text, this.#env);
    for (const name of filled.unset)
      this.findings.push(
        finding(at, path, `the environment variable ${name} is not set`, `set it, or write \${${name}:-default}`),
      );
    if (filled.malformed)
      this.findings.push(
        finding(
          at,
          path,
          'a "${" that starts no reference',
          `write \${NAME} or \${NAME:-default}, or $\${ for a literal \${`,
        ),
      );
    return {
      ...place,
      value: filled.text,
      ...(filled.fromOutside && { fromOutside: true as const }),
      ...((filled.unset.length > 0 || filled.malformed) && { unfilled: true as const }),
    };
  }
}

/** A part of the tree, used in another place than it was planted for. */
function movedTo(node: Node, path: Path): Node {
  if (node.kind === 'scalar') return { ...node, path };
  if (node.kind === 'sequence')
    return { ...node, path, items: node.items.map((item, index) => movedTo(item, [...path, index])) };
  const entries = [...node.entries].map(([key, entry]): [string, Entry] => [
    key,
    { ...entry, node: movedTo(entry.node, [...path, key]) },
  ]);
  return { ...node, path, entries: new Map(entries) };
}
