/** Which of the leases that a provider lists may be what an acquire without an answer has brought. */
import { describe, expect, test } from 'vitest';
import { lostBetween, strangersIn } from '../../src/core/lost.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { aLease, held, recordOf, rulesOf } from './build.ts';

const intent = { key: 'k', at: minutes(30) };
const lost = { ...recordOf(held()), intent };

describe('what may have been lost, where others take leases too,', () => {
  test('was created between the first try and two minutes after the last', () => {
    const counted = (issuedAt: number) =>
      strangersIn(lost, [aLease({ issuedAt }), aLease({ id: 'l2', issuedAt })], rulesOf());
    expect(counted(minutes(32)).map(({ id }) => id)).toEqual(['l2']);
    expect(counted(minutes(32) + 1)).toEqual([]);
    expect(lostBetween(lost)).toEqual({ from: minutes(30), to: minutes(32) });
    const doubt = { since: minutes(20), until: minutes(29) };
    expect(lostBetween({ ...lost, doubt })).toEqual({ from: minutes(20), to: minutes(32) });
    expect(lostBetween({ ...recordOf(), doubt })).toEqual({ from: minutes(20), to: minutes(31) });
  });

  test('is nothing where the outcome of every acquire is known', () => {
    expect(strangersIn(recordOf(held()), [aLease({ id: 'l2' })], rulesOf())).toEqual([]);
    expect(lostBetween(recordOf(held()))).toBeUndefined();
  });

  test('is dated by the provider as what was taken since, whatever its answers say of the time', () => {
    const taken = (issuedAt: number, at = minutes(30)) => ({
      ...recordOf(held(aLease({ issuedAt }))),
      doubt: { since: minutes(20), until: minutes(30) },
      succeeded: { acquire: at },
    });
    expect(lostBetween(taken(minutes(25)))).toEqual({ from: minutes(15), to: minutes(32) });
    expect(lostBetween(taken(minutes(36), minutes(31)))).toEqual({ from: minutes(20), to: minutes(37) });
    // What was taken before was dated when somebody else may have dated the answers.
    expect(lostBetween(taken(minutes(25), minutes(30) - 1))).toEqual({ from: minutes(20), to: minutes(32) });
    const none = { ...taken(0), leases: [] };
    expect(lostBetween(none)).toEqual({ from: minutes(20), to: minutes(32) });
    const counted = strangersIn(
      taken(minutes(36)),
      [aLease({ id: 'l2', issuedAt: minutes(36) + seconds(1) })],
      rulesOf(),
    );
    expect(counted).toHaveLength(1);
  });
});
