/** What a YAML parser's complaints mean to people. Its own words may quote the line, and with it a credential. */
import {
  type Document,
  type ErrorCode,
  isCollection,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument,
  visit,
} from 'yaml';
import { type Finding, finding } from './problem.ts';

type Words = readonly [message: string, remedy: string];

const words: Readonly<Partial<Record<ErrorCode, Words>>> = {
  TAB_AS_INDENT: ['a tab is used as indentation', 'YAML is indented with spaces'],
  BAD_INDENT: ['this line is not indented like the ones beside it', 'lines of one level start in the same column'],
  BAD_ALIAS: ['this alias is not written correctly', 'an alias is *name'],
  BAD_DQ_ESCAPE: ['there is no such escape in a string in double quotes', "write a backslash twice, or use '…'"],
  BAD_SCALAR_START: ['a value cannot start with this character', 'put the value in quotes'],
  BLOCK_AS_IMPLICIT_KEY: ['a key and its value are nested on one line', 'put a value that contains ": " in quotes'],
  BLOCK_IN_FLOW: ['indented lines cannot stand inside { } or [ ]', 'close the bracket first'],
  KEY_OVER_1024_CHARS: ['this key is longer than 1024 characters', 'a key is a word; is a quote missing?'],
  MISSING_CHAR: ['a character is missing here', 'look for an unclosed quote or bracket, or a missing ":" or space'],
  MULTILINE_IMPLICIT_KEY: ['this is no key', 'a key stands on one line, with a ":" after it'],
  MULTIPLE_DOCS: ['the file holds more than one document', 'remove the line "---" and what follows'],
  TAG_RESOLVE_FAILED: ['tags have no meaning here', 'remove the word that starts with "!", or put the value in quotes'],
  UNEXPECTED_TOKEN: ['this is not expected here', 'look for a bracket too many, or a value that needs quotes'],
};

/** After these the document is still what was meant, so that the rest of it can be looked at too. */
const harmless: readonly ErrorCode[] = ['TAG_RESOLVE_FAILED'];

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
    // Told by whoever walks the tree, with the path.
    uniqueKeys: false,
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
    findings: told.map(({ code, pos }) => {
      const { offset, words } = sayError(code, text, pos[0], document);
      const { line, col } = places.linePos(offset);
      return finding({ line: Math.max(1, line), column: Math.max(1, col) }, [], ...words);
    }),
    whole: !serious,
  };
}

interface Said {
  readonly offset: number;
  readonly words: Words;
}

function sayError(code: ErrorCode, text: string, offset: number, document: Document.Parsed): Said {
  if (text.slice(offset - 1, offset + 1) === '${')
    return { offset, words: ['inside { } and [ ] a "{" begins a mapping', `put it in quotes there: "\${NAME}"`] };
  const opened = code === 'MISSING_CHAR' || code === 'BAD_INDENT' ? openAt(offset, document) : undefined;
  if (opened !== undefined) return { offset: opened, words: ['what is opened here is not closed', closing] };
  return { offset, words: words[code] ?? ['this is not valid YAML', 'look for a value that needs quotes'] };
}

const closing = 'close the quote or the bracket, and indent what stands in it';

/** Where the quote or bracket was opened that reaches as far as that: the parser complains where it gave up. */
function openAt(offset: number, document: Document.Parsed): number | undefined {
  let start: number | undefined;
  visit(document, {
    Node: (_, node) => {
      const opens = isCollection(node) ? node.flow : isScalar(node) && node.type?.startsWith('QUOTE') === true;
      const [from = 0, to = 0] = node.range ?? [];
      if (opens && from < offset && offset <= to) start = from;
    },
  });
  return start;
}
