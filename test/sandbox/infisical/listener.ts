/** The sandbox's door: an HTTP server on the loopback that can be shut and opened again on the same port. */
import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { minutes, seconds } from '../../../src/core/time.ts';

export interface Listener {
  readonly port: number;
  /** Every connection is reset and new ones are refused. */
  down(): Promise<void>;
  up(): Promise<void>;
}

export async function openListener(port: number, listener: RequestListener): Promise<Listener> {
  const server = createServer({ keepAliveTimeout: seconds(72), headersTimeout: minutes(2) }, listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    // A client that resets is no error of ours.
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  const listen = (on: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(on, '127.0.0.1', () => {
        server.off('error', reject);
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : on);
      });
    });
  const taken = await listen(port);
  return {
    port: taken,
    async up() {
      if (!server.listening) await listen(taken);
    },
    down: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        server.close(() => resolve());
        for (const socket of sockets) socket.resetAndDestroy();
      }),
  };
}
