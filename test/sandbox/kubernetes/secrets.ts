/** What may be a Secret, and what may become of one (kubernetes.io/docs/concepts/configuration/secret). */
import { type Leaves, pathTo, stepsOf } from './fields.ts';
import { badRequest, type Cause, invalid } from './status.ts';

/** What a client may say of a Secret here, and no more: what is not listed, a real server might take. */
const known = {
  top: ['apiVersion', 'kind', 'metadata', 'type', 'data', 'immutable'],
  metadata: ['name', 'namespace', 'labels', 'annotations', 'uid', 'resourceVersion'],
};

export interface Said {
  readonly leaves: Map<string, unknown>;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws `Refused`: 400 where it is not of the shape of a Secret. */
export function secretIn(body: unknown, at: { readonly namespace: string; readonly name?: string }): Said {
  if (!isMap(body)) throw badRequest('the body is no object');
  const { apiVersion, kind, metadata = {}, type, data = {}, immutable } = body;
  if (apiVersion !== 'v1' || kind !== 'Secret') throw badRequest('the object is no v1 Secret');
  if (!isMap(metadata)) throw badRequest('metadata is no object');
  if ('managedFields' in metadata) throw badRequest('metadata.managedFields must be nil');
  const strange = [
    ...Object.keys(body).filter((key) => !known.top.includes(key)),
    ...Object.keys(metadata).filter((key) => !known.metadata.includes(key)),
  ];
  if (strange.length > 0) throw badRequest(`unknown field "${strange.join('", "')}"`);
  const { name, namespace = at.namespace, uid, resourceVersion } = metadata;
  if (name !== undefined && at.name !== undefined && name !== at.name) throw badRequest('the name does not match');
  if (namespace !== at.namespace) throw badRequest('the namespace of the object does not match');
  const leaves = new Map<string, unknown>();
  if (type !== undefined) leaves.set(pathTo('type'), textIn(type, 'type'));
  if (immutable !== undefined) leaves.set(pathTo('immutable'), immutable === true);
  for (const map of ['labels', 'annotations'] as const) {
    for (const [key, value] of mapIn(metadata[map] ?? {}, map)) leaves.set(pathTo('metadata', map, key), value);
  }
  for (const [key, value] of mapIn(data, 'data')) leaves.set(pathTo('data', key), inBase64(value, key));
  return {
    leaves,
    ...(name !== undefined && { name: textIn(name, 'metadata.name') }),
    ...(uid !== undefined && { uid: textIn(uid, 'metadata.uid') }),
    ...(resourceVersion !== undefined && { resourceVersion: textIn(resourceVersion, 'metadata.resourceVersion') }),
  };
}

function textIn(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw badRequest(`${where} is no text`);
  return value;
}

function mapIn(value: unknown, where: string): [string, string][] {
  if (!isMap(value)) throw badRequest(`${where} is no map`);
  return Object.entries(value).map(([key, one]) => {
    if (typeof one !== 'string') throw badRequest(`${where}.${key} is no text: ${JSON.stringify(one)}`);
    return [key, one];
  });
}

function inBase64(text: string, key: string): string {
  const again = Buffer.from(text, 'base64').toString('base64');
  if (again !== text) throw badRequest(`illegal base64 data in data.${key}: ${text}`);
  return text;
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const part = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

function isQualified(key: string): boolean {
  const steps = key.split('/');
  const name = steps.pop() ?? '';
  const [prefix] = steps;
  return steps.length <= 1 && name.length <= 63 && part.test(name) && (prefix === undefined || subdomain.test(prefix));
}

/** Of which each type needs all, but of the last one of both. */
const needed: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

/** Throws `Refused`: 422, whose message quotes what was sent as those of a real server may. */
export function validate(name: string, leaves: Leaves, live?: Leaves): void {
  const causes: Cause[] = [];
  const complain = (reason: string, field: string, message: string) => causes.push({ reason, field, message });
  if (!subdomain.test(name) || name.length > 253)
    complain('FieldValueInvalid', 'metadata.name', `Invalid value: ${name}`);
  let size = 0;
  for (const [path, value] of leaves) {
    const [first, map, key = ''] = stepsOf(path);
    if (first === 'metadata') {
      const isFine =
        isQualified(key) &&
        (map !== 'labels' || value === '' || (String(value).length < 64 && part.test(String(value))));
      if (!isFine) complain('FieldValueInvalid', `metadata.${map}`, `Invalid value: ${key}=${value}`);
    } else if (first === 'data') {
      const [, dataKey = ''] = stepsOf(path);
      size += Buffer.from(String(value), 'base64').length;
      const isFine = /^[-._a-zA-Z0-9]{1,253}$/.test(dataKey) && dataKey !== '.' && !dataKey.startsWith('..');
      if (!isFine) complain('FieldValueInvalid', `data[${dataKey}]`, `Invalid value: ${dataKey}=${value}`);
    }
  }
  if (size > 1 << 20) complain('FieldValueTooLong', 'data', 'Too long: must have at most 1048576 bytes');
  const type = String(leaves.get(pathTo('type')) ?? 'Opaque');
  for (const key of needed[type] ?? []) {
    if (!leaves.has(pathTo('data', key))) complain('FieldValueRequired', `data[${key}]`, 'Required value');
  }
  if (live) {
    const former = String(live.get(pathTo('type')) ?? 'Opaque');
    if (former !== type) complain('FieldValueInvalid', 'type', `Invalid value: ${type}: field is immutable`);
    if (live.get(pathTo('immutable')) === true) {
      const dataOf = (all: Leaves) => JSON.stringify([...all].filter(([path]) => path.startsWith('data\n')).sort());
      const words = 'field is immutable when `immutable` is set';
      if (leaves.get(pathTo('immutable')) !== true) complain('FieldValueForbidden', 'immutable', words);
      if (dataOf(live) !== dataOf(leaves)) complain('FieldValueForbidden', 'data', words);
    }
  }
  if (causes.length > 0) throw invalid(name, causes);
}
