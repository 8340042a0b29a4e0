/** A stand-in for the Kubernetes API on the loopback, and the files by which a pod reaches it. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.ts';
import { everything, type Rule } from './rights.ts';
import { type Asked, askedOf, bodyOf, refusalOf, send, work } from './serve.ts';
import { notFound, Refused } from './status.ts';

/** What the server does instead of, or after, what was asked. */
export type Misdeed =
  /** Nothing comes of it. */
  | { readonly kind: 'refuse'; readonly with: Refused }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  /** The connection ends: before anything was done, or after all was. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  /** Something happens just before it is worked on. */
  | { readonly kind: 'meanwhile'; readonly happen: () => void }
  /** All is done, and the answer waits for this. */
  | { readonly kind: 'wait'; readonly until: Promise<void> };

export interface Kubernetes {
  readonly url: string;
  readonly cluster: Cluster;
  /** What a pod finds: `token`, `ca.crt`, `namespace`. */
  readonly serviceAccount: string;
  /** `KUBERNETES_SERVICE_HOST` and its port. */
  readonly env: Readonly<Record<string, string>>;
  /** Each request that was understood: `patch secrets/db 200`. */
  readonly requests: readonly string[];
  token(): string;
  /** The kubelet writes another token into the file, and the former one is taken no more. */
  rotateToken(): Promise<void>;
  /** What the service account may do from now on. */
  grant(rules: readonly Rule[]): void;
  /** Requests that fit meet with it, each time, until the function that is answered is called. */
  misbehave(misdeed: Misdeed, fits?: (asked: Asked) => boolean): () => void;
  /** The values of a Secret. */
  values(name: string, namespace?: string): Readonly<Record<string, string>> | undefined;
  close(): Promise<void>;
}

export interface KubernetesOptions {
  /** Absent: plain HTTP. */
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer };
  readonly namespace?: string;
  readonly rules?: readonly Rule[];
}

export async function aKubernetes({
  tls,
  namespace = 'shop',
  rules = everything,
}: KubernetesOptions = {}): Promise<Kubernetes> {
  const cluster = new Cluster();
  cluster.namespaces.add(namespace);
  const requests: string[] = [];
  const misdeeds: { readonly misdeed: Misdeed; readonly fits: (asked: Asked) => boolean }[] = [];
  const userName = `system:serviceaccount:${namespace}:leasekeeper`;
  let token = '';

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = askedOf(request);
    const struck = asked ? misdeeds.filter(({ fits }) => fits(asked)).map(({ misdeed }) => misdeed) : [];
    try {
      const text = await bodyOf(request);
      if (!asked) throw notFound('resource', 'the server could not find the requested resource');
      for (const misdeed of struck) {
        if (misdeed.kind === 'refuse') throw misdeed.with;
        if (misdeed.kind === 'meanwhile') misdeed.happen();
        if (misdeed.kind === 'cut' && misdeed.when === 'before') return void request.socket.destroy();
        if (misdeed.kind === 'answer') return void response.writeHead(misdeed.status).end(misdeed.body);
      }
      const answer = work(cluster, asked, request, text);
      requests.push(`${asked.verb} ${asked.resource}/${asked.name} ${answer.status}`);
      for (const misdeed of struck) {
        if (misdeed.kind === 'cut') return void request.socket.destroy();
        if (misdeed.kind === 'wait') await misdeed.until;
      }
      send(response, answer);
    } catch (error) {
      // Whoever goes away in the middle is no error of ours.
      if (request.destroyed && !(error instanceof Refused)) return;
      const answer = refusalOf(error);
      requests.push(`${asked?.verb} ${asked?.resource}/${asked?.name} ${answer.status}`);
      send(response, answer);
    }
  }
  const listener = (request: IncomingMessage, response: ServerResponse) => void handle(request, response);
  const server = tls
    ? createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener)
    : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const serviceAccount = await mkdtemp(join(tmpdir(), 'lk-service-account-'));
  const issue = async () => {
    const former = token;
    token = `token-${randomUUID()}`;
    await writeFile(join(serviceAccount, 'next'), token, { mode: 0o600 });
    await rename(join(serviceAccount, 'next'), join(serviceAccount, 'token'));
    cluster.users.set(token, cluster.users.get(former) ?? { name: userName, rules });
    cluster.users.delete(former);
  };
  await issue();
  await writeFile(join(serviceAccount, 'namespace'), namespace);
  if (tls) await writeFile(join(serviceAccount, 'ca.crt'), tls.ca);

  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    cluster,
    serviceAccount,
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
    requests,
    token: () => token,
    rotateToken: issue,
    grant: (next) => void cluster.users.set(token, { name: userName, rules: next }),
    misbehave(misdeed, fits = () => true) {
      const one = { misdeed, fits };
      misdeeds.push(one);
      return () => void misdeeds.splice(misdeeds.indexOf(one), 1);
    },
    values(name, where = namespace) {
      const data = cluster.secret({ namespace: where, name })?.['data'];
      if (data === undefined) return undefined;
      const entries = Object.entries(data as Record<string, string>);
      return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(serviceAccount, { recursive: true });
    },
  };
}
