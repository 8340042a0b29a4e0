/** What is said of a new lease before any sink sees it, and what becomes of one of which nothing is said. */
import { describe, expect, test } from 'vitest';
import { asksProvider, decide } from '../../src/core/decide.ts';
import { LeaseError } from '../../src/core/failure.ts';
import { type HeldLease, headOf, type SecretRecord } from '../../src/core/record.ts';
import type { Rules } from '../../src/core/rules.ts';
import { failed } from '../../src/core/setbacks.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { verified } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf, stepTo } from './build.ts';

const old = held();
const fresh = held(aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: hours(9) }), { verified: false });
const atHand = [{ lease: 'l2', generation: 0 }];
const proof = stepTo('verify', 'l2');
const silent = new LeaseError('unavailable', 'nobody there');
const no = new LeaseError('invalid', 'exit code 1');

const told = (answers: readonly LeaseError[], from = minutes(31), record = recordOf(fresh, old)): SecretRecord =>
  answers.reduce((next, error, i) => failed(next, proof, error, { begun: 0, now: from + i * seconds(10) }), record);

describe('a proof', () => {
  test('is given up after three noes, and the lease before is the head again', () => {
    expect(told([no, no]).leases[0]?.supersededAt).toBeUndefined();
    const rejected = told([no, no, no]);
    expect(rejected.leases[0]).toMatchObject({ rejected: true, supersededAt: minutes(31) + seconds(20) });
    expect(headOf(rejected)?.lease.id).toBe('l1');
    expect(rejected.failures['acquire']).toMatchObject({ code: 'invalid', count: 1 });
  });

  test('that nobody could be asked for is no no, however often, and does not make a single no the last', () => {
    expect(told(Array.from({ length: 9 }, () => silent)).leases[0]?.supersededAt).toBeUndefined();
    expect(told([silent, silent, silent, no]).leases[0]?.supersededAt).toBeUndefined();
    expect(told([silent, silent, silent, no]).failures['verify:l2']).toMatchObject({ count: 4, noes: 1 });
  });

  test('that nobody could be asked for does not take back a no', () => {
    expect(told([no, silent, no, silent]).leases[0]?.supersededAt).toBeUndefined();
    expect(told([no, silent, no, silent, no]).leases[0]?.supersededAt).toBeDefined();
    expect(told([no, silent, no, silent, no, silent]).leases[0]?.supersededAt).toBe(minutes(31) + seconds(40));
  });

  test('that was a no long ago is no part of the row', () => {
    const long = told([no, no]);
    expect(told([no], minutes(59), long).leases[0]?.supersededAt).toBeUndefined();
    expect(told([no], minutes(59), long).failures['verify:l2']).toMatchObject({ count: 1, noes: 1 });
  });

  test('that failed before noes were counted has had none', () => {
    const former = { count: 1, denied: 0, at: minutes(30), code: 'unavailable', notBefore: 0 } as const;
    const record = { ...recordOf(fresh, old), failures: { 'verify:l2': former } };
    expect(told([no], minutes(31), record).failures['verify:l2']).toMatchObject({ count: 2, noes: 1 });
  });

  test('of what was given up before and is there again is given up at the next no, and at no silence', () => {
    const { supersededAt: _, ...again } = told([no, no, no]).leases[0] ?? fresh;
    const record = { ...told([no, no, no]), leases: [again, old] };
    expect(told([silent], minutes(32), record).leases[0]?.supersededAt).toBeUndefined();
    expect(told([no], minutes(32), record).leases[0]?.supersededAt).toBe(minutes(32));
  });
});

describe('a lease that nobody can prove', () => {
  const trusting = rulesOf({ verify: true, trusts: true, renewAt: 0.99 });
  /** Renewals do not come to pass: what is in use ends after an hour, its emergency is the last three minutes. */
  const ending = held({ id: 'l1', issuedAt: 0, expiresAt: minutes(60) });
  const using = (...others: HeldLease[]) => told([silent], minutes(57), recordOf(fresh, ...others, ending));
  const next = (record: SecretRecord, now: number, rules: Rules = trusting) =>
    decide(record, rules, at(now, { atHand }));

  test('is given out when what is in use is about to end, and not before', () => {
    const tried = told(Array(6).fill(silent), minutes(56), recordOf(fresh, ending));
    expect(next(tried, minutes(57) - 1)).toMatchObject({ act: 'wait', until: minutes(57), because: 'NotDue' });
    expect(next(tried, minutes(57))).toMatchObject({ act: 'accept' });
  });

  test('is proven once more if it is time for that, and else taken as it is', () => {
    expect(next(using(), minutes(57) + seconds(1))).toMatchObject({ act: 'verify' });
    const step = next(using(), minutes(57));
    expect(step).toMatchObject({ act: 'accept', to: 'l2', because: 'Unprovable', at: minutes(57) });
    expect(headOf(verified(using(), 'l2'))?.lease.id).toBe('l2');
  });

  test('does not ask the provider for that', () => {
    expect(asksProvider(stepTo('accept', 'l2'))).toBe(false);
    const blocked = { blocks: [{ because: 'NoToken', since: 0, until: hours(9) }], isBusy: true } as const;
    const facts = at(minutes(57), { atHand, gate: blocked });
    expect(decide(using(), trusting, facts)).toMatchObject({ act: 'accept' });
  });

  test('is not given out where the configuration says to wait', () => {
    expect(next(using(), minutes(57), { ...trusting, trusts: false })).toMatchObject({ act: 'wait' });
  });

  test('is not given out before anybody was asked, or where the last word was no', () => {
    const unasked = recordOf(fresh, ending);
    expect(next(unasked, minutes(58))).toMatchObject({ act: 'verify' });
    expect(next(told([silent, no], minutes(57), unasked), minutes(57) + seconds(10))).toMatchObject({ act: 'wait' });
    const unheard = told([no, silent], minutes(57), unasked);
    expect(next(unheard, minutes(57) + seconds(10))).toMatchObject({ act: 'accept' });
  });

  test('is not given out because of what is not in use', () => {
    const other = held({ id: 'l0', issuedAt: 0, expiresAt: minutes(20) });
    const record = { ...using(other), sinks: {} };
    expect(next(record, minutes(57))).toMatchObject({ act: 'wait' });
    expect(next({ ...using(), sinks: { file: { uses: [] } } }, minutes(57))).toMatchObject({ act: 'wait' });
  });

  test('is given out where all that was in use has ended, and not where something else has', () => {
    const dead = { lease: 'l0', generation: 0 };
    const alive = { lease: 'l1', generation: 0 };
    const tried = told([silent], minutes(31), recordOf(fresh, ending));
    const only = { ...tried, sinks: { file: { uses: [dead] } } };
    expect(next(only, minutes(31))).toMatchObject({ act: 'accept', at: minutes(31) });
    const both = { ...tried, sinks: { file: { uses: [dead] }, other: { uses: [alive] } } };
    expect(next(both, minutes(31))).toMatchObject({ act: 'wait' });
    const itself = { ...tried, sinks: { file: { uses: [{ lease: 'l2', generation: 0 }, dead] } } };
    expect(next(itself, minutes(31))).toMatchObject({ act: 'accept' });
    const endless = { ...tried, leases: [fresh, held({ id: 'l1', issuedAt: 0 })] };
    expect(next(endless, minutes(59)).act).toBe('verify');
    expect(next(told([silent], minutes(59), endless), minutes(59))).toMatchObject({ act: 'wait' });
  });

  test('is given out for the sake of the first that ends, also of values before a renewal', () => {
    const former = held(aLease({ expiresAt: minutes(90) }), { generation: 1, formerEnds: { 0: minutes(50) } });
    const record = told([silent], minutes(47.5), recordOf(fresh, held(former.lease)));
    const renewed = { ...record, leases: [fresh, former] };
    expect(next(renewed, minutes(47.5))).toMatchObject({ act: 'accept', at: minutes(47.5) });
    const longer = { ...record, leases: [fresh, held(former.lease)] };
    expect(next(longer, minutes(47.5))).toMatchObject({ act: 'wait' });
  });

  test('has so little time for a proof then that it can still be given out', () => {
    expect(next(recordOf(fresh, ending), minutes(31))).toMatchObject({ act: 'verify', emergencyAt: minutes(57) });
    const late = held(aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: minutes(58) }), { verified: false });
    expect(next(recordOf(late, ending), minutes(31))).toMatchObject({ act: 'verify', emergencyAt: minutes(56.6) });
  });
});
