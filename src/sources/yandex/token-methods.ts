/** The ways to an IAM token: each shows a proof of who we are, or has been given a token already. Contract 6. */
import { type Credential, readCredential } from '../../config/credential.ts';
import { LeaseError } from '../../core/failure.ts';
import { type Clock, type Duration, type Instant, seconds } from '../../core/time.ts';
import type { Deps } from '../define.ts';
import type { HttpAnswer, HttpClient } from '../http-client.ts';
import { read } from '../read-answer.ts';
import { accessTokenAnswer, iamTokenAnswer } from './answers.ts';
import { authorizedKeyIn, jwtOf, readKeyFile } from './authorized-key.ts';
import { openly } from './client.ts';
import { type Meaning, Refusal } from './failures.ts';

export interface Issued {
  readonly token: string;
  readonly sentAt: Instant;
  /** Absent: nobody says. */
  readonly expiresAt?: Instant;
}

export interface TokenMethod {
  /** The time of whoever issues the tokens. */
  readonly clock: Clock;
  readonly uncertainty: () => Duration;
  readonly knowsTime: () => boolean;
  issue(signal: AbortSignal): Promise<Issued>;
  /** What the next `issue` would show, to be fingerprinted. */
  proof(): Promise<string>;
  /** It was not issued to us: others replace it. */
  readonly isGiven?: true;
}

/** Whatever they do not take of a proof, it is the proof that is wrong. */
const login = (what: string, more: Partial<Meaning> = {}): Meaning => ({
  what,
  codes: { 3: 'denied', 5: 'denied', 7: 'denied', 9: 'denied', 16: 'denied' },
  isEffectful: true,
  isLogin: true,
  ...more,
});

const timeOf = ({ clock, uncertainty, knowsTime }: HttpClient) => ({ clock, uncertainty, knowsTime });

export function byAuthorizedKey(http: HttpClient, keyFile: string, audience: string): TokenMethod {
  const meaning = login("exchanging the service account's key (or this machine's clock is wrong)");
  return {
    ...timeOf(http),
    proof: () => readKeyFile(keyFile),
    async issue(signal) {
      const jwt = jwtOf(authorizedKeyIn(await readKeyFile(keyFile), keyFile), audience, http.clock.now());
      const request = { operation: 'token-create', method: 'POST', path: '/iam/v1/tokens', body: { jwt } } as const;
      const answer = await openly(http, { ...request, meaning, signal });
      const { iamToken, expiresAt } = read(answer, iamTokenAnswer, true);
      return { token: iamToken, expiresAt, sentAt: answer.sentAt };
    },
  };
}

export function byMetadata(http: HttpClient): TokenMethod {
  const meaning = login('asking the metadata service for a token', { isEffectful: false });
  return {
    ...timeOf(http),
    proof: async () => 'the machine itself',
    async issue(signal) {
      const path = '/computeMetadata/v1/instance/service-accounts/default/token';
      const headers = { 'metadata-flavor': 'Google' };
      try {
        return accessTokenOf(
          await openly(http, { operation: 'token-metadata', method: 'GET', path, headers, meaning, signal }),
          meaning,
        );
      } catch (error) {
        if (!(error instanceof Refusal) || error.status !== 404) throw error;
        throw new LeaseError('invalid', `${meaning.what}: no service account is attached to this machine (HTTP 404)`);
      }
    },
  };
}

const urn = 'urn:ietf:params:oauth';

export function byWorkload(http: HttpClient, serviceAccountId: string, tokenFile: string): TokenMethod {
  const meaning = login("exchanging the workload's token");
  const subjectToken = () => readCredential({ file: tokenFile }, {});
  return {
    ...timeOf(http),
    proof: async () => JSON.stringify([serviceAccountId, await subjectToken()]),
    async issue(signal) {
      const form = {
        grant_type: `${urn}:grant-type:token-exchange`,
        requested_token_type: `${urn}:token-type:access_token`,
        audience: serviceAccountId,
        subject_token: await subjectToken(),
        subject_token_type: `${urn}:token-type:id_token`,
      };
      const request = { operation: 'token-exchange', method: 'POST', path: '/oauth/token', form } as const;
      return accessTokenOf(await openly(http, { ...request, meaning, signal }), meaning);
    },
  };
}

function accessTokenOf(answer: HttpAnswer, { isEffectful }: Meaning): Issued {
  const { access_token, expires_in } = read(answer, accessTokenAnswer, isEffectful);
  return { token: access_token, expiresAt: answer.sentAt + seconds(expires_in), sentAt: answer.sentAt };
}

/** `wasRejected`: of what has been given. Only another one will do then. Time is that of whom it is shown to. */
export function asGiven(
  shownTo: HttpClient,
  from: Credential,
  env: Deps['env'],
  wasRejected: (token: string) => boolean,
): TokenMethod {
  const given = () => readCredential(from, env);
  return {
    ...timeOf(shownTo),
    isGiven: true,
    proof: given,
    async issue() {
      const token = await given();
      if (!/^[\x21-\x7e]+$/.test(token)) throw new LeaseError('denied', 'what was given is no IAM token');
      if (wasRejected(token)) throw new LeaseError('denied', 'the IAM token that was given was rejected');
      return { token, sentAt: shownTo.clock.now() };
    },
  };
}
