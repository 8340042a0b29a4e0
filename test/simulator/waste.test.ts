import { expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import { aDynamic, aSecret, aStatic, aStory, aToken } from './quiet.ts';
import { aWorld, delivery, inUse, usedBy } from './unattended.ts';
import { World } from './world.ts';

test('promise 5: what a single kill may cost, when all was paid and when something was owed', async () => {
  const after = async (isPaid: boolean, spend: (it: ReturnType<typeof aWorld>) => unknown, isHeard = true) => {
    const it = aWorld(aDynamic(hours(2), 4), false, [['by the sink']]);
    const value = await inUse(it);
    const [newest] = it.issuer.last;
    if (newest) newest.isOurs = isPaid;
    if (!isHeard) it.place.isAcknowledged = false;
    const { timeline, judge, waste } = it.world;
    await timeline.runUntil(minutes(10));
    judge.excuses.kills.push(timeline.now());
    waste.onKill(minutes(10) + seconds(30));
    await timeline.runUntil(minutes(11));
    await spend(it);
    await timeline.runUntil(minutes(12));
    expect(usedBy(it.place)).toBe(value);
    return judge.broken.join();
  };
  const acquire = ({ world }: ReturnType<typeof aWorld>) => world.judge.onAcquire('s', 'sent', world.timeline.now());
  const reload = ({ sink, signal }: ReturnType<typeof aWorld>) => void sink.reload?.(signal);
  const write = (it: ReturnType<typeof aWorld>) => void it.sink.write(delivery(it.place.content ?? ''), it.signal);
  expect(await after(true, () => undefined)).toBe('');
  expect(await after(true, acquire)).toContain('1 acquires of s after a single kill');
  expect(await after(true, reload)).toContain('1 reloads at sink 0');
  expect(await after(true, write)).toContain('a write to sink 0');
  expect(await after(false, acquire)).toBe('');
  expect(await after(false, reload)).toBe('');
  expect(await after(true, reload, false), 'a reload of which nobody heard that it was made').toBe('');
  const twice = (spend: (it: ReturnType<typeof aWorld>) => void) => async (it: ReturnType<typeof aWorld>) => {
    spend(it);
    await it.world.timeline.runUntil(minutes(11) + seconds(5));
    spend(it);
  };
  expect(await after(false, twice(acquire))).toContain('2 acquires');
  expect(await after(false, twice(reload))).toContain('2 reloads');
  const troubled = (it: ReturnType<typeof aWorld>) => {
    it.world.troubles.note('sink/s/sink0', minutes(9), minutes(9) + 1);
    reload(it);
  };
  expect(await after(true, troubled), 'there is another excuse').toBe('');
});

test('promise 5: what would have been done without a kill is none of its cost', async () => {
  const after = async (ttl: number) => {
    const it = aWorld(aDynamic(ttl, 4), false, [['by the sink']]);
    await inUse(it);
    const { timeline, judge, waste } = it.world;
    await timeline.runUntil(minutes(10));
    judge.excuses.kills.push(timeline.now());
    waste.onKill(minutes(10) + seconds(30));
    await timeline.runUntil(minutes(11));
    for (const at of [1, 2]) judge.onAcquire('s', 'sent', timeline.now() + seconds(at));
    // What is there then was taken meanwhile: nothing of it is due for long.
    await inUse(it);
    await timeline.runUntil(minutes(12));
    return judge.broken.join();
  };
  expect(await after(hours(2))).toContain('2 acquires');
  expect(await after(minutes(20))).toBe('');
});

test('promise 5: of a token that no sink wants trouble at its provider is an excuse as well', async () => {
  for (const place of ['none', 'call/token', 'login/A', 'provider/A']) {
    const { policy, sinks: _, ...secret } = aSecret(aToken(hours(2), 4), { name: 'token' });
    const token = { ...secret, policy, sinks: [] };
    const houses = [{ name: 'A', token, secrets: [aSecret(aDynamic(hours(2), 4))] }];
    const world = new World(5, { ...aStory(token, { trouble: hours(2) }), houses });
    const { timeline, judge, waste, kept, troubles } = world;
    const issued = kept[0]?.issuer.acquire('key').issued;
    if (issued) issued.isOurs = true;
    await timeline.runUntil(minutes(10));
    judge.excuses.kills.push(timeline.now());
    waste.onKill(minutes(10) + seconds(30));
    troubles.note(place, minutes(10) + seconds(31), minutes(10) + seconds(32));
    judge.onAcquire('token', 'sent', minutes(11));
    await timeline.runUntil(minutes(12));
    expect(judge.broken.length > 0, place).toBe(place === 'none');
  }
});

test('promise 5: what nobody can read is asked for again, with a kill and without', async () => {
  for (const isHidden of [true, false]) {
    const it = aWorld(aStatic('static'), false, [['by the sink']]);
    const { timeline, judge, waste } = it.world;
    const { folder } = it.kept;
    const values = [...(folder?.server.imports ?? []), ...(folder?.server.rows ?? [])];
    const material = new Material(Object.fromEntries(values.map(([name, { value }]) => [name, value])));
    void it.sink.write({ ...delivery(''), material }, it.signal);
    await timeline.runUntil(minutes(10));
    void it.sink.reload?.(it.signal);
    const [newest] = it.issuer.last;
    if (newest) newest.isOurs = true;
    await timeline.runUntil(minutes(20));
    if (isHidden) folder?.server.hide('API', true);
    await timeline.runUntil(minutes(30));
    judge.excuses.kills.push(timeline.now());
    waste.onKill(minutes(30) + seconds(30));
    judge.onAcquire('s', 'sent', minutes(31));
    await timeline.runUntil(minutes(32));
    expect(judge.broken.join().includes('1 acquires of s after a single kill'), judge.broken.join()).toBe(!isHidden);
  }
});
