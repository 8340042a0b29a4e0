/** A value planted wherever foreign code could put one is nowhere in the log or the metrics. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asLeaseError, type FailureCode, LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { createLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { aLease, held, recordOf } from '../core/build.ts';
import { aStep, aSubject, changed, done, steeredTime } from './build.ts';

const value = fc
  .tuple(fc.constantFrom('PEARL', 'Pearl', 'pearl'), fc.string({ minLength: 0, maxLength: 12 }))
  .map(([word, rest]) => `${word}${rest}`);
const codes: readonly FailureCode[] = ['unavailable', 'denied', 'gone', 'refused', 'invalid'];

/** An error as a library might throw it, with the value in every place it has. */
const foreign = (value: string, shape: number): unknown => {
  const around = [value, `bad ${value} here`, `a\n    at ${value} (/x/${value}.js:1:1)\n${value}`][shape % 3] ?? value;
  const error = [new Error(around), new TypeError(around), new AggregateError([new Error(around)], around)][shape % 3];
  Object.assign(error ?? {}, { code: around, statusCode: around, headers: { a: around }, [around]: around });
  if (shape % 4 === 1) Object.assign(error ?? {}, { name: around });
  if (shape % 4 === 2) Object.assign(error ?? {}, { message: 'changed later' });
  if (shape % 4 === 3) Object.assign(error ?? {}, { cause: new RangeError(around, { cause: { around } }) });
  return (
    [error, around, { message: around, toJSON: () => around }, new Material({ [`k`]: around })][shape % 5] ?? error
  );
};

test('a planted value appears neither in the log, at any level and in any format, nor in the metrics', async () => {
  let lines = 0;
  const metrics = createMetrics({ version: '1', clock: steeredTime(0).clock });
  await fc.assert(
    fc.asyncProperty(
      value,
      fc.nat(59),
      fc.constantFrom(...codes),
      fc.constantFrom('json', 'pretty'),
      async (planted, shape, code, format) => {
        const time = steeredTime(0);
        const out: string[] = [];
        const log = createLog({
          level: 'debug',
          format: format as 'json',
          clock: time.clock,
          timer: time.timer,
          to: { write: (line) => void out.push(line) },
        });
        const error = foreign(planted, shape);
        const cause = foreign(planted, shape + 7);
        const listeners = [log, metrics];
        for (const listener of listeners) {
          listener.watch(aSubject(time.clock));
          const at = { count: 1, denied: 0, at: 0, code, notBefore: 0 };
          listener.listen(changed({ ...recordOf(held(aLease())), failures: { 'renew:l1': at } }));
          const { code: outcome, message } = asLeaseError(error);
          listener.listen(done(aStep('renew', 'RenewalDue', 'l1'), { outcome, message }));
          listener.listen(done(aStep('acquire', 'NothingHeld'), { outcome: code }));
        }
        log.error('it failed', { err: error });
        log.warn('so did this', { err: new LeaseError(code, 'ours', { cause }), other: { cause }, more: [{ error }] });
        log.info('and this', { err: new ProviderBlocked('RetryAfter', Number.NaN), material: error as string });
        lines += out.length;
        const all = `${out.join('')}${await metrics.render()}`.split('\n');
        expect(all.filter((line) => line.toLowerCase().includes('pearl'))).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
  expect(lines).toBe(150 * 5);
}, 30_000);
