/** Log lines for a terminal: the time, the level and the words, instead of JSON. */
import type { SafeError } from './safe-error.ts';

const colours: Readonly<Record<string, string>> = { debug: '2', info: '36', warn: '33', error: '31;1' };

/** What the words say already. */
const said = new Set([
  ...['level', 'time', 'msg', 'secret', 'provider', 'source', 'act', 'because', 'sink', 'lease', 'outcome', 'repeated'],
  ...['failures', 'took', 'expiresAt', 'nextAct', 'nextAt', 'state'],
]);

/** One JSON line as one line for people. What is no such line stays as it is. */
export function pretty(json: string, isColoured: boolean): string {
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(json);
  } catch {
    return json;
  }
  const level = String(line['level']);
  const time = String(line['time']).replace('T', ' ');
  const rest = Object.entries(line)
    .filter(([key]) => !said.has(key))
    .map(
      ([key, value]) =>
        `${key}=${key === 'err' ? sayError(value) : typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
  const paint = (text: string, colour = '2') => (isColoured && text ? `\x1b[${colour}m${text}\x1b[0m` : text);
  const words = [plain(String(line['msg'])), paint(plain(rest.join(' ')))].filter(Boolean).join('  ');
  return `${paint(time)} ${paint(level.toUpperCase().padEnd(5), colours[level])} ${words}\n`;
}

/** As `safeError` made it. Where it came from is for the JSON. */
function sayError(error: unknown): string {
  const { type, code, message, cause } = error as SafeError;
  const words = [code ?? type, message].filter(Boolean).join(': ');
  return cause === undefined ? words : `${words}, from ${sayError(cause)}`;
}

/** Names come from outside: none of them moves the cursor or begins a line. */
const plain = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that must not be printed
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => JSON.stringify(char).slice(1, -1));
