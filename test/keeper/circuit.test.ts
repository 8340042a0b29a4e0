import { beforeEach, describe, expect, test } from 'vitest';
import { minutes, seconds } from '../../src/core/time.ts';
import type { KeeperEvent } from '../../src/keeper/events.ts';
import { Gate, type Ticket } from '../../src/keeper/gate.ts';

let now = 0;
let events: KeeperEvent[] = [];
let woken: string[] = [];
const gateOf = (slots = 2) =>
  new Gate({ name: 'p', clock: { now: () => now }, emit: (event) => events.push(event), slots });
const wait = (gate: Gate, name: string, deadline: number) =>
  gate.line(name, { deadline, emergencyAt: deadline - 1 }, () => woken.push(name));
const fail = (gate: Gate, name = 's') => gate.leave(gate.enter(name), 'unavailable');

beforeEach(() => {
  now = 1000;
  events = [];
  woken = [];
});

describe('the circuit', () => {
  const until = (gate: Gate) => gate.view('a').blocks.map((block) => block.until - now);

  test('opens after five requests in a row without an answer', () => {
    const gate = gateOf();
    for (let i = 0; i < 4; i++) fail(gate);
    gate.leave(gate.enter('a'), 'answered');
    for (let i = 0; i < 4; i++) fail(gate);
    expect(until(gate)).toEqual([]);
    gate.leave(gate.enter('a'), 'unknown');
    fail(gate);
    expect(gate.view('a').blocks).toEqual([{ because: 'CircuitOpen', since: now, until: now + seconds(1) }]);
    expect(events.at(-1)).toEqual({ type: 'blocked', provider: 'p', until: now + seconds(1), because: 'CircuitOpen' });
  });

  test('lets one through after a while, and longer and longer whiles, up to half a minute', () => {
    const gate = gateOf();
    for (let i = 0; i < 5; i++) fail(gate);
    const breaks: number[] = [];
    for (let i = 0; i < 7; i++) {
      const [left = 0] = until(gate);
      breaks.push(left);
      now += left;
      expect(until(gate)).toEqual([]);
      const probe = gate.enter('a');
      expect(until(gate)).toEqual([seconds(35)]);
      gate.leave(probe, 'unavailable');
    }
    expect(breaks.map((left) => left / 1000)).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  test('closes with the first answer, and those who wait are woken', () => {
    const gate = gateOf();
    for (let i = 0; i < 5; i++) fail(gate);
    wait(gate, 'a', 1);
    now += seconds(1);
    gate.leave(gate.enter('b'), 'answered');
    expect(until(gate)).toEqual([]);
    expect(woken).toEqual(['a']);
    expect(events.at(-1)).toEqual({ type: 'blocked', provider: 'p' });
    for (let i = 0; i < 4; i++) fail(gate);
    expect(until(gate)).toEqual([]);
  });

  test('is not opened wider by those who were under way when it opened', () => {
    const gate = gateOf(9);
    const tickets: Ticket[] = Array.from({ length: 8 }, (_, i) => gate.enter(`${i}`));
    for (const ticket of tickets) gate.leave(ticket, 'unavailable');
    expect(until(gate)).toEqual([seconds(1)]);
  });

  test('stays half open where a probe ends without news', () => {
    const gate = gateOf();
    for (let i = 0; i < 5; i++) fail(gate);
    now += seconds(1);
    gate.leave(gate.enter('a'), 'unknown');
    expect(until(gate)).toEqual([]);
    fail(gate);
    expect(until(gate)).toEqual([seconds(2)]);
  });

  test('gives those in danger their turns, to who has had none for longest, and to who has nothing left to lose', () => {
    const gate = gateOf();
    const danger = (secret: string, emergencyAt: number, deadline: number) =>
      gate.line(secret, { deadline, emergencyAt }, () => woken.push(secret));
    const turns = () =>
      ['a', 'b', 'c', 'd'].map((secret) => gate.view(secret).blocks.map(({ turnSince }) => turnSince));
    const none = [undefined];
    for (let i = 0; i < 5; i++) fail(gate);
    const opened = now;
    expect(danger('d', now + 1, minutes(1))).toBe(true);
    expect(turns()).toEqual([none, none, none, none]);
    // The first that is in danger is called at once, also before one that ends earlier.
    expect(danger('a', now, minutes(2))).toBe(true);
    expect(woken.splice(0)).toEqual(['a']);
    expect(turns()).toEqual([[opened], none, none, none]);
    expect(gate.view('a', minutes(5)).blocks[0]).toMatchObject({ turnSince: opened + minutes(5) });
    const first = gate.enter('a');
    danger('b', now, minutes(3));
    danger('c', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    // Nobody is called as long as one is inside.
    expect([woken.splice(0), turns()]).toEqual([[], [none, none, none, none]]);
    now += seconds(10);
    gate.leave(first, 'unavailable');
    const ofA = now;
    danger('a', ofA, minutes(2));
    expect(woken.splice(0)).toEqual(['d']);
    // It has nothing to ask after all.
    gate.pass('d');
    expect(woken.splice(0)).toEqual(['b']);
    gate.leave(gate.enter('b'), 'unavailable');
    expect(woken.splice(0)).toEqual(['c']);
    expect(turns()).toEqual([none, none, [opened], none]);
    now += seconds(1);
    gate.leave(gate.enter('c'), 'unavailable');
    expect(woken.splice(0)).toEqual(['a']);
    expect(turns()).toEqual([[ofA], none, none, none]);
    gate.leave(gate.enter('a'), 'answered');
    for (let i = 0; i < 5; i++) fail(gate);
    expect(turns()).toEqual([none, none, none, none]);
  });

  test('knows who is inside where one overtakes another, and whose request was in vain', () => {
    const gate = gateOf();
    for (let i = 0; i < 5; i++) fail(gate);
    now += seconds(1);
    const slow = gate.enter('a');
    now += seconds(8);
    const quick = gate.enter('b');
    const since = now;
    now += seconds(1);
    gate.leave(slow, 'unavailable');
    // The other is inside still.
    expect(until(gate)).toEqual([since + seconds(35) - now]);
    gate.leave(quick, 'unavailable');
    const line = (secret: string) => gate.line(secret, { deadline: 1, emergencyAt: 0 }, () => woken.push(secret));
    for (const secret of ['b', 'a']) line(secret);
    expect(woken).toEqual(['b']);
    expect(gate.view('b').blocks[0]?.turnSince).toBe(now);
  });

  test('wakes the first in line when it opens again: somebody has to be the next to try', () => {
    const gate = gateOf();
    for (let i = 0; i < 5; i++) fail(gate);
    now += seconds(1);
    const probe = gate.enter('a');
    wait(gate, 'b', 2);
    wait(gate, 'c', 1);
    gate.leave(probe, 'unavailable');
    expect(woken).toEqual(['c']);
  });
});
