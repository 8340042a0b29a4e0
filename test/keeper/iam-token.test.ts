/** The real source of IAM tokens in the keeper's loop, over days: its sink is never without a token that is accepted. */
import { expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { days, hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { HttpClient } from '../../src/sources/http-client.ts';
import { iamTokenSource } from '../../src/sources/yandex/iam-token.ts';
import { byMetadata, type TokenMethod } from '../../src/sources/yandex/token-methods.ts';
import { aSink, Stage } from './stage.ts';

const life = hours(12);

/** Gives the same token again as long as it is younger than that. Nobody is answered in between these times. */
function anIssuer(stage: Stage, sameFor: number, outages: readonly (readonly [Instant, Instant])[]) {
  const given: { readonly token: string; readonly at: Instant; times: number }[] = [];
  return {
    given,
    issue() {
      const { now } = stage;
      if (outages.some(([from, to]) => now >= from && now < to)) throw new LeaseError('unavailable', 'nobody is there');
      const last = given.at(-1);
      const one = last && now < last.at + sameFor ? last : { token: `t1.token-${given.length}`, at: now, times: 0 };
      if (one !== last) given.push(one);
      one.times += 1;
      return { token: one.token, expiresAt: one.at + life };
    },
    endOf: (token: string | undefined): Instant =>
      given.filter((one) => one.token === token).map(({ at }) => at + life)[0] ?? Number.NaN,
    accepts: (token: string | undefined): boolean =>
      given.some((one) => one.token === token && stage.now < one.at + life),
  };
}

type Issuer = ReturnType<typeof anIssuer>;
const known = { uncertainty: () => 0, knowsTime: () => true };

/** As the metadata service has it: how much is left, in whole seconds. */
function metadata(stage: Stage, issuer: Issuer): TokenMethod {
  const http: HttpClient = {
    ...known,
    clock: stage.clock,
    async request() {
      const { token, expiresAt } = issuer.issue();
      const expires_in = Math.floor((expiresAt - stage.now) / seconds(1));
      return { status: 200, sentAt: stage.now, json: { access_token: token, expires_in, token_type: 'Bearer' } };
    },
    close: async () => undefined,
  };
  return byMetadata(http);
}

/** As IAM has it: the date itself. */
const exchange = (stage: Stage, issuer: Issuer): TokenMethod => ({
  ...known,
  clock: stage.clock,
  proof: async () => 'key',
  issue: async () => ({ ...issuer.issue(), sentAt: stage.now }),
});

const never: readonly (readonly [Instant, Instant])[] = [];
/** Each begins when it is about to be replaced, and is over while it lives. */
const sometimes = [1, 2, 3].map((day) => [days(day), days(day) + hours(3)] as const);

test.each([
  ['the metadata service, which gives another each time', metadata, 0, never],
  ['the metadata service, which gives the same for an hour', metadata, hours(1), never],
  ['the metadata service, which gives the same until it is almost over', metadata, life - minutes(5), never],
  ['IAM, which gives another each time', exchange, 0, never],
  ['IAM, which gives the same for an hour', exchange, hours(1), never],
  ['IAM, which gives the same until it is almost over', exchange, life - minutes(5), never],
  ['IAM, which is gone for hours', exchange, hours(1), sometimes],
] as const)('a token of %s leaves no gap in five days', async (_, method, sameFor, outages) => {
  const stage = new Stage();
  const issuer = anIssuer(stage, sameFor, outages);
  let held: string | undefined;
  const sink = aSink({
    write: async ({ material }) => {
      held = material.reveal('token');
      return `mark of ${held}`;
    },
    holds: async () => true,
  });
  stage.add({
    source: iamTokenSource(method(stage, issuer), (text) => Buffer.from(text).toString('hex').padEnd(32, '0')),
    sinks: { memory: sink },
    isToken: true,
    policy: { renewAt: 0.67, jitter: 0, grace: minutes(1) },
  });
  const gaps: Instant[] = [];
  let failed = 0;
  for (let at = minutes(1); at <= days(5); at += minutes(1)) {
    await stage.until(at);
    if (!issuer.accepts(held)) gaps.push(at);
    const { leases, failures } = await stage.record();
    expect(Math.abs((leases[0]?.lease.expiresAt ?? 0) - issuer.endOf(held))).toBeLessThanOrEqual(seconds(1));
    // To be given the same again is none.
    failed = Math.max(
      failed,
      outages.length > 0 ? 0 : failures['acquire']?.isOver ? 0 : (failures['acquire']?.count ?? 0),
    );
  }
  expect(gaps).toEqual([]);
  expect(stage.thrown).toEqual([]);
  // One for each term, or for the end of each, and no storm of requests for the same.
  expect(issuer.given.length).toBeGreaterThanOrEqual(10);
  expect(issuer.given.length).toBeLessThan(20);
  const asked = issuer.given.reduce((sum, { times }) => sum + times, 0);
  if (sameFor > hours(8)) expect(asked).toBeGreaterThan(issuer.given.length);
  expect(asked).toBeLessThan(2_000);
  expect(failed).toBe(0);
  const refused = stage.done().filter(({ step, outcome }) => step.act === 'acquire' && outcome !== 'ok');
  expect(refused.length > 0).toBe(outages.length > 0);
});
