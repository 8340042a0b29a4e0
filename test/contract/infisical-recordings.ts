/** The exchanges recorded from a real Infisical, and a server that answers as it did. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Recording {
  readonly name: string;
  readonly recordedAt?: string;
  readonly durationMs?: number;
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
  readonly response: Answered | { readonly networkError: { readonly code: string } };
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const folder = new URL('./recorded/', import.meta.url);
const load = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'));

/** What was recorded: one line for each. */
export const index = load('index.json') as readonly { readonly name: string }[];

export const recording = (name: string): Recording => load(`${name}.json`) as Recording;

/** The body of an answer that was recorded. */
export function bodyOf(name: string): Record<string, unknown> {
  const { response } = recording(name);
  if ('networkError' in response) throw new Error(`${name} was not answered`);
  return response.body as Record<string, unknown>;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly body: unknown;
}

export interface Replay {
  readonly url: string;
  readonly received: readonly Received[];
  /** What the next requests are answered with, one each; a request more than these is answered with a 500. */
  play(...answers: readonly Recording['response'][]): void;
  close(): Promise<void>;
}

/** The rest was of that connection, or of those bytes. */
const replayed = ['content-type', 'date', 'etag', 'retry-after'];

export async function replayServer(): Promise<Replay> {
  const received: Received[] = [];
  let queue: Recording['response'][] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    received.push({
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      authorization: request.headers.authorization,
      contentType: request.headers['content-type'],
      ifNoneMatch: request.headers['if-none-match'],
      body: text === '' ? undefined : JSON.parse(text),
    });
    const answer = queue.shift() ?? { status: 500, headers: {}, body: {} };
    if ('networkError' in answer) return void request.socket.destroy();
    const headers = Object.entries(answer.headers).filter(([name]) => replayed.includes(name));
    response.sendDate = false;
    response.writeHead(answer.status, Object.fromEntries(headers));
    response.end(answer.body === null ? undefined : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    play(...answers) {
      received.length = 0;
      queue = [...answers];
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
