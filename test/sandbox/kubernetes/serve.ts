/** Takes one request through the stand-in: who asks, may they, is it understood, and what comes of it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { parse } from 'yaml';
import type { Cluster, How, User } from './cluster.ts';
import { demand } from './rights.ts';
import { badRequest, Refused, statusOf } from './status.ts';

/** What a request is about. */
export interface Asked {
  readonly verb: 'get' | 'create' | 'patch' | 'delete';
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const verbs = { GET: 'get', POST: 'create', PATCH: 'patch', DELETE: 'delete' } as const;
const routes = [
  { pattern: /^\/api\/v1\/namespaces\/([^/]+)\/(secrets)(?:\/([^/]+))?$/, group: '' },
  { pattern: /^\/apis\/apps\/v1\/namespaces\/([^/]+)\/(deployments|statefulsets|daemonsets)\/([^/]+)$/, group: 'apps' },
  { pattern: /^\/apis\/authorization\.k8s\.io\/v1\/()(selfsubjectaccessreviews)()$/, group: 'authorization.k8s.io' },
];

export function askedOf({ method = '', url = '' }: IncomingMessage): Asked | undefined {
  const verb = verbs[method as keyof typeof verbs];
  const { pathname } = new URL(url, 'http://sandbox');
  for (const { pattern, group } of routes) {
    const [whole, namespace = '', resource = '', name = ''] = pattern.exec(pathname) ?? [];
    if (verb && whole !== undefined) return { verb, group, resource, namespace, name };
  }
  return undefined;
}

/** "Unauthorized" where neither a token nor a certificate says who it is. */
export function userOf(cluster: Cluster, request: IncomingMessage): User {
  const { authorization = '' } = request.headers;
  const socket = request.socket as TLSSocket;
  const proof = authorization.startsWith('Bearer ')
    ? authorization.slice('Bearer '.length)
    : socket.authorized && String(socket.getPeerCertificate().subject?.CN);
  const user = proof ? cluster.users.get(proof) : undefined;
  if (!user) throw new Refused(401, 'Unauthorized', 'Unauthorized');
  return user;
}

/** Three megabytes, as a real server has it. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (body.length > 3 << 20) {
    throw new Refused(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728');
  }
  return body.toString('utf8');
}

export function work(cluster: Cluster, asked: Asked, request: IncomingMessage, text: string): Answer {
  const user = userOf(cluster, request);
  const { verb, resource, namespace, name } = asked;
  if (!/\bapplication\/json\b|\*\/\*/.test(request.headers.accept ?? '*/*')) {
    throw new Refused(406, 'NotAcceptable', 'only application/json is spoken here');
  }
  const type = (request.headers['content-type'] ?? '').split(';')[0] ?? '';
  const query = queryOf(request, verb);
  // Everybody may ask what they may (`system:basic-user`).
  if (resource === 'selfsubjectaccessreviews') return review(cluster, user, jsonOf(text, type));
  demand(user.rules, asked, user.name);
  if (resource !== 'secrets') return workload(cluster, asked, { type, text, query });
  if (verb === 'get') return { status: 200, body: cluster.get({ namespace, name }) };
  if (verb === 'create') {
    const { object } = cluster.createSecret({ namespace }, jsonOf(text, type), query);
    return { status: 201, body: object };
  }
  if (verb === 'delete') {
    const { preconditions = {} } = text === '' ? {} : jsonOf(text, type);
    cluster.deleteSecret({ namespace, name }, preconditions as object);
    return { status: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } };
  }
  if (type === 'application/apply-patch+yaml') {
    if (query.manager === '')
      throw new Refused(422, 'Invalid', 'fieldManager: Required value: is required for apply patch');
    const { object, isNew } = cluster.applySecret({ namespace, name }, yamlOf(text), query, user);
    return { status: isNew ? 201 : 200, body: object };
  }
  if (query.force !== undefined)
    throw new Refused(422, 'Invalid', 'force: Forbidden: may not be specified for non-apply patch');
  if (type !== 'application/merge-patch+json') throw unsupported(type);
  return { status: 200, body: cluster.mergeSecret({ namespace, name }, jsonOf(text), query).object };
}

/** A real server ignores parameters that it does not know; what is not listed is a mistake here. */
const parameters: Readonly<Record<Asked['verb'], readonly string[]>> = {
  get: [],
  create: ['fieldManager', 'dryRun'],
  patch: ['fieldManager', 'dryRun', 'force'],
  delete: [],
};

function queryOf(request: IncomingMessage, verb: Asked['verb']): How {
  const { searchParams } = new URL(request.url ?? '', 'http://sandbox');
  for (const name of searchParams.keys()) {
    if (!parameters[verb].includes(name)) throw badRequest(`unknown query parameter ${name}`);
  }
  const force = searchParams.get('force');
  const dryRun = searchParams.get('dryRun');
  if (force !== null && !['true', 'false'].includes(force)) throw badRequest('force is true or false');
  if (dryRun !== null && dryRun !== 'All') throw new Refused(422, 'Invalid', 'dryRun: Unsupported value');
  return {
    manager: searchParams.get('fieldManager') ?? '',
    dryRun: dryRun === 'All',
    ...(force !== null && { force: force === 'true' }),
  };
}

const unsupported = (type: string) =>
  new Refused(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`);

function jsonOf(text: string, type = 'application/json'): Record<string, unknown> {
  if (type !== 'application/json') throw unsupported(type);
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('the body is no JSON');
  }
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch {
    throw badRequest('error decoding YAML');
  }
}

interface Attributes {
  readonly namespace?: string;
  readonly verb?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly name?: string;
}

function review(cluster: Cluster, user: User, body: Record<string, unknown>): Answer {
  const { apiVersion, kind, spec } = body;
  if (apiVersion !== 'authorization.k8s.io/v1' || kind !== 'SelfSubjectAccessReview') {
    throw badRequest('the object is no SelfSubjectAccessReview');
  }
  const { resourceAttributes } = spec as { resourceAttributes: Attributes };
  const { namespace = '', verb = '', group = '', resource = '', name = '' } = resourceAttributes;
  const allowed = cluster.mayDo(user, { namespace, verb, group, resource, name });
  return { status: 201, body: { ...body, status: { allowed } } };
}

function workload(
  cluster: Cluster,
  { verb, resource, namespace, name }: Asked,
  { type, text, query }: { type: string; text: string; query: How },
): Answer {
  const answerOf = () => {
    const { uid, generation, annotations } = cluster.workload(resource, { namespace, name });
    return { metadata: { name, namespace, uid, generation }, spec: { template: { metadata: { annotations } } } };
  };
  if (verb === 'get') return { status: 200, body: answerOf() };
  if (verb !== 'patch') throw new Refused(405, 'MethodNotAllowed', 'the stand-in does not do this');
  if (type !== 'application/strategic-merge-patch+json') throw unsupported(type);
  if (query.manager === '') throw badRequest('whoever changes a workload says who it is');
  const body = jsonOf(text) as { spec?: { template?: { metadata?: { annotations?: Record<string, string> } } } };
  const annotations = body.spec?.template?.metadata?.annotations ?? {};
  if (JSON.stringify(body) !== JSON.stringify({ spec: { template: { metadata: { annotations } } } })) {
    throw badRequest('only annotations of the template can be changed here');
  }
  cluster.annotateTemplate(resource, { namespace, name }, annotations);
  return { status: 200, body: answerOf() };
}

export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(text);
}

export const refusalOf = (error: unknown): Answer => {
  if (!(error instanceof Refused)) throw error;
  const { retryAfterSeconds } = error.details;
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return { status: error.status, body: statusOf(error), headers };
};
