/** Infisical's error answers in the words of the core. The only place that knows what its status codes mean. */
import { type FailureCode, LeaseError, ProviderBlocked } from '../../core/failure.ts';
import { type Duration, type Instant, seconds } from '../../core/time.ts';
import type { HttpAnswer } from '../http-client.ts';

/** What one kind of request makes of a status with which the server itself answered. The rest is the same for all. */
export interface Meaning {
  /** What was asked for, for people: `the login`. */
  readonly what: string;
  readonly codes: Readonly<Partial<Record<number, FailureCode>>>;
  /** A 403 that is about a JWT which the request showed in its body: expired, or not one of this server's. */
  readonly onTokenError?: FailureCode;
  /** What a 403 lacks, in words. */
  readonly needs?: string;
  /** Where a 404 looked in vain, in words: the names of the configuration that may be wrong. */
  readonly where?: string;
  /** Might the request have changed something? */
  readonly isEffectful: boolean;
  /** It shows a client secret, so that a 429 without a date is the lockout. */
  readonly isLogin?: true;
}

/** The envelope of contract 1.1, as far as it can be relied on. `message` is free text and is never read. */
interface Envelope {
  readonly error: string | undefined;
  readonly reqId: string | undefined;
}

/** Where the server does not say how long to stay away. */
const pause: Duration = seconds(30);

/**
 * Did it reject the access token itself? Any 401, and a 403 that is about the JWT: an expired one is a 403 (contract
 * 1.2). Not so what no Infisical said: a proxy that wants a password of its own.
 */
export function isTokenRejected(answer: HttpAnswer): boolean {
  const envelope = envelopeOf(answer);
  return (
    envelope !== undefined && (answer.status === 401 || (answer.status === 403 && envelope.error === 'TokenError'))
  );
}

/** Has the server itself said that it has no such endpoint? What is merely not found has an id in its log. Contract 1.1. */
export function isNoRoute(answer: HttpAnswer): boolean {
  const envelope = envelopeOf(answer);
  return answer.status === 404 && envelope !== undefined && envelope.reqId === undefined;
}

/**
 * The failure that an answer other than 2xx means. Our own words, the status, the request's id in the server's log,
 * and the envelope's `error` where it is a plain name: it can be free text, which may quote anything.
 */
export function failureOf(answer: HttpAnswer, meaning: Meaning, now: Instant): LeaseError | ProviderBlocked {
  const { status } = answer;
  const envelope = envelopeOf(answer);
  const fail = (code: FailureCode, words: string, unsure = false): LeaseError => {
    const details = [`HTTP ${status}`, ...(envelope?.error ? [envelope.error] : [])].join(' ');
    const id = envelope?.reqId ? `, ${envelope.reqId}` : '';
    return new LeaseError(code, `${meaning.what}: ${words} (${details}${id})`, { unsure });
  };
  if (status === 429 && (answer.retryAt !== undefined || !meaning.isLogin)) {
    return new ProviderBlocked('RetryAfter', answer.retryAt ?? now + pause, answer.limited);
  }
  if (status >= 300 && status < 400) return fail('invalid', 'redirected to elsewhere; correct the url of the provider');
  if (status >= 500 || status === 408) return fail('unavailable', 'the server failed', meaning.isEffectful);
  const stranger = () => fail('unavailable', 'answered by something that is not Infisical', meaning.isEffectful);
  if (!envelope) return stranger();
  if (isNoRoute(answer)) {
    return fail('invalid', 'this server has no such endpoint (too old, or a wrong base path)');
  }
  const isTokenError = status === 403 && envelope.error === 'TokenError';
  const code = (isTokenError ? meaning.onTokenError : undefined) ?? meaning.codes[status] ?? usual[status] ?? 'invalid';
  // What is gone is never asked about again: that is believed only of whoever names the request as the server does.
  if (code === 'gone' && envelope.reqId === undefined) return stranger();
  if (status === 403 && code === 'invalid') return fail(code, `not permitted; ${meaning.needs ?? 'or not from here'}`);
  if (status === 404 && code === 'invalid' && meaning.where) return fail(code, `not found in ${meaning.where}`);
  return fail(code, words[code]);
}

const usual: Readonly<Partial<Record<number, FailureCode>>> = { 409: 'unavailable', 425: 'unavailable' };

const words: Readonly<Record<FailureCode, string>> = {
  unavailable: 'not now',
  denied: 'our credential was rejected, or is locked',
  gone: 'it no longer exists',
  refused: 'it will not be renewed',
  invalid: 'the request was rejected',
};

/** Absent where the answer is not in the envelope: something else answered. */
function envelopeOf({ json }: HttpAnswer): Envelope | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const { error, reqId } = json as { readonly error?: unknown; readonly reqId?: unknown };
  return {
    error: typeof error === 'string' && /^[A-Za-z ]{1,60}$/.test(error) ? error : undefined,
    reqId: typeof reqId === 'string' && /^req-[A-Za-z0-9_-]{1,40}$/.test(reqId) ? reqId : undefined,
  };
}
