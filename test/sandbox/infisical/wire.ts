/** Bytes in and out of the sandbox: bodies as the server parses them, answers with the headers it sends (contract 1). */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Instant } from '../../../src/core/time.ts';
import { type Answer, wentWrong } from './answers.ts';
import { type Misdeed, pick } from './faults.ts';

const always = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=15552000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
  vary: 'Origin',
  'access-control-allow-origin': 'http://127.0.0.1',
  'access-control-allow-credentials': 'true',
};

const mostBytes = 1 << 20;

/** The body's bytes. Rejects when the client goes away. */
export async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) throw wentWrong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What the routes get. Bad JSON, empty JSON and unknown types are 500, not 400; nothing at all is `null`. */
export function parseBody(request: IncomingMessage, bytes: Buffer): unknown {
  if (request.method === 'GET') return null;
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const content = bytes.toString();
  if (type === undefined) {
    if (bytes.length > 0) throw wentWrong();
    return null;
  }
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(content));
  if (type === 'text/plain') return content;
  if (type !== 'application/json') throw wentWrong();
  try {
    return JSON.parse(content) as unknown;
  } catch {
    throw wentWrong();
  }
}

/** Send the answer, as wrong as the misdeeds want it. */
export function send(
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly now: Instant },
  answer: Answer,
  misdeeds: readonly Misdeed[],
): void {
  const { request, response } = exchange;
  const date = new Date(exchange.now + (pick(misdeeds, 'date')?.by ?? 0)).toUTCString();
  const page = pick(misdeeds, 'page');
  if (page !== undefined) {
    response.writeHead(page.status, { 'content-type': 'text/html', date });
    response.end(
      `<html><head><title>${page.status}</title></head><body><h1>${page.status}</h1>nginx</body></html>\r\n`,
    );
    return;
  }
  const huge = pick(misdeeds, 'huge');
  const honest = JSON.stringify(answer.body);
  const content = huge === undefined ? honest : JSON.stringify({ padding: 'x'.repeat(huge.bytes) });
  const etag = `"${createHash('sha1').update(content).digest('base64')}"`;
  const type = pick(misdeeds, 'type')?.contentType ?? 'application/json; charset=utf-8';
  const headers = { ...always, ...answer.headers, 'content-type': type, etag, date };
  if (request.method === 'GET' && answer.status === 200 && request.headers['if-none-match'] === etag) {
    response.writeHead(304, { ...headers, 'content-length': 0 });
    response.end();
    return;
  }
  const length = Buffer.byteLength(content);
  response.writeHead(answer.status, { ...headers, 'content-length': length });
  if (pick(misdeeds, 'half') === undefined) {
    response.end(content);
    return;
  }
  response.write(content.slice(0, Math.floor(length / 2)), () => request.socket.destroy());
}

/** The answer with other dates in it, where it carries any. */
export function withEnd(answer: Answer, endsAt: Instant, endsIn: number): Answer {
  const { body } = answer;
  if (typeof body !== 'object' || body === null) return answer;
  if ('expiresIn' in body) return { ...answer, body: { ...body, expiresIn: Math.round(endsIn / 1000) } };
  if (!('lease' in body)) return answer;
  return {
    ...answer,
    body: { ...body, lease: { ...(body.lease as object), expireAt: new Date(endsAt).toISOString() } },
  };
}
