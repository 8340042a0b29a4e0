/** Stands before the sandbox and remembers every credential that passes, so that a test knows what must be found nowhere. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordingProxy {
  readonly url: string;
  /** Tokens and passwords, as they passed; `textValue`s and `secretValue`s of any kind. */
  readonly values: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Answers as `target` does, broken connections included. */
export async function aRecordingProxy(target: string): Promise<RecordingProxy> {
  const values = new Set<string>();
  const note = (body: Buffer) => {
    for (const [, value = ''] of body
      .toString('utf8')
      .matchAll(/"(?:accessToken|clientSecret|DB_PASSWORD|jwt|iamToken|textValue|secretValue)":"([^"]+)/g)) {
      values.add(value);
      // The part of a JWT that makes it one: who has it and can guess the rest has the token.
      const signature = value.startsWith('eyJ') ? value.split('.')[2] : undefined;
      if (signature !== undefined) values.add(signature);
    }
  };
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const sent = Buffer.concat(chunks);
      note(sent);
      const { method, url = '/', headers } = incoming;
      const onward = request(new URL(url, target), { method, headers }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', () => outgoing.destroy());
        answer.on('end', () => {
          const body = Buffer.concat(parts);
          note(body);
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          outgoing.end(body);
        });
      });
      onward.on('error', () => outgoing.destroy());
      outgoing.on('close', () => onward.destroy());
      onward.end(sent);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    values,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
