import { expect, test } from 'vitest';
import { emptyRecord } from '../../src/core/record.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import type { Issuer } from './issuer.ts';
import { type Nature, plain } from './nature.ts';
import { aDynamic, aToken } from './quiet.ts';
import { aWorld, delivery, inUse, usedBy } from './unattended.ts';
import { selfHarm, unhealed } from './verdict.ts';

const idOf = (issuer: Issuer): string => issuer.last[0]?.id ?? '';

test('promise 1: a program that is left with a dead value has no excuse but trouble of its own, in its emergency window', async () => {
  const end = minutes(20);
  for (const { place, from, to, isExcused } of [
    { place: 'none', from: 0, to: 0, isExcused: false },
    { place: 'call/s', from: end - seconds(55), to: end, isExcused: true },
    { place: 'call/s', from: end - minutes(10), to: end - minutes(2), isExcused: false },
    { place: 'call/s', from: end - seconds(5), to: end, isExcused: false },
    { place: 'call/other', from: 0, to: end, isExcused: false },
    { place: 'sink/s/sink0', from: 0, to: end, isExcused: true },
    { place: 'sink/s/sink1', from: 0, to: end, isExcused: false },
    { place: 'reload/s/sink1', from: 0, to: end, isExcused: false },
    { place: 'renew/A', from: 0, to: end, isExcused: false },
    { place: 'silence/A', from: 0, to: end, isExcused: false },
  ]) {
    const it = aWorld();
    const value = await inUse(it);
    it.world.troubles.note(place, from, to);
    await it.world.timeline.runUntil(end + seconds(1));
    expect(usedBy(it.place)).toBe(value);
    expect(
      it.world.judge.broken.some((what) => what.startsWith('promise 1')),
      `${place} ${from}`,
    ).toBe(!isExcused);
  }
});

test('promise 1: a silence that the provider asked for excuses only who cannot know what the program uses', async () => {
  for (const isForgotten of [true, false]) {
    const it = aWorld();
    await inUse(it);
    if (isForgotten) it.world.judge.forgotten.add(idOf(it.issuer));
    it.world.troubles.note('silence/A', 0, minutes(20));
    await it.world.timeline.runUntil(minutes(20) + seconds(1));
    expect(it.world.judge.broken.some((what) => what.startsWith('promise 1'))).toBe(!isForgotten);
  }
});

test('promise 1: who cannot know what the program uses takes it for dead, and backs off as long as one does then', async () => {
  for (const [isForgotten, over, isExcused] of [
    [true, minutes(15), true],
    [true, minutes(13), false],
    [false, minutes(15), false],
  ] as const) {
    const it = aWorld();
    await inUse(it);
    if (isForgotten) it.world.judge.forgotten.add(idOf(it.issuer));
    it.world.troubles.note('call/s', 0, over);
    await it.world.timeline.runUntil(minutes(20) + seconds(1));
    expect(it.world.judge.broken.some((what) => what.startsWith('promise 1'))).toBe(!isExcused);
  }
});

test('promise 1: what somebody else ended is to be replaced within an observation and a retry', async () => {
  const it = aWorld();
  await inUse(it);
  const issued = it.issuer.last[0];
  if (issued) it.issuer.end(issued);
  await it.world.timeline.runUntil(minutes(15));
  expect(it.world.judge.broken).toEqual([]);
  await it.world.timeline.runUntil(minutes(17));
  expect(it.world.judge.broken[0]).toContain('promise 1');
});

test('promise 2: a lease is revoked under its users, or within its grace', async () => {
  const it = aWorld();
  await inUse(it);
  const first = idOf(it.issuer);
  it.issuer.revoke(first);
  expect(it.world.judge.broken[0]).toContain('under its users');

  const other = aWorld();
  await inUse(other);
  const old = idOf(other.issuer);
  await inUse(other);
  other.issuer.revoke(old);
  expect(other.world.judge.broken[0]).toContain('after it was let go');
});

test('promise 2: only what nobody can be asked about may be ended by a wrong time under its users', async () => {
  for (const [nature, isLied, isExcused] of [
    [aToken(minutes(20), 4), true, true],
    [aToken(minutes(20), 4), false, false],
    [aDynamic(minutes(20), 4), true, false],
  ] as const) {
    const it = aWorld(nature);
    await inUse(it);
    const [house] = it.world.houses;
    if (house && isLied) {
      house.dateError = minutes(30);
      it.world.troubles.note('dates/A', it.world.timeline.now(), hours(1));
    }
    it.issuer.revoke(idOf(it.issuer));
    expect(it.world.judge.broken.some((what) => what.includes('under its users'))).toBe(!isExcused);
  }
});

test('promise 3: two writes at a time are an abuse, and tear the sink', async () => {
  const { world, issuer, sink, signal, place } = aWorld();
  const values = ['a', 'b', 'c', 'd'].map((key) => issuer.acquire(key).value);
  for (const value of values) void sink.write(delivery(value), signal);
  await world.timeline.runUntil(seconds(5));
  expect(world.judge.broken.some((what) => what.includes('is under way'))).toBe(true);

  // The same a moment apart, until they meet between the two steps of a write.
  for (let i = 0; i < 3000 && place.content !== 'VALUE:torn.0'; i++) {
    for (const value of values) void sink.write(delivery(value), signal);
    await world.timeline.runUntil(world.timeline.now() + seconds(1));
  }
  expect(world.judge.broken.some((what) => what.includes('is torn'))).toBe(true);
});

test('promise 4: what was lost has to be found or counted, and a neighbour left alone', async () => {
  const it = aWorld(aDynamic(hours(20), 4));
  await inUse(it);
  it.issuer.acquire('lost');

  await it.world.timeline.runUntil(hours(3));
  const wrong = unhealed(it.world.judge, it.world.timeline.now(), new Map());
  expect(wrong.filter((what) => what.startsWith('promise 4'))).toHaveLength(2);
  it.issuer.search(0, []);
  expect(
    unhealed(it.world.judge, it.world.timeline.now(), new Map([['s', 1]])).filter((what) => what.includes('promise 4')),
  ).toEqual([]);

  it.issuer.revoke(it.issuer.take('others').id);
  expect(it.world.judge.broken.at(-1)).toContain('promise 4');
});

test('promise 5: the ninth acquire, one too soon, and a renewal that kills', async () => {
  const { world } = aWorld();
  for (let i = 0; i < 8; i++) world.judge.onAcquire('s', 'arrived', 0);
  expect(world.judge.broken).toEqual([]);
  world.judge.onAcquire('s', 'arrived', 0);
  expect(world.judge.broken[0]).toContain('9 acquires');
  world.judge.onAcquire('s', 'sent', seconds(10));
  world.judge.onAcquire('s', 'sent', seconds(10.99));
  expect(world.judge.broken[1]).toContain('acquired again after 990 ms');

  const it = aWorld(aToken(minutes(20), 1));
  const { issued, expiresAt } = it.issuer.acquire('key');
  issued.told = { end: expiresAt, at: 0 };
  it.world.timeline.at(minutes(1), () => {
    expect(() => it.issuer.renew(issued.id, true)).toThrow('killed');
  });
  await it.world.timeline.runUntil(minutes(2));
  selfHarm(it.world.judge);
  expect(it.world.judge.broken[0]).toContain('killed at its wall');
});

test('where the provider lied about the time a grace that another process noted may end so much sooner, and no more', async () => {
  for (const { lie, wasKilled, isBroken } of [
    { lie: minutes(3), wasKilled: true, isBroken: true },
    { lie: minutes(6), wasKilled: true, isBroken: false },
    { lie: minutes(6), wasKilled: false, isBroken: true },
  ]) {
    const it = aWorld();
    await inUse(it);
    const old = idOf(it.issuer);
    await inUse(it);
    it.kept.house.dateError = lie;
    it.world.troubles.note('dates/A', it.world.timeline.now(), it.world.timeline.now());
    if (wasKilled) it.world.judge.excuses.restarts.push(it.world.timeline.now());
    it.issuer.revoke(old);
    expect(it.world.judge.broken.length > 0, `${lie}`).toBe(isBroken);
  }
});

test('promise 6: a value in whatever is stored or told', () => {
  const { world, issuer } = aWorld();
  const { value } = issuer.acquire('key');
  world.records.onSave('s', emptyRecord, JSON.stringify({ leases: [{ id: issuer.last[0]?.id }] }));
  expect(world.judge.broken).toEqual([]);
  world.records.onSave('s', emptyRecord, JSON.stringify({ failure: `could not log in with ${value}` }));
  expect(world.judge.broken[0]).toContain('promise 6');
});

test('promise 7: an empty value, one that fails its proof, and a dead one in the place of a living one', async () => {
  const put = async (value: string, it: ReturnType<typeof aWorld>) => {
    const writing = it.sink.write(delivery(value), it.signal);
    await it.world.timeline.runUntil(it.world.timeline.now() + seconds(2));
    await writing;
  };
  const empty = aWorld();
  await put('', empty);
  expect(empty.world.judge.broken[0]).toContain('holds nothing');

  const unfit = aWorld();
  unfit.issuer.unfit = 1;
  await put(unfit.issuer.acquire('key').value, unfit);
  expect(unfit.world.judge.broken[0]).toContain('fails its proof');

  const dead = aWorld();
  const { value } = dead.issuer.acquire('key');
  await dead.world.timeline.runUntil(minutes(25));
  await put(dead.issuer.acquire('other').value, dead);
  await put(value, dead);
  expect(dead.world.judge.broken[0]).toContain('to the dead');

  // Whoever was stopped in the middle of a write ends it as soon as it goes on.
  const stopped = aWorld();
  const old = stopped.issuer.acquire('key').value;
  await stopped.world.timeline.runUntil(minutes(25));
  await put(stopped.issuer.acquire('other').value, stopped);
  stopped.world.judge.excuses.stops.push({ from: minutes(19), to: minutes(25) });
  await put(old, stopped);
  expect(stopped.world.judge.broken).toEqual([]);
});

test('promise 7: the number of what a sink is given goes down, or is not the same for the same values only', async () => {
  const said = (...given: readonly (readonly [lease: string, sequence: number, sink?: number])[]) => {
    const { world, kept } = aWorld();
    for (const [lease, sequence, sink = 0] of given) {
      kept.places.at(sink)?.onGiven({ ...delivery(''), lease, sequence });
    }
    return world.judge.broken.join();
  };
  expect(said(['a', 5_000], ['a', 5_000], ['a', 5_000, 1], ['b', 6_000], ['b', 6_000, 1], ['a', 9_000])).toBe('');
  expect(said(['a', 5_000], ['b', 4_000])).toContain('comes after 5000');
  expect(said(['a', 5_000], ['b', 5_000, 1])).toContain('of other values as well');
  expect(said(['a', 5_000], ['a', 6_000])).toContain('was 5000');
  expect(said(['a', 5_000], ['b', 6_000, 1], ['a', 7_000], ['b', 7_000, 1])).toContain('of other values as well');
  const { world, kept, place } = aWorld();
  place.onGiven({ ...delivery(''), lease: 'a', sequence: 5_000 });
  // Begun to be given, and never there.
  world.judge.onNumber(kept.name, { lease: 'b', generation: 0, number: 6_000 });
  place.onGiven({ ...delivery(''), lease: 'a', sequence: 7_000 });
  expect(world.judge.broken).toEqual([]);
});

test('promise 7: where the record was lost a number may be another, and lower only by what a clock was set back', async () => {
  for (const [setBack, lease, sequence, isBroken] of [
    [0, 'a', 50_000, false],
    [0, 'b', 9_000, true],
    [0, 'b', 19_000, false],
    [1_000, 'b', 18_500, false],
  ] as const) {
    const { world, kept, place } = aWorld();
    place.onGiven({ ...delivery(''), lease: 'a', sequence: 20_000 });
    world.judge.forget(kept.name, setBack);
    place.onGiven({ ...delivery(''), lease, sequence });
    expect(world.judge.broken.length > 0, `${sequence}, ${kept.house.uncertainty}`).toBe(isBroken);
    place.onGiven({ ...delivery(''), lease: 'c', sequence: sequence - 1 });
    expect(world.judge.broken.at(-1)).toContain(`comes after ${sequence}`);
  }
  const { world, kept, place } = aWorld();
  for (const lease of ['a', 'b']) place.onGiven({ ...delivery(''), lease, sequence: lease === 'a' ? 5_000 : 15_000 });
  world.judge.forget(kept.name, 0);
  place.onGiven({ ...delivery(''), lease: 'a', sequence: 5_000 });
  expect(world.judge.broken, 'the older values under their own number').toEqual([]);
  place.onGiven({ ...delivery(''), lease: 'b', sequence: 4_000 });
  expect(world.judge.broken).toHaveLength(1);
});

test('promise 7: only where nobody can be asked may what was forgotten be lost to what is remembered', async () => {
  for (const [nature, isExcused] of [
    [aToken(minutes(20), 4), true],
    [aDynamic(minutes(20), 4), false],
  ] as const) {
    const it = aWorld(nature);
    const { value } = it.issuer.acquire('key');
    await it.world.timeline.runUntil(minutes(25));
    const next = it.issuer.acquire('other');
    it.world.judge.forgotten.add(next.issued.id);
    for (const each of [next.value, value]) {
      const writing = it.sink.write(delivery(each), it.signal);
      await it.world.timeline.runUntil(it.world.timeline.now() + seconds(2));
      await writing;
    }
    expect(it.world.judge.broken.some((what) => what.includes('to the dead'))).toBe(!isExcused);
  }
});

test('promise 8: an older token that was put back is found to be dead when it is to be renewed: without an end, by nobody', async () => {
  for (const [nature, isFound] of [
    [aToken(hours(2), 4), true],
    [{ ...plain, kind: 'token' } satisfies Nature, false],
  ] as const) {
    const it = aWorld(nature, false, [['never']]);
    const { value, issued } = it.issuer.acquire('key');
    const next = it.issuer.acquire('other');
    it.world.judge.forgotten.add(next.issued.id);
    it.issuer.revoke(issued.id);
    await it.world.timeline.runUntil(minutes(25));
    for (const each of [next.value, value]) {
      const writing = it.sink.write(delivery(each), it.signal);
      await it.world.timeline.runUntil(it.world.timeline.now() + seconds(2));
      await writing;
    }
    await it.world.timeline.runUntil(minutes(60));
    expect(it.world.judge.broken.some((what) => what.startsWith('promise 8'))).toBe(isFound);
  }
});

test('promise 8: sinks that differ, hold nothing or a dead value, and programs that use another', async () => {
  const it = aWorld();
  const said = () => unhealed(it.world.judge, it.world.timeline.now(), new Map()).join();
  expect(said()).toContain('holds nothing');
  await inUse(it);
  expect(said()).toContain('the sinks hold');
  it.kept.places.at(1)?.wipe();
  for (const place of it.kept.places) {
    place.content = it.place.content;
    for (const program of place.programs) program.loaded = it.place.content;
  }
  expect(said()).toBe('');
  const [program] = it.place.programs;
  if (program) program.loaded = undefined;
  expect(said()).toContain('uses undefined');
  await it.world.timeline.runUntil(minutes(30));
  expect(said()).toContain('which is dead');
});
