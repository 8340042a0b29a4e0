import { expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { calmFolder, type FolderNature, generated, pair } from './folder-nature.ts';
import { Life } from './life.ts';
import { aFolder } from './nature.ts';
import { aSecret, aStory } from './quiet.ts';
import { valueIn } from './versions.ts';
import { World } from './world.ts';

/** A world in which nobody of ours is at work: what the judge says is said of what a test does. */
function aWorld(kind: 'static' | 'generated' = 'static', how: Partial<FolderNature> = {}, isVerified = false) {
  const ours = kind === 'generated' ? { generate: generated } : {};
  const secret = aSecret(aFolder(kind, { ...calmFolder, ...ours, ...how }), { sinks: [['never']], isVerified });
  const world = new World(5, aStory(secret, { trouble: hours(9) }));
  const [place] = world.kept[0]?.places ?? [];
  const { folder } = world.kept[0] ?? {};
  if (!place || !folder) throw new Error('there is one');
  const { server } = folder;
  const life = new Life(world.timeline);
  const pass = (length: number) => world.timeline.runUntil(world.timeline.now() + length);
  const write = async (material: Material) => {
    const delivery = { secret: 's', lease: 'l', generation: 0, sequence: 1, material };
    const writing = place.sink(life, world.chaos).write(delivery, life.abort.signal);
    await pass(seconds(2));
    await writing;
  };
  const present = () =>
    new Material(
      Object.fromEntries([...server.imports, ...server.rows].map(([name, { value }]) => [name, value] as const)),
    );
  const change = (value: string, intent?: string) =>
    server.answer({
      method: 'PATCH',
      path: `/api/v3/secrets/raw/${generated}`,
      body: { workspaceId: 'project-1', secretValue: value },
      intent,
    });
  return { world, folder, server, pass, write, present, change, said: () => world.judge.broken.join() };
}

/** A poll, the longest back-off, and a little. */
const longest = minutes(2) + minutes(6) + seconds(1);

test('promise 1: what is in the folder is had within a poll and the longest back-off, unless there is trouble', async () => {
  const it = aWorld();
  await it.write(it.present());
  it.server.set({ API: 'VALUE:other' });
  await it.pass(longest - seconds(2));
  expect(it.said()).toBe('');
  await it.pass(seconds(2));
  expect(it.said()).toMatch(/^promise 1 .*s\/sink0 is left with VALUE:s\{API="1" /);

  const excused = aWorld();
  await excused.write(excused.present());
  excused.server.set({ API: 'VALUE:other' });
  excused.world.troubles.note('call/s', minutes(1), minutes(2));
  await excused.pass(longest + minutes(1));
  expect(excused.said()).toBe('');
  await excused.pass(longest);
  expect(excused.said()).toContain('promise 1');
});

test('promise 1: what cannot be read, what is not taken, and what is as it was has to be had by nobody', async () => {
  const names = pair;
  const changes: [Partial<FolderNature>, (it: ReturnType<typeof aWorld>) => void][] = [
    [{}, ({ server }) => server.edit(() => Object.assign(server, { isEmptied: true }))],
    [{}, ({ server }) => server.edit(() => Object.assign(server, { isForbidden: true }))],
    [{}, ({ server }) => server.hide('API', true)],
    [{}, ({ server }) => server.stir()],
    [{}, ({ server }) => server.set({ API: '  VALUE:1 ' })],
    [{ names }, ({ server }) => server.edit(() => server.rows.delete('USER'))],
    [{ names }, ({ server }) => server.set({ API: 'VALUE:other' })],
  ];
  for (const [how, change] of changes) {
    const it = aWorld('static', how);
    const rows = [...it.server.rows].filter(([name]) => how.names?.includes(name) ?? true);
    const all = [...(how.names ? [] : it.server.imports), ...rows];
    await it.write(new Material(Object.fromEntries(all.map(([name, { value }]) => [name, value]))));
    change(it);
    await it.pass(hours(1));
    expect(it.said(), String(change)).toBe('');
  }
});

test('promise 7: what was never there together is nowhere, nor what was not there at all', async () => {
  const it = aWorld();
  const before = it.present();
  it.server.set({ USER: 'VALUE:new', PASSWORD: 'VALUE:new' });
  const after = it.present();
  await it.write(before);
  await it.write(after);
  expect(it.said()).toBe('');
  const torn = Object.fromEntries(
    after.keys().map((key) => [key, (key === 'USER' ? before : after).reveal(key) ?? '']),
  );
  await it.write(new Material(torn));
  expect(it.said()).toMatch(/promise 7 .*s\/sink0 holds VALUE:s\{.*USER="3"/);

  const erased = aWorld();
  await erased.write(erased.present());
  erased.server.edit(() => Object.assign(erased.server, { isEmptied: true }));
  await erased.write(new Material({}));
  expect(erased.said()).toContain('s/sink0 holds VALUE:s{}.0');

  const meant = aWorld('static', { isEmptyAllowed: true });
  meant.server.edit(() => Object.assign(meant.server, { isEmptied: true }));
  await meant.write(new Material({}));
  expect(meant.said()).toBe('');
});

test('promise 7: what is to be had is not given up for what was there before', async () => {
  for (const isEarly of [true, false]) {
    const it = aWorld();
    const before = it.present();
    await it.write(before);
    it.server.set({ API: 'VALUE:other' });
    await it.write(it.present());
    await it.pass(isEarly ? minutes(7) : minutes(9));
    await it.write(before);
    expect(it.said().includes('to be had, to VALUE:s{API="1"')).toBe(!isEarly);
  }
});

test('promise 4: one intent makes one value, however often it is asked for', () => {
  const it = aWorld('generated');
  it.folder.given('l', it.present());
  it.change('first', 'key');
  it.change('first', 'key');
  it.change('second', 'another key');
  expect(it.said()).toBe('');
  it.change('third', 'key');
  expect(it.said()).toMatch(/promise 4 .*first and third were both made for one intent/);
});

test('promise 7: what others have set is not changed unseen, nor put back to what was before', async () => {
  for (const isBack of [true, false]) {
    for (const [since, isGiven, isBroken] of [
      [minutes(3), false, true],
      [minutes(1), false, false],
      [minutes(3), true, isBack],
    ] as const) {
      const it = aWorld('generated');
      await it.pass(minutes(1));
      it.server.set({ [generated]: 'VALUE:theirs' });
      if (isGiven) it.folder.given('l', it.present());
      await it.pass(since);
      it.change('ours', isBack ? undefined : 'key');
      expect(it.said().includes('VALUE:theirs, which others have set'), `${isBack} ${since} ${isGiven}`).toBe(isBroken);
    }
  }
});

test('promise 7: what we have made and does not work is put back before long, unless a person has to say yes', async () => {
  const lives = async (then: (it: ReturnType<typeof aWorld>) => void) => {
    const it = aWorld('generated', {}, true);
    await it.write(it.present());
    it.server.unfit = 1;
    it.change('useless', 'key');
    it.server.unfit = 0;
    then(it);
    await it.pass(longest + minutes(1));
    return it.said();
  };
  expect(await lives(() => undefined)).toMatch(/promise 7 .*useless of ours never works/);
  expect(await lives(({ change }) => void change('VALUE:2'))).toBe('');
  expect(await lives(({ server }) => Object.assign(server, { wantsApproval: true }))).toBe('');
  expect(await lives(({ world }) => world.judge.toldNo.set('s', minutes(4)))).toBe('');
});

test('promise 7: who could not read it, or not change it, has as long once that is over', async () => {
  const hindrances: ((it: ReturnType<typeof aWorld>, isOn: boolean) => unknown)[] = [
    ({ server }, isOn) => server.hide('API', isOn),
    ({ server }, isOn) => Object.assign(server, { wantsApproval: isOn }),
  ];
  for (const hinder of hindrances) {
    const it = aWorld('generated', {}, true);
    await it.write(it.present());
    it.server.unfit = 1;
    it.change('useless', 'key');
    it.server.unfit = 0;
    await it.pass(minutes(1));
    hinder(it, true);
    await it.pass(longest - minutes(2));
    hinder(it, false);
    await it.pass(longest - seconds(2));
    expect(it.said(), String(hinder)).toBe('');
    await it.pass(seconds(2));
    expect(it.said(), String(hinder)).toMatch(/promise 7 .*useless of ours never works/);
  }
});

test('the values of a state are those of a lease, and what is no value of it is none', () => {
  const it = aWorld();
  const { wanted } = it.folder;
  expect(wanted && valueIn(wanted)).toBe(it.folder.valueOf(it.present()));
  expect(it.folder.leases.size).toBe(1);
  it.server.set({ API: 'VALUE:other' });
  it.server.set({ API: 'VALUE:1' });
  expect(it.folder.wanted).toBe(wanted);
  expect(it.folder.leases.size).toBe(2);
});
