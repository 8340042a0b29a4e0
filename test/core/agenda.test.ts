import { describe, expect, test } from 'vitest';
import { choose, keyOf } from '../../src/core/agenda.ts';
import type { BlockReason } from '../../src/core/failure.ts';
import type { GateView } from '../../src/core/rules.ts';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';

const item = (act: string, at = 0, change = {}) => ({
  act,
  because: 'x',
  at,
  deadline: hours(1),
  emergencyAt: minutes(57),
  ...change,
});
const failure = { count: 3, denied: 0, at: 0, code: 'unavailable', notBefore: 0 } as const;
const passes = (one: { act: string }) => one.act !== 'own';
const open = { blocks: [], isBusy: false };
const at = (gate: GateView) => (one: { act: string }) => (passes(one) ? { gate } : undefined);
const blockedBy = (because: BlockReason, until: number, since = 0) => ({
  blocks: [{ because, since, until }],
  isBusy: false,
});

describe('of a list of things to be done', () => {
  test('the first that is due is done', () => {
    expect(choose([item('later', 2), item('first', 1), item('second', 1)], {}, 1)).toMatchObject({ act: 'first' });
  });

  test('what is backing off is passed over', () => {
    expect(choose([item('a'), item('b')], { a: failure }, 1)).toMatchObject({ act: 'b' });
  });

  test('the earliest is waited for, and why is said', () => {
    expect(choose([item('a', 9), item('b', 7)], {}, 1)).toEqual({ act: 'wait', until: 7, because: 'NotDue' });
    expect(choose([item('a')], { a: failure }, 1)).toEqual({ act: 'wait', until: 4000, because: 'BackingOff' });
    expect(choose([item('a', 9000)], { a: failure }, 1)).toEqual({ act: 'wait', until: 9000, because: 'NotDue' });
  });

  test('what is due when its back-off ends was not due before', () => {
    expect(choose([item('a', 4000)], { a: failure }, 1)).toMatchObject({ until: 4000, because: 'NotDue' });
  });

  test('the first of two with one date says why it is waited for', () => {
    expect(choose([item('a'), item('b', 4000)], { a: failure }, 1)).toMatchObject({ because: 'BackingOff' });
    expect(choose([item('b', 4000), item('a')], { a: failure }, 1)).toMatchObject({ because: 'NotDue' });
  });

  test('nothing is waited for longer than a day', () => {
    expect(choose([], {}, 5)).toEqual({ act: 'wait', until: days(1) + 5, because: 'NotDue' });
    expect(choose([item('a', days(3))], {}, 5)).toMatchObject({ until: days(1) + 5 });
  });

  test('failures are remembered by act, and by what it is done to', () => {
    expect(keyOf({ act: 'renew', to: 'l1' })).toBe('renew:l1');
    expect(keyOf({ act: 'acquire' })).toBe('acquire');
  });
});

describe('a provider that is blocked', () => {
  test('holds up what is asked of it, and nothing else', () => {
    const gate = blockedBy('NoToken', 50);
    expect(choose([item('a'), item('own')], {}, 1, at(gate))).toMatchObject({ act: 'own' });
    expect(choose([item('a')], {}, 1, at(gate))).toEqual({
      act: 'wait',
      until: 50,
      because: 'Blocked',
      heldUp: { deadline: hours(1), emergencyAt: minutes(57) },
    });
    expect(choose([item('a')], {}, 50, at(gate))).toMatchObject({ act: 'a' });
    expect(choose([item('a')], {}, 1, at(open))).toMatchObject({ act: 'a' });
  });

  test('is not waited for by what is not due', () => {
    const wait = choose([item('a', 20)], {}, 1, at(blockedBy('NoToken', 10)));
    expect(wait).toEqual({ act: 'wait', until: 20, because: 'NotDue' });
    // It gets in line when it falls due: who can help has to know how urgent it is.
    expect(choose([item('a', 20)], {}, 1, at(blockedBy('NoToken', 30)))).toEqual({
      act: 'wait',
      until: 20,
      because: 'NotDue',
    });
  });

  test('that asked for silence is asked again when the emergency window begins', () => {
    const gate = blockedBy('RetryAfter', days(1), minutes(50));
    expect(choose([item('a')], {}, minutes(51), at(gate))).toMatchObject({ until: minutes(57) });
    expect(choose([item('a')], {}, minutes(57), at(gate))).toMatchObject({ act: 'a' });
  });

  test('a limit of our own lets nobody through before its end, however urgent', () => {
    const ours = {
      blocks: [{ because: 'RetryAfter' as const, since: 0, until: minutes(59), isOurs: true as const }],
      isBusy: false,
    };
    expect(choose([item('a')], {}, minutes(58), at(ours))).toMatchObject({ because: 'Blocked', until: minutes(59) });
    expect(choose([item('a')], {}, minutes(59), at(ours))).toMatchObject({ act: 'a' });
    const theirs = blockedBy('RetryAfter', minutes(59));
    expect(choose([item('a')], {}, minutes(58), at(theirs))).toMatchObject({ act: 'a' });
  });

  test('that asks for silence again and again is left alone for an eighth of the life that is left', () => {
    const gate = blockedBy('RetryAfter', days(1), minutes(58));
    expect(choose([item('a')], {}, minutes(58), at(gate))).toMatchObject({ until: minutes(58) + seconds(15) });
  });

  test('that does not answer is tried by who cannot wait any longer', () => {
    const gate = blockedBy('CircuitOpen', minutes(59), minutes(58));
    expect(choose([item('a')], {}, minutes(58), at(gate))).toMatchObject({ until: minutes(58) + seconds(15) });
    const soon = blockedBy('CircuitOpen', minutes(58) + 1, minutes(58));
    expect(choose([item('a')], {}, minutes(58), at(soon))).toMatchObject({ until: minutes(58) + 1 });
  });

  test('that does not answer others is tried by whose turn it is', () => {
    const open = (since: number, turnSince: number) => ({
      blocks: [{ because: 'CircuitOpen' as const, since, until: minutes(59), turnSince }],
      isBusy: false,
    });
    const from = (since: number, turnSince: number) => choose([item('a')], {}, since, at(open(since, turnSince)));
    // An eighth of what was left when it had its last turn, and not right after another.
    const early = minutes(57) + seconds(52);
    expect(from(minutes(58), early)).toMatchObject({ until: early + seconds(16) });
    expect(from(minutes(58), minutes(56))).toMatchObject({ until: minutes(58) + seconds(1) });
  });

  test('is not asked before all of its blocks are over', () => {
    const gate = {
      blocks: [...blockedBy('NoToken', 30).blocks, ...blockedBy('CircuitOpen', 20).blocks],
      isBusy: false,
    };
    expect(choose([item('a')], {}, 1, at(gate))).toMatchObject({ until: 30 });
  });

  test('does not forgive a failure: back-off goes on behind the block', () => {
    expect(choose([item('a')], { a: failure }, 1, at(blockedBy('NoToken', 3000)))).toEqual({
      act: 'wait',
      until: 4000,
      because: 'BackingOff',
    });
  });
});

describe('a provider that is blocked for one kind of request', () => {
  const gate = { blocks: [{ because: 'RetryAfter' as const, kind: 'read', since: 0, until: 50 }], isBusy: false };
  const kinds: Record<string, readonly string[]> = {
    look: ['read'],
    renew: ['write'],
    swap: ['read', 'write'],
    own: [],
  };
  const way = (view: GateView) => (one: { act: string }) => ({ gate: view, kinds: kinds[one.act] });

  test('holds up what takes that kind, and nothing else', () => {
    for (const act of ['look', 'swap', 'unknown']) {
      const wait = choose([item(act)], {}, 1, way(gate));
      expect(wait).toMatchObject({ act: 'wait', until: 50, because: 'Blocked' });
      expect(choose([item(act), item('renew')], {}, 1, way(gate))).toMatchObject({ act: 'renew' });
    }
    expect(choose([item('own')], {}, 1, way(gate))).toMatchObject({ act: 'own' });
  });

  test('is told what is waited for, and by whom nobody knows', () => {
    expect(choose([item('swap')], {}, 1, way(gate))).toHaveProperty('heldUp', {
      deadline: hours(1),
      emergencyAt: minutes(57),
      kinds: ['read', 'write'],
    });
    expect(choose([item('unknown')], {}, 1, way(gate))).not.toHaveProperty('heldUp.kinds');
  });

  test('is waited for behind what only waits for a slot: that may come first', () => {
    const busy = { ...gate, isBusy: true };
    const urgent = { deadline: 7, emergencyAt: 6 };
    for (const agenda of [
      [item('look', 0, urgent), item('renew'), item('own')],
      [item('renew'), item('look', 0, urgent), item('own')],
    ]) {
      expect(choose(agenda, {}, 1, way(busy))).toMatchObject({ heldUp: { ...urgent, kinds: ['write'] } });
    }
  });
});

describe('a provider whose slots are taken', () => {
  const busy = { blocks: [], isBusy: true };

  test('is waited for without a date but that of a safety net', () => {
    expect(choose([item('a')], {}, 1, at(busy))).toEqual({
      act: 'wait',
      until: seconds(30) + 1,
      because: 'ProviderBusy',
      heldUp: { deadline: hours(1), emergencyAt: minutes(57) },
    });
  });

  test('does not matter to what is not due yet, or not asked of it', () => {
    expect(choose([item('a', 9)], {}, 1, at(busy))).toEqual({ act: 'wait', until: 9, because: 'NotDue' });
    expect(choose([item('own')], {}, 1, at(busy))).toMatchObject({ act: 'own' });
  });

  test('is not waited for at the very moment at which a block ends', () => {
    const both = { blocks: blockedBy('NoToken', 5).blocks, isBusy: true };
    expect(choose([item('a')], {}, 5, at(both))).toMatchObject({ until: seconds(30) + 5, because: 'ProviderBusy' });
  });

  test('is told of the first of two that are as urgent', () => {
    const agenda = [item('a'), item('b', 0, { emergencyAt: 7 })];
    expect(choose(agenda, {}, 1, at(busy))).toMatchObject({ heldUp: { emergencyAt: minutes(57) } });
  });

  test('is told of the most urgent that waits', () => {
    const wait = choose([item('a'), item('b', 0, { deadline: 7 }), item('c', 3)], {}, 1, at(busy));
    expect(wait).toEqual({
      act: 'wait',
      until: 3,
      because: 'NotDue',
      heldUp: { deadline: 7, emergencyAt: minutes(57) },
    });
  });
});
