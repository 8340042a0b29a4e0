/** Bytes in and out of a sandbox: bodies as they come, answers as wrong as the misdeeds want them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Instant } from '../../src/core/time.ts';
import { type Misdeed, pick } from './faults.ts';

const mostBytes = 1 << 20;

/** The body's bytes. Rejects when the client goes away, and with `tooMany` where they are more than a megabyte. */
export async function readBytes(
  request: IncomingMessage,
  tooMany: () => Error = () => new Error('a body of more than a megabyte'),
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Heard to its end all the same: who stops listening loses the connection, and cannot answer.
    if (size <= mostBytes) chunks.push(chunk);
  }
  if (size > mostBytes) throw tooMany();
  return Buffer.concat(chunks);
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** On the server's clock. */
  readonly now: Instant;
}

/** An answer as it goes out, all but its date and length. */
export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
}

/** What a swollen answer says instead. */
export function contentOf(honest: string, misdeeds: readonly Misdeed[]): string {
  const huge = pick(misdeeds, 'huge');
  return huge === undefined ? honest : JSON.stringify({ padding: 'x'.repeat(huge.bytes) });
}

/** The answer's own headers stand before those it is made to lie with. */
export function transmit(exchange: Exchange, answer: Outgoing, misdeeds: readonly Misdeed[]): void {
  const { request, response } = exchange;
  const type = pick(misdeeds, 'type')?.contentType;
  const length = Buffer.byteLength(answer.content);
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(type === undefined ? {} : { 'content-type': type }),
    date: new Date(exchange.now + (pick(misdeeds, 'date')?.by ?? 0)).toUTCString(),
    'content-length': length,
  });
  if (pick(misdeeds, 'half') === undefined) return void response.end(answer.content);
  response.write(answer.content.slice(0, Math.floor(length / 2)), () => request.socket.destroy());
}
