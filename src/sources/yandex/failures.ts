/** Yandex Cloud's error answers in the words of the core. The only place that knows what its codes mean. Contract 5. */
import { z } from 'zod';
import { type FailureCode, LeaseError, ProviderBlocked } from '../../core/failure.ts';
import type { Instant } from '../../core/time.ts';
import type { HttpAnswer } from '../http-client.ts';

/** What one kind of request makes of a code with which the server itself refused. The rest is the same for all. */
export interface Meaning {
  /** What was asked for, for people: `reading the payload of secret X`. */
  readonly what: string;
  /** By the numbers of gRPC. */
  readonly codes?: Readonly<Partial<Record<number, FailureCode>>>;
  /** Which role a refusal lacks, in words. */
  readonly needs?: string;
  /** Which role it lacks where the refusal came only after the request was accepted. Absent: the same. */
  readonly needsLate?: string;
  /** What was looked for in vain, in words. */
  readonly where?: string;
  /** What may be used up besides the number of requests, in words. */
  readonly quota?: string;
  /** Might the request have changed something? */
  readonly isEffectful: boolean;
  /** It shows a proof of who we are, and no token. */
  readonly isLogin?: true;
}

/** The numbers of gRPC that we tell apart. */
export const rpc = {
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

/** An answer that is no success. A class, because it is thrown; what it knows besides its code stays in this folder. */
export class Refusal extends LeaseError {
  /** Absent where it was not the provider's API that answered. */
  readonly rpc: number | undefined;
  /** Absent where it was told with success, as of operations. */
  readonly status: number | undefined;

  constructor(code: FailureCode, message: string, told: Told, unsure: boolean) {
    // A state is changed by whoever misses what it forbids.
    super(code, message, { unsure, passing: told.rpc === rpc.failedPrecondition });
    this.rpc = told.rpc;
    this.status = told.status;
  }
}

interface Told {
  readonly rpc: number | undefined;
  readonly status: number | undefined;
}

const detail = z.looseObject({ requestId: z.string().regex(/^[A-Za-z0-9-]{1,64}$/) });

/** `google.rpc.Status`. `message` is free text and is never read. */
const rpcStatus = z.looseObject({
  code: z.int().min(1).max(16),
  details: z.array(z.unknown()).catch([]).default([]),
});

export interface RpcStatus {
  readonly code: number;
  readonly requestId?: string;
}

/** Absent where it is none: something else answered. */
export function statusIn(json: unknown): RpcStatus | undefined {
  const parsed = rpcStatus.safeParse(json);
  if (!parsed.success) return undefined;
  const { code, details } = parsed.data;
  const requestId = details.map((one) => detail.safeParse(one).data?.requestId).find((id) => id !== undefined);
  return { code, ...(requestId !== undefined && { requestId }) };
}

/** Was it the API that refused, and no proxy before it? */
export const isRefusal = ({ status, json }: HttpAnswer): boolean => status >= 400 && statusIn(json) !== undefined;

/** Did it reject the token that was shown? What stands before the API says so by the status alone, and names its trace. */
export function isTokenRejected(answer: HttpAnswer): boolean {
  const said = statusIn(answer.json);
  if (said) return isRefusal(answer) && said.code === rpc.unauthenticated;
  return answer.status === 401 && answer.traceId !== undefined;
}

/** As OAuth has it. Nobody has written down how the exchange for workloads refuses. */
const oauthError = z.looseObject({ error: z.string().regex(/^[a-z_]{1,40}$/) });

/** The failure that an answer other than 2xx means. Our own words, the codes, and the request's id in their log. */
export function failureOf(answer: HttpAnswer, meaning: Meaning): LeaseError | ProviderBlocked {
  const { status, json } = answer;
  const said = statusIn(json);
  if (said) return refused(said, meaning, { status, ...(answer.retryAt !== undefined && { at: answer.retryAt }) });
  const fail = (code: FailureCode, words: string, unsure = false) =>
    new Refusal(code, `${meaning.what}: ${words} (HTTP ${status})`, { rpc: undefined, status }, unsure);
  if (status === 429) return tooMany(answer.retryAt, () => fail('unavailable', 'too many requests'));
  if (status >= 300 && status < 400) return fail('invalid', 'redirected to elsewhere; correct the endpoints');
  if (status >= 500 || status === 408 || status === 499) {
    return fail('unavailable', 'the server failed', meaning.isEffectful);
  }
  if (meaning.isLogin && oauthError.safeParse(json).success) return fail('denied', words.denied);
  return fail('unavailable', 'answered by something that is not Yandex Cloud', meaning.isEffectful);
}

/** What an operation failed with, told at HTTP 200 (contract 4): it has come to nothing. */
export const failureOfOperation = (said: RpcStatus, meaning: Meaning): LeaseError => {
  const { needsLate = meaning.needs, ...rest } = meaning;
  const needs = needsLate !== undefined && { needs: needsLate };
  const failure = refused(said, { ...rest, ...needs, isEffectful: false }, {});
  // There is no date with it that anybody could be blocked until.
  return failure instanceof LeaseError ? failure : new LeaseError('unavailable', `${meaning.what}: not now`);
};

interface Circumstances {
  readonly status?: number;
  /** `Retry-After`. */
  readonly at?: Instant;
}

function refused(
  { code, requestId }: RpcStatus,
  meaning: Meaning,
  { status, at }: Circumstances,
): LeaseError | ProviderBlocked {
  const wire = status === undefined ? [] : [`HTTP ${status}`];
  const details = [...wire, `code ${code}`, ...(requestId === undefined ? [] : [`request ${requestId}`])].join(', ');
  const fail = (is: FailureCode, say: string, unsure = false) =>
    new Refusal(is, `${meaning.what}: ${say} (${details})`, { rpc: code, status }, unsure);
  if (code === rpc.resourceExhausted) {
    const perhaps = meaning.quota === undefined ? '' : `, or ${meaning.quota}`;
    return tooMany(at, () => fail('unavailable', `too many requests${perhaps}`));
  }
  if (failing.includes(code)) return fail('unavailable', 'the server failed', meaning.isEffectful);
  const is = meaning.codes?.[code] ?? usual[code] ?? 'invalid';
  if (is === 'invalid' && code === rpc.permissionDenied) return fail(is, `not permitted; ${meaning.needs ?? 'why?'}`);
  if (is === 'invalid' && code === rpc.notFound && meaning.where !== undefined) {
    return fail(is, `there is no ${meaning.where}`);
  }
  return fail(is, ofCode[code] ?? words[is]);
}

const tooMany = (at: Instant | undefined, otherwise: () => LeaseError): LeaseError | ProviderBlocked =>
  at === undefined ? otherwise() : new ProviderBlocked('RetryAfter', at);

/** CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS: nobody knows how far it came. */
const failing: readonly number[] = [1, 2, 4, 13, 14, 15];

/** ABORTED: somebody else was at it. */
const usual: Readonly<Partial<Record<number, FailureCode>>> = { 10: 'unavailable' };

const ofCode: Readonly<Partial<Record<number, string>>> = {
  9: 'the state that it is in does not allow that',
  10: 'somebody else is changing it at the same time',
  12: 'this server does not know how',
};

const words: Readonly<Record<FailureCode, string>> = {
  unavailable: 'not now',
  denied: 'our credential was rejected',
  gone: 'it no longer exists',
  refused: 'it is not done any more',
  invalid: 'the request was rejected',
};
