/** What the sources of Yandex Cloud ask through: a client for each host, our IAM token, and what an error answer means. */
import { sleep } from '../../clock.ts';
import { ProviderBlocked } from '../../core/failure.ts';
import { type Clock, type Duration, seconds } from '../../core/time.ts';
import type { Connected, Deps, Token } from '../define.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http-client.ts';
import { failureOf, isTokenRejected, type Meaning, statusIn } from './failures.ts';

/** For metrics: every request we ever make. */
export type Operation =
  | 'time'
  | 'token-create'
  | 'token-exchange'
  | 'token-metadata'
  | 'secret-get'
  | 'payload-get'
  | 'version-list'
  | 'version-add'
  | 'version-set-current'
  | 'version-schedule'
  | 'version-cancel'
  | 'operation-get';

export interface Ask extends Omit<HttpRequest, 'operation' | 'bearer'> {
  readonly operation: Operation;
  readonly meaning: Meaning;
}

/** The hosts that ask for a token. Time is the first one's. */
export type Host = 'lockbox' | 'payload' | 'operation';

/** In the time of the control host. */
export interface Asking {
  readonly clock: Clock;
  readonly uncertainty: () => Duration;
  readonly knowsTime: () => boolean;
  /** Answers 2xx only; the rest is thrown. `ProviderBlocked` also where there is no token, or where it is rejected. */
  withToken(host: Host, ask: Ask): Promise<HttpAnswer>;
  /** Between two questions about the same. Rejects when the signal aborts. */
  pause(length: Duration, signal: AbortSignal): Promise<void>;
}

export interface YandexClient extends Asking, Connected {
  readonly token: NonNullable<Connected['token']>;
}

/** How long to wait for a token where nobody tells us that there is one. */
const untilToken: Duration = seconds(60);
/** How long after a rejection, where the next token is already here, and where it is not. */
const soon: Duration = seconds(1);
const untilNext: Duration = seconds(10);

/** Without a token: the request shows a proof of its own. Answers 2xx only; the rest is thrown. */
export async function openly(http: HttpClient, { meaning, ...ask }: Ask): Promise<HttpAnswer> {
  const answer = await http.request(ask);
  if (isSuccess(answer)) return answer;
  throw failureOf(answer, named(meaning, answer));
}

/** An answer without a body in which it could name itself does so in its head, if it comes from the provider. */
const named = (meaning: Meaning, { requestId, json }: HttpAnswer): Meaning =>
  requestId === undefined || statusIn(json)?.requestId !== undefined
    ? meaning
    : { ...meaning, what: `${meaning.what} (request ${requestId})` };

const isSuccess = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300;

export function asking(
  hosts: Readonly<Record<Host, HttpClient>>,
  deps: Pick<Deps, 'token' | 'tokenRejected'>,
  pause: Asking['pause'] = sleep,
): Asking {
  const { clock, uncertainty, knowsTime } = hosts.lockbox;

  async function request(http: HttpClient, { meaning, ...ask }: Ask, token: Token, bearer: string) {
    const answer = await http.request({ ...ask, bearer });
    if (isSuccess(answer)) return answer;
    if (isTokenRejected(answer)) {
      deps.tokenRejected({ lease: token.lease, generation: token.generation });
      const next = deps.token();
      const isAnother = next !== undefined && (next.lease !== token.lease || next.generation !== token.generation);
      throw new ProviderBlocked('TokenRejected', http.clock.now() + (isAnother ? soon : untilNext));
    }
    throw failureOf(answer, named(meaning, answer));
  }

  return {
    clock,
    uncertainty,
    knowsTime,
    pause,
    async withToken(host, ask) {
      const token = deps.token();
      const bearer = token?.material.reveal('token');
      if (!token || bearer === undefined) throw new ProviderBlocked('NoToken', clock.now() + untilToken);
      const http = hosts[host];
      try {
        return await request(http, ask, token, bearer);
      } catch (error) {
        if (!(error instanceof ProviderBlocked) || http === hosts.lockbox) throw error;
        throw new ProviderBlocked(error.because, clock.now() + error.until - http.clock.now());
      }
    },
  };
}
