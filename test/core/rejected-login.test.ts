/** What is remembered of a credential that a provider has rejected. */
import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { failed } from '../../src/core/setbacks.ts';
import { tolerance } from '../../src/core/time.ts';
import { acquired } from '../../src/core/transitions.ts';
import { aLease, recordOf, rulesOf, stepTo } from './build.ts';

const down = new LeaseError('unavailable', '503');

describe('a rejected login', () => {
  const denied = new LeaseError('denied', '401');
  const rejected = (error: LeaseError, credential?: string) =>
    failed(recordOf(), stepTo('acquire'), error, { begun: 5, now: 5, ...(credential !== undefined && { credential }) });

  test('is remembered with the fingerprint of what was shown', () => {
    expect(rejected(denied, 'print').rejectedCredential).toBe('print');
    expect(rejected(denied).rejectedCredential).toBeUndefined();
    expect(rejected(down, 'print').rejectedCredential).toBeUndefined();
  });

  test('is forgotten with the next lease', () => {
    const next = acquired(rejected(denied, 'print'), aLease(), rulesOf(), 9);
    expect(next.rejectedCredential).toBeUndefined();
    expect(next.failures['acquire']).toMatchObject({ count: 1, denied: 0 });
  });

  test('of the former credential says nothing of the present one', () => {
    const record = { ...recordOf(), credentialSince: 5 };
    const fail = (begun: number) =>
      failed(record, stepTo('acquire'), denied, { begun, now: 9, credential: 'print' }).rejectedCredential;
    expect([fail(5), fail(6)]).toEqual([undefined, 'print']);
  });

  test('counts, where the present one seems to come later than now: a clock was set back since', () => {
    const denials = (since: number) =>
      failed({ ...recordOf(), credentialSince: since }, stepTo('acquire'), denied, { begun: 6, now: 9 }).failures[
        'acquire'
      ]?.denied;
    expect([denials(9 + tolerance), denials(10 + tolerance)]).toEqual([0, 1]);
  });
});
