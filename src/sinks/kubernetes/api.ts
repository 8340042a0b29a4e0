/** The Kubernetes API: JSON over TLS, who we are, and changes whose outcome is waited for. */
import { createHash } from 'node:crypto';
import { timer } from '../../clock.ts';
import { LeaseError } from '../../core/failure.ts';
import { seconds } from '../../core/time.ts';
import { type Call, type Caller, caller, type Reply } from '../../http/caller.ts';
import { type Clocks, retryAtOf } from '../../http/retry-after.ts';
import { asJson } from '../quotes.ts';
import type { Refusal } from './failures.ts';
import type { Reach } from './reach.ts';

export interface Asking {
  readonly method: Call['method'];
  /** With its query. */
  readonly path: string;
  /** Becomes JSON, which is YAML as well. */
  readonly body?: unknown;
  readonly type?: 'application/json' | 'application/apply-patch+yaml' | 'application/strategic-merge-patch+json';
  /** It changes something: once it was sent its outcome is waited for, also after the signal has aborted. */
  readonly isChange?: boolean;
  readonly signal: AbortSignal;
}

export interface KubernetesApi {
  /** Any answer, whatever its status. Throws `LeaseError` where none came or nothing can be asked. */
  ask(asking: Asking): Promise<Refusal>;
  /** The namespace where we are at home. Throws `LeaseError` where nothing says. */
  namespace(): Promise<string>;
}

interface Deps extends Clocks {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** An API server answers within 34 s or not at all; whoever takes longer than this is asked again. */
const deadline = seconds(20);
/** For the outcome of a change that was sent before the signal aborted. */
const patience = seconds(5);
/** A Secret of 1 MiB in base64, and who manages what of it. */
const longestAnswer = 3 << 20;

/** `find` is asked for each call. */
export function kubernetesApi(find: () => Promise<Reach>, { env, clock, wallClock }: Deps): KubernetesApi {
  let present: { readonly stamp: string; readonly caller: Caller } | undefined;

  function callerFor({ url, tls, pem }: Reach): Caller {
    const parts = [url, tls, Object.entries(pem ?? {}).map(([name, part]) => [name, String(part)])];
    const stamp = createHash('sha256').update(JSON.stringify(parts)).digest('base64');
    if (present?.stamp === stamp) return present.caller;
    void present?.caller.close().catch(() => undefined);
    present = { stamp, caller: caller({ url, tls, pem, deadline, longestAnswer }, { env, clock }) };
    return present.caller;
  }

  return {
    async ask({ method, path, body, type = 'application/json', isChange = false, signal }) {
      const outcome = isChange ? landing(signal) : { signal, end: () => undefined };
      const send = (to: Reach, token: string | undefined): Promise<Reply> =>
        callerFor(to).call({
          method,
          path,
          headers: {
            accept: 'application/json',
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(body !== undefined && { 'content-type': type }),
          },
          // The server's parser of YAML does not know every escape of JSON, but those that are used here
          // (kubernetes.io/docs/reference/using-api/server-side-apply, "Serialization").
          ...(body !== undefined && { body: asJson(body) }),
          signal: outcome.signal,
          ...('objection' in outcome && { objection: outcome.objection }),
        });
      try {
        const first = await find();
        const token = await first.token?.();
        const reply = await send(first, token);
        if (reply.status !== 401) return answerOf(reply, { clock, wallClock });
        // It may have been replaced between our reading and its use.
        const second = await find();
        const next = await second.token?.();
        return answerOf(next === token ? reply : await send(second, next), { clock, wallClock });
      } finally {
        outcome.end();
      }
    },
    async namespace() {
      const { namespace } = await find();
      if (namespace !== undefined) return namespace;
      throw new LeaseError('invalid', 'nothing says in which namespace the Secret is: say namespace:');
    },
  };
}

/**
 * What was sent may land, whatever becomes of the connection: it is waited for, a little, so that whoever aborts
 * knows. What was not sent is not sent any more.
 */
function landing(signal: AbortSignal) {
  const own = new AbortController();
  let isSent = false;
  let cancel: () => void = () => undefined;
  const stop = () => {
    if (isSent) cancel = timer(patience, () => own.abort());
    else own.abort();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return {
    signal: own.signal,
    objection: () => {
      if (signal.aborted) return new LeaseError('unavailable', 'stopped before anything was written');
      isSent = true;
      return undefined;
    },
    end: () => {
      cancel();
      signal.removeEventListener('abort', stop);
    },
  };
}

function answerOf(reply: Reply, clocks: Clocks): Refusal {
  return { status: reply.status, json: jsonOf(reply.body), retryAt: retryAtOf(reply, clocks) };
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
