/** What becomes of leases that nobody uses, or that nobody is known to use. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/core/decide.ts';
import type { Holding, SecretRecord, SinkState } from '../../src/core/record.ts';
import { minutes } from '../../src/core/time.ts';
import { searched } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const rules = { ...rulesOf(), exclusive: true, sinks: ['a'] };
const head: Holding = { lease: 'l1', generation: 0 };
const has = (what: Holding, reloaded = true): SinkState => ({
  uses: [what],
  has: { ...what, mark: 'm', reloaded, seenAt: 0 },
});
const now = minutes(3);
const knowing = (...seen: readonly string[]) => at(now, { seen, atHand: [head] });

/** A search has found `lost`, which a process took that was killed. */
function found(sinks: Readonly<Record<string, SinkState>>, change: Partial<SecretRecord> = {}): SecretRecord {
  const record = { ...recordOf(held(aLease())), sinks, intent: { key: 'k', at: 0 }, ...change };
  return searched(record, [aLease({ id: 'lost', issuedAt: 1 })], rules, now);
}

describe('a lease that a search has found', () => {
  test.each<[string, SecretRecord, readonly string[]]>([
    ['the sink was not asked yet', found({ a: has(head) }), []],
    ['something else was found in the sink', found({ a: { uses: [head] } }), ['a']],
    ['the program does not use what is there yet', found({ a: has(head, false) }), ['a']],
    ['the sink has another generation', found({ a: has({ ...head, generation: 1 }) }), ['a']],
  ])('may be in use, and is not ended, while %s', (_, record, seen) => {
    const next = decide(record, rules, knowing(...seen));
    expect(next).not.toMatchObject({ act: 'retire' });
  });

  test('is ended at once when all sinks are known to have another, or never had anything', () => {
    const ended = { act: 'retire', to: 'lost', because: 'GraceOver' };
    expect(decide(found({ a: has(head) }), rules, knowing('a'))).toMatchObject(ended);
    expect(decide(found({}), rules, knowing())).toMatchObject(ended);
  });

  test('is not ended before the programs have the head that the secret tells', () => {
    const told = { ...rules, reloads: true };
    const seen = knowing('a');
    expect(decide(found({ a: has(head) }), told, seen)).not.toMatchObject({ act: 'retire' });
    expect(decide(found({ a: has(head) }, { acknowledged: head }), told, seen)).toMatchObject({ act: 'retire' });
  });

  test('is over and done with when it has ended by itself, whoever has it', () => {
    const record = found({ a: { uses: [head] } });
    const [first, lost] = record.leases;
    if (!first || !lost) throw new Error('there are two');
    const late = { ...record, leases: [first, { ...lost, lease: { ...lost.lease, expiresAt: now } }] };
    expect(decide(late, rules, knowing('a'))).toMatchObject({ act: 'retire', to: 'lost' });
  });
});
