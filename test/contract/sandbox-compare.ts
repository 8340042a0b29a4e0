/** Brings two answers to a form in which they must be equal: what is random or a moment in time becomes its kind. */
import type { Reply } from '../sandbox/asking.ts';

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Values that differ from one server, target or second to the next, by the key they stand under. */
const kinds: Readonly<Record<string, string>> = {
  reqId: '<request id>',
  externalEntityId: '<user name>',
  DB_USERNAME: '<user name>',
  DB_PASSWORD: '<password>',
};

/** Everything else has to be equal, word for word. Rows of a list are reduced to the shapes that occur in it. */
export function normalise(value: unknown, key = ''): unknown {
  if (Array.isArray(value))
    return ['secrets', 'leases', 'dynamicSecrets'].includes(key) ? shapesOf(value) : value.map((one) => normalise(one));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, normalise(inner, name)]));
  }
  if (typeof value !== 'string') return value;
  if (kinds[key] !== undefined) return value === '' ? value : kinds[key];
  if (key === 'accessToken') return claimsOf(value);
  if (key === 'statusDetails') return '<what the target said>';
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return '<date>';
  return value.replace(uuid, '<uuid>').replace(/(?<=again in )\d+(?= seconds)/, '<n>');
}

/** The names and types of a token's claims, and how long it lives. */
function claimsOf(jwt: string): unknown {
  const [head = '', body = ''] = jwt.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  const claims = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const life = typeof claims['exp'] === 'number' ? claims['exp'] - Number(claims['iat']) : 'for ever';
  return { head: JSON.parse(head) as unknown, claims: shapeOf(claims), life, kind: claims['authTokenType'] };
}

const shapesOf = (rows: readonly unknown[]) => [...new Set(rows.map((row) => JSON.stringify(shapeOf(row))))].sort();

/** Keys and the types of their values, recursively. */
export function shapeOf(value: unknown): unknown {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object') return typeof value;
  const entries = Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]);
  return Object.fromEntries(entries.sort(([a], [b]) => String(a).localeCompare(String(b))));
}

/** Where a list of a long-lived server had rows of more kinds, ours has to be among them. */
export function rowsAreAmong(ours: unknown, theirs: unknown, key: string): boolean {
  const rows = (body: unknown) => shapesOf((body as Record<string, unknown[]>)[key] ?? []);
  const known = rows(theirs);
  return rows(ours).every((shape) => known.includes(shape));
}

const moving: readonly string[] = [
  'etag',
  'date',
  'content-length',
  'access-control-allow-origin',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'retry-after',
];

/** Headers with what moves reduced to whether it is there. */
export const headersOf = (headers: Reply['headers']): unknown =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      moving.includes(name) && value !== undefined ? '<some>' : value,
    ]),
  );
