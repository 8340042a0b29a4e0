/** What Infisical's sources ask through: the shared HTTP client, our access token, and what an error answer means. */
import { ProviderBlocked } from '../../core/failure.ts';
import { type Clock, type Duration, seconds } from '../../core/time.ts';
import type { Connected, Deps, Token } from '../define.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http-client.ts';
import { failureOf, isTokenRejected, type Meaning } from './failures.ts';
import { claimsOf } from './jwt.ts';
import type { StaticSecrets } from './secrets.ts';

/** For metrics: every request we ever make. */
export type Operation =
  | 'status'
  | 'login'
  | 'token-renew'
  | 'token-revoke'
  | 'lease-create'
  | 'lease-get'
  | 'lease-list'
  | 'lease-renew'
  | 'lease-revoke'
  | 'secret-list'
  | 'secret-change';

export interface Ask extends Omit<HttpRequest, 'operation' | 'bearer'> {
  readonly operation: Operation;
  readonly meaning: Meaning;
  /** Answers other than 2xx that are no failure. Absent: none. */
  readonly takes?: (answer: HttpAnswer) => boolean;
}

export interface Asking {
  readonly clock: Clock;
  readonly uncertainty: () => Duration;
  readonly knowsTime: () => boolean;
  /** Without a token: the request shows a credential of its own. Answers 2xx and what it `takes`; the rest is thrown. */
  openly(ask: Ask): Promise<HttpAnswer>;
  /** With our access token. Throws `ProviderBlocked` also where there is none, or where it is rejected. */
  withToken(ask: Ask): Promise<HttpAnswer>;
}

export interface InfisicalClient extends Asking, Connected {
  readonly token: NonNullable<Connected['token']>;
  readonly staticSecrets: StaticSecrets;
}

/** How long to wait for a token where nobody tells us that there is one. */
const untilToken: Duration = seconds(60);
/** How long after a rejection, where the next token is already here, and where it is not. */
const soon: Duration = seconds(1);
const untilNext: Duration = seconds(10);

export function asking(http: HttpClient, deps: Deps): Asking {
  const { clock } = http;

  async function request({ meaning, takes, ...ask }: Ask, token?: Token): Promise<HttpAnswer> {
    const bearer = token?.material.reveal('token');
    const answer = await http.request({ ...ask, ...(bearer !== undefined && { bearer }) });
    if ((answer.status >= 200 && answer.status < 300) || takes?.(answer)) return answer;
    if (token && isTokenRejected(answer)) {
      deps.tokenRejected({ lease: token.lease, generation: token.generation });
      const next = deps.token();
      const isAnother = next !== undefined && (next.lease !== token.lease || next.generation !== token.generation);
      throw new ProviderBlocked('TokenRejected', clock.now() + (isAnother ? soon : untilNext));
    }
    throw failureOf(answer, meaning, clock.now());
  }

  return {
    clock,
    uncertainty: http.uncertainty,
    knowsTime: http.knowsTime,
    openly: (ask) => request(ask),
    async withToken(ask) {
      const token = deps.token();
      const value = token?.material.reveal('token');
      if (!token || value === undefined || isOver(value)) {
        throw new ProviderBlocked('NoToken', clock.now() + untilToken);
      }
      return request(ask, token);
    },
  };

  /** Surely over: where our clock may be wrong the server decides. */
  function isOver(jwt: string): boolean {
    const end = claimsOf(jwt).exp;
    return end !== undefined && seconds(end) + http.uncertainty() <= clock.now();
  }
}
