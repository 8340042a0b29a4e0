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
  /** Besides those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that goes on until its reader leaves: server-sent events. */
export interface Stream {
  /**
   * Begins to write, and answers with what ends it. `write` answers false where the reader has stopped reading: it is
   * gone then, and may come again.
   */
  readonly stream: (write: (text: string) => boolean) => () => void;
}

/** By path, without the query and still percent-encoded. `undefined`: there is no such page. */
export type Route = (path: string, asker: Asker) => Promise<Answer | Stream | undefined> | Answer | Stream | undefined;

export interface Asker {
  /** The host it believes to speak to. */
  readonly host: string;
}

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
  /** What the address is in the configuration, for people: `http.listen`. */
  readonly setting: string;
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
/** A stream is open as long as somebody looks at it. */
const mostStreams = 32;
/** What a reader has not taken yet. A browser takes it at once, unless it sleeps. */
const mostUnread = 4 * 1024 * 1024;
const mostHeaderBytes = 8 * 1024;

/** Resolves once it listens. Rejects, in words for people, where the address cannot be had. */
export async function serveHttp({
  listen,
  setting,
  route,
  onError = () => {},
  closeWithin = seconds(1),
}: HttpOptions): Promise<HttpServer> {
  const streams = new Set<() => void>();
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
        .then((found) => {
          if (!('stream' in found)) return send(request, response, found);
          if (streams.size < mostStreams) return flow(request, response, found, streams);
          send(request, response, text(503, 'too many are looking: close another window'));
        })
        .catch(onError);
    },
  );
  server.maxConnections = mostConnections;
  server.setTimeout(requestWithin + idleFor);

  await new Promise<void>((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) =>
      reject(new Error(sayError(error, setting, listen), { cause: error }));
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
        for (const end of streams) end();
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

async function answer(request: IncomingMessage, route: Route): Promise<Answer | Stream> {
  const [path = '/'] = (request.url ?? '/').split('?', 1);
  const asker = { host: request.headers.host ?? '' };
  const found = request.method === 'GET' || request.method === 'HEAD' ? await route(path, asker) : 'not allowed';
  if (found === 'not allowed') return text(405, 'only GET and HEAD');
  return found ?? text(404, 'there is no such page');
}

const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function flow(request: IncomingMessage, response: ServerResponse, { stream }: Stream, streams: Set<() => void>): void {
  response.writeHead(200, { ...always, 'content-type': 'text/event-stream; charset=utf-8' });
  if (request.method === 'HEAD') return void response.end();
  // Quiet for as long as nothing happens.
  request.socket.setTimeout(0);
  const write = (text: string): boolean => {
    if (!response.writable || response.writableLength > mostUnread) {
      response.destroy();
      return false;
    }
    response.write(text);
    return true;
  };
  const end = () => response.end();
  streams.add(end);
  const stop = stream(write);
  response.once('close', () => {
    streams.delete(end);
    stop();
  });
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body, headers }: Answer): void {
  // A body that nobody asked for is not read to its end: the connection is done with.
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...always,
    ...headers,
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

function sayError({ code }: NodeJS.ErrnoException, setting: string, { host, port }: Address): string {
  const where = `${setting} ${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (code === 'EADDRINUSE') return `${where}: another program listens there already`;
  if (code === 'EACCES') return `${where}: we may not listen there; ports below 1024 need a privilege`;
  if (code === 'EADDRNOTAVAIL') return `${where}: this machine does not have that address`;
  return `${where}: cannot listen there (${code ?? 'unknown error'})`;
}
