/** Servers of the loopback that answer as a test says, and go away with it. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface Serving {
  readonly port: number;
  readonly url: string;
  /** How many requests arrived so far. */
  readonly count: () => number;
  close(): Promise<void>;
}

export const serve = (listener: RequestListener): Promise<Serving> => listen(createServer(), 'http', listener);

export const serveTls = (options: ServerOptions, listener: RequestListener): Promise<Serving> =>
  listen(createTlsServer(options), 'https', listener);

async function listen(server: Server, scheme: string, listener: RequestListener): Promise<Serving> {
  let count = 0;
  server.on('request', (request, response) => {
    count += 1;
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    count: () => count,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * A proxy that takes every tunnel to one port of the loopback, whatever name is asked for; `named` lists those. It leaves
 * the first few unanswered.
 */
export async function tunnelTo(
  port: number,
  status = 200,
  unanswered = 0,
): Promise<Serving & { readonly named: readonly string[] }> {
  const named: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('connect', (request, socket: Socket) => {
    named.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    if (named.length <= unanswered) return;
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    const there = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    sockets.add(there);
    there.on('error', () => socket.destroy());
  });
  const serving = await listen(server, 'http', (_, response) => response.writeHead(400).end());
  return {
    ...serving,
    named,
    async close() {
      for (const socket of sockets) socket.destroy();
      await serving.close();
    },
  };
}
