/** A small server for probes and Prometheus: it answers GET and HEAD, trusts nobody, and closes when told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { timer } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';

export interface Answer {
  readonly status: number;
  /** With its character set. */
  readonly type: string;
  readonly body: string;
}

/** By path, without the query and still percent-encoded. `undefined`: there is no such page. */
export type Route = (path: string) => Promise<Answer | undefined> | Answer | undefined;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface HttpServer {
  /** Where it listens: the port that was free, where 0 was asked for. */
  readonly address: Address;
  /** Takes no more requests and waits for those under way, no longer than `closeWithin`. Twice is once. */
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly listen: Address;
  readonly route: Route;
  /** Told of what a route threw; the asker sees only 500. */
  readonly onError?: (error: unknown) => void;
  readonly closeWithin?: Duration;
}

/** A request, headers and all, is there within this, or the connection ends. */
const requestWithin: Duration = seconds(5);
/** Longer than a probe's usual period would only tie up connections; shorter than a proxy's makes races. */
const idleFor: Duration = seconds(5);
const mostConnections = 256;
const mostHeaderBytes = 8 * 1024;

/** Resolves once it listens. Rejects, in words for people, where the address cannot be had. */
export async function serveHttp({
  listen,
  route,
  onError = () => {},
  closeWithin = seconds(1),
}: HttpOptions): Promise<HttpServer> {
  const server = createServer(
    {
      maxHeaderSize: mostHeaderBytes,
      headersTimeout: requestWithin,
      requestTimeout: requestWithin,
      keepAliveTimeout: idleFor,
      connectionsCheckingInterval: seconds(1),
    },
    (request, response) => {
      answer(request, route)
        .catch((error: unknown): Answer => {
          onError(error);
          return text(500, 'something went wrong; the log says more');
        })
        .then((found) => send(request, response, found))
        .catch(onError);
    },
  );
  server.maxConnections = mostConnections;
  server.setTimeout(requestWithin + idleFor);

  await new Promise<void>((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) => reject(new Error(sayError(error, listen), { cause: error }));
    server.once('error', refused);
    server.listen({ host: listen.host, port: listen.port }, () => {
      server.off('error', refused);
      server.on('error', onError);
      resolve();
    });
  });

  const { address, port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    address: { host: address, port },
    close: () => {
      closing ??= new Promise((resolve) => {
        const cancel = timer(closeWithin, () => server.closeAllConnections());
        server.close(() => {
          cancel();
          resolve();
        });
        server.closeIdleConnections();
      });
      return closing;
    },
  };
}

async function answer(request: IncomingMessage, route: Route): Promise<Answer> {
  const [path = '/'] = (request.url ?? '/').split('?', 1);
  const found = request.method === 'GET' || request.method === 'HEAD' ? await route(path) : 'not allowed';
  if (found === 'not allowed') return text(405, 'only GET and HEAD');
  return found ?? text(404, 'there is no such page');
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  // A body that nobody asked for is not read to its end: the connection is done with.
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: 'GET, HEAD' }),
    ...(hasBody && { connection: 'close' }),
  });
  // Of HEAD Node sends the headers only.
  response.end(body);
}

export const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

export const json = (status: number, body: unknown): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(body, undefined, 2)}\n`,
});

function sayError({ code }: NodeJS.ErrnoException, { host, port }: Address): string {
  const where = `http.listen ${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (code === 'EADDRINUSE') return `${where}: another program listens there already`;
  if (code === 'EACCES') return `${where}: we may not listen there; ports below 1024 need a privilege`;
  if (code === 'EADDRNOTAVAIL') return `${where}: this machine does not have that address`;
  return `${where}: cannot listen there (${code ?? 'unknown error'})`;
}
