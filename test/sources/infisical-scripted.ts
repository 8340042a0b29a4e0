/** An Infisical that answers as a test says, for what no recording has and no sandbox does. */
import { steadyClock } from '../../src/clock.ts';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import type { Clock } from '../../src/core/time.ts';
import { providers, sources } from '../../src/sources/index.ts';
import type { Source } from '../../src/sources/source.ts';
import { type HeardDeps, someDeps } from './deps.ts';
import { serve } from './servers.ts';

export interface Scripted {
  readonly status?: number;
  /** JSON, where it is no text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Happens before it answers. */
  readonly meanwhile?: () => void;
}

export interface Heard {
  readonly route: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ScriptedInfisical {
  readonly deps: HeardDeps;
  readonly env: Record<string, string>;
  readonly token: Source;
  /** Ask it what time it is. */
  learnTime(): Promise<void>;
  leases(options?: Readonly<Record<string, unknown>>): Source;
  readonly heard: readonly Heard[];
  /** The next answers, one for each request. */
  answer(...answers: readonly Scripted[]): void;
  close(): Promise<void>;
}

/** Without a `Date`, unless the script has one: nobody's clock is corrected. */
export async function scriptedInfisical(options: { clock?: Clock; auth?: object } = {}): Promise<ScriptedInfisical> {
  const heard: Heard[] = [];
  let script: Scripted[] = [];
  const server = await serve(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const [path] = (request.url ?? '').split('?');
    heard.push({ route: `${request.method} ${path}`, body: text === '' ? {} : JSON.parse(text) });
    const { status = 200, body = {}, headers = {}, meanwhile } = script.shift() ?? { status: 599 };
    meanwhile?.();
    response.sendDate = false;
    const isText = typeof body === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  });
  const env: Record<string, string> = { CLIENT_SECRET: 'the-secret-of-the-client' };
  const deps = someDeps({ clock: options.clock ?? steadyClock(), env });
  const auth = { method: 'universal', clientId: 'a-client', clientSecret: { env: 'CLIENT_SECRET' }, ...options.auth };
  const provider = providers[0].schema.parse({ type: 'infisical', url: `${server.url}/api/`, auth }).connect(deps);
  const token = provider.token?.source;
  const learnTime = () => provider.learnTime?.(new AbortController().signal) ?? Promise.reject(new Error('it cannot'));
  if (!token) throw new Error('the provider keeps no token');
  const place = { provider: 'main', project: 'shop', environment: 'prod', name: 'orders-db' };
  return {
    deps,
    env,
    token,
    learnTime,
    leases: (more) => sources[1].schema.parse({ type: 'infisical/dynamic-secret', ...place, ...more }).open(provider),
    heard,
    answer(...answers) {
      heard.length = 0;
      script = [...answers];
    },
    async close() {
      await provider.close();
      await server.close();
    },
  };
}

/** What a call ended in, told in a word or two: its code, or why it was blocked. */
export const outcomeOf = (call: Promise<unknown> | undefined): Promise<unknown> =>
  Promise.resolve(call).catch((error: unknown) => {
    if (error instanceof ProviderBlocked) return error.because;
    if (error instanceof LeaseError) return error.unsure ? `${error.code}, unsure` : error.code;
    throw error;
  });

export const anEnvelope = (error: string, more: object = {}): object => ({
  reqId: 'req-QgIHn6L3b7onRv',
  message: 'free text that may quote hunter2',
  error,
  ...more,
});
