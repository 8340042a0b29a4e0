/** Stands between the daemon and the sandbox, as a bad network and a bad proxy would, and writes down what came through. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Duration, Instant } from '../../src/core/time.ts';

export type Weather =
  | { readonly kind: 'fair' }
  /** The work is done; half of the answer arrives, then the connection is reset. */
  | { readonly kind: 'cut' }
  /** Nothing arrives. Whether the work is done all the same is `work`. */
  | { readonly kind: 'hang'; readonly work: boolean }
  | { readonly kind: 'reset'; readonly work: boolean }
  | { readonly kind: 'slow'; readonly by: Duration }
  /** The proxy's own page, with a Date that is off by so much. */
  | { readonly kind: 'page'; readonly status: number; readonly dateOff: Duration }
  | { readonly kind: 'limit'; readonly retryAfter: number };

export interface Passage {
  readonly at: Instant;
  readonly method: string;
  readonly path: string;
  /** The dynamic secret or the client id that the request names. */
  readonly subject: string;
  /** It reached the sandbox. */
  forwarded: boolean;
  status?: number;
  /** The whole answer went back to somebody who was still there. */
  delivered: boolean;
}

export interface BadProxy {
  readonly url: string;
  readonly passages: readonly Passage[];
  weather: Weather;
  close(): Promise<void>;
}

/** One weather for several of them. */
export const oneNetwork = (proxies: readonly BadProxy[]): Pick<BadProxy, 'weather'> => ({
  get weather() {
    return proxies[0]?.weather ?? { kind: 'fair' };
  },
  set weather(weather) {
    for (const proxy of proxies) proxy.weather = weather;
  },
});

export async function aProxy(target: string): Promise<BadProxy> {
  const passages: Passage[] = [];
  const server = createServer({ keepAliveTimeout: 72_000 }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => undefined);
    incoming.on('end', () => void pass(incoming, outgoing, Buffer.concat(chunks)));
  });
  const proxy = {
    url: '',
    passages,
    weather: { kind: 'fair' } as Weather,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  async function pass(incoming: IncomingMessage, outgoing: ServerResponse, sent: Buffer): Promise<void> {
    const { weather } = proxy;
    const { method = 'GET', url = '/', headers, socket } = incoming;
    const passage: Passage = {
      at: Date.now(),
      method,
      path: url.split('?')[0] ?? '/',
      subject: subjectOf(sent),
      forwarded: false,
      delivered: false,
    };
    passages.push(passage);
    if (weather.kind === 'page' || weather.kind === 'limit') return insteadOf(weather, outgoing);
    if (weather.kind === 'reset' && !weather.work) return void socket.resetAndDestroy();
    if (weather.kind === 'hang' && !weather.work) return;
    if (weather.kind === 'slow') await pause(weather.by / 2);
    const onward = request(new URL(url, target), { method, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', () => socket.resetAndDestroy());
      answer.on('end', () => void back(answer, Buffer.concat(parts)));
    });
    async function back(answer: IncomingMessage, body: Buffer): Promise<void> {
      passage.status = answer.statusCode ?? 502;
      if (weather.kind === 'hang') return;
      if (weather.kind === 'reset') return void socket.resetAndDestroy();
      if (weather.kind === 'slow') await pause(weather.by / 2);
      outgoing.writeHead(passage.status, answer.headers);
      if (weather.kind === 'cut') {
        outgoing.write(body.subarray(0, body.length / 2), () => socket.resetAndDestroy());
        return;
      }
      outgoing.end(body, () => {
        passage.delivered = !socket.destroyed;
      });
    }
    onward.on('error', () => socket.resetAndDestroy());
    // Whoever gives up does not take his request back.
    passage.forwarded = true;
    onward.end(sent);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

function insteadOf(weather: Extract<Weather, { kind: 'page' | 'limit' }>, outgoing: ServerResponse): void {
  if (weather.kind === 'limit') {
    outgoing.writeHead(429, { 'content-type': 'application/json', 'retry-after': String(weather.retryAfter) });
    outgoing.end('{"statusCode":429,"message":"Rate limit exceeded","error":"RateLimitExceeded"}');
    return;
  }
  const date = new Date(Date.now() + weather.dateOff).toUTCString();
  outgoing.writeHead(weather.status, { 'content-type': 'text/html', date });
  outgoing.end(`<html><body><h1>${weather.status}</h1></body></html>\n`);
}

function subjectOf(sent: Buffer): string {
  try {
    const body = JSON.parse(sent.toString()) as Record<string, unknown>;
    return String(body['dynamicSecretName'] ?? body['clientId'] ?? '');
  } catch {
    return '';
  }
}
