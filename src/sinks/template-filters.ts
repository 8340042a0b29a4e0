/** What a template can do with a value: `{{ PASSWORD | shell }}`. Nothing that reads a clock, a file or chance. */
import { filters as known } from 'liquidjs';
import { LeaseError } from '../core/failure.ts';
import { asJson, inShellQuotes, isWellFormed } from './quotes.ts';
import { steersPrograms, unfitForShell } from './variable-names.ts';

type Filter = (value: unknown, ...more: unknown[]) => unknown;

/** The engine's own, as far as they are harmless. */
const plain = [
  'append',
  'capitalize',
  'compact',
  'concat',
  'default',
  'downcase',
  'first',
  'join',
  'last',
  'lstrip',
  'md5',
  'prepend',
  'remove',
  'remove_first',
  'remove_last',
  'replace',
  'replace_first',
  'replace_last',
  'reverse',
  'rstrip',
  'sha256',
  'size',
  'slice',
  'sort',
  'split',
  'strip',
  'strip_newlines',
  'uniq',
  'upcase',
] as const;

const own: Readonly<Record<string, Filter>> = {
  json: asJson,
  yaml: asJson,
  shell: (value) => {
    const text = textOf('shell', value);
    if (text.includes('\0')) throw unfit('shell', 'a shell cannot hold a NUL byte');
    return inShellQuotes(text);
  },
  variable: (value) => {
    const name = textOf('variable', value);
    // Not told: what stands before the filter may as well be a value.
    const reason = unfitForShell(name) ?? (steersPrograms(name) ? steering : undefined);
    if (reason !== undefined) throw unfit('variable', reason);
    return name;
  },
  url: (value) => {
    const text = textOf('url', value);
    if (!isWellFormed(text)) throw unfit('url', 'it is not well-formed text');
    return encodeURIComponent(text).replace(/[!'()*]/g, (odd) => `%${odd.charCodeAt(0).toString(16).toUpperCase()}`);
  },
  base64: (value) => {
    const text = textOf('base64', value);
    if (!isWellFormed(text)) throw unfit('base64', 'it is not well-formed text');
    return Buffer.from(text).toString('base64');
  },
  base64decode: (value) => decoded(textOf('base64decode', value)),
  pem: (value) => pem(textOf('pem', value)),
  // For XML and HTML: nothing is escaped unless it is asked for.
  xml: (value) => textOf('xml', value).replace(/[&<>"']/g, (odd) => `&#${odd.charCodeAt(0)};`),
};

/** By name. What they throw on purpose is a `LeaseError` that names the filter and never the value. */
export const filters: Readonly<Record<string, Filter>> = {
  ...Object.fromEntries(plain.map((name) => [name, known[name] as Filter])),
  ...own,
};

/** What an output must come to. Nothing, a list or a group is a mistake that would pass for a value. */
export function printed(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new LeaseError('invalid', value === undefined || value === null ? 'it comes to nothing' : 'it is not one text');
}

const steering = 'it would steer the program itself: where that is meant, write the name and not the filter';

const unfit = (filter: string, reason: string): LeaseError =>
  new LeaseError('invalid', `the filter ${filter} cannot take that value: ${reason}`);

function textOf(filter: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw unfit(filter, 'it is not a text');
}

function decoded(text: string): string {
  const bare = text.replace(/\s+/g, '').replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  const bytes = Buffer.from(bare, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== bare) throw unfit('base64decode', 'it is not in base64');
  const read = bytes.toString('utf8');
  if (!Buffer.from(read).equals(bytes)) throw unfit('base64decode', 'what it decodes to is not text');
  return read;
}

/** Certificates and keys get their line breaks back, which environment variables and web forms take from them. */
function pem(text: string): string {
  const lines = text.replace(/\\r/g, '').replaceAll('\\n', '\n').replace(/\r\n?/g, '\n');
  const blocks = [...lines.matchAll(/-----BEGIN ([^-\n]+)-----([\s\S]*?)-----END \1-----/g)];
  if (blocks.length === 0) throw unfit('pem', 'there is no -----BEGIN …----- with its -----END …-----');
  return blocks
    .map(([, label = '', body = '']) => `-----BEGIN ${label}-----\n${bodyOf(body)}-----END ${label}-----\n`)
    .join('');
}

function bodyOf(body: string): string {
  // Old encrypted keys say how in lines of their own, which end with an empty one.
  const [, heading = '', rest = ''] = /^(\s*(?:[A-Za-z-]+: .*\n)+\s*\n)?([\s\S]*)$/.exec(body.replace(/^\n/, '')) ?? [];
  const bare = rest.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(bare)) throw unfit('pem', 'what stands between BEGIN and END is not base64');
  return `${heading}${bare.replace(/.{1,64}/g, '$&\n')}`;
}
