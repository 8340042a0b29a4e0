/** Templates: what a person writes around values, in Liquid. Strict, bounded, and without any way out of themselves. */
import { createHash } from 'node:crypto';
import { analyzeSync, type Filter, Liquid, LiquidError, type Template as Part, Value } from 'liquidjs';
import { LeaseError } from '../core/failure.ts';
import { filters, printed } from './template-filters.ts';

/** What a template can name: texts, and groups of them. */
export interface Variables {
  readonly [name: string]: string | Variables;
}

export interface Template {
  /** The same for the same text. Tells nothing of it. */
  readonly digest: string;
  /** Throws `LeaseError` `invalid`, with the place in the template and never a value. */
  fill(variables: Variables): string;
  /** What it names, and cannot do without, that is not among these: in words, with the place. Their values do not count. */
  unknown(variables: Variables): readonly string[];
}

/** The template, or all that can be said to be wrong with it. */
export type ReadTemplate =
  | { readonly template: Template; readonly problems: readonly [] }
  | { readonly template?: never; readonly problems: readonly string[] };

export const longestTemplate = 64 * 1024;
/** In ms: far more than a template needs. Everything else is held up for so long. */
const longestRender = 1000;
const mostMemory = 8 * 2 ** 20;

/** None that reads another template or counts how often it was run. */
const tags = ['assign', 'break', 'capture', 'case', 'comment', 'continue', 'for', 'if', 'raw', 'unless', '#'];

const strict = engine(true);
/** Takes filters for granted, so that all that are unknown can be told at once. */
const lenient = engine(false);

function engine(strictFilters: boolean): Liquid {
  const liquid = new Liquid({
    strictFilters,
    strictVariables: true,
    lenientIf: true,
    ownPropertyOnly: true,
    // What is taken for granted may come to nothing.
    ...(strictFilters && { outputEscape: printed }),
    // There are no others to be read, and so no files.
    templates: {},
    parseLimit: longestTemplate,
    renderLimit: longestRender,
    memoryLimit: mostMemory,
  });
  for (const name of Object.keys(liquid.tags)) if (!tags.includes(name)) delete liquid.tags[name];
  for (const name of Object.keys(liquid.filters)) liquid.unregisterFilter(name);
  for (const [name, filter] of Object.entries(filters)) liquid.registerFilter(name, filter);
  return liquid;
}

/** `where`: what follows "line 3, column 5 of". */
export function readTemplate(text: string, where = 'the template'): ReadTemplate {
  try {
    const parts = strict.parse(text);
    return { template: templateOf(text, parts), problems: [] };
  } catch (error) {
    const unknown = unknownFilters(text);
    if (unknown.length === 0) return { problems: [sayUnread(error, where)] };
    return {
      problems: unknown.map(
        (filter) =>
          `there is no filter ${filter.name} (${sayPlace(filter['token'].getPosition(), where)}): one of ${Object.keys(filters).sort().join(', ')}`,
      ),
    };
  }
}

function templateOf(text: string, parts: Part[]): Template {
  let found: readonly Global[] | undefined;
  // Finding them takes longer than filling them in.
  const globals = () => {
    found ??= globalsOf(parts, text);
    return found;
  };
  return {
    digest: createHash('sha256').update(text).digest('base64url').slice(0, 12),
    fill(variables) {
      const lost = asksItself.test(text) ? globals().find((one) => isQuestion(one, variables)) : undefined;
      if (lost) throw unfilled(noValue(lost));
      let filled: string;
      try {
        filled = strict.renderSync(parts, bare(variables));
      } catch (error) {
        throw unfilled(sayUnfilled(error));
      }
      if (filled.trim() === '') throw unfilled('nothing comes of it');
      return filled;
    },
    unknown: (variables) =>
      globals()
        .filter((one) => one.isNeeded && !isAmong(one, variables))
        .sort(({ at: [a, left] }, { at: [b, right] }) => a - b || left - right)
        .map(noValue),
  };
}

/** Names that the engine would take for a question about the variables themselves, where there is no such variable. */
const asksItself = /\b(size|first|last)\b/;

const isQuestion = ({ path: [root = ''], isNeeded }: Global, variables: Variables): boolean =>
  isNeeded && asksItself.test(root) && !Object.hasOwn(variables, root);

/** Without a prototype: `constructor` is a name like any other. */
function bare(variables: Variables): Variables {
  const entries = Object.entries(variables).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : bare(value),
  ]);
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

/** Something that a template names and does not make itself. */
interface Global {
  /** As far as it does not depend on values. */
  readonly path: readonly string[];
  readonly at: readonly [line: number, column: number];
  /** Neither asked about by `if`, nor given a `default`. */
  readonly isNeeded: boolean;
}

function globalsOf(parts: Part[], text: string): readonly Global[] {
  const lines = text.split('\n');
  return Object.values(analyzeSync(parts, { partials: false }).globals).flatMap((all) =>
    all.map(({ segments, location: { row, col } }): Global => {
      const end = segments.findIndex((segment) => typeof segment !== 'string');
      const offset = lines.slice(0, row - 1).reduce((sum, line) => sum + line.length + 1, col - 1);
      return {
        path: (end < 0 ? segments : segments.slice(0, end)) as string[],
        at: [row, col],
        isNeeded: !isAskedFor(text, offset),
      };
    }),
  );
}

/** Does it stand in a condition, or before a default? */
function isAskedFor(text: string, offset: number): boolean {
  const begin = Math.max(text.lastIndexOf('{%', offset), text.lastIndexOf('{{', offset));
  const end = text.indexOf(text[begin + 1] === '%' ? '%}' : '}}', offset);
  const written = text.slice(begin, end < 0 ? undefined : end);
  return /^\{%-?\s*(if|elsif|unless)\b/.test(written) || /^[^|]*\|\s*default\b/.test(written);
}

/** Beneath a text there may be what the engine knows of it. */
function isAmong({ path }: Global, variables: Variables): boolean {
  let inside: string | Variables | undefined = variables;
  for (const name of path) {
    if (typeof inside === 'string' || (inside !== variables && name === 'size')) return true;
    inside = inside !== undefined && Object.hasOwn(inside, name) ? inside[name] : undefined;
    if (inside === undefined) return false;
  }
  return true;
}

const noValue = ({ path, at }: Global): string => `there is no value for ${path.join('.')} (${sayPlace(at)})`;

const sayPlace = ([line, column]: readonly [number, number] | readonly number[], where = 'the template'): string =>
  `line ${line}, column ${column} of ${where}`;

const unfilled = (why: string): LeaseError => new LeaseError('invalid', `the template cannot be filled: ${why}`);

/** The engine's own words quote what they are about. Names that the template itself spells out are told, nothing else. */
function sayUnread(error: unknown, where: string): string {
  if (!isLiquidError(error))
    return `${where} cannot be read: is it longer than ${longestTemplate} bytes, or nested too deeply?`;
  const place = sayPlace(error.token.getPosition(), where);
  const [, tag] = /^tag "([\w#-]{1,40})" not found/.exec(error.message) ?? [];
  if (tag !== undefined) return `there is no tag ${tag} (${place}): one of ${tags.join(', ')}`;
  if (/not closed/.test(error.message))
    return `what is opened here is not closed (${place}): close it by }}, %} or its end tag`;
  return `this is not Liquid (${place}): look for what is missing, or too much, there`;
}

function sayUnfilled(error: unknown): string {
  if (!isLiquidError(error)) return 'it is too much for the machine';
  const place = sayPlace(error.token.getPosition());
  if (error.name === 'UndefinedVariableError')
    return `there is no value for ${error.token.getText().slice(0, 80)} (${place})`;
  const { originalError } = error;
  if (originalError instanceof LeaseError) return `${originalError.message} (${place})`;
  if (/limit exceeded/.test(error.message)) return `it takes more time or memory than it may (${place})`;
  return `what is done there is not possible with that value (${place})`;
}

const isLiquidError = (error: unknown): error is LiquidError => LiquidError.is(error) && 'token' in (error as object);

function unknownFilters(text: string): readonly Filter[] {
  try {
    return [...filtersIn(lenient.parse(text))].filter(({ name }) => !Object.hasOwn(filters, name));
  } catch {
    return [];
  }
}

function* filtersIn(parts: readonly Part[]): Generator<Filter> {
  for (const part of parts) {
    for (const argument of part.arguments?.() ?? []) if (argument instanceof Value) yield* argument.filters;
    const children = part.children?.(false, true);
    if (!children) continue;
    let step = children.next();
    while (!step.done) step = children.next(step.value as never);
    yield* filtersIn(step.value);
  }
}
