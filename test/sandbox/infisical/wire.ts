/** Bodies as the server parses them, answers with the headers it sends (contract 1). */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Instant } from '../../../src/core/time.ts';
import { type Misdeed, pick } from '../faults.ts';
import { contentOf, type Exchange, type Outgoing, transmit } from '../wire.ts';
import { type Answer, wentWrong } from './answers.ts';

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
export const send = (exchange: Exchange, answer: Answer, misdeeds: readonly Misdeed[]): void =>
  transmit(exchange, outgoing(exchange, answer, misdeeds), misdeeds);

function outgoing({ request }: Exchange, answer: Answer, misdeeds: readonly Misdeed[]): Outgoing {
  const page = pick(misdeeds, 'page');
  if (page !== undefined) {
    const html = `<html><head><title>${page.status}</title></head><body><h1>${page.status}</h1>nginx</body></html>\r\n`;
    const content = page.empty === true ? '' : html;
    return { status: page.status, headers: { 'content-type': 'text/html' }, content };
  }
  const content = contentOf(JSON.stringify(answer.body), misdeeds);
  const etag = `"${createHash('sha1').update(content).digest('base64')}"`;
  const headers = { ...always, ...answer.headers, 'content-type': 'application/json; charset=utf-8', etag };
  const isKnown = request.method === 'GET' && answer.status === 200 && request.headers['if-none-match'] === etag;
  return isKnown ? { status: 304, headers, content: '' } : { status: answer.status, headers, content };
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
