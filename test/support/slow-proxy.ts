/** Stands before a Redis and holds back each of its answers for a while. */
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface SlowProxy {
  readonly url: string;
  /** In milliseconds. */
  delay: number;
  close(): void;
}

export async function aSlowProxy(port: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>();
  const proxy: SlowProxy = { url: '', delay: 0, close: () => undefined };
  const server = createServer((near) => {
    const far = createConnection({ port, host: '127.0.0.1' });
    near.pipe(far);
    let last: Promise<unknown> = Promise.resolve();
    far.on('data', (chunk: Buffer) => {
      const ready = proxy.delay > 0 ? pause(proxy.delay) : undefined;
      // In their order, whatever the delay has become since.
      last = last.then(() => ready).then(() => near.destroyed || near.write(chunk));
    });
    for (const [one, other] of [[near, far] as const, [far, near] as const]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(proxy, { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}/0`, close });
}
