/** A door of a sandbox: an HTTP server on the loopback that can be shut and opened again on the same port. */
import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { timer } from '../../src/clock.ts';
import { type Duration, minutes, seconds } from '../../src/core/time.ts';

export interface Listener {
  readonly port: number;
  /** Every connection is reset and new ones are refused; after so long (or at `up`) it is back on the same port. */
  down(after?: Duration): Promise<void>;
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
  let cancelUp: () => void = () => undefined;
  const up = async () => {
    cancelUp();
    if (!server.listening) await listen(taken);
  };
  return {
    port: taken,
    up,
    async down(after) {
      cancelUp();
      if (server.listening) {
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          for (const socket of sockets) socket.resetAndDestroy();
        });
      }
      if (after !== undefined) cancelUp = timer(after, () => void up());
    },
  };
}
