import { expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';
import { Life } from './life.ts';
import { aSecret, aStory, aVersion } from './quiet.ts';
import { unhealed } from './verdict.ts';
import { others, valueIn } from './versions.ts';
import type { VersionsNature } from './versions-nature.ts';
import { World } from './world.ts';

/** A world in which nobody of ours is at work: what the judge says is said of what a test does. */
function aWorld(
  kind: 'followed' | 'rotated' = 'followed',
  how: Partial<VersionsNature> = {},
  { isVerified = false, told = 'never' }: { isVerified?: boolean; told?: 'never' | 'by the sink' } = {},
) {
  const nature = aVersion(kind);
  const versions = nature.versions && { ...nature.versions, ...how };
  const secret = aSecret({ ...nature, ...(versions && { versions }) }, { sinks: [[told]], isVerified });
  const world = new World(5, aStory(secret, { trouble: hours(9) }));
  const [place] = world.kept[0]?.places ?? [];
  const store = world.kept[0]?.lockbox?.versions;
  const server = world.kept[0]?.lockbox;
  if (!place || !store || !server) throw new Error('there is one');
  const life = new Life(world.timeline);
  const pass = (length: number) => world.timeline.runUntil(world.timeline.now() + length);
  const deliver = async (value: string) => {
    const delivery = { secret: 's', lease: 'l', generation: 0, sequence: 1, material: new Material({ value }) };
    const writing = place.sink(life, world.chaos).write(delivery, life.abort.signal);
    await pass(seconds(2));
    await writing;
  };
  const tell = (verb: string, body: object, intent?: string) =>
    server.answer({ method: 'POST', path: `/lockbox/v1/secrets/s:${verb}`, body, intent });
  const show = () => server.answer({ method: 'GET', path: '/lockbox/v1/secrets/s' });
  const schedule = (versionId: string) => tell('scheduleVersionDestruction', { versionId, pendingPeriod: '604800s' });
  const first = store.current;
  if (!first) throw new Error('there is one');
  return { world, place, store, pass, deliver, tell, show, schedule, first, said: () => world.judge.broken.join() };
}

interface Again extends Partial<VersionsNature> {
  readonly earlier?: number;
  readonly after?: number;
  readonly isMisled?: boolean;
  readonly isMoved?: boolean;
  readonly isShown?: boolean;
}

/** An observation, the longest back-off, and a little. */
const longest = minutes(10) + minutes(6) + seconds(1);

test('promise 1: what is to be had is had within an observation and the longest back-off, unless there is trouble', async () => {
  const it = aWorld();
  await it.deliver(valueIn(it.first));
  it.store.add(others);
  await it.pass(longest - seconds(2));
  expect(it.said()).toBe('');
  await it.pass(seconds(2));
  expect(it.said()).toMatch(/^promise 1 .*s\/sink0 is left with VALUE:s-1.0, not VALUE:s-2.0/);

  const excused = aWorld();
  await excused.deliver(valueIn(excused.first));
  excused.store.add(others);
  excused.world.troubles.note('call/s', minutes(9), minutes(10));
  await excused.pass(longest + minutes(1));
  expect(excused.said()).toBe('');
  await excused.pass(longest);
  expect(excused.said()).toContain('promise 1');
});

test('promise 1: what nobody can read, what is not pinned, and what is gone again has to be had by nobody', async () => {
  const scheduled = aWorld();
  await scheduled.deliver(valueIn(scheduled.first));
  scheduled.store.plan(scheduled.store.add(others), days(7), false);
  const inactive = aWorld();
  await inactive.deliver(valueIn(inactive.first));
  inactive.store.activate(false);
  inactive.store.add(others);
  const pinned = aWorld('followed', { isPinned: true });
  await pinned.deliver(valueIn(pinned.first));
  pinned.store.add(others);
  const back = aWorld();
  await back.deliver(valueIn(back.first));
  back.store.add(others);
  await back.pass(minutes(5));
  back.store.makeCurrent(back.first);
  for (const it of [scheduled, inactive, pinned, back]) {
    await it.pass(hours(1));
    expect(it.said()).toBe('');
  }
});

test('promise 1: what is to be saved is not destroyed where there was time to save it', async () => {
  for (const [how, after, isBroken, isOurs] of [
    ['cancel', longest, true, true],
    // It is current: whoever is to save it is to take it for that.
    ['cancel', longest, true, false],
    ['cancel', minutes(2), false, true],
    ['alert', longest, false, true],
  ] as const) {
    const it = aWorld('followed', { onDestroyScheduled: how });
    it.first.isOurs = isOurs;
    await it.deliver(valueIn(it.first));
    it.store.plan(it.first, it.world.timeline.now() + after, false);
    await it.pass(after + seconds(1));
    expect(it.said().includes('was to be saved'), `${how} ${after}`).toBe(isBroken);
  }
});

test('promise 2: what is current is not to be destroyed, as far as that could be known, and else saved at once', async () => {
  const it = aWorld('rotated');
  await it.pass(seconds(1));
  it.show();
  it.schedule(it.first.id);
  expect(it.said()).toMatch(/promise 2 .*s-1 is current, and to be destroyed/);

  for (const isSaved of [true, false]) {
    const raced = aWorld('rotated');
    await raced.deliver(valueIn(raced.store.add('ours')));
    raced.show();
    await raced.pass(seconds(1));
    raced.store.makeCurrent(raced.first);
    await raced.deliver('VALUE:s-2.0');
    raced.world.judge.letGo.clear();
    raced.first.isOurs = true;
    // It has been delivered by somebody: what others have added and nobody had is another matter.
    await raced.deliver(valueIn(raced.first));
    await raced.deliver('VALUE:s-2.0');
    raced.world.judge.letGo.clear();
    raced.schedule(raced.first.id);
    if (isSaved) raced.tell('cancelVersionDestruction', { versionId: raced.first.id });
    await raced.pass(minutes(3));
    expect(raced.said().includes('is still to be destroyed'), raced.said()).toBe(!isSaved);
  }
});

test('promise 2: what a sink uses is not to be destroyed', async () => {
  const it = aWorld('rotated');
  await it.deliver(valueIn(it.first));
  it.store.add('ours');
  it.schedule(it.first.id);
  expect(it.said()).toMatch(/promise 2 .*revoked under its users/);
});

test('promise 4: what others have added and nobody had from us is theirs', async () => {
  const it = aWorld('rotated');
  const theirs = it.store.add(others);
  it.store.add('ours');
  it.schedule(theirs.id);
  expect(it.said()).toMatch(/promise 4 .*s-2, which others have added/);
  const followed = aWorld();
  await followed.deliver(valueIn(followed.first));
  followed.store.add(others);
  await followed.deliver(valueIn(followed.store.add(others)));
  await followed.pass(minutes(6));
  followed.schedule(followed.first.id);
  expect(followed.said()).toMatch(/promise 4 .*of somebody else was revoked/);
});

test('promise 4: of what others have added that may be ended which we hold, and what failed its proof if a person asks', async () => {
  for (const [isOurs, isFit, isAsked, isBroken] of [
    [true, true, false, false],
    [true, false, false, true],
    [true, false, true, false],
    [false, true, true, true],
  ] as const) {
    const it = aWorld('rotated', {}, { isVerified: true });
    const theirs = it.store.add(others);
    theirs.isOurs = isOurs;
    theirs.isFit = isFit;
    await it.pass(seconds(1));
    if (isAsked) it.world.judge.askedToRevoke.set('s', it.world.timeline.now());
    it.store.add('ours');
    it.schedule(theirs.id);
    expect(it.said().includes('is to be destroyed'), `${isOurs} ${isFit} ${isAsked}`).toBe(isBroken);
  }
});

test('promise 4: an end that was lifted is set again to when it was to be, as far as the time was known, whenever that is', () => {
  const again = async ({
    earlier = 0,
    after = seconds(1),
    isMisled = false,
    isMoved = false,
    isShown = false,
    ...how
  }: Again) => {
    const it = aWorld('rotated', how);
    const theirs = it.store.add(others);
    const { house } = it.world.kept[0] ?? {};
    it.store.plan(theirs, it.world.timeline.now() + days(7), false);
    await it.pass(seconds(1));
    it.show();
    await it.pass(seconds(1));
    if (isMoved) it.store.plan(theirs, it.world.timeline.now() + days(14), false);
    it.tell('cancelVersionDestruction', { versionId: theirs.id });
    it.store.add('ours');
    if (isMisled && house) {
      house.dateError = minutes(3);
      it.world.troubles.note(`dates/${house.name}`, 0, hours(1));
    }
    await it.pass(after);
    if (isShown) it.show();
    const pendingPeriod = `${(days(7) - seconds(3) - earlier) / 1000}s`;
    it.tell('scheduleVersionDestruction', { versionId: theirs.id, pendingPeriod });
    return it.said();
  };
  return Promise.all([
    expect(again({})).resolves.toBe(''),
    expect(again({ earlier: minutes(2) })).resolves.toMatch(/promise 4 .*s-2, which others have added/),
    expect(again({ earlier: minutes(2), isMisled: true })).resolves.toBe(''),
    expect(again({ earlier: minutes(4), isMisled: true })).resolves.toContain('promise 4'),
    expect(again({ isMoved: true })).resolves.toBe(''),
    // What is shown once it is lifted says nothing of that.
    expect(again({ isMoved: true, isShown: true })).resolves.toBe(''),
    expect(again({ after: minutes(2) })).resolves.toBe(''),
    // Of what is to be kept alive the end is lifted for good.
    expect(again({ after: minutes(2), onDestroyScheduled: 'cancel' })).resolves.toContain('promise 4'),
  ]);
});

test('promise 8: an end of others that was lifted is set again, or the version replaced, by the time all is calm', () => {
  const lifted = (after: (it: ReturnType<typeof aWorld>) => unknown, how: Partial<VersionsNature> = {}) => {
    const it = aWorld('rotated', how);
    const versionId = it.first.id;
    it.store.plan(it.first, it.world.timeline.now() + days(7), false);
    it.tell('cancelVersionDestruction', { versionId });
    after(it);
    return unhealed(it.world.judge, it.world.timeline.now(), new Map()).join();
  };
  const missing = 'promise 8: the end of s-1 was lifted, and never set again';
  const again = (it: ReturnType<typeof aWorld>) => it.schedule(it.first.id);
  const lift = (it: ReturnType<typeof aWorld>) => it.tell('cancelVersionDestruction', { versionId: it.first.id });
  expect(lifted(() => undefined)).toContain(missing);
  expect(lifted(again)).not.toContain(missing);
  expect(lifted((it) => [again(it), lift(it)])).toContain(missing);
  expect(lifted((it) => it.store.add('ours'))).not.toContain(missing);
  expect(lifted((it) => [again(it), it.store.lift(it.first, false)])).not.toContain(missing);
  expect(lifted(() => undefined, { onDestroyScheduled: 'cancel' })).not.toContain(missing);
});

test('promise 8: a program is told of what is there, unless that is destroyed for good and nobody heard that it came there', async () => {
  for (const how of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const [isPinned, isDestroyed, isUnheard] = [1, 2, 4].map((bit) => (how & bit) > 0);
    const it = aWorld('followed', { isPinned: isPinned === true }, { told: 'by the sink' });
    await it.deliver(valueIn(it.first));
    expect(it.place.isHeard).toBe(true);
    if (isUnheard) it.place.isHeard = false;
    if (!isPinned) it.store.add(others);
    if (isDestroyed) it.store.plan(it.first, it.world.timeline.now() + 1, false);
    await it.pass(seconds(1));
    const said = unhealed(it.world.judge, it.world.timeline.now(), new Map()).join();
    const untold = 'promise 8: the program of s/sink0, told by the sink, uses undefined';
    expect(said.includes(untold), `${how}`).toBe(!(isPinned && isDestroyed && isUnheard));
  }
});

test('promise 4: one intent makes one version, unless others have put an end to it', async () => {
  const it = aWorld('rotated');
  it.tell('addVersion', {}, 'key');
  it.tell('addVersion', {}, 'other');
  it.store.plan(it.store.add(others), minutes(1), false);
  expect(it.said()).toBe('');
  const made = it.store.leases.get('s-2');
  if (made) it.store.plan(made, minutes(1), false);
  it.tell('addVersion', {}, 'key');
  expect(it.said()).toBe('');
  it.tell('addVersion', {}, 'key');
  expect(it.said()).toMatch(/promise 4 .*were both added for one intent/);
});

test('promise 7: what is to be had is not given up for what nobody can read', async () => {
  const it = aWorld();
  const next = it.store.add(others);
  await it.deliver(valueIn(next));
  await it.pass(minutes(3));
  it.store.plan(it.first, days(7), false);
  await it.deliver(valueIn(it.first));
  expect(it.said()).toMatch(/promise 7 .*lost VALUE:s-2.0, to be had, to VALUE:s-1.0/);
});

test('promise 7: what was destroyed is put nowhere once that could be seen', async () => {
  for (const [length, isBroken] of [
    [minutes(10) + seconds(60), false],
    [minutes(10) + seconds(80), true],
  ] as const) {
    const it = aWorld('rotated');
    await it.deliver(valueIn(it.first));
    const next = it.store.add('ours');
    it.store.plan(next, it.world.timeline.now() + seconds(20), false);
    await it.pass(length);
    await it.deliver(valueIn(next));
    expect(it.said().includes('to the dead VALUE:s-2.0'), `${length}`).toBe(isBroken);
  }
});

test('promise 1: without Redis nobody follows, but what is dead is replaced', async () => {
  for (const isDead of [true, false]) {
    const it = aWorld();
    it.world.records.fault = { at: 0, for: days(1), what: 'away' };
    await it.deliver(valueIn(it.first));
    if (isDead) it.store.plan(it.first, it.world.timeline.now() + seconds(30), false);
    it.store.add(others);
    await it.pass(longest + minutes(1));
    expect(it.said().includes('is left with VALUE:s-1.0, not VALUE:s-2.0')).toBe(isDead);
  }
});

test.each([
  { took: seconds(8), isExcused: true },
  { took: seconds(6), isExcused: false },
])(
  'promise 7: an end that nobody can ask about in time is seen by nobody ($took ms each time)',
  async ({ took, isExcused }) => {
    const it = aWorld();
    const second = it.store.add(others);
    await it.deliver(valueIn(it.first));
    const now = it.world.timeline.now();
    it.store.plan(second, now + minutes(1), false);
    it.store.makeCurrent(it.first);
    for (let at = now; at < now + minutes(20); at += minutes(1))
      it.world.troubles.note('call/s', at, at + took, 'slow');
    await it.pass(minutes(15));
    await it.deliver(valueIn(second));
    expect(it.said().includes('promise 7')).toBe(!isExcused);
  },
);

test.each([
  { ends: [10], brokenAt: 22 },
  { ends: [20, 10], brokenAt: 26 },
])(
  'promise 8: once trouble is over, who thinks before making another thinks from when it was shown ($ends)',
  async ({ ends, brokenAt }) => {
    const it = aWorld('rotated');
    await it.deliver(valueIn(it.first));
    for (const end of ends) it.store.plan(it.first, minutes(end), false);
    it.world.troubles.note('provider/A', 0, minutes(16));
    await it.pass(minutes(20) - it.world.timeline.now());
    it.show();
    await it.pass(minutes(brokenAt - 20) - seconds(1));
    expect(it.said()).not.toContain('promise 8');
    await it.pass(seconds(2));
    expect(it.said()).toContain('promise 8');
  },
);
