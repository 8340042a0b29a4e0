/** How the commands speak to people. */
import type { Problem } from '../config/problem.ts';
import { LeaseError } from '../core/failure.ts';

/** One of the process's outputs. */
export interface Output {
  write(text: string): void;
  /** Does a person look at it, so that colours help? */
  readonly isForPeople: boolean;
}

const paint = (code: number, text: string, to: Output): string =>
  to.isForPeople ? `\u001b[${code}m${text}\u001b[0m` : text;

/** What the file says may hold anything, also what a terminal would obey. */
export const printable = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const bold = 1;
const red = 31;
const yellow = 33;
const dim = 2;

function sayEach(problems: readonly Problem[], colour: number, to: Output): void {
  for (const { file, line, column, path, message, remedy } of problems) {
    const where = paint(bold, `${printable(file)}:${line}:${column}`, to);
    const what = path === '' ? '' : `${printable(path)}: `;
    to.write(`${where}  ${what}${paint(colour, printable(message), to)}\n`);
    if (remedy !== undefined) to.write(`    ${paint(dim, printable(remedy), to)}\n`);
  }
}

/** Of a configuration that is right. */
export function sayWarnings(warnings: readonly Problem[], to: Output): void {
  if (warnings.length > 0) to.write('\nto be known:\n');
  sayEach(warnings, yellow, to);
}

export function sayProblems(problems: readonly Problem[], to: Output): void {
  sayEach(problems, red, to);
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  to.write(`${count} in ${printable(problems[0]?.file ?? 'the configuration')}\n`);
}

/** What nobody expected. Words that are not ours stay untold: they may quote a value. */
export function sayAccident(error: unknown, to: Output): void {
  if (error instanceof LeaseError) {
    to.write(`leasekeeper: ${printable(error.message)}\n`);
    return;
  }
  const { name, frames } = anatomyOf(error);
  to.write(`leasekeeper: unexpected ${name}\n${frames.map((frame) => `${frame}\n`).join('')}`);
}

function anatomyOf(error: unknown): { readonly name: string; readonly frames: readonly string[] } {
  if (!(error instanceof Error)) return { name: 'error', frames: [] };
  const { code } = error as NodeJS.ErrnoException;
  const name = typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? `${error.name} ${code}` : error.name;
  // The stack begins with the message, which may look like frames itself.
  const [, below] = (error.stack ?? '').split(`${error.name}: ${error.message}\n`, 2);
  return { name, frames: (below ?? '').split('\n').filter((line) => /^ {4}at /.test(line)) };
}
