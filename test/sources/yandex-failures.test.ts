/** What Yandex Cloud's refusals mean: by their codes, and never by their words. */
import { describe, expect, it } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { afterEffect } from '../../src/sources/after-effect.ts';
import {
  failureOf,
  failureOfOperation,
  isRefusal,
  isTokenRejected,
  type Meaning,
  statusIn,
} from '../../src/sources/yandex/failures.ts';

const text = 'free text that may quote hunter2';
const requestId = '5899fc83-b123-47b8-94c3-000000000001';
const refusal = (code: unknown, more: object = {}): object => ({
  code,
  message: text,
  details: [
    { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ description: text }] },
    { requestId },
  ],
  ...more,
});

const reading: Meaning = {
  what: 'asking about secret s',
  needs: 'the role r is needed',
  where: 'secret s',
  isEffectful: false,
};
const adding: Meaning = { ...reading, what: 'adding to secret s', quota: 'too many versions', isEffectful: true };
const login: Meaning = { what: 'the login', codes: { 16: 'denied' }, isEffectful: true, isLogin: true };

const answer = (status: number, json?: unknown, more: object = {}) => ({
  status,
  sentAt: 0,
  ...(json !== undefined && { json }),
  ...more,
});
/** The code, and whether it may have had an effect; or why we are blocked. */
function said(...[given, meaning]: Parameters<typeof failureOf>): string {
  const failure = failureOf(given, meaning);
  expect(failure.message).not.toContain('hunter2');
  expect(failure.message).not.toContain(text);
  if (failure instanceof ProviderBlocked) return failure.because;
  return failure.unsure ? `${failure.code}, unsure` : failure.code;
}

describe('a refusal of the API', () => {
  it.each([
    [1, 499, 'unavailable'],
    [2, 500, 'unavailable'],
    [3, 400, 'invalid'],
    [4, 504, 'unavailable'],
    [5, 404, 'invalid'],
    [6, 409, 'invalid'],
    [7, 403, 'invalid'],
    [8, 429, 'unavailable'],
    [9, 400, 'invalid'],
    [10, 409, 'unavailable'],
    [11, 400, 'invalid'],
    [12, 501, 'invalid'],
    [13, 500, 'unavailable'],
    [14, 503, 'unavailable'],
    [15, 500, 'unavailable'],
  ])('with code %i and HTTP %i means %s', (code, status, means) => {
    expect(said(answer(status, refusal(code)), reading)).toBe(means);
    // By the code: whatever stands before the server may have made another status of it.
    expect(said(answer(418, refusal(code)), reading)).toBe(means);
  });

  it.each([1, 2, 4, 13, 14, 15])('with code %i may have come after the work', (code) => {
    expect(said(answer(500, refusal(code)), adding)).toBe('unavailable, unsure');
  });

  it.each([3, 5, 6, 7, 8, 9, 10, 11, 12])('with code %i came before it', (code) => {
    expect(said(answer(400, refusal(code)), adding)).not.toContain('unsure');
  });

  it('is told with its codes and its id, and not with its words', () => {
    const { message } = failureOf(answer(400, refusal(9)), reading) as LeaseError;
    expect(message).toBe(
      `asking about secret s: the state that it is in does not allow that (HTTP 400, code 9, request ${requestId})`,
    );
  });

  it.each([
    [7, reading, 'not permitted; the role r is needed'],
    [5, reading, 'there is no secret s'],
    [8, adding, 'too many requests, or too many versions'],
    [8, reading, 'too many requests ('],
    [10, adding, 'somebody else is changing it'],
  ])('with code %i says what to do', (code, meaning, words) => {
    expect((failureOf(answer(400, refusal(code)), meaning) as LeaseError).message).toContain(words);
  });

  it('that names a date blocks until then, and one that does not is a failure', () => {
    const blocked = failureOf(answer(429, refusal(8), { retryAt: 7_000 }), adding);
    expect(blocked).toBeInstanceOf(ProviderBlocked);
    expect(blocked).toMatchObject({ because: 'RetryAfter', until: 7_000 });
    expect(said(answer(429, undefined, { retryAt: 7_000 }), adding)).toBe('RetryAfter');
    expect(said(answer(429), adding)).toBe('unavailable');
  });

  it('of the token is one only where the API itself says so', () => {
    expect(isTokenRejected(answer(401, refusal(16)))).toBe(true);
    expect(isTokenRejected(answer(401))).toBe(false);
    expect(isTokenRejected(answer(401, { error: 'proxy' }))).toBe(false);
    expect(isTokenRejected(answer(403, refusal(7)))).toBe(false);
    expect(isTokenRejected(answer(200, refusal(16)))).toBe(false);
    // What stands before the API says so in words of its own, and any proxy names its requests.
    expect(isTokenRejected(answer(401, undefined, { traceId: 'f00d' }))).toBe(true);
    expect(isTokenRejected(answer(401, undefined, { requestId }))).toBe(false);
    expect(isTokenRejected(answer(403, undefined, { traceId: 'f00d' }))).toBe(false);
    expect(isTokenRejected(answer(401, refusal(7), { traceId: 'f00d' }))).toBe(false);
  });

  it.each([[undefined], [null], ['text'], [[]], [{}], [{ code: 0 }], [{ code: 17 }], [{ code: '5' }], [{ code: 5.5 }]])(
    'is not what says %j',
    (json) => {
      expect(statusIn(json)).toBeUndefined();
      expect(isRefusal(answer(404, json))).toBe(false);
      expect(said(answer(404, json), adding)).toBe('unavailable, unsure');
    },
  );

  it('may be without details, or with such as nobody knows', () => {
    expect(statusIn({ code: 5 })).toEqual({ code: 5 });
    expect(statusIn({ code: 5, details: null })).toEqual({ code: 5 });
    expect(statusIn({ code: 5, details: [1, null, { requestId: 'two words' }, { requestId }] })).toEqual({
      code: 5,
      requestId,
    });
  });
});

describe('an answer of something else', () => {
  it.each([
    [302, 'invalid'],
    [401, 'unavailable, unsure'],
    [403, 'unavailable, unsure'],
    [404, 'unavailable, unsure'],
    [407, 'unavailable, unsure'],
    [408, 'unavailable, unsure'],
    [499, 'unavailable, unsure'],
    [502, 'unavailable, unsure'],
  ])('with HTTP %i means %s', (status, means) => {
    expect(said(answer(status), adding)).toBe(means);
  });
});

describe('a login', () => {
  it.each([
    [401, refusal(16), 'denied'],
    [400, { error: 'invalid_grant', error_description: text }, 'denied'],
    [401, { error: text }, 'unavailable, unsure'],
    [403, undefined, 'unavailable, unsure'],
    [429, { error: 'slow_down' }, 'unavailable'],
    [503, { error: 'temporarily_unavailable' }, 'unavailable, unsure'],
  ])('that is answered by HTTP %i and %j is %s', (status, json, means) => {
    expect(said(answer(status, json), login)).toBe(means);
  });
});

describe('an operation that failed', () => {
  it.each([
    [7, 'invalid'],
    [8, 'unavailable'],
    [9, 'invalid'],
    [13, 'unavailable'],
  ])('with code %i has surely come to nothing: %s', (code, means) => {
    expect(failureOfOperation({ code }, adding)).toMatchObject({
      code: means,
      unsure: false,
      rpc: code,
      status: undefined,
    });
  });
});

describe('what goes wrong after an effect', () => {
  it.each([
    ['a failure', new LeaseError('invalid', 'words'), { code: 'invalid', message: 'words', unsure: true }],
    ['a block', new ProviderBlocked('RetryAfter', 1), { code: 'unavailable', unsure: true }],
  ])('is unsure: %s', async (_, error, expected) => {
    await expect(afterEffect(() => Promise.reject(error))).rejects.toMatchObject({ name: 'LeaseError', ...expected });
  });

  it('is nothing where all goes well, and a mistake of ours stays one', async () => {
    await expect(afterEffect(async () => 1)).resolves.toBe(1);
    await expect(afterEffect(() => Promise.reject(new TypeError('x')))).rejects.toBeInstanceOf(TypeError);
  });
});
