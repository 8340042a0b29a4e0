import { expect, test } from 'vitest';
import { days, hours, minutes, seconds } from '../../src/core/time.ts';
import { generated, pair } from './folder-nature.ts';
import type { SecretPlan } from './plan.ts';
import { aSecret, aStatic, aStory, policy } from './quiet.ts';
import { World } from './world.ts';

function aWorld(secrets: readonly SecretPlan[], change: Partial<Parameters<typeof aStory>[1]> = {}, seed = 1) {
  const [first = aSecret(aStatic('static'))] = secrets;
  const world = new World(seed, {
    ...aStory(first, { trouble: hours(3), ...change }),
    houses: [{ name: 'A', secrets }],
  });
  const server = world.kept[0]?.folder?.server;
  if (!server) throw new Error('there is one');
  return { world, server };
}

const rotating = aSecret(aStatic('generated'), {
  policy: { ...policy, rotateAfter: (issued) => issued + hours(1) },
  sinks: [['by the sink']],
});

test('secrets of one folder are had by one request for each poll, whatever each of them takes of it', async () => {
  const nature = aStatic('static');
  const three = ['a', 'b', 'c'].map((name, i) => {
    const { folder } = nature;
    return aSecret({ ...nature, ...(folder && { folder: { ...folder, ...(i > 0 && { names: pair }) } }) }, { name });
  });
  const { world, server } = aWorld(three, { trouble: hours(10) });
  expect(await world.live()).toEqual([]);
  expect(server.lists).toBeGreaterThan(60);
  // Two more where somebody looks a moment before the next poll.
  expect(server.lists).toBeLessThan((hours(10) + hours(1)) / minutes(10));
});

test('what comes of a pair that others rotate is in every sink once, and both of it at a time', async () => {
  const { world, server } = aWorld([aSecret(aStatic('static'), { sinks: [['by the sink'], ['by the sink']] })]);
  for (const at of [minutes(31), minutes(72)]) {
    world.timeline.at(at, () => server.set(Object.fromEntries(pair.map((name) => [name, `VALUE:${at}`]))));
  }
  expect(await world.live()).toEqual([]);
  expect(world.kept[0]?.places.map(({ writes, reloads }) => ({ writes, reloads }))).toEqual([
    { writes: 3, reloads: 3 },
    { writes: 3, reloads: 3 },
  ]);
});

test('what only looks different is written nowhere again', async () => {
  const { world, server } = aWorld([aSecret(aStatic('static'))]);
  for (const at of [minutes(31), minutes(72)]) world.timeline.at(at, () => server.stir());
  expect(await world.live()).toEqual([]);
  expect(world.kept[0]?.places.map(({ writes }) => writes)).toEqual([1, 1]);
});

test('what we generate is changed once when its time has come, however the process fails', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const nightly = aSecret(aStatic('generated', hours(2)), {
      policy: { ...policy, rotateAfter: (issued) => (Math.floor(issued / days(1)) + 1) * days(1) },
    });
    const crashes = Array.from({ length: 5 }, (_, day) => days(day + 1) + ((seed * 37 * (day + 1)) % 900));
    const { world, server } = aWorld([nightly], { crashes, trouble: days(5) + minutes(1), background: 0.1 }, seed);
    const changes: number[] = [];
    const { onPatch } = server;
    server.onPatch = (...asked) => {
      changes.push(world.timeline.now());
      onPatch(...asked);
    };
    expect(await world.live(), `seed ${seed}`).toEqual([]);
    const skew = world.houses[0]?.skew ?? 0;
    const nights = changes.map((at) => Math.floor((at + skew + seconds(5)) / days(1)));
    // Midnight is the provider's: where its clock is behind ours, the first comes soon.
    expect(
      nights.filter((night) => night > 0),
      `seed ${seed}`,
    ).toEqual([1, 2, 3, 4, 5]);
  }
});

test('a yes that somebody has to say is asked for once, and its value is everywhere as soon as it was said', async () => {
  const { world, server } = aWorld([rotating], { trouble: hours(6) });
  server.wantsApproval = true;
  server.onApproval = () => undefined;
  world.timeline.at(hours(4), () => {
    const [pending] = server.pending;
    expect(server.pending.length).toBe(1);
    server.wantsApproval = false;
    if (pending) server.decide(pending, true);
    world.timeline.at(hours(4) + minutes(11), () => {
      expect(world.kept[0]?.places[0]?.content).toContain(pending?.value);
    });
  });
  expect(await world.live()).toEqual([]);
});

test('a value of ours that does not work is put back before it comes anywhere', async () => {
  const { world, server } = aWorld([{ ...rotating, isVerified: true }], { trouble: hours(2) });
  const first = server.rows.get(generated)?.value;
  world.timeline.at(minutes(50), () => {
    server.unfit = 1;
  });
  world.timeline.at(minutes(80), () => {
    server.unfit = 0;
  });
  let isBack = false;
  server.onEdit.push(() => {
    isBack ||= world.timeline.now() > minutes(61) && server.rows.get(generated)?.value === first;
  });
  expect(await world.live()).toEqual([]);
  expect(isBack).toBe(true);
});
