/** Reads bodies and queries as canonical proto3 JSON, strictly: what no message has a field for is refused (contract 3). */
import type { Duration } from '../../../src/core/time.ts';
import { invalid, type Violation } from './status.ts';

/** Reads one value found at a path, or what stands for one that is absent; notes what is wrong with it. */
export type Reader<T> = (value: unknown, at: string, wrong: Violation[]) => T;
export type Fields = Readonly<Record<string, Reader<unknown>>>;
export type Read<F extends Fields> = { readonly [K in keyof F]: ReturnType<F[K]> };

/** JSON's `null` is as good as nothing. */
const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

export function text(rule: { readonly max?: number; readonly pattern?: RegExp; readonly required?: true } = {}) {
  return ((value, at, wrong) => {
    const given = isAbsent(value) ? '' : value;
    const complain = (description: string) => void wrong.push({ field: at, description });
    if (typeof given !== 'string') complain('Must be a string');
    else if (given === '' && rule.required === true) complain('Field is required');
    else if ([...given].length > (rule.max ?? Number.POSITIVE_INFINITY)) complain(`Must be at most ${rule.max} long`);
    else if (given !== '' && rule.pattern?.test(given) === false) complain(`Must match ${rule.pattern.source}`);
    else return given;
    return '';
  }) satisfies Reader<string>;
}

export const flag: Reader<boolean> = (value, at, wrong) => {
  if (!isAbsent(value) && typeof value !== 'boolean') wrong.push({ field: at, description: 'Must be a boolean' });
  return value === true;
};

/** `int64`: digits, or a number. */
export function whole(most: number): Reader<number> {
  return (value, at, wrong) => {
    const given = isAbsent(value) || value === '' ? '0' : String(value);
    const isNumber = typeof value === 'number' || typeof value === 'string' || isAbsent(value);
    if (isNumber && /^\d+$/.test(given) && Number(given) <= most) return Number(given);
    wrong.push({ field: at, description: `Must be a whole number between 0 and ${most}` });
    return 0;
  };
}

/** `604800s`. What the console's command line takes, such as `168h`, is no Duration. */
export const duration: Reader<Duration | undefined> = (value, at, wrong) => {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'string' && /^-?\d+(\.\d{1,9})?s$/.test(value)) return Number(value.slice(0, -1)) * 1000;
  wrong.push({ field: at, description: 'Must be a duration in seconds, such as 604800s' });
  return undefined;
};

export function bytes(most: number): Reader<Buffer> {
  return (value, at, wrong) => {
    const content = typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.alloc(0);
    if (!isAbsent(value) && (typeof value !== 'string' || content.toString('base64') !== value)) {
      wrong.push({ field: at, description: 'Must be standard base64' });
    }
    if (content.length > most) wrong.push({ field: at, description: `Must be at most ${most} bytes` });
    return content;
  };
}

export const labels: Reader<Readonly<Record<string, string>>> = (value, at, wrong) => {
  if (isAbsent(value)) return {};
  const entries = typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : undefined;
  const isRight = ([key, one]: [string, unknown]) =>
    /^[a-z][-_0-9a-z]{0,62}$/.test(key) && typeof one === 'string' && /^[-_0-9a-z]{0,63}$/.test(one);
  if (entries !== undefined && entries.length <= 64 && entries.every(isRight)) return Object.fromEntries(entries);
  wrong.push({ field: at, description: 'Must be at most 64 labels' });
  return {};
};

/** One text of paths with commas between them. */
export function mask<P extends string>(paths: readonly P[]): Reader<readonly P[]> {
  return (value, at, wrong) => {
    const given = typeof value === 'string' && value !== '' ? value.split(',') : [];
    if (given.length === 0) wrong.push({ field: at, description: 'Field is required' });
    const known = given.filter((path): path is P => (paths as readonly string[]).includes(path));
    if (known.length < given.length) wrong.push({ field: at, description: `May name ${paths.join(', ')}` });
    return known;
  };
}

export function list<T>(of: Reader<T>): Reader<readonly T[]> {
  return (value, at, wrong) => {
    if (isAbsent(value)) return [];
    if (Array.isArray(value)) return value.map((one, index) => of(one, `${at}[${index}]`, wrong));
    wrong.push({ field: at, description: 'Must be a list' });
    return [];
  };
}

/** For fields in which being absent has a meaning of its own. */
export function maybe<T>(of: Reader<T>): Reader<T | undefined> {
  return (value, at, wrong) => (isAbsent(value) ? undefined : of(value, at, wrong));
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** An object with these fields and no others, in either spelling. Of each group of `oneOf` at most one may be there. */
export function message<F extends Fields>(fields: F, ...oneOf: readonly (readonly (keyof F & string)[])[]) {
  return ((value, at, wrong) => {
    const prefix = at === '' ? '' : `${at}.`;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) wrong.push({ field: at, description: 'Must be an object' });
    const given = new Map<string, unknown>();
    for (const [name, inner] of Object.entries(isObject ? value : {})) {
      const known = Object.keys(fields).find((field) => field === name || snake(field) === name);
      if (known === undefined) wrong.push({ field: `${prefix}${name}`, description: 'Unknown field' });
      else if (given.has(known)) wrong.push({ field: `${prefix}${snake(known)}`, description: 'Given twice' });
      else given.set(known, inner);
    }
    for (const group of oneOf) {
      const set = group.filter((name) => !isAbsent(given.get(name)));
      if (set.length > 1) {
        wrong.push({ field: `${prefix}${snake(set[1] ?? '')}`, description: `Already set: ${set[0]}` });
      }
    }
    const read = Object.entries(fields).map(([name, of]) => [name, of(given.get(name), prefix + snake(name), wrong)]);
    return Object.fromEntries(read) as Read<F>;
  }) satisfies Reader<Read<F>>;
}

/** Throws INVALID_ARGUMENT with everything that is wrong. */
export function readAs<T>(reader: Reader<T>, value: unknown): T {
  const wrong: Violation[] = [];
  const read = reader(value, '', wrong);
  if (wrong.length > 0) throw invalid(wrong);
  return read;
}

/** A query as the message it stands for: `a.b` is field `b` of `a`. Throws INVALID_ARGUMENT for a name given twice. */
export function messageOf(query: URLSearchParams): object {
  const all: Record<string, unknown> = {};
  for (const [path, value] of query) {
    const [name = '', inner] = path.split(/\.(.*)/s);
    const known = all[name];
    const isFree = inner === undefined ? known === undefined : typeof known !== 'string' && !has(known, inner);
    if (!isFree) throw invalid([{ field: path, description: 'Given twice' }]);
    all[name] = inner === undefined ? value : { ...(known as object | undefined), [inner]: value };
  }
  return all;
}

const has = (one: unknown, name: string): boolean => typeof one === 'object' && one !== null && name in one;
