/** Stands before the sandbox and holds back one answer until it is told: the work is done, and nobody knows of it yet. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HoldingProxy {
  readonly url: string;
  /** Resolves once it holds the answer to the first request of that kind. */
  readonly held: Promise<void>;
  /** From here on it lets everything through. */
  release(): void;
  close(): Promise<void>;
}

export async function aHoldingProxy(target: string, method: string, path: RegExp): Promise<HoldingProxy> {
  let isHolding = true;
  let hold = () => {};
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    hold = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = createServer((incoming, outgoing) => {
    const { method: asked, url = '/', headers } = incoming;
    const onward = request(new URL(url, target), { method: asked, headers }, async (answer) => {
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      if (isHolding && asked === method && path.test(url)) {
        isHolding = false;
        hold();
        await released;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.end(Buffer.concat(parts));
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    held,
    release,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
