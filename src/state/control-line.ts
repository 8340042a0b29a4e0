/** Requests and answers as lines of JSON over a unix socket. */
import { createConnection, type Socket } from 'node:net';
import { timer } from '../clock.ts';
import type { Duration } from '../core/time.ts';

export type Reply = { readonly result?: unknown } | { readonly failure: string };

/** No request of ours is longer; who sends more is cut off. */
const longestRequest = 65_536;
/** A status of ten thousand secrets fits. */
const longestAnswer = 64 * 1024 * 1024;

/** One request, one answer. `refused`: nobody listens. `silent`: somebody does, and did not answer. Never rejects. */
export function call(path: string, request: unknown, timeout: Duration): Promise<Reply | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const connection = createConnection(path);
    let isConnected = false;
    const end = (reply: Reply | 'refused' | 'silent') => {
      cancel();
      connection.destroy();
      resolve(reply);
    };
    const cancel = timer(timeout, () => end('silent'));
    connection.once('connect', () => {
      isConnected = true;
      connection.write(`${JSON.stringify(request)}\n`);
    });
    eachLine(connection, longestAnswer, (line) => end(asReply(parse(line))));
    // Only these two say that nobody is there: a full backlog, or a right that we lack, says the contrary.
    connection.once('error', ({ code }: NodeJS.ErrnoException) =>
      end(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'refused' : 'silent'),
    );
    connection.once('close', () => end(isConnected ? 'silent' : 'refused'));
  });
}

/** Answer each request that comes, in the order in which they are done. */
export function listen(connection: Socket, answer: (request: unknown) => Promise<unknown>): void {
  connection.on('error', () => connection.destroy());
  eachLine(connection, longestRequest, (line) => {
    const reply = Promise.resolve(parse(line)).then(answer);
    reply
      .then(
        (result): Reply => ({ result }),
        (error): Reply => ({ failure: error instanceof Error ? error.message : 'it failed' }),
      )
      .then((text) => connection.writable && connection.write(`${JSON.stringify(text)}\n`))
      .catch(() => connection.destroy());
  });
}

function eachLine(connection: Socket, longest: number, take: (line: string) => void): void {
  let rest = '';
  connection.setEncoding('utf8');
  connection.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longest) connection.destroy();
    for (const line of lines) take(line);
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function asReply(value: unknown): Reply | 'silent' {
  if (typeof value !== 'object' || value === null) return 'silent';
  const { failure } = value as { readonly failure?: unknown };
  return typeof failure === 'string' ? { failure } : value;
}
