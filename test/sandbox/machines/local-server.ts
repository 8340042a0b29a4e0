/** A service beside a machine, on the loopback: routes that answer, and a note of what was asked. */
import type { IncomingMessage } from 'node:http';
import { openListener } from '../listener.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, where it is no text. */
  readonly body: unknown;
}

export interface LocalServer {
  readonly url: string;
  /** `host:port`. */
  readonly address: string;
  /** `GET /path`, in the order in which they came. */
  readonly asked: readonly string[];
  /** Every next request is answered so, or cut off once it has come; `undefined`: as it should be. */
  answer(instead: Answer | 'cut' | undefined): void;
  close(): Promise<void>;
}

export async function localServer(respond: (asked: Asked) => Answer): Promise<LocalServer> {
  const asked: string[] = [];
  let instead: Answer | 'cut' | undefined;
  const listener = await openListener(0, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://here');
      const method = request.method ?? '';
      asked.push(`${method} ${url.pathname}`);
      if (instead === 'cut') return void request.socket.destroy();
      const {
        status = 200,
        headers,
        body,
      } = instead ??
      respond({
        method,
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      const type = typeof body === 'string' ? 'text/plain' : 'application/json';
      response.writeHead(status, { 'content-type': type, ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  const address = `127.0.0.1:${listener.port}`;
  return {
    url: `http://${address}`,
    address,
    asked,
    answer(next) {
      instead = next;
    },
    close: () => listener.down(),
  };
}

export const refused = (status: number): Answer => ({ status, body: 'refused' });
