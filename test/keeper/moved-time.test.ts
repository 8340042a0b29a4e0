/** A provider whose dates are wrong is believed, and believed again when they are right: no time has passed by that. */
import { expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { heardIn, noteOf } from '../../src/core/guesses.ts';
import { Material } from '../../src/core/material.ts';
import { emptyRecord } from '../../src/core/record.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { Hand } from '../../src/keeper/hand.ts';
import { clockHasMoved, request } from '../../src/keeper/notice.ts';
import { aLease, held, recordOf } from '../core/build.ts';
import { aSink, aSource, Stage } from './stage.ts';

const datesOf = (what: string, { asked }: { readonly asked: readonly string[] }) =>
  asked.filter((call) => call.startsWith(what)).map((call) => Number(call.split(' at ')[1]));

test('however often the time is another, a secret is acquired eight times in five minutes at most', async () => {
  const stage = new Stage();
  let count = 0;
  const source = aSource(stage, {
    acquire: async () => {
      const issuedAt = stage.now + stage.skew;
      const lease = { id: `l${++count}`, issuedAt, expiresAt: issuedAt + seconds(15) };
      return { lease, material: new Material({ value: `VALUE-${count}` }) };
    },
  });
  // As after a lost compare-and-set: only the last that a change is asked about counts.
  const update = stage.store.update.bind(stage.store);
  stage.store.update = (secret, change, values) => {
    change(emptyRecord);
    return update(secret, change, values);
  };
  stage.add({ source, sinks: { file: aSink() } });
  for (const skew of [10, 0, -10, 0, 10].map(minutes)) {
    await stage.until(stage.now + minutes(2));
    stage.skew = skew;
    await clockHasMoved(stage.visit());
  }
  await stage.until(stage.now + minutes(2));
  const dates = datesOf('acquire', source);
  expect(dates.length).toBeGreaterThan(8);
  for (const [i, date] of dates.entries()) {
    expect((dates[i + 8] ?? Number.POSITIVE_INFINITY) - date).toBeGreaterThan(minutes(5));
  }
});

test('a grace is as long as it was said to be, however often the time is another', async () => {
  for (const skews of [[10], [-10], [10, 0], [-10, 10, 0]]) {
    const stage = new Stage();
    const source = aSource(stage);
    stage.add({ source, sinks: { file: aSink() } });
    await stage.until(minutes(10));
    await request(stage.visit(), 'rotate');
    for (const [i, skew] of skews.entries()) {
      await stage.until(minutes(11 + i));
      stage.skew = minutes(skew);
      await clockHasMoved(stage.visit());
    }
    await stage.until(minutes(16));
    const [ended = 0, ...others] = datesOf('revoke', source);
    expect([ended - minutes(15), others], `${skews}`).toEqual([expect.closeTo(0, -3), []]);
  }
});

test('what a process before us has heard was not heard since our start, though the provider turns its clock back', async () => {
  const stage = new Stage(minutes(60));
  const source = aSource(stage, { observe: async (lease) => ({ is: 'held', lease }) });
  stage.add({ source, sinks: { file: aSink({ holds: () => Promise.resolve(true) }) } });
  await stage.until(minutes(60) + seconds(1));
  stage.restart();
  stage.skew = minutes(-5);
  stage.wakeAll('s');
  await stage.until(minutes(60) + seconds(2));
  expect(source.asked).toEqual([`acquire at ${minutes(60)}`, `observe at ${minutes(60) + seconds(1)}`]);
  // What we have heard ourselves is asked no more.
  stage.wakeAll('s');
  await stage.until(minutes(60) + seconds(3));
  expect(source.asked).toHaveLength(2);
});

test('until the provider has spoken the values of an older record are not written over later ones, whatever time it is', async () => {
  for (const skew of [0, minutes(-0.5), minutes(-5)]) {
    const stage = new Stage(minutes(60));
    let isAway = false;
    const source = aSource(stage, {
      observe: async (lease) => {
        if (isAway) throw new LeaseError('unavailable', 'away');
        return { is: 'held', lease };
      },
    });
    const sink = aSink({ holds: async () => sink.content?.includes('VALUE-l1') === true });
    stage.add({ source, sinks: { file: sink } });
    await stage.until(minutes(61));
    // Redis was set back, and the process killed that knew of more.
    sink.content = 'later';
    isAway = true;
    stage.restart();
    stage.skew = skew;
    stage.wakeAll('s');
    await stage.until(minutes(63));
    expect(sink.content, `${skew}`).toBe('later');
    isAway = false;
    await stage.until(minutes(75));
    expect(sink.content, `${skew}`).toContain('VALUE-l1');
  }
});

test('dates that the record has are remembered for as long, and of others no more than some', () => {
  const hand = new Hand();
  const since = 1;
  const of = (observedAt: number, takenAt = since) => recordOf(held(aLease(), { since: takenAt, observedAt }));
  hand.hear(recordOf(), of(2), 2);
  for (let at = 3; at < 1_000; at++) hand.hear(of(at - 1), of(at), at);
  const [sinceThen = '', ...others] = [...heardIn(of(999))].map(([what, at]) => noteOf(what, at));
  expect([...hand.heard]).toContain(sinceThen);
  expect([...hand.heard].at(-1)).toBe(others[0]);
  expect(hand.heard.size).toBeLessThan(101);
  // What others have noted is not what we have heard.
  hand.hear(of(5_000), of(5_000), 5_001);
  hand.hear(of(5_000, 5_002), of(5_000, 5_002), 5_002);
  expect([...hand.heard].at(-1)).toBe(others[0]);
  // Dated anew, it is what we have heard still; and what others have, theirs.
  hand.dateAnew(of(999), of(7));
  expect([...heardIn(of(7))].every(([what, at]) => hand.heard.has(noteOf(what, at)))).toBe(true);
  const size = hand.heard.size;
  hand.dateAnew(of(5_000), of(5_001));
  expect(hand.heard.size).toBe(size);
});

test('what a process before us noted by another time is as long ago as it says, once that is the time again', async () => {
  const stage = new Stage(minutes(60));
  const source = aSource(stage);
  const sinks = { file: aSink() };
  stage.add({ source, sinks });
  await stage.until(minutes(61));
  const { acquires } = await stage.record();
  stage.restart();
  stage.skew = seconds(-90);
  stage.wakeAll('s');
  await stage.until(minutes(62));
  stage.skew = 0;
  await clockHasMoved(stage.visit());
  await stage.until(minutes(63));
  expect((await stage.record()).acquires).toEqual(acquires);
});

test('what a process before us noted ahead of the time is forgotten with the first save, and is not late for ever', async () => {
  const stage = new Stage();
  const source = aSource(stage);
  stage.add({ source, sinks: { file: aSink({ holds: () => Promise.resolve(true) }) } });
  await stage.until(minutes(1));
  const ahead = [minutes(11), minutes(10)];
  await stage.store.update('s', (record) => ({ ...record, acquires: [...ahead, ...(record.acquires ?? [])] }));
  stage.restart();
  stage.wakeAll('s');
  await stage.until(minutes(2));
  expect(source.asked).toEqual(['acquire at 0']);
  expect((await stage.record()).acquires).toEqual([0]);
});

test('an acquire of which the store could not say that it was saved is remembered, though the time is another by then', async () => {
  const stage = new Stage(minutes(60));
  const source = aSource(stage);
  const update = stage.store.update.bind(stage.store);
  stage.store.update = async (...given) => {
    const saved = await update(...given);
    if (stage.skew !== 0 || saved.record.acquires === undefined) return saved;
    stage.skew = minutes(-6);
    throw new Error('no answer');
  };
  stage.add({ source, sinks: { file: aSink() } });
  await stage.until(minutes(61));
  expect(source.asked).toEqual([`acquire at ${minutes(60) + seconds(1)}`]);
  expect((await stage.record()).acquires).toEqual([minutes(54) + seconds(1), minutes(54)]);
});
