/** A bare HTTP client for tests of the sandbox: it says exactly what it is told to and judges nothing. */
import { Agent, request as httpRequest } from 'node:http';
import type { Sandbox } from './infisical/sandbox.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: unknown;
}

export interface Message {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Each time on a connection of its own, so that none is one the server has given up. Rejects with the socket's error. */
export function say(url: string, { method, path, headers, body }: Message): Promise<Reply> {
  const agent = new Agent({ keepAlive: true });
  const answered = new Promise<Reply>((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = httpRequest(url + path, { method, headers: { ...headers, ...length }, agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        const parsed: unknown =
          answer.headers['content-type']?.includes('json') && text !== '' ? JSON.parse(text) : null;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, body: parsed });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
  return answered.finally(() => agent.destroy());
}

/** Asks as one identity would, with a token taken when it came. */
export interface Visitor {
  readonly token: string;
  post(path: string, body: unknown, method?: string): Promise<Reply>;
  get(path: string): Promise<Reply>;
  lease(
    name: string,
    ttl?: string,
  ): Promise<{ readonly id: string; readonly expireAt: string; readonly data: Record<string, unknown> }>;
  renew(lease: string, ttl?: string): Promise<Reply>;
  read(lease: string): Promise<Reply>;
  revoke(lease: string, more?: object): Promise<Reply>;
}

const place = { projectSlug: 'shop', environmentSlug: 'prod' };
const leases = '/api/v1/dynamic-secrets/leases';
const json = { 'content-type': 'application/json' };

/** One login, whatever comes of it. */
export function logIn(sandbox: Sandbox, identity = sandbox.identity): Promise<Reply> {
  const { clientId, clientSecret } = identity;
  const body = JSON.stringify({ clientId, clientSecret });
  return say(sandbox.url, { method: 'POST', path: '/api/v1/auth/universal-auth/login', headers: json, body });
}

export async function visit(sandbox: Sandbox, identity = sandbox.identity): Promise<Visitor> {
  const { accessToken: token } = (await logIn(sandbox, identity)).body as { accessToken: string };
  const authorization = `Bearer ${token}`;
  const post: Visitor['post'] = (path, body, method = 'POST') =>
    say(sandbox.url, { method, path, headers: { ...json, authorization }, body: JSON.stringify(body) });
  const get: Visitor['get'] = (path) => say(sandbox.url, { method: 'GET', path, headers: { authorization } });
  return {
    token,
    post,
    get,
    async lease(dynamicSecretName, ttl) {
      const { status, body } = await post(leases, { ...place, dynamicSecretName, ttl });
      if (status !== 200) throw new Error(`no lease: ${status}`);
      const { lease, data } = body as { lease: { id: string; expireAt: string }; data: Record<string, unknown> };
      return { ...lease, data };
    },
    renew: (lease, ttl) => post(`${leases}/${lease}/renew`, { ...place, ttl }),
    read: (lease) => get(`${leases}/${lease}?projectSlug=shop&environmentSlug=prod`),
    revoke: (lease, more = {}) => post(`${leases}/${lease}`, { ...place, ...more }, 'DELETE'),
  };
}

/** What an answer says went wrong. */
export const complaint = ({ status, body }: Reply): string =>
  `${status} ${(body as { message?: unknown } | null)?.message}`;
