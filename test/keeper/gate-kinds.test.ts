/** A gate whose provider limits each kind of request by itself. */
import { beforeEach, describe, expect, test } from 'vitest';
import { seconds } from '../../src/core/time.ts';
import type { KeeperEvent } from '../../src/keeper/events.ts';
import { Gate } from '../../src/keeper/gate.ts';

let now = 0;
let events: KeeperEvent[] = [];
let woken: string[] = [];
const gateOf = (slots = 2) =>
  new Gate({ name: 'p', clock: { now: () => now }, emit: (event) => events.push(event), slots });

beforeEach(() => {
  now = 1000;
  events = [];
  woken = [];
});

describe('a block that is about one kind of request', () => {
  const queue = (gate: Gate, name: string, deadline: number, ...kinds: string[]) =>
    gate.line(name, { deadline, emergencyAt: deadline - 1, kinds }, () => woken.push(name));
  const blockReads = (gate: Gate, until = now + seconds(9)) => {
    const ticket = gate.enter('r', ['read']);
    gate.block(until, 'RetryAfter', { ticket, kind: 'read' });
    gate.leave(ticket, 'answered');
  };

  test('says so to who looks, and to the world', () => {
    const gate = gateOf();
    blockReads(gate);
    const block = { because: 'RetryAfter', kind: 'read', since: now, until: now + seconds(9) };
    expect(gate.view('a').blocks).toEqual([block]);
    const { since: _, ...told } = block;
    expect(events).toEqual([{ type: 'blocked', provider: 'p', ...told }]);
    gate.block(now + seconds(5), 'NoToken');
    expect(gate.view('a').blocks).toHaveLength(2);
    gate.unblock();
    expect(gate.view('a').blocks).toEqual([block]);
  });

  test('is one about everything where the request was not said to be of that kind', () => {
    for (const ticket of [undefined, gateOf().enter('a'), gateOf().enter('a', ['write'])]) {
      const gate = gateOf();
      gate.block(now + seconds(9), 'RetryAfter', { ...(ticket && { ticket }), kind: 'read' });
      expect(gate.view('a').blocks).toEqual([{ because: 'RetryAfter', since: now, until: now + seconds(9) }]);
    }
  });

  test('keeps those from their turn who wait for it, and nobody else', () => {
    const gate = gateOf(1);
    blockReads(gate);
    const ticket = gate.enter('a', ['write']);
    queue(gate, 'reader', 500_000, 'read');
    queue(gate, 'both', 600_000, 'write', 'read');
    queue(gate, 'any', 650_000);
    gate.line('unknown', { deadline: 660_000, emergencyAt: 1 }, () => woken.push('unknown'));
    queue(gate, 'late', 800_000, 'write');
    queue(gate, 'writer', 700_000, 'write');
    gate.leave(ticket, 'answered');
    expect(woken).toEqual(['any']);
    gate.leave(gate.enter('any', []), 'answered');
    expect(woken).toEqual(['any', 'writer']);
    expect(['reader', 'writer', 'late', 'new'].map((name) => gate.view(name).isBusy)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    gate.pass('writer');
    gate.pass('late');
    // Who waits to read is not in the way of who writes, nor of itself.
    expect(['reader', 'new'].map((name) => gate.view(name).isBusy)).toEqual([false, false]);
    expect(woken).toEqual(['any', 'writer', 'late']);
    expect(queue(gate, 'last', 900_000, 'write')).toBe(true);
    expect(gate.view('last').isBusy).toBe(false);
  });

  test('is waited for by the first of those who need it, who looks by itself', () => {
    const gate = gateOf(2);
    blockReads(gate);
    const tickets = ['a', 'b'].map((name) => gate.enter(name, ['write']));
    expect(queue(gate, 'writer', 400_000, 'write')).toBe(true);
    expect(queue(gate, 'reader', 500_000, 'read')).toBe(true);
    expect(queue(gate, 'later', 600_000, 'read')).toBe(false);
    expect(gate.waiting()).toEqual({ deadline: 400_000, emergencyAt: 399_999 });
    for (const ticket of tickets) gate.leave(ticket, 'answered');
    gate.leave(gate.enter('writer', ['write']), 'answered');
    now += seconds(9);
    expect(gate.view('reader').isBusy).toBe(false);
    woken = [];
    const probing = gate.enter('reader', ['read']);
    expect(woken).toEqual([]);
    gate.sent(probing);
    expect(woken).toEqual(['later']);
    gate.leave(probing, 'answered');
    expect(events.at(-1)).toEqual({ type: 'blocked', provider: 'p' });
  });

  test('is waited for by another where the first does something else, or nothing any more', () => {
    const gate = gateOf();
    blockReads(gate);
    queue(gate, 'a', 500_000, 'read');
    queue(gate, 'b', 600_000, 'read');
    queue(gate, 'c', 700_000, 'read');
    gate.leave(gate.enter('a', ['write']), 'answered');
    expect(woken).toEqual(['b']);
    expect(queue(gate, 'b', 600_000, 'read')).toBe(true);
    gate.pass('c');
    expect(woken).toEqual(['b']);
    queue(gate, 'c', 700_000, 'read');
    gate.pass('b');
    expect(woken).toEqual(['b', 'c']);
  });

  test('is lifted by an answer to a request of that kind that was sent in spite of it, and by no other', () => {
    const gate = gateOf();
    const before = gate.enter('a', ['read']);
    blockReads(gate);
    gate.leave(before, 'answered');
    now += 1;
    gate.leave(gate.enter('a', ['write']), 'answered');
    gate.leave(gate.enter('a'), 'answered');
    gate.unblock();
    expect(gate.view('a').blocks).toHaveLength(1);
    expect(events).toHaveLength(1);
    gate.leave(gate.enter('a', ['read']), 'answered');
    expect(gate.view('a').blocks).toEqual([]);
  });

  test('is no sign that one about everything is over', () => {
    const gate = gateOf();
    gate.block(now + seconds(9), 'RetryAfter');
    now += 1;
    blockReads(gate);
    expect(gate.view('a').blocks).toMatchObject([{ because: 'RetryAfter' }, { kind: 'read' }]);
    now += 1;
    gate.leave(gate.enter('a', ['write']), 'answered');
    expect(gate.view('a').blocks).toMatchObject([{ kind: 'read' }]);
  });
});
