/** What a YAML parser's complaints mean to people. Its own words may quote the line, and with it a credential. */
import { type Document, type ErrorCode, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { type Finding, finding } from './problem.ts';

const words: Readonly<Partial<Record<ErrorCode, readonly [message: string, remedy?: string]>>> = {
  TAB_AS_INDENT: ['a tab is used as indentation', 'YAML is indented with spaces'],
  BAD_INDENT: ['this line is not indented like the ones beside it', 'lines of one level start in the same column'],
  BAD_ALIAS: ['this alias is not written correctly', 'an alias is *name'],
  BAD_DQ_ESCAPE: ['there is no such escape in a string in double quotes', "write a backslash twice, or use '…'"],
  BAD_SCALAR_START: ['a value cannot start with this character', 'put the value in quotes'],
  BLOCK_AS_IMPLICIT_KEY: ['a key and its value are nested on one line', 'put a value that contains ": " in quotes'],
  BLOCK_IN_FLOW: ['indented lines cannot stand inside { } or [ ]', 'close the bracket first'],
  DUPLICATE_KEY: ['this key was already given above', 'remove one of the two'],
  KEY_OVER_1024_CHARS: ['this key is longer than 1024 characters', 'a key is a word; is a quote missing?'],
  MISSING_CHAR: ['a character is missing here', 'look for an unclosed quote or bracket, or a missing ":" or space'],
  MULTILINE_IMPLICIT_KEY: ['this is no key', 'a key stands on one line, with a ":" after it'],
  MULTIPLE_DOCS: ['the file holds more than one document', 'remove the line "---" and what follows'],
  TAG_RESOLVE_FAILED: ['tags have no meaning here', 'remove the word that starts with "!", or put the value in quotes'],
  UNEXPECTED_TOKEN: ['this is not expected here', 'look for a bracket too many, or a value that needs quotes'],
};

/** After these the document is still what was meant, so that the rest of it can be looked at too. */
const harmless: readonly ErrorCode[] = ['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'];

export interface Parsed {
  readonly document: Document.Parsed<ParsedNode>;
  readonly places: LineCounter;
  readonly findings: readonly Finding[];
  /** Can anything be said about what the document means? */
  readonly whole: boolean;
}

/** Throws where not even the parser can cope: nesting too deep. */
export function parseYaml(text: string): Parsed {
  const places = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: places,
    prettyErrors: false,
    strict: true,
    uniqueKeys: true,
    merge: false,
    logLevel: 'error',
  });
  // What follows the first serious one is mostly its echo.
  const complaints = [...document.errors, ...document.warnings];
  const serious = complaints.find(({ code }) => !harmless.includes(code));
  const told = serious ? [serious] : complaints;
  return {
    document,
    places,
    findings: told.map(({ code, pos: [offset] }) => {
      const { line, col } = places.linePos(offset);
      return finding({ line: Math.max(1, line), column: Math.max(1, col) }, [], ...sayError(code, text, offset));
    }),
    whole: !serious,
  };
}

function sayError(code: ErrorCode, text: string, offset: number): readonly [message: string, remedy?: string] {
  if (text.slice(offset - 1, offset + 1) === '${')
    return ['inside { } and [ ] a "{" begins a mapping', `put it in quotes there: "\${NAME}"`];
  return words[code] ?? ['this is not valid YAML', 'look for what YAML would read otherwise, and put it in quotes'];
}
