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
  BLOCK_IN_FLOW: ['indented lines cannot stand inside { } or [ ]'],
  DUPLICATE_KEY: ['this key was already given above', 'remove one of the two'],
  KEY_OVER_1024_CHARS: ['this key is longer than 1024 characters'],
  MISSING_CHAR: ['a character is missing here', 'look for an unclosed quote or bracket, or a missing ":" or space'],
  MULTILINE_IMPLICIT_KEY: ['a key has to stand on one line, with a ":" after it'],
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
    logLevel: 'silent',
  });
  const complaints = [...document.errors, ...document.warnings];
  return {
    document,
    places,
    findings: complaints.map(({ code, pos }) => {
      const { line, col } = places.linePos(pos[0]);
      const [message, remedy] = words[code] ?? ['this is not valid YAML'];
      return finding({ line: Math.max(1, line), column: Math.max(1, col) }, [], message, remedy);
    }),
    whole: complaints.every(({ code }) => harmless.includes(code)),
  };
}
