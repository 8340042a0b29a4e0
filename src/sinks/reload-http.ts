/** A reload step: a request, whose answer says whether it was taken. It carries no value. */
import { LeaseError } from '../core/failure.ts';
import type { Duration } from '../core/time.ts';
import { caller } from '../http/caller.ts';
import type { TlsFiles } from '../http/dispatcher.ts';
import { silence } from '../http/retry-after.ts';
import type { SinkDeps } from './define.ts';
import type { Expected } from './expected.ts';
import type { ReloadStep } from './reload.ts';
import { readAddress, shown, type Written } from './webhook/address.ts';
import { type Headers, readHeaders } from './webhook/headers.ts';

export interface ReloadRequest {
  readonly http: Written;
  readonly method: 'POST' | 'GET' | 'PUT';
  readonly headers: Headers;
  readonly expect: Expected;
  readonly tls?: TlsFiles | undefined;
  readonly timeout: Duration;
}

/** Every answer that is not expected may be another one the next time: `unavailable`. */
export function reloadHttp(
  request: ReloadRequest,
  { env, clock, wallClock }: Pick<SinkDeps, 'env' | 'clock' | 'wallClock'>,
): ReloadStep {
  const { http, method, headers, expect, tls, timeout } = request;
  const ask = async (signal: AbortSignal) => {
    const [to, own] = await Promise.all([readAddress(http, env), readHeaders(headers, env)]);
    const server = caller({ url: to.origin, tls, deadline: timeout }, { env, clock });
    try {
      const all = { ...(to.authorization !== undefined && { authorization: to.authorization }), ...own };
      return await server.call({ method, path: to.path, headers: all, signal });
    } finally {
      // Reloads are rare, and their address may be another one the next time.
      await server.close();
    }
  };
  return {
    async run(signal) {
      const answer = await ask(signal).catch((error: unknown) => {
        const why = error instanceof LeaseError ? error.message : 'no answer';
        throw new LeaseError('unavailable', `${shown(http)}: ${why}`);
      });
      const { status } = answer;
      if (expect(status)) return;
      throw new LeaseError('unavailable', `${shown(http)} answered ${status}`, silence(answer, { clock, wallClock }));
    },
  };
}
