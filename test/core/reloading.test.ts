import { describe, expect, test } from 'vitest';
import { reloaded, writing, written } from '../../src/core/deliveries.ts';
import { LeaseError } from '../../src/core/failure.ts';
import type { HeldLease, SecretRecord, SinkState } from '../../src/core/record.ts';
import { acknowledged, allSinks, reloading } from '../../src/core/reloading.ts';
import { failed } from '../../src/core/setbacks.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { settled } from '../../src/core/transitions.ts';
import { aLease, at, held, recordOf, rulesOf } from './build.ts';

const old = { lease: 'l1', generation: 0 };
const now = { lease: 'l2', generation: 0 };
const rules = rulesOf({ reloads: true, sinks: ['file', 'other'] });
const facts = at(minutes(31));
const head = held(aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: minutes(90) }));
const uses = (record: SecretRecord) => Object.values(record.sinks).map((sink) => sink.uses);

/** Both sinks had the old values, and the programs too. */
const before: SecretRecord = {
  ...recordOf(head, held()),
  sinks: {
    file: { uses: [old], has: { ...old, mark: 'm', reloaded: true, seenAt: 0 } },
    other: { uses: [old], has: { ...old, mark: 'm', reloaded: true, seenAt: 0 } },
  },
  acknowledged: old,
};

/** As `deliver` does it. */
function paid(record: SecretRecord, sink: string): SecretRecord {
  const begun = { ...record, sinks: { ...record.sinks, [sink]: { ...record.sinks[sink], uses: [old, now] } } };
  return reloaded(written(begun, sink, { ...now, mark: 'n' }, 1), sink, now, rules);
}

describe('the programs that the secret tells', () => {
  test('are told when all sinks hold the head and the programs behind each have taken it up', () => {
    expect(reloading(before, rules, facts)).toMatchObject({ act: 'wait' });
    expect(reloading(paid(before, 'file'), rules, facts)).toMatchObject({ act: 'wait' });
    const both = paid(paid(before, 'file'), 'other');
    expect(reloading(both, rules, facts)).toMatchObject({ act: 'reload', to: allSinks, because: 'Unacknowledged' });
    const unreloaded = written(both, 'file', { ...now, mark: 'n' }, 2);
    expect(reloading(unreloaded, rules, facts)).toMatchObject({ act: 'wait' });
  });

  test('are told of a version that was destroyed meanwhile, where all else that they use has ended too', () => {
    const over = aLease({ id: 'l2', issuedAt: minutes(30), expiresAt: minutes(40), version: {} as never });
    const inVain = { count: 9, denied: 0, at: minutes(60), code: 'invalid', notBefore: 0 } as const;
    const both = {
      ...paid(paid(before, 'file'), 'other'),
      leases: [held(over), held()],
      failures: { acquire: inVain },
    };
    const ended = minutes(60) + seconds(35);
    expect(reloading(both, rules, at(ended - 1))).toMatchObject({ act: 'wait' });
    expect(reloading(both, rules, at(ended))).toMatchObject({ act: 'reload', to: allSinks });
    const { version: _, ...dead } = over;
    expect(reloading({ ...both, leases: [held(dead), held()] }, rules, at(ended))).toMatchObject({ act: 'wait' });
  });

  test('are not told of what may have ended before we started, as long as what they use lives', () => {
    const observing = rulesOf({ ...rules, can: { observe: true, read: false, search: false } });
    const both = paid(paid(before, 'file'), 'other');
    const later = (time: number) => at(time, { startedAt: minutes(31) });
    expect(reloading(both, observing, later(minutes(32)))).toMatchObject({ act: 'wait', until: minutes(59) });
    expect(reloading(both, observing, later(minutes(59)))).toMatchObject({ act: 'reload' });
    const waits = (change: Partial<HeldLease>) =>
      reloading({ ...both, leases: [{ ...head, ...change }, held()] }, observing, later(minutes(32))).act === 'wait';
    expect(waits({ observedAt: minutes(31) })).toBe(false);
    expect(waits({ observedAt: minutes(31) - 1 })).toBe(true);
    expect(waits({ since: minutes(31) })).toBe(false);
    expect(reloading(both, rules, later(minutes(32)))).toMatchObject({ act: 'reload' });
    const sinks = Object.fromEntries(
      Object.entries(both.sinks).map(([name, state]): [string, SinkState] => [name, { ...state, uses: [now] }]),
    );
    expect(reloading({ ...both, sinks }, observing, later(minutes(32)))).toMatchObject({ act: 'reload' });
  });

  test('are told once for each head', () => {
    const done = acknowledged(paid(paid(before, 'file'), 'other'), now);
    expect(reloading(done, rules, facts)).toMatchObject({ act: 'wait' });
    const next = { ...done, leases: [held(head.lease, { generation: 1 }), held()] };
    expect(reloading(next, rules, facts)).toMatchObject({ act: 'wait' });
  });

  test('are told again when what they had taken up comes back after something else that they were told of in vain', () => {
    const both = paid(paid(before, 'file'), 'other');
    const inVain = failed(both, { act: 'reload', to: allSinks } as never, new LeaseError('unavailable', 'cut off'), {
      begun: 2,
      now: 3,
    });
    const back = ['file', 'other'].reduce<SecretRecord>(
      (record, sink) => reloaded(written(record, sink, { ...old, mark: 'm' }, 4), sink, old, rules),
      { ...inVain, leases: [held(), head], failures: {} },
    );
    expect(reloading(back, rules, facts)).toMatchObject({ act: 'reload', because: 'Unacknowledged' });
    // It may be that they use it.
    for (const used of uses(back)) expect(used).toContainEqual(now);
    expect(reloading(acknowledged(back, old), rules, facts)).toMatchObject({ act: 'wait' });
  });

  test('are not told where there are none, or what they would take up is dead', () => {
    const both = paid(paid(before, 'file'), 'other');
    expect(reloading(both, rulesOf({ sinks: ['file', 'other'] }), facts)).toMatchObject({ act: 'wait' });
    expect(reloading(both, rules, at(minutes(90)))).toMatchObject({ act: 'wait' });
  });

  test('do not make us forget what is being written meanwhile', () => {
    const both = paid(paid(before, 'file'), 'other');
    const next = { lease: 'l3', generation: 0 };
    const begun = writing(both, 'file', next, 0);
    expect(uses(acknowledged(begun, now))).toEqual([[now, next], [now]]);
  });

  test('may use the old values until they have taken up the new ones', () => {
    const both = paid(paid(before, 'file'), 'other');
    expect(uses(both)).toEqual([
      [old, now],
      [old, now],
    ]);
    expect(settled(both, rules, 9).leases[1]?.supersededAt).toBeUndefined();
    const done = acknowledged(both, now);
    expect(uses(done)).toEqual([[now], [now]]);
    expect(settled(done, rules, 9).leases[1]?.supersededAt).toBe(9);
  });

  test('acknowledge only what they were told of', () => {
    const other = paid(before, 'file');
    expect(uses(acknowledged(other, now))).toEqual([[now], [old]]);
    const unreloaded = written(other, 'file', { ...now, mark: 'n' }, 2);
    expect(uses(acknowledged(unreloaded, now))).toEqual([[old, now], [old]]);
  });

  test('need not be told again where a sink was emptied by others and filled again', () => {
    const done = acknowledged(paid(paid(before, 'file'), 'other'), now);
    const again = reloaded(written(done, 'file', { ...now, mark: 'n' }, 1), 'file', now, rules);
    expect(uses(again)).toEqual([[now], [now]]);
    expect(reloading(again, rules, facts)).toMatchObject({ act: 'wait' });
  });

  test('are told again and again until they acknowledge, the sooner the nearer the end of what they use', () => {
    const both = paid(paid(before, 'file'), 'other');
    const step = reloading(both, rules, facts);
    if (step.act === 'wait') throw new Error('nothing to be done');
    expect(step.deadline).toBe(minutes(60));
    expect(reloading(both, rules, at(minutes(60)))).toMatchObject({ deadline: minutes(90) });
    let next = both;
    for (let i = 0; i < 12; i++) {
      next = failed(next, step, new LeaseError('unavailable', 'no'), { begun: 0, now: minutes(31) });
    }
    expect(reloading(next, rules, facts)).toMatchObject({ act: 'wait', because: 'BackingOff' });
    const wait = reloading(settled(next, rules, 0), rules, at(minutes(31)));
    expect(wait).toMatchObject({ because: 'BackingOff', until: minutes(31) + seconds((29 * 60) / 8) });
    expect(reloading(next, rules, at(hours(1)))).toMatchObject({ act: 'reload' });
  });
});

describe('programs that are told some time after the first change', () => {
  const waiting = rulesOf({ reloads: true, sinks: ['file', 'other'], reloadAfter: seconds(30) });
  const next = { lease: 'l3', generation: 0 };
  const first = settled(paid(before, 'file'), waiting, minutes(31));
  const both = settled(paid(first, 'other'), waiting, minutes(31) + seconds(20));

  test('are told so long after it, however much later the last sink was written', () => {
    expect(first.untoldSince).toBe(minutes(31));
    expect(both.untoldSince).toBe(minutes(31));
    expect(reloading(both, waiting, at(minutes(31)))).toMatchObject({ act: 'wait', until: minutes(31.5) });
    expect(reloading(both, waiting, at(minutes(31.5)))).toMatchObject({ act: 'reload' });
  });

  test('are told once of all that has changed by then', () => {
    const third = held(aLease({ id: 'l3', issuedAt: minutes(31), expiresAt: minutes(91) }));
    const known = { ...both, leases: [third, ...both.leases] };
    const one = settled(reloaded(written(known, 'file', { ...next, mark: 'o' }, 1), 'file', next, waiting), waiting, 9);
    expect(reloading(one, waiting, at(minutes(31.5)))).toMatchObject({ act: 'wait' });
    const all = reloaded(written(one, 'other', { ...next, mark: 'o' }, 1), 'other', next, waiting);
    expect(reloading(all, waiting, at(minutes(31.5) - 1))).toMatchObject({ until: minutes(31.5) });
    expect(reloading(all, waiting, at(minutes(31.5)))).toMatchObject({ act: 'reload' });
    const done = settled(acknowledged(all, next), waiting, minutes(32));
    expect(done).not.toHaveProperty('untoldSince');
    expect(reloading(done, waiting, at(minutes(32)))).toMatchObject({ act: 'wait' });
  });

  test('wait anew for what came while they were told', () => {
    const one = written(both, 'file', { ...next, mark: 'o' }, 1);
    expect(settled(acknowledged(one, now), waiting, minutes(33)).untoldSince).toBe(minutes(33));
  });

  test('are told at once where what they use besides is about to end', () => {
    const dying = { ...both, leases: [head, held(aLease({ expiresAt: minutes(32) }))] };
    const soon = minutes(32) - seconds(96);
    expect(reloading(dying, waiting, at(soon - 1))).toMatchObject({ act: 'wait', until: soon });
    expect(reloading(dying, waiting, at(soon))).toMatchObject({ act: 'reload' });
    const former = { ...both, leases: [held(head.lease, { generation: 1, formerEnds: { 0: minutes(31) } })] };
    const renewed = { lease: 'l2', generation: 1 };
    const all = ['file', 'other'].reduce(
      (record, sink) => reloaded(written(record, sink, { ...renewed, mark: 'o' }, 1), sink, renewed, waiting),
      former as SecretRecord,
    );
    expect(reloading(all, waiting, at(minutes(31) - 1))).toMatchObject({ act: 'reload' });
  });

  test('are not kept waiting by a date of a clock that was set back', () => {
    const ahead = { ...both, untoldSince: minutes(33) };
    expect(reloading(ahead, waiting, at(minutes(32)))).toMatchObject({ until: minutes(33.5) });
    expect(reloading(ahead, waiting, at(minutes(32) - 1))).toMatchObject({ act: 'reload' });
    const { untoldSince: _, ...undated } = both;
    expect(reloading(undated, waiting, at(minutes(31)))).toMatchObject({ act: 'reload' });
  });

  test('have no date kept where there are none, or they are told at once', () => {
    expect(settled(both, rules, 9)).not.toHaveProperty('untoldSince');
    const none = rulesOf({ sinks: ['file', 'other'], reloadAfter: seconds(30) });
    expect(settled(both, none, 9)).not.toHaveProperty('untoldSince');
  });
});
