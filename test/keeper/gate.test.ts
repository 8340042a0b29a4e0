import { beforeEach, describe, expect, test } from 'vitest';
import { minutes, seconds } from '../../src/core/time.ts';
import type { KeeperEvent } from '../../src/keeper/events.ts';
import { Gate } from '../../src/keeper/gate.ts';

let now = 0;
let events: KeeperEvent[] = [];
let woken: string[] = [];
const gateOf = (slots = 2) =>
  new Gate({ name: 'p', clock: { now: () => now }, emit: (event) => events.push(event), slots });
const wait = (gate: Gate, name: string, deadline: number) =>
  gate.line(name, { deadline, emergencyAt: deadline - 1 }, () => woken.push(name));

beforeEach(() => {
  now = 1000;
  events = [];
  woken = [];
});

test('what a provider asked for holds on at the gate that takes the place of another; what we made of it does not', () => {
  const gate = gateOf();
  gate.block(9_000, 'RetryAfter');
  const former = gateOf();
  former.block(5_000, 'RetryAfter', { isUnsent: true });
  const after = (one: Gate) =>
    new Gate({ name: 'p', clock: { now: () => now }, emit: (e) => events.push(e), former: one });
  expect(after(gate).view('a').blocks).toEqual([{ because: 'RetryAfter', since: 1_000, until: 9_000 }]);
  expect(events.at(-1)).toMatchObject({ type: 'blocked', until: 9_000 });
  expect(after(former).view('a').blocks).toEqual([]);
  expect(events.at(-1)).toEqual({ type: 'blocked', provider: 'p' });
});

describe('a limit of our own', () => {
  const hold = (gate: Gate, until: number) => gate.block(until, 'RetryAfter', { isUnsent: true });

  test('ends when it is said to, although that is soon', () => {
    const gate = gateOf();
    hold(gate, 1_010);
    expect(gate.view('a').blocks).toEqual([{ because: 'RetryAfter', isOurs: true, since: 1_000, until: 1_010 }]);
    hold(gate, 900);
    expect(gate.view('a').blocks).toMatchObject([{ until: 1_001 }]);
    gate.block(1_010, 'RetryAfter');
    expect(gate.view('a').blocks).toEqual([{ because: 'RetryAfter', since: 1_000, until: 2_000 }]);
  });

  test('that has run out is first tried by the most urgent of those who waited for it', () => {
    const gate = gateOf(8);
    hold(gate, 1_010);
    wait(gate, 'early', 5_000);
    wait(gate, 'late', 9_000);
    now = 1_010;
    expect([gate.view('early').isBusy, gate.view('late').isBusy]).toEqual([false, true]);
    gate.leave(gate.enter('early'), 'answered');
    expect(gate.view('late').isBusy).toBe(false);
  });

  test('that has run out lets one go after the other has sent its request: what is urgent is not overtaken', () => {
    const gate = gateOf(8);
    hold(gate, 1_010);
    for (const [i, name] of ['a', 'b', 'c', 'd', 'e'].entries()) wait(gate, name, 5_000 + i);
    now = 1_010;
    const first = gate.enter('a');
    expect([woken, gate.view('b').isBusy]).toEqual([[], true]);
    gate.sent(first);
    expect([woken, gate.view('b').isBusy, gate.view('c').isBusy]).toEqual([['b'], false, true]);
    const second = gate.enter('b');
    gate.sent(first);
    expect(woken).toEqual(['b']);
    gate.sent(second);
    expect(woken).toEqual(['b', 'c']);
    // Who does not get to sending gives way.
    gate.leave(gate.enter('c'), 'unknown');
    expect(woken).toEqual(['b', 'c', 'd']);
    now = 1_010 + 5_000;
    expect(gate.view('e').isBusy).toBe(false);
    gate.leave(gate.enter('d'), 'answered');
    expect(woken).toEqual(['b', 'c', 'd', 'e']);
  });

  test('waits for the most urgent no longer than a turn: it may be about something else', () => {
    const gate = gateOf(8);
    hold(gate, 1_010);
    wait(gate, 'early', 5_000);
    wait(gate, 'late', 9_000);
    now = 6_009;
    expect(gate.view('late').isBusy).toBe(true);
    now = 6_010;
    expect(gate.view('late').isBusy).toBe(false);
  });
});

describe('the slots of a gate', () => {
  test('are so many, and no more', () => {
    const gate = gateOf();
    expect(gate.view('a').isBusy).toBe(false);
    gate.enter('a');
    expect(gate.view('b').isBusy).toBe(false);
    const second = gate.enter('b');
    expect(gate.view('c').isBusy).toBe(true);
    gate.leave(second, 'answered');
    expect(gate.view('c').isBusy).toBe(false);
  });

  test('are eight where nobody says otherwise', () => {
    const gate = new Gate({ name: 'p', clock: { now: () => now }, emit: () => undefined });
    for (let i = 0; i < 7; i++) gate.enter(`${i}`);
    expect(gate.view('x').isBusy).toBe(false);
    gate.enter('8');
    expect(gate.view('x').isBusy).toBe(true);
  });

  test('go to the most urgent when they become free, and are kept for it', () => {
    const gate = gateOf(1);
    const ticket = gate.enter('a');
    expect(wait(gate, 'b', 900_000)).toBe(true);
    expect(wait(gate, 'c', 500_000)).toBe(true);
    expect(wait(gate, 'd', 700_000)).toBe(false);
    gate.leave(ticket, 'answered');
    expect(woken).toEqual(['c']);
    expect(gate.view('d').isBusy).toBe(true);
    expect(gate.view('c').isBusy).toBe(false);
    gate.leave(gate.enter('c'), 'answered');
    expect(woken).toEqual(['c', 'd']);
  });

  test('go to the next where the one that was woken has nothing to ask any more', () => {
    const gate = gateOf(1);
    const ticket = gate.enter('a');
    wait(gate, 'b', 1);
    wait(gate, 'c', 2);
    gate.leave(ticket, 'answered');
    gate.pass('b');
    expect(woken).toEqual(['b', 'c']);
    gate.pass('x');
    expect(woken).toEqual(['b', 'c']);
  });

  test('are not taken by who looks by itself while more urgent ones wait, who are called instead', () => {
    const gate = gateOf(1);
    gate.block(now + seconds(60), 'RetryAfter');
    wait(gate, 'late', 900_000);
    wait(gate, 'soon', 500_000);
    wait(gate, 'later', 990_000);
    now += seconds(60);
    expect(['later', 'late', 'soon', 'new'].map((name) => gate.view(name).isBusy)).toEqual([true, true, false, false]);
    expect(woken).toEqual([]);
    expect(wait(gate, 'late', 900_000)).toBe(false);
    expect(woken).toEqual(['soon']);
    // It has the slot now.
    expect(gate.view('late').isBusy).toBe(true);
    expect(wait(gate, 'late', 900_000)).toBe(true);
    expect(woken).toEqual(['soon']);
  });

  test('call nobody while the gate is closed, whoever gives way', () => {
    const gate = gateOf(1);
    gate.block(now + seconds(60), 'RetryAfter');
    wait(gate, 'a', 500_000);
    wait(gate, 'b', 900_000);
    wait(gate, 'b', 900_000);
    expect(woken).toEqual([]);
  });

  test('are not kept for long for one that does not come', () => {
    const gate = gateOf(1);
    const ticket = gate.enter('a');
    wait(gate, 'b', 1);
    gate.leave(ticket, 'answered');
    now += seconds(5) - 1;
    expect(gate.view('c').isBusy).toBe(true);
    now += 1;
    expect(gate.view('c').isBusy).toBe(false);
  });
});

describe('a block', () => {
  test('holds everybody up until its date, and is told of', () => {
    const gate = gateOf();
    gate.block(now + seconds(9), 'NoToken');
    expect(gate.view('a').blocks).toEqual([{ because: 'NoToken', since: now, until: now + seconds(9) }]);
    expect(events).toEqual([{ type: 'blocked', provider: 'p', until: now + seconds(9), because: 'NoToken' }]);
    now += seconds(9);
    expect(gate.view('a').blocks).toEqual([]);
  });

  test('is seen in the time of who asks', () => {
    const gate = gateOf();
    gate.block(now + seconds(9), 'NoToken');
    const [block] = gate.view('a', minutes(1)).blocks;
    expect(block).toEqual({ because: 'NoToken', since: now + minutes(1), until: now + seconds(69) });
  });

  test('lasts at least a second and at most ten minutes, whatever a provider says', () => {
    const gate = gateOf();
    gate.block(now - 5, 'RetryAfter');
    expect(gate.view('a').blocks[0]?.until).toBe(now + seconds(1));
    gate.block(now + minutes(60), 'RetryAfter');
    expect(gate.view('a').blocks[0]?.until).toBe(now + minutes(10));
  });

  test('for a rejected token lasts longer and longer, until there is another', () => {
    const gate = gateOf();
    const lasts: number[] = [];
    const reject = () => {
      gate.block(now + seconds(2), 'TokenRejected');
      const until = gate.view('a').blocks[0]?.until ?? 0;
      lasts.push((until - now) / 1000);
      now = until;
      gate.leave(gate.enter('a'), 'answered');
    };
    for (let i = 0; i < 7; i++) reject();
    expect(lasts).toEqual([5, 10, 20, 40, 80, 120, 120]);
    gate.unblock();
    reject();
    expect(lasts.at(-1)).toBe(5);
  });

  test('is lifted by who knows better, and those who wait are woken, as many as there are slots', () => {
    const gate = gateOf(2);
    gate.block(now + seconds(9), 'NoToken');
    for (const name of ['a', 'b', 'c']) wait(gate, name, 1);
    gate.unblock();
    expect(woken).toEqual(['a', 'b']);
    expect(gate.view('c').blocks).toEqual([]);
    expect(events.at(-1)).toEqual({ type: 'blocked', provider: 'p' });
    gate.unblock();
    expect(events).toHaveLength(2);
  });

  test('for a token is not believed of who began to ask before there was another', () => {
    for (const because of ['NoToken', 'TokenRejected'] as const) {
      const gate = gateOf();
      const early = gate.enter('a');
      gate.unblock();
      gate.block(now + minutes(1), because, { ticket: early });
      expect(gate.view('a').blocks).toEqual([]);
      gate.block(now + minutes(1), 'RetryAfter', { ticket: early });
      expect(gate.view('a').blocks).toMatchObject([{ because: 'RetryAfter' }]);
      gate.unblock();
      gate.block(now + minutes(1), because, { ticket: gate.enter('b') });
      expect(gate.view('a').blocks).toMatchObject([{ because }]);
    }
  });

  test('is lifted by an answer to a request that was sent in spite of it, not by one that was sent before', () => {
    const gate = gateOf();
    const before = gate.enter('a');
    gate.block(now + seconds(9), 'RetryAfter');
    gate.leave(before, 'answered');
    expect(gate.view('a').blocks).toHaveLength(1);
    now += 1;
    gate.leave(gate.enter('a'), 'answered');
    expect(gate.view('a').blocks).toEqual([]);
  });

  test('that has passed is forgotten by the first that passes, and over once that was answered', () => {
    const gate = gateOf();
    gate.block(now + seconds(9), 'RetryAfter');
    now += seconds(9);
    const ticket = gate.enter('a');
    expect(events).toHaveLength(1);
    gate.leave(ticket, 'answered');
    expect(events.slice(1)).toEqual([{ type: 'blocked', provider: 'p' }]);
    gate.leave(gate.enter('a'), 'answered');
    expect(events).toHaveLength(2);
  });

  test('that has passed and comes again was not over in between', () => {
    const gate = gateOf();
    for (let i = 0; i < 2; i++) {
      const ticket = gate.enter('a');
      gate.block(now + seconds(9), 'NoToken', { ticket });
      gate.leave(ticket, 'unknown');
      now += seconds(9);
    }
    expect(events.map((event) => 'until' in event)).toEqual([true, true]);
    gate.unblock();
    expect(events.at(-1)).toEqual({ type: 'blocked', provider: 'p' });
  });
});

describe('those who wait', () => {
  test('are as urgent as the most urgent that is not lost yet', () => {
    const gate = gateOf();
    expect(gate.waiting()).toBeUndefined();
    wait(gate, 'a', now);
    expect(gate.waiting()).toBeUndefined();
    wait(gate, 'b', now + 9);
    wait(gate, 'c', now + 5);
    expect(gate.waiting()).toEqual({ deadline: now + 5, emergencyAt: now + 4 });
  });

  test('tell who provides what they wait for when one is in more of a hurry than all before', () => {
    const gate = gateOf();
    const hurries: number[] = [];
    gate.watch(() => hurries.push(gate.waiting()?.deadline ?? 0));
    wait(gate, 'a', now + 9);
    wait(gate, 'b', now + 9);
    wait(gate, 'c', now + 5);
    wait(gate, 'd', now + 7);
    expect(hurries).toEqual([now + 9, now + 5]);
  });
});
