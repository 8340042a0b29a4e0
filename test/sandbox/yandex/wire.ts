/** Requests as the fronts take them in, answers with the headers they send (contract 2, 3, 5). */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duration, Instant } from '../../../src/core/time.ts';
import { type Misdeed, pick } from '../faults.ts';
import { contentOf, type Exchange, type Outgoing, readBytes, transmit } from '../wire.ts';
import { message, messageOf, readAs } from './fields.ts';
import { inMillis } from './ids.ts';
import type { Route } from './route.ts';
import type { Host } from './spec.ts';
import { type Answer, codes, envelope, httpStatusOf, malformed, OtherAnswer, RpcError } from './status.ts';
import { inOauth } from './token-routes.ts';

const nothing = message({});

/** What the request says, once it is all there. Throws INVALID_ARGUMENT for anything that is not in its place. */
export async function messageIn(route: Route, request: IncomingMessage, url: URL): Promise<() => unknown> {
  const bytes = await readBytes(request, () => malformed('The request is too large'));
  return () => {
    const query = messageOf(url.searchParams);
    if (route.input !== 'query') readAs(nothing, query);
    const hasBody = route.input === 'json' || route.input === 'form';
    if (!hasBody && bytes.length > 0) throw malformed('The method takes no body');
    if (!hasBody) return query;
    const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    return route.input === 'form' ? formIn(type, bytes) : jsonIn(type, bytes);
  };
}

function formIn(type: string | undefined, bytes: Buffer): object {
  if (type !== 'application/x-www-form-urlencoded') throw malformed('A form is expected');
  return messageOf(new URLSearchParams(bytes.toString()));
}

/** Some clients send no type, and nothing at all where nothing is set. */
function jsonIn(type: string | undefined, bytes: Buffer): unknown {
  if (type !== undefined && type !== 'application/json') throw malformed('JSON is expected');
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw malformed('The body is no JSON');
  }
}

/** A UUID of version 4. */
export function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header === undefined || /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(header)) {
    return header;
  }
  throw malformed('Idempotency-Key must be a UUID');
}

/** An error as the host would answer with it. Anything that is none of its errors is one of the sandbox. */
export function refusal(host: Host, error: unknown, requestId: string): Answer {
  if (error instanceof OtherAnswer) return error.answer;
  const known = error instanceof RpcError ? error : new RpcError(codes.internal, 'Internal error');
  const status = httpStatusOf(known.code);
  if (host === 'metadata') return { status, body: `${known.message}\n`, headers: { 'content-type': 'text/plain' } };
  return host === 'auth' ? { status, body: inOauth(known) } : envelope(known, requestId);
}

interface Sent {
  readonly host: Host;
  readonly requestId: string;
  readonly answer: Answer;
}

/** Send the answer, as wrong as the misdeeds want it. */
export const send = (exchange: Exchange, sent: Sent, misdeeds: readonly Misdeed[]): void =>
  transmit(exchange, outgoing(sent, misdeeds), misdeeds);

function outgoing({ host, requestId, answer }: Sent, misdeeds: readonly Misdeed[]): Outgoing {
  const page = pick(misdeeds, 'page');
  if (page !== undefined) {
    const content = page.empty === true ? '' : 'upstream connect error or disconnect/reset before headers';
    return { status: page.status, headers: { 'content-type': 'text/plain' }, content };
  }
  const { status, body, headers } = answer;
  const content = contentOf(typeof body === 'string' ? body : JSON.stringify(body), misdeeds);
  return { status, headers: { 'content-type': 'application/json', ...idsOf(host, requestId), ...headers }, content };
}

/** What is asked for by whoever wants help. */
const idsOf = (host: Host, requestId: string): Record<string, string> =>
  host === 'auth' || host === 'metadata'
    ? {}
    : { 'x-request-id': requestId, 'x-server-trace-id': randomBytes(8).toString('hex') };

/** The answer with other dates in it, wherever it says that something ends. */
export function withEnds(body: unknown, now: Instant, endsIn: Duration): unknown {
  const lies: Readonly<Record<string, unknown>> = {
    expiresAt: inMillis(now + endsIn),
    destroyAt: inMillis(now + endsIn),
    expires_in: Math.round(endsIn / 1000),
  };
  const replaced = (key: string, value: unknown): unknown => lies[key] ?? value;
  return JSON.parse(JSON.stringify(body, replaced)) as unknown;
}
