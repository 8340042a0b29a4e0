/** One request and its answer on the wire: whole, in time, of a bearable size, or a failure that knows whether it was sent. */
import type { Dispatcher } from 'undici';
import { timer } from '../clock.ts';
import { LeaseError } from '../core/failure.ts';
import type { Clock, Duration, Instant } from '../core/time.ts';
import { codeOf } from './dispatcher.ts';

export interface Wire {
  readonly origin: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** When the request went out and when the answer began to come, on the clock that was given. */
  readonly sentAt: Instant;
  readonly answeredAt: Instant;
}

export interface Terms {
  readonly signal: AbortSignal;
  /** How long to wait for the whole of the answer. */
  readonly deadline: Duration;
  readonly clock: Clock;
  /** Asked when a connection is there and nothing is written yet: what it answers is thrown instead of sending. */
  readonly objection: () => LeaseError | undefined;
  /** In bytes. Absent: 1 MiB, and no answer of ours is anywhere near; what is longer is not meant for us. */
  readonly longestAnswer?: number | undefined;
}

/**
 * Never repeated, never redirected. Throws `LeaseError` `unavailable`, `unsure` once the request was on its way and
 * may have an effect.
 */
export function exchange(
  dispatcher: Dispatcher,
  wire: Wire,
  { signal, deadline, clock, objection, longestAnswer = 1 << 20 }: Terms,
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let sentAt: Instant | undefined;
    let head: Pick<Raw, 'status' | 'headers' | 'answeredAt'> | undefined;
    let size = 0;
    let isOver = false;
    const chunks: Buffer[] = [];

    const end = () => {
      isOver = true;
      cancel();
      signal.removeEventListener('abort', abort);
    };
    const fail = (error: LeaseError) => {
      end();
      reject(error);
      controller?.abort(error);
    };
    const failWith = (what: string) =>
      fail(new LeaseError('unavailable', what, { unsure: sentAt !== undefined && wire.method !== 'GET' }));
    const abort = () => failWith(reasonOf(signal));

    // Not a joined signal: those are collected as garbage together with their deadlines on some versions of Node.
    const cancel = timer(deadline, () => failWith(late));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        if (isOver) return started.abort(new Error('given up'));
        const reason = objection();
        if (reason) return fail(reason);
        sentAt = clock.now();
      },
      onResponseStart(_, status, headers) {
        // Also for what precedes the answer (1xx): the last one counts.
        head = { status, headers, answeredAt: clock.now() };
      },
      onResponseData(_, chunk) {
        size += chunk.length;
        if (size > longestAnswer) return failWith(`the answer is longer than ${longestAnswer >> 20} MiB`);
        chunks.push(chunk);
      },
      onResponseEnd() {
        if (!head || sentAt === undefined) return failWith('the connection ended without an answer');
        end();
        resolve({ ...head, sentAt, body: Buffer.concat(chunks) });
      },
      onResponseError(_, error) {
        // A certificate of ours that is rejected by TLS 1.3 looks like any other cut: it happens after the request was sent.
        failWith(`no answer: ${sentAt === undefined ? 'no connection, ' : ''}${codeOf(error)}`);
      },
    };
    try {
      dispatcher.dispatch({ ...wire, body: wire.body ?? null }, handler);
    } catch (error) {
      failWith(`no answer: ${codeOf(error)}`);
    }
  });
}

const late = 'no answer in time';

const reasonOf = (signal: AbortSignal): string =>
  (signal.reason as { readonly name?: unknown } | undefined)?.name === 'TimeoutError'
    ? late
    : 'given up before there was an answer';
