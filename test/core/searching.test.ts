/** When to look for leases of which nobody heard. */
import { describe, expect, test } from 'vitest';
import { agendaOf, decide } from '../../src/core/decide.ts';
import type { Facts } from '../../src/core/rules.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

describe('what was lost', () => {
  const can = { observe: false, read: false, search: true };
  const record = { ...recordOf(held()), intent: { key: 'k', at: minutes(1) } };

  test('is searched for two minutes after the last that may have lost it', () => {
    const rules = rulesOf({ can });
    expect(decide(record, rules, at(minutes(2)))).toMatchObject({ act: 'wait', until: minutes(3) });
    expect(decide(record, rules, at(minutes(3)))).toMatchObject({ act: 'search', because: 'LeaseMayBeLost' });
    const doubtful = { ...recordOf(held()), doubt: { since: 0, until: minutes(4) } };
    expect(decide(doubtful, rules, at(minutes(5)))).toMatchObject({ act: 'wait', until: minutes(6) });
    expect(decide(recordOf(held()), rules, at(minutes(9)))).toMatchObject({ act: 'wait', until: minutes(30) });
    expect(decide(record, rulesOf(), at(minutes(9)))).toMatchObject({ act: 'wait', until: minutes(30) });
  });

  test('is searched for within a minute where it may be ended, and once more when nothing can come any more', () => {
    const rules = rulesOf({ can, exclusive: true });
    expect(decide(record, rules, at(seconds(90)))).toMatchObject({ act: 'wait', until: seconds(60 + 45) });
    expect(decide(record, rules, at(seconds(60 + 45)))).toMatchObject({ act: 'search' });
    const searched = { ...record, succeeded: { search: minutes(1) + 1 } };
    expect(decide(searched, rules, at(minutes(2)))).toMatchObject({ act: 'wait', until: minutes(3) });
    expect(decide(searched, rules, at(minutes(3)))).toMatchObject({ act: 'search' });
    const earlier = { ...record, succeeded: { search: minutes(1) } };
    expect(decide(earlier, rules, at(minutes(2)))).toMatchObject({ act: 'search' });
  });

  test('is searched for a moment after we have started where it may be ended, or as soon as all sinks were looked into', () => {
    const rules = rulesOf({ can, exclusive: true, sinks: ['file', 'empty'] });
    const startedAt = minutes(5);
    const search = (facts: Partial<Facts>, change = {}, by = rules) =>
      agendaOf({ ...record, ...change }, by, at(minutes(6), { startedAt, ...facts })).find(
        ({ act }) => act === 'search',
      )?.at;
    const due = seconds(60 + 45);
    const later = startedAt + seconds(10);
    expect(search({ seen: [], writable: [] })).toBe(later);
    expect(search({ seen: ['file', 'empty'], writable: [] })).toBe(later);
    expect(search({ seen: [], writable: ['file', 'empty'] })).toBe(later);
    expect(search({ seen: ['file'], writable: ['empty'] })).toBe(due);
    // It may still be on its way.
    expect(search({ seen: [], writable: [] }, { intent: { key: 'k', at: minutes(7) } })).toBe(minutes(7) + seconds(45));
    expect(search({ seen: [], writable: [] }, {}, rulesOf({ can, sinks: ['file', 'empty'] }))).toBe(minutes(3));
  });

  test('and found needs no grace: nobody ever had it', () => {
    const found = (verified: boolean) =>
      recordOf(held(), held(aLease({ id: 'l2' }), { supersededAt: minutes(1), verified }));
    const rules = rulesOf({ grace: minutes(5) });
    const retirement = (verified: boolean) =>
      agendaOf(found(verified), rules, at(minutes(1))).find(({ act }) => act === 'retire');
    expect(retirement(false)).toMatchObject({ to: 'l2', at: minutes(1) });
    expect(retirement(true)).toMatchObject({ to: 'l2', at: minutes(6) });
  });
});
