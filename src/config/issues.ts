/** What a schema found wrong with a part of the file, in words for people, and where it is written. */
import type { z } from 'zod';
import { misplaced } from './credential.ts';
import { comesLater, notYet } from './later.ts';
import { entryOf, locate, type Spot } from './locate.ts';
import { meant, nearest } from './nearest.ts';
import { type Finding, finding, type Path, type Place } from './problem.ts';
import { descriptionAt, keysAt } from './shape.ts';
import type { Node, Scalar } from './tree.ts';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** Whose issues, in which part of the file, and where the key of that part stands. */
interface Part {
  readonly schema: Schema;
  readonly node: Node;
  readonly keyAt: Place;
}

/** Give it to the schema as the `error` of a parse: what then has a message was given it by whoever wrote the schema. */
export const unsaid = (): string => '';

export const findingsOf = (issues: readonly Issue[], part: Part): readonly Finding[] =>
  issues.flatMap((issue) => findingsOfOne(issue, [], part));

/** What the schema's author says of the place serves where there is no better advice. */
function advised(found: Finding, path: Path, { schema }: Part): Finding {
  const remedy = found.remedy ?? descriptionAt(schema, path);
  return remedy === undefined ? found : { ...found, remedy };
}

function findingsOfOne(issue: Issue, above: Path, part: Part): readonly Finding[] {
  const path = [...above, ...(issue.path as Path)];
  const spot = locate(part.node, path, part.keyAt);
  const { node } = spot;
  if (node?.kind === 'scalar' && node.unfilled && !issue.message.startsWith(misplaced)) return [];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, path, part));
  const one = (found: Finding) => [advised(found, path, part)];
  if (!node) return one(missing(issue, spot));
  if (node.kind === 'scalar' && node.value === null) return one(blank(issue, spot));
  if (issue.code === 'invalid_union') return ofUnion(issue, path, spot, part);
  if (issue.code === 'invalid_value') return one(wrongWord(issue.values.map(String), issue.message, spot));
  if (issue.code !== 'invalid_key') return one(said(issue, spot));
  const owner = locate(part.node, path.slice(0, -1), part.keyAt).node;
  const at = entryOf(owner, String(path.at(-1)))?.keyAt ?? spot.at;
  return issue.issues.map((inner) => said(inner, { ...spot, at }));
}

function unknownKey(key: string, path: Path, part: Part): Finding {
  const owner = locate(part.node, path, part.keyAt);
  const entry = entryOf(owner.node, key);
  const full = [...owner.path, key];
  const written = entry?.node.kind === 'scalar' ? entry.node.value : undefined;
  const at = entry?.keyAt ?? owner.at;
  const origin = entry?.node.path ?? full;
  if (comesLater(origin, written)) return finding(at, origin, notYet, 'remove it');
  return finding(at, origin, 'unknown key', meant(key, keysAt(part.schema, path, owner.node)));
}

/** `remedy` says what would be right there, where the schema does. */
function missing(issue: Issue, spot: Spot): Finding {
  if (issue.code === 'invalid_value' && issue.message === '')
    return finding(spot.at, spot.path, 'missing', meant(undefined, issue.values.map(String)));
  if (issue.code === 'invalid_union' && 'options' in issue)
    return finding(spot.at, spot.path, 'missing', meant(undefined, (issue.options as unknown[]).map(String)));
  const [, remedy] = split(issue.message);
  return finding(spot.at, spot.path, 'missing', remedy ?? (issue.message || undefined));
}

function blank(issue: Issue, spot: Spot): Finding {
  const remedy =
    issue.message === '' ? 'give it a value, or remove the key' : (split(issue.message)[1] ?? issue.message);
  return finding(spot.at, spot.path, 'nothing is written here', remedy);
}

/** A word from a closed list was expected. */
function wrongWord(known: readonly string[], message: string, spot: Spot): Finding {
  const node = spot.node as Scalar;
  const word = node.kind === 'scalar' ? String(node.value) : undefined;
  if (comesLater(spot.path, word)) return finding(spot.at, spot.path, notYet, meant(undefined, known));
  const near = word === undefined ? undefined : nearest(word, known);
  if (near === undefined && message !== '') return finding(spot.at, spot.path, ...split(message));
  if (word === undefined) return finding(spot.at, spot.path, `expected ${known.join(' or ')}`);
  return finding(spot.at, spot.path, 'unknown word here', meant(word, known));
}

type UnionIssue = Issue & { readonly code: 'invalid_union' };

/** Of several kinds of things that may stand there: which one was meant, and what is wrong with that. */
function ofUnion(issue: UnionIssue, path: Path, spot: Spot, part: Part): readonly Finding[] {
  if ('options' in issue && issue.message === '')
    return [wrongWord((issue.options as unknown[]).map(String), '', spot)];
  const branches = issue.errors as readonly (readonly Issue[])[];
  const fitting = branches.filter((branch) => !branch.some((one) => one.path.length === 0 && isOfAnotherKind(one)));
  const near = fitting.filter((branch) => branch.some((one) => isMisspelt(one, branch)));
  const meantBranch = fitting.length === 1 ? fitting[0] : near.length === 1 ? near[0] : undefined;
  if (meantBranch) return meantBranch.flatMap((one) => findingsOfOne(one, path, part));
  if (issue.message !== '') return [said(issue, spot)];
  const [fewest] = [...fitting].sort((a, b) => a.length - b.length);
  if (fewest) return fewest.flatMap((one) => findingsOfOne(one, path, part));
  const expected = branches.flat().flatMap((one) => (one.path.length === 0 ? [expectation(one)] : []));
  return [finding(spot.at, spot.path, `expected ${[...new Set(expected)].join(' or ')}`)];
}

const isOfAnotherKind = (issue: Issue): boolean => issue.code === 'invalid_type' || issue.code === 'invalid_value';

/** Is one of the keys that are too many nearly one that is missing? */
function isMisspelt(issue: Issue, branch: readonly Issue[]): boolean {
  const missed = branch.flatMap(({ path }) => (path.length === 1 ? [String(path[0])] : []));
  return issue.code === 'unrecognized_keys' && issue.keys.some((key) => nearest(key, missed) !== undefined);
}

/** The words of the schema's author: what is wrong, and after a colon (or a question) what would be right. */
export function split(message: string): [message: string, remedy?: string] {
  const [, question, answer] = /^([^:?]*\?) (.+)$/s.exec(message) ?? [];
  if (question !== undefined && answer !== undefined) return [question, answer];
  const colon = message.indexOf(': ');
  return colon < 0 ? [message] : [message.slice(0, colon), message.slice(colon + 2)];
}

function said(issue: Issue, spot: Spot): Finding {
  if (issue.message !== '') return finding(spot.at, spot.path, ...split(issue.message));
  if (issue.code !== 'invalid_type') return finding(spot.at, spot.path, `expected ${expectation(issue)}`);
  const remedy =
    issue.expected === 'string' && spot.node?.kind === 'scalar' ? 'put it in quotes' : kinds[issue.expected]?.[1];
  return finding(spot.at, spot.path, `expected ${expectation(issue)}, found ${kindOf(spot.node)}`, remedy);
}

/** What is expected, and how it is written. */
const kinds: Readonly<Record<string, readonly [what: string, how: string]>> = {
  string: ['text', 'write a text'],
  number: ['a number', 'write digits, without quotes'],
  int: ['a whole number', 'write digits, without quotes'],
  boolean: ['true or false', 'write true or false, without quotes'],
  array: ['a list', 'write [ … ], or lines that start with "- "'],
  object: ['a mapping with keys', 'write its keys below it, or in { }'],
  record: ['a mapping with names as keys', 'write its names below it, or in { }'],
};

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_type') return kinds[issue.expected]?.[0] ?? issue.expected;
  if (issue.code === 'invalid_value') return issue.values.map(String).join(' or ');
  if (issue.code === 'too_small') return `${sizeWord(issue.origin, issue.minimum, 'at least')}`;
  if (issue.code === 'too_big') return `${sizeWord(issue.origin, issue.maximum, 'at most')}`;
  if (issue.code === 'invalid_format') return `text in the form of a ${issue.format}`;
  if (issue.code === 'not_multiple_of') return `a multiple of ${issue.divisor}`;
  return 'something else';
}

function sizeWord(origin: string, bound: number | bigint, word: string): string {
  if (origin === 'string') return bound === 1 && word === 'at least' ? 'some text' : `${word} ${bound} characters`;
  if (origin === 'array' || origin === 'set') return `${word} ${bound} of them`;
  return `${word} ${bound}`;
}

function kindOf(node: Node | undefined): string {
  if (!node) return 'nothing';
  if (node.kind === 'mapping') return 'a mapping';
  if (node.kind === 'sequence') return 'a list';
  return node.value === null ? 'nothing' : typeof node.value === 'string' ? 'text' : `a ${typeof node.value}`;
}
