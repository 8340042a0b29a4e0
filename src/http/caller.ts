/** A plain HTTP client for what is told or asked beside the providers: webhooks, checks, APIs of sinks. */
import { LeaseError } from '../core/failure.ts';
import { type Clock, type Duration, seconds } from '../core/time.ts';
import { connectionsTo, type Pem, type TlsFiles } from './dispatcher.ts';
import { exchange, type Wire } from './exchange.ts';

export interface CallerOptions {
  /** Requests go to its origin; a path of its own comes before theirs. */
  readonly url: string;
  readonly tls?: TlsFiles | undefined;
  /** The same where there is no file of it. */
  readonly pem?: Pem | undefined;
  /** For each call, besides the caller's own signal. Absent: 35 s. */
  readonly deadline?: Duration;
  /** Calls under way at a time. Absent: 1. */
  readonly connections?: number;
  /** In bytes. Absent: 1 MiB. */
  readonly longestAnswer?: number | undefined;
}

export interface Call {
  readonly method: Wire['method'];
  /** Appended to the address; with its query, where it has one. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is; the content type is the caller's to say. */
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Asked when a connection is there and nothing is written yet: what it answers is thrown instead of sending. */
  readonly objection?: () => LeaseError | undefined;
}

export interface Reply {
  readonly status: number;
  /** It may quote what was sent: never to be repeated to anybody. */
  readonly body: Buffer;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Caller {
  /**
   * Any answer that came whole, whatever its status: a redirect is an answer and is not followed. Throws `LeaseError`
   * `unavailable` where none came, `unsure` once the call may have had an effect.
   */
  call(call: Call): Promise<Reply>;
  /** Is there somebody whom we would trust? A connection is made and nothing is sent. Throws like `call`. */
  reach(signal: AbortSignal): Promise<void>;
  /** Its connections are let go. Those that are not used end by themselves within a minute. */
  close(): Promise<void>;
}

/** `env`: for the proxy. Throws `Error` where the proxy's variable is no URL. */
export function caller(
  { url, tls = {}, pem, deadline = seconds(35), connections = 1, longestAnswer }: CallerOptions,
  { env, clock }: { readonly env: Readonly<Record<string, string | undefined>>; readonly clock: Clock },
): Caller {
  const base = new URL(url);
  const prefix = base.pathname.replace(/\/+$/, '');
  const wires = connectionsTo({ url: base, tls, pem, connections, env });
  return {
    async call({ method, path, headers, body, signal, objection = () => undefined }) {
      if (signal.aborted) throw new LeaseError('unavailable', 'given up before it was sent');
      const wire: Wire = {
        origin: base.origin,
        method,
        path: prefix + path,
        headers: { 'user-agent': 'leasekeeper', ...headers },
        ...(body !== undefined && { body }),
      };
      const terms = { signal, deadline, clock, objection, longestAnswer };
      const { status, headers: answered, body: content } = await exchange(await wires.present(), wire, terms);
      return { status, headers: answered, body: content };
    },
    async reach(signal) {
      if (signal.aborted) throw new LeaseError('unavailable', 'given up before it was sent');
      const reached = new LeaseError('unavailable', 'a connection is there');
      const wire: Wire = { origin: base.origin, method: 'GET', path: '/', headers: {} };
      const terms = { signal, deadline, clock, objection: () => reached };
      await exchange(await wires.present(), wire, terms).catch((error: unknown) => {
        if (error !== reached) throw error;
      });
    },
    close: () => wires.close(),
  };
}
