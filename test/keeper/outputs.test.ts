/** Several secrets in one place: written whole, once for each change, and never again for nothing. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { statusOf } from '../../src/core/status.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import type { Secret } from '../../src/keeper/secret.ts';
import { outputOf } from '../../src/outputs.ts';
import type { Delivery, Sink } from '../../src/sinks/sink.ts';
import type { Source } from '../../src/sources/source.ts';
import { Turns } from '../../src/state/turns.ts';
import { aSource, lent, Stage } from './stage.ts';

interface Place {
  content: string | undefined;
  readonly writes: string[];
  readonly deliveries: Delivery[];
  reloads: number;
  refuses: boolean;
}

const aPlace = (): Place => ({ content: undefined, writes: [], deliveries: [], reloads: 0, refuses: false });

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

/** Writes the values of each secret, by its name. Knows what it wrote by a fingerprint of it all, as a file does. */
const sinkAt = (place: Place): Sink => ({
  async write(delivery) {
    if (place.refuses) throw new LeaseError('unavailable', 'no space left');
    const parts = [...delivery.material.parts()].map(([name, part]) => `${name}=${part.reveal('value')}`);
    place.content = parts.join(' ');
    place.writes.push(place.content);
    place.deliveries.push(delivery);
    return digest(place.content);
  },
  holds: async (mark) => place.content !== undefined && digest(place.content) === mark,
  reload: async () => {
    place.reloads++;
  },
});

const hourly = { renewAt: 0.5, jitter: 0, grace: minutes(5), rotateAfter: (at: number) => at + hours(1) };

/** The keeper of these secrets, begun anew: what the last one had in memory is gone. */
function begin(stage: Stage, place: Place, sources: Readonly<Record<string, Source>>, name = 'out') {
  stage.restart();
  const turns = new Turns();
  const sinkOf = outputOf({
    name,
    members: Object.keys(sources),
    sink: sinkAt(place),
    markKey: Buffer.alloc(32),
    visit: (secret) => (stage.secrets.has(secret) ? stage.visit(secret) : undefined),
    sleep: (delay) => new Promise((resolve) => stage.after(delay, resolve)),
    alone: (call) => turns.take(name, call),
  });
  const added = Object.entries(sources).map(([secret, source]): [string, Secret] => [
    secret,
    stage.add({ name: secret, source, gate: stage.gate(secret), sinks: { [name]: sinkOf(secret) }, policy: hourly }),
  ]);
  return Object.fromEntries(added);
}

/** As they come: `a=VALUE-a1`. */
function lender(stage: Stage, name: string, change: Partial<Source> = {}) {
  const clock = { now: () => stage.now };
  let count = 0;
  return aSource(stage, {
    acquire: async () => {
      const id = `${name}${++count}`;
      return { lease: lent(id, clock.now()), material: new Material({ value: `VALUE-${id}` }) };
    },
    ...change,
  });
}

const never = () => Promise.reject(new LeaseError('unavailable', 'no answer'));
const isPaid = async (stage: Stage, secret: string): Promise<boolean> => {
  const rules = stage.secrets.get(secret)?.rules;
  return rules !== undefined && statusOf(await stage.record(secret), rules, stage.now).owed.length === 0;
};
const leasesOf = async (stage: Stage, secret: string) =>
  (await stage.record(secret)).leases.map(({ lease }) => lease.id);

describe('an output', () => {
  test('says for all its members that it cannot be read back, and whether anything is there', async () => {
    const as = (sink: Sink) =>
      outputOf({
        name: 'out',
        members: ['a'],
        sink,
        markKey: Buffer.alloc(32),
        visit: () => undefined,
        sleep: () => Promise.resolve(),
        alone: (call) => call(),
      })('a');
    expect(as({ ...sinkAt(aPlace()), isBelieved: true }).isBelieved).toBe(true);
    expect(as(sinkAt(aPlace()))).not.toHaveProperty('isBelieved');
    expect(as(sinkAt(aPlace()))).not.toHaveProperty('isTaken');
    const { signal } = new AbortController();
    expect(await as({ ...sinkAt(aPlace()), isTaken: async () => false }).isTaken?.(signal)).toBe(false);
    const unknown = as({ ...sinkAt(aPlace()), isTaken: () => Promise.reject(new Error('no')) });
    await expect(unknown.isTaken?.(signal)).rejects.toThrow('no');
  });

  test('is written once, and its programs told once, when all secrets have come', async () => {
    const stage = new Stage();
    const place = aPlace();
    begin(stage, place, { a: lender(stage, 'a'), b: lender(stage, 'b') });
    await stage.until(minutes(10));
    expect(place.writes).toEqual(['a=VALUE-a1 b=VALUE-b1']);
    expect(place.reloads).toBe(1);
    expect([await isPaid(stage, 'a'), await isPaid(stage, 'b')]).toEqual([true, true]);
    expect(stage.thrown).toEqual([]);
  });

  test('is written once for each change, and not again by the others, by checks or by a restart', async () => {
    const stage = new Stage();
    const place = aPlace();
    const [a, b] = [lender(stage, 'a'), lender(stage, 'b')];
    begin(stage, place, { a, b });
    await stage.until(minutes(30));
    // Only one of them has something new.
    await stage.ports.store.update('a', (record) => ({ ...record, requests: { rotate: stage.now } }));
    stage.wakeAll('a');
    await stage.until(minutes(40));
    expect(place.writes).toEqual(['a=VALUE-a1 b=VALUE-b1', 'a=VALUE-a2 b=VALUE-b1']);
    expect(place.reloads).toBe(2);
    for (let restarts = 0; restarts < 3; restarts++) {
      begin(stage, place, { a, b });
      await stage.until(stage.now + minutes(2));
    }
    expect(place.writes).toHaveLength(2);
    expect(place.reloads).toBe(2);
    // Both rotate at about the same time: b an hour after its start, a later. Between them are many checks.
    await stage.until(minutes(95));
    expect(place.writes.slice(2)).toEqual(['a=VALUE-a2 b=VALUE-b2', 'a=VALUE-a3 b=VALUE-b2']);
    expect(place.reloads).toBe(4);
    expect([await isPaid(stage, 'a'), await isPaid(stage, 'b')]).toEqual([true, true]);
  });

  test('that was made before a secret was in it says nothing of what has come there of that one', async () => {
    const stage = new Stage();
    const place = aPlace();
    const ask = async (member: string) => {
      const sinkOf = outputOf({
        name: 'out',
        members: ['a', 'b', 'c'],
        sink: { ...sinkAt(place), isTaken: async () => true },
        markKey: Buffer.alloc(32),
        visit: (secret) => stage.visit(secret),
        sleep: () => Promise.resolve(),
        alone: (call) => call(),
      });
      return sinkOf(member).isTaken?.(new AbortController().signal);
    };
    stage.add({ name: 'c', source: lender(stage, 'c'), sinks: {} });
    begin(stage, place, { a: lender(stage, 'a'), b: lender(stage, 'b') });
    // Nobody remembers anything.
    expect(await ask('c')).toBe(true);
    await stage.until(minutes(10));
    expect(await ask('a')).toBe(true);
    await expect(ask('c')).rejects.toThrow('whether values of c have been there nobody can say');
  });

  test('takes changes that come together as one', async () => {
    const stage = new Stage();
    const place = aPlace();
    begin(stage, place, { a: lender(stage, 'a'), b: lender(stage, 'b'), c: lender(stage, 'c') });
    await stage.until(hours(5) + minutes(30));
    expect(place.writes).toEqual([1, 2, 3, 4, 5, 6].map((i) => `a=VALUE-a${i} b=VALUE-b${i} c=VALUE-c${i}`));
    expect(place.reloads).toBe(6);
  });

  test('waits for who has nothing yet: no failure, no pile of leases, and no wait once it comes', async () => {
    const stage = new Stage();
    const place = aPlace();
    let isThere = false;
    const [a, own] = [lender(stage, 'a'), lender(stage, 'b')];
    const b = { ...own, acquire: (call: never) => (isThere ? own.acquire(call) : never()) } as Source;
    begin(stage, place, { a, b });
    await stage.until(hours(12));
    expect(place.writes).toEqual([]);
    const record = await stage.record('a');
    expect(record.failures).toEqual({});
    expect(record.leases).toHaveLength(1);
    expect(stage.done('a').map(({ message }) => message)).toContain('waits for b, which has no value yet');
    expect(stage.done('a').filter(({ outcome }) => outcome !== 'ok' && outcome !== 'blocked')).toEqual([]);
    isThere = true;
    await stage.ports.scheduler.wake({ kind: 'look', secret: 'b' }, stage.now);
    await stage.until(hours(12) + minutes(5));
    const taken = stage.done('b').find(({ step, outcome }) => step.act === 'acquire' && outcome === 'ok')?.at ?? 0;
    const written = stage.done('a').find(({ step, outcome }) => step.act === 'write' && outcome === 'ok')?.at ?? 0;
    // The rotation that it missed follows at once.
    expect(place.writes).toEqual(['a=VALUE-a1 b=VALUE-b1', 'a=VALUE-a2 b=VALUE-b1']);
    expect(written - taken).toBeLessThan(seconds(2));
    expect([await isPaid(stage, 'a'), await isPaid(stage, 'b')]).toEqual([true, true]);
    expect(place.reloads).toBe(2);
  });

  test('goes on with the last of who brings nothing new, and ends nothing that is still in it', async () => {
    const stage = new Stage();
    const place = aPlace();
    let isUp = true;
    const [a, own] = [lender(stage, 'a'), lender(stage, 'b')];
    const b = {
      ...own,
      acquire: (call: never) => (isUp ? own.acquire(call) : never()),
      renew: (lease: never, call: never) => (isUp ? own.renew?.(lease, call) : never()),
    } as Source;
    begin(stage, place, { a, b });
    await stage.until(minutes(10));
    isUp = false;
    await stage.until(hours(6));
    expect(place.writes.length).toBeGreaterThan(4);
    expect(place.writes.every((one) => one.endsWith('b=VALUE-b1'))).toBe(true);
    expect(own.asked.some((call) => call.startsWith('revoke'))).toBe(false);
    expect(await leasesOf(stage, 'b')).toEqual(['b1']);
  });

  test('has the values taken anew that are lost, and holds up nobody for longer than that', async () => {
    const stage = new Stage();
    const place = aPlace();
    const [a, b] = [lender(stage, 'a'), lender(stage, 'b')];
    begin(stage, place, { a, b });
    await stage.until(minutes(30));
    stage.throughStore = {
      ...stage.ports.store,
      load: (name) => stage.store.load(name),
      update: (name, change, values) => stage.store.update(name, change, values),
      values: async (name) => (name === 'b' ? [] : stage.store.values(name)),
    };
    begin(stage, place, { a, b });
    await stage.until(minutes(40));
    expect(place.writes).toHaveLength(1);
    await stage.ports.store.update('a', (record) => ({ ...record, requests: { rotate: stage.now } }));
    stage.wakeAll('a');
    await stage.until(minutes(43));
    expect(place.writes.at(-1)).toBe('a=VALUE-a2 b=VALUE-b2');
    expect([await isPaid(stage, 'a'), await isPaid(stage, 'b')]).toEqual([true, true]);
  });

  test('that others have changed is written again, once', async () => {
    const stage = new Stage();
    const place = aPlace();
    begin(stage, place, { a: lender(stage, 'a'), b: lender(stage, 'b') });
    await stage.until(minutes(50));
    place.content = 'spoiled';
    await stage.until(hours(1) + minutes(59));
    expect(place.content).toBe('a=VALUE-a2 b=VALUE-b2');
    place.content = undefined;
    stage.restart();
    for (const name of ['a', 'b']) stage.wakeAll(name);
    const before = place.writes.length;
    await stage.until(hours(1) + minutes(59) + seconds(30));
    expect(place.writes.slice(before)).toEqual(['a=VALUE-a2 b=VALUE-b2']);
  });

  test('that cannot be written keeps the old leases of all alive, and is written when it can be', async () => {
    const stage = new Stage();
    const place = aPlace();
    begin(stage, place, { a: lender(stage, 'a'), b: lender(stage, 'b') });
    await stage.until(minutes(10));
    place.refuses = true;
    await stage.until(hours(3));
    expect(place.content).toBe('a=VALUE-a1 b=VALUE-b1');
    for (const name of ['a', 'b']) {
      const { leases } = await stage.record(name);
      expect(leases.some(({ lease, supersededAt }) => lease.id === `${name}1` && supersededAt === undefined)).toBe(
        true,
      );
    }
    place.refuses = false;
    await stage.until(hours(3) + minutes(10));
    expect([await isPaid(stage, 'a'), await isPaid(stage, 'b')]).toEqual([true, true]);
  });

  test('with another secret in it, or one fewer, is written anew', async () => {
    const stage = new Stage();
    const place = aPlace();
    const [a, b, c] = [lender(stage, 'a'), lender(stage, 'b'), lender(stage, 'c')];
    begin(stage, place, { a, b });
    await stage.until(minutes(5));
    begin(stage, place, { a, b, c });
    await stage.until(minutes(10));
    stage.secrets.delete('b');
    begin(stage, place, { a, c });
    await stage.until(minutes(15));
    expect(place.writes).toEqual([
      'a=VALUE-a1 b=VALUE-b1',
      'a=VALUE-a1 b=VALUE-b1 c=VALUE-c1',
      'a=VALUE-a1 c=VALUE-c1',
    ]);
  });

  test('tells who can compare which is the later one', async () => {
    const stage = new Stage();
    const place = aPlace();
    begin(stage, place, { a: lender(stage, 'a'), b: lender(stage, 'b') });
    await stage.until(hours(3) + minutes(30));
    const numbers = place.deliveries.map(({ sequence }) => sequence);
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
    expect(new Set(place.deliveries.map(({ lease }) => lease)).size).toBe(place.deliveries.length);
  });
});
