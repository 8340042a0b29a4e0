/** The one HTTP client of every provider: JSON over HTTPS, one deadline, no retries, and an eye on the provider's clock. */
import { LeaseError, ProviderBlocked } from '../core/failure.ts';
import { type Clock, type Duration, type Instant, seconds } from '../core/time.ts';
import { connectionsTo, type TlsFiles } from '../http/dispatcher.ts';
import { exchange, type Raw, type Wire } from '../http/exchange.ts';
import { retryAtOf } from '../http/retry-after.ts';
import type { Deps, ProviderRequest } from './define.ts';
import { type RequestRate, requestRate } from './request-rate.ts';
import { routeBudgets } from './route-budgets.ts';
import { learningSkew } from './skew.ts';

export interface HttpClientOptions {
  /** What every path is appended to; without a slash at the end. */
  readonly url: string;
  readonly tls?: TlsFiles | undefined;
  /** Requests that are under way at a time. */
  readonly connections: number;
  /** Absent: as many as there are. */
  readonly requestsPerMinute?: number | undefined;
  /** Instead of that: what is shared with the clients of the same provider's other hosts. */
  readonly rate?: RequestRate | undefined;
  /** For each request, besides the caller's own. Absent: 35 s. */
  readonly deadline?: Duration;
  /** Does the provider itself answer so? Then its date is believed as well. Absent: only a success in JSON is its own. */
  readonly isItself?: (answer: HttpAnswer) => boolean;
}

export interface HttpRequest {
  /** For metrics: a word of a closed list. */
  readonly operation: string;
  readonly method: Wire['method'];
  readonly path: string;
  /** Becomes JSON. */
  readonly body?: unknown;
  /** In the place of a body: becomes a form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Besides those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly bearer?: string;
  readonly signal: AbortSignal;
  /** In the provider's time. Compared right before the first byte is written: any later it fails, and surely. */
  readonly sendBy?: Instant;
  /** In bytes, where more than usual is to be expected. */
  readonly longestAnswer?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** The JSON of the body. Absent where it is none, or the header says it is something else. */
  readonly json?: unknown;
  /** When the request was sent, in the provider's time. Relative lifetimes count from here. */
  readonly sentAt: Instant;
  /** `Retry-After`, as a date in the provider's time. */
  readonly retryAt?: Instant;
  /** It tells how many more requests of this kind are taken: limits are counted kind by kind. */
  readonly limited?: string;
  /** What the provider calls this content, to be shown to it as `If-None-Match`. */
  readonly etag?: string;
  /** What the provider's support asks for: `X-Request-Id`. Whoever answers may write there what he likes: no more than a name. */
  readonly requestId?: string;
  /** `X-Server-Trace-Id`, which Yandex Cloud writes and no usual proxy does. */
  readonly traceId?: string;
}

export interface HttpClient {
  /** The provider's time: our clock, corrected by what its answers say. */
  readonly clock: Clock;
  readonly uncertainty: () => Duration;
  /** An answer of the provider itself has come, `since` then on our clock: if that did not say what time it is, none will. */
  readonly knowsTime: (since?: Instant) => boolean;
  /**
   * Any answer that came whole, whatever its status; a redirect is an answer as well. Throws `LeaseError` where none
   * came (`unavailable`, `unsure` once it may have had an effect) and `ProviderBlocked` where our own rate is used up, or
   * what the provider takes of that kind.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** The server cuts a hanging request after 30 s: that is to be seen, so that our own deadline is a little longer. */
const longestWait: Duration = seconds(35);

/** Throws `Error` where a variable of the environment that names a proxy is no URL. */
export function httpClient(options: HttpClientOptions, deps: Deps): HttpClient {
  const base = new URL(options.url);
  const prefix = base.pathname.replace(/\/+$/, '');
  const { tls = {}, connections, requestsPerMinute, deadline = longestWait } = options;
  const wires = connectionsTo({ url: base, tls, connections, env: deps.env });
  const own = requestsPerMinute === undefined ? undefined : requestRate(requestsPerMinute, deps.clock);
  const { rate = own } = options;
  const budgets = routeBudgets(deps.clock);
  const skew = learningSkew();
  const clock: Clock = { now: () => deps.clock.now() + skew.skew() };

  let heardAt: Instant | undefined;

  function learn({ status, headers, sentAt, answeredAt }: Raw, answer: HttpAnswer): void {
    // What a proxy, a portal or a broken server answers says nothing of the provider's clock.
    const isSuccess = (status >= 200 && status <= 299 && answer.json !== undefined) || status === 304;
    const isItself = isSuccess || options.isItself?.(answer) === true;
    // First: who is told that the clock has moved puts right what was a guess before.
    if (isItself || (status >= 400 && status < 500 && status !== 429)) heardAt = answeredAt;
    if (!isItself || typeof headers['date'] !== 'string') return;
    if (skew.learn({ sentAt, answeredAt, date: Date.parse(headers['date']) })) deps.onSkew(skew.skew());
    if (skew.isDoubted()) deps.onDoubt?.();
  }

  async function send({ method, path, bearer, sendBy, signal, longestAnswer, ...request }: HttpRequest): Promise<Raw> {
    const content = contentOf(request);
    const headers = {
      accept: 'application/json',
      'user-agent': 'leasekeeper',
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      // With this header and no body the server fails.
      ...(content && { 'content-type': content.type }),
      ...request.headers,
    };
    const wire = { origin: base.origin, method, path: prefix + path, headers };
    return exchange(await wires.present(), content ? { ...wire, body: content.body } : wire, {
      signal,
      deadline,
      clock: deps.clock,
      longestAnswer,
      objection: () =>
        sendBy !== undefined && clock.now() > sendBy
          ? new LeaseError('unavailable', 'too late to be sent: it might not land')
          : undefined,
    });
  }

  return {
    clock,
    uncertainty: skew.uncertainty,
    knowsTime: (since = Number.NEGATIVE_INFINITY) => heardAt !== undefined && heardAt >= since,
    async request(request) {
      if (request.signal.aborted) throw new LeaseError('unavailable', 'given up before it was sent');
      const { operation } = request;
      const free = budgets.until(operation);
      if (free !== undefined) throw new ProviderBlocked('RetryAfter', free + skew.skew(), operation, true);
      const ours = rate?.take();
      // Dates go from one clock to another, and are rounded: who comes a moment too soon has come in vain.
      if (ours !== undefined) throw new ProviderBlocked('RetryAfter', ours + 1 + skew.skew(), undefined, true);
      budgets.spend(operation);
      const at = deps.clock.now();
      const report = (status: ProviderRequest['status']) =>
        deps.onRequest({ operation, status, took: deps.clock.now() - at, at });
      const raw = await send(request).catch((error: unknown) => {
        report('none');
        budgets.unanswered(operation);
        throw error;
      });
      report(`${Math.min(5, Math.floor(raw.status / 100))}xx` as ProviderRequest['status']);
      const json = jsonOf(raw);
      const { etag, 'x-request-id': requestId, 'x-server-trace-id': traceId } = raw.headers;
      const answer = {
        status: raw.status,
        sentAt: raw.sentAt,
        ...(json !== undefined && { json }),
        ...(typeof etag === 'string' && { etag }),
        ...(typeof requestId === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(requestId) && { requestId }),
        ...(typeof traceId === 'string' && traceId !== '' && { traceId }),
      };
      learn(raw, answer);
      const isLimited = budgets.learn(operation, raw.headers);
      const retryAt = retryAtOf(raw, { clock, wallClock: clock });
      return {
        ...answer,
        sentAt: raw.sentAt + skew.skew(),
        ...(isLimited && { limited: operation }),
        ...(retryAt !== undefined && { retryAt }),
      };
    },
    close: () => wires.close(),
  };
}

function contentOf({ body, form }: Pick<HttpRequest, 'body' | 'form'>) {
  if (form) return { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(form).toString() };
  return body === undefined ? undefined : { type: 'application/json', body: JSON.stringify(body) };
}

function jsonOf({ headers, body }: Raw): unknown {
  if (!/^application\/(?:[a-z.+-]*\+)?json\b/i.test(String(headers['content-type']))) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
