/** Checks bodies and queries the way the server's schemas do, with issues of the same shape (contract 1.1, status 422). */
import { invalid } from './answers.ts';

export interface Field {
  readonly type: 'string' | 'boolean';
  readonly required?: boolean;
  readonly fallback?: string | boolean;
  readonly notEmpty?: boolean;
  /** More to say against a value that has the right type. */
  readonly also?: (value: string) => string | undefined;
}

export type Fields = Readonly<Record<string, Field>>;
export type Input = Readonly<Record<string, string | boolean | undefined>>;

export const text: Field = { type: 'string', required: true };
export const optionalText: Field = { type: 'string' };
export const path: Field = { type: 'string', fallback: '/', notEmpty: true };

/** What of the input the fields name; the rest is dropped in silence. Throws a 422 that lists everything wrong. */
export function check(input: unknown, fields: Fields): Input {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalid([wrongType([], 'object', input)]);
  const given = input as Readonly<Record<string, unknown>>;
  const issues: unknown[] = [];
  const checked: Record<string, string | boolean | undefined> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = given[name] === undefined ? field.fallback : given[name];
    if (value === undefined && field.required !== true) continue;
    const issue = fault(name, field, value);
    if (issue !== undefined) issues.push(issue);
    else checked[name] = typeof value === 'string' ? value.trim() : (value as boolean);
  }
  if (issues.length > 0) throw invalid(issues);
  return checked;
}

/** The text of a field that `check` has seen to. */
export const said = (input: Input, name: string): string => String(input[name] ?? '');

function fault(name: string, field: Field, value: unknown): unknown {
  if (typeof value !== field.type) return wrongType([name], field.type, value);
  if (field.notEmpty === true && value === '') {
    const message = 'String must contain at least 1 character(s)';
    return { code: 'too_small', minimum: 1, type: 'string', inclusive: true, exact: false, message, path: [name] };
  }
  const message = typeof value === 'string' ? field.also?.(value) : undefined;
  return message === undefined ? undefined : { code: 'custom', message, path: [name] };
}

function wrongType(at: readonly string[], expected: string, value: unknown): unknown {
  const received = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const message = received === 'undefined' ? 'Required' : `Expected ${expected}, received ${received}`;
  return { code: 'invalid_type', expected, received, path: at, message };
}
