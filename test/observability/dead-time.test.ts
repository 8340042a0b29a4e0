/** Dead seconds against a count done by hand, millisecond by millisecond. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { endOfHolding, type SecretRecord } from '../../src/core/record.ts';
import type { Duration, Instant } from '../../src/core/time.ts';
import { createDeadTime } from '../../src/observability/dead-time.ts';
import { aLease, held, rulesOf } from '../core/build.ts';
import { aSubject, steeredTime } from './build.ts';

/** A record in which the sink uses leases with these ends; one that is absent is no longer known. */
const using = (ends: readonly (number | undefined)[]): SecretRecord => ({
  leases: ends.flatMap((expiresAt, i) => (expiresAt === undefined ? [] : [held(aLease({ id: `l${i}`, expiresAt }))])),
  sinks: { file: { uses: ends.map((_, i) => ({ lease: `l${i}`, generation: 0 })) } },
  failures: {},
});

const isDead = (record: SecretRecord, now: Instant): boolean =>
  (record.sinks['file']?.uses ?? []).some((holding) => endOfHolding(record, holding) <= now);

const ends = fc.array(fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined, freq: 9 }), { maxLength: 3 });
/** What happens at each millisecond, if anything. */
const lives = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant({ kind: 'nothing' as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('record' as const), ends }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'scrape' as const }) },
  ),
  { minLength: 1, maxLength: 150, size: 'max' },
);

test('dead time is the integral over the moments at which a value in use had ended, however often it is asked', () => {
  let dead = 0;
  let alive = 0;
  fc.assert(
    fc.property(lives, (life) => {
      const time = steeredTime(0);
      const counted = createDeadTime(time.clock);
      const subject = aSubject(time.clock);
      let record: SecretRecord | undefined;
      let expected: Duration = 0;
      let before = 0;
      const total = () => counted.totals(subject)[0]?.total ?? Number.NaN;
      for (const event of life) {
        if (event.kind === 'record') {
          record = using(event.ends);
          counted.record(subject, record);
        }
        if (event.kind === 'scrape') {
          expect(total()).toBe(expected);
          expect(total()).toBeGreaterThanOrEqual(before);
          before = expected;
        }
        if (record && isDead(record, time.clock.now())) expected += 1;
        time.pass(1);
      }
      expect(total()).toBe(expected);
      dead += expected;
      alive += life.length - expected;
    }),
    { numRuns: 200 },
  );
  expect(Math.min(dead, alive)).toBeGreaterThan(1000);
});

test('a clock that is corrected never takes dead time back, nor counts more than has passed', () => {
  const step = fc.record({ passes: fc.integer({ min: 0, max: 50 }), skew: fc.integer({ min: -200, max: 200 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const time = steeredTime(1000);
      let skew = 0;
      const counted = createDeadTime(time.clock);
      const subject = aSubject({ now: () => time.clock.now() + skew });
      counted.record(subject, using([1100]));
      let before = 0;
      for (const each of steps) {
        time.pass(each.passes);
        skew = each.skew;
        const total = counted.totals(subject)[0]?.total ?? Number.NaN;
        expect(total).toBeGreaterThanOrEqual(before);
        expect(total - before).toBeLessThanOrEqual(each.passes);
        before = total;
      }
    }),
  );
});

test('a sink that left the configuration is no longer counted, and the other goes on where it was', () => {
  const time = steeredTime(0);
  const counted = createDeadTime(time.clock);
  const both = aSubject(time.clock, { rules: rulesOf({ sinks: ['file', 'other'] }) });
  const uses = [{ lease: 'lost', generation: 0 }];
  counted.record(both, { leases: [], sinks: { file: { uses }, other: { uses } }, failures: {} });
  time.pass(10);
  expect(counted.totals(both).map(({ total }) => total)).toEqual([10, 10]);
  const one = aSubject(time.clock);
  counted.record(one, { leases: [], sinks: { file: { uses } }, failures: {} });
  time.pass(5);
  expect(counted.totals(one)).toEqual([{ sink: 'file', total: 15 }]);
});
