/** A credential as it lies in a sink's file: whole or not at all, with a name that may be printed and a mark that tells generations apart. */
import { createHash } from 'node:crypto';
import { parseEnv } from 'node:util';
import type { SinkPlan } from './lives.ts';

export interface Credential {
  /** What the sandbox is asked with. */
  readonly asked: { readonly values: Record<string, string> } | { readonly token: string };
  /** The account's name, or the token's id: no value. Empty where nothing in the file tells. */
  readonly name: string;
  /** When it says itself that it ends, in milliseconds; tokens do. */
  readonly endsAt?: number;
  /** Of the file's bytes. */
  readonly mark: string;
  /** Of what must always come with the name. */
  readonly proof: string;
}

/** What a program is given. */
export type Kind = 'account' | 'token' | 'version';

export const sumOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12);

/** Throws, in words that hold no value, where the bytes are not a whole credential. */
export function credentialIn(bytes: Buffer, format: SinkPlan['format'], kind: Kind): Credential {
  const content = bytes.toString('utf8');
  const mark = sumOf(bytes);
  const values = format === 'raw' ? {} : format === 'json' ? parseJson(content) : parseEnv(content);
  if (kind === 'version') return versionIn(values, mark);
  if (kind === 'token') {
    const token = format === 'raw' ? content.trim() : (values['token'] ?? '');
    const { identityAccessTokenId: name, exp } = claimsOf(token);
    if (typeof name !== 'string') throw new Error('it names no token');
    const endsAt = typeof exp === 'number' ? { endsAt: exp * 1000 } : {};
    return { asked: { token }, name, mark, proof: name, ...endsAt };
  }
  const password = format === 'raw' ? content.trim() : (values['DB_PASSWORD'] ?? '');
  const name = values['DB_USERNAME'] ?? '';
  if (password.length !== 48 && password.length !== 64) throw new Error(`a password of ${password.length} characters`);
  if (format !== 'raw' && name.length !== 32) throw new Error(`a user name of ${name.length} characters`);
  const asked = { DB_PASSWORD: password, ...(name !== '' && { DB_USERNAME: name }) };
  return { asked: { values: asked }, name, mark, proof: sumOf(password) };
}

/** What is never changed when we rotate. */
export const keptLabel = 'kept by whoever makes a new value';

/** What others put into a version: the one half tells the other. */
export const halvesOf = (label: string): { readonly label: string; readonly password: string } => ({
  label,
  password: createHash('sha256').update(label).digest('hex'),
});

function versionIn(
  { label = '', password = '' }: Readonly<Record<string, string | undefined>>,
  mark: string,
): Credential {
  const isWhole = label === keptLabel ? password.length === 48 : password === halvesOf(label).password;
  if (!isWhole)
    throw new Error(`a label of ${label.length} characters with a password of ${password.length} that is not its`);
  return { asked: { values: { label, password } }, name: '', mark, proof: sumOf(password) };
}

function parseJson(content: string): Record<string, string> {
  try {
    return JSON.parse(content) as Record<string, string>;
  } catch {
    throw new Error(`${content.length} characters that are no JSON`);
  }
}

function claimsOf(token: string): Record<string, unknown> {
  const [, body = '', signature = ''] = token.split('.');
  // An HMAC of 32 bytes is 43 characters of base64url.
  if (signature.length !== 43) throw new Error(`a token whose signature has ${signature.length} characters`);
  try {
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
  } catch {
    throw new Error('a token whose claims are no JSON');
  }
}
