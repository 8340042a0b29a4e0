/** A few words with a Redis on a unix socket, without a client: is it there, who is it, and please go. */
import { createConnection } from 'node:net';
import { timer } from '../clock.ts';
import type { Duration } from '../core/time.ts';

/**
 * `refused`: nobody listens. `silent`: somebody does, and did not answer in time. `unasked`: we have no file descriptor to
 * ask with, which says nothing of anybody.
 */
export type Answer = { readonly text: string } | 'refused' | 'silent' | 'unasked';

const meanings: Readonly<Record<string, Answer>> = {
  // A full backlog is somebody who is too busy to take our call.
  EAGAIN: 'silent',
  EMFILE: 'unasked',
  ENFILE: 'unasked',
};

/** Send one inline command and take the first answer, of less than 64 kB. Never rejects. */
export function say(socket: string, command: string, patience: Duration): Promise<Answer> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    let text = '';
    let isConnected = false;
    const end = (answer: Answer) => {
      cancel();
      connection.destroy();
      resolve(answer);
    };
    const cancel = timer(patience, () => end('silent'));
    connection.once('connect', () => {
      isConnected = true;
      connection.write(`${command}\r\n`);
    });
    connection.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (isWhole(text) || text.length > 65_536) end({ text });
    });
    connection.once('error', (error: NodeJS.ErrnoException) => end(meanings[error.code ?? ''] ?? 'refused'));
    connection.once('close', () => end(isConnected ? { text } : 'refused'));
  });
}

/** One line, or a bulk text with all its bytes, or two of them: what our commands are answered with. */
function isWhole(text: string): boolean {
  const first = text.indexOf('\r\n');
  if (first < 0) return false;
  const length = Number(text.slice(1, first));
  if (text[0] === '$') return Buffer.byteLength(text) >= first + 2 + length + 2;
  if (text[0] === '*') return (text.match(/\r\n/g)?.length ?? 0) > 2 * length;
  return true;
}
