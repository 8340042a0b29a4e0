/** The end of versions: set, moved, lifted, and come. */
import { describe, expect, test } from 'vitest';
import { days, seconds } from '../../src/core/time.ts';
import { aLockbox } from './yandex/builder.ts';
import { lockboxes, withDb } from './yandex-asking.ts';

const { keeper } = lockboxes();
const schedule = 'scheduleVersionDestruction';
const cancel = 'cancelVersionDestruction';

const two = aLockbox().withSecret({
  name: 'db',
  versions: [{ entries: { password: 'pw-1' } }, { entries: { password: 'pw-2' } }],
});

describe('a version scheduled for destruction', () => {
  test('says so at once, in the same date everywhere, and its payload is gone at once too', async () => {
    const at = await keeper(two);
    const [old = ''] = at.at.secret().versions();
    const before = at.at.books().now;
    const { metadata, response } = await at.order(schedule, { versionId: old, pendingPeriod: '90.5s' });
    const shown = (await at.versions()).find(({ id }) => id === old);
    expect(shown).toMatchObject({ status: 'SCHEDULED_FOR_DESTRUCTION', destroyAt: metadata.destroyAt });
    expect(response).toMatchObject({ ...shown });
    expect(metadata.destroyAt).toMatch(/\.\d{3}Z$/);
    expect(Date.parse(metadata.destroyAt ?? '') - before).toBeGreaterThanOrEqual(90_500);
    expect(await at.readable(old)).toBe('400/9');
    expect(await at.readable()).toBe('200');
    const other = await keeper(two.assuming({ scheduledPayload: 'yes' }));
    other.at.control.scheduleDestruction(days(1));
    expect(await other.readable()).toBe('200');
    other.at.control.destroyVersion();
    expect(await other.readable()).toBe('400/9');
  });

  test('has a week if nothing else was asked for', async () => {
    const at = await keeper(two);
    const before = at.at.books().now;
    const { metadata } = await at.order(schedule, { versionId: at.at.secret().current() });
    const left = Date.parse(metadata.destroyAt ?? '') - before;
    expect(Math.round(left / days(1))).toBe(7);
  });

  test.each(['168h', '0s', '-5s', 5, '5'])('is not scheduled for %s', async (pendingPeriod) => {
    const at = await keeper(two);
    expect(await at.outcome(schedule, { versionId: at.at.secret().current(), pendingPeriod })).toBe('400/3');
    expect((await at.current())?.status).toBe('ACTIVE');
  });

  test('is destroyed when its time has come, and not a moment before', async () => {
    const at = await keeper(two);
    const [old = ''] = at.at.secret().versions();
    await at.order(schedule, { versionId: old, pendingPeriod: '100s' });
    at.at.control.skew(seconds(95));
    expect((await at.versions()).find(({ id }) => id === old)?.status).toBe('SCHEDULED_FOR_DESTRUCTION');
    at.at.control.skew(seconds(6));
    expect((await at.versions()).find(({ id }) => id === old)).toMatchObject({ status: 'DESTROYED' });
    expect((await at.versions()).find(({ id }) => id === old)).not.toHaveProperty('destroyAt');
    expect(await at.outcome(cancel, { versionId: old })).toBe('400/9');
    expect(await at.outcome(schedule, { versionId: old })).toBe('400/9');
    expect(await at.readable(old)).toBe('400/9');
    const [book] = at.at.books().versions;
    expect(book).toMatchObject({ id: old, endedBy: 'destroyed', endedAt: book?.scheduled[0]?.destroyAt });
  });

  test('is destroyed by itself, without anybody asking', async () => {
    const at = await keeper(two);
    at.at.control.scheduleDestruction(20);
    while (at.at.books().versions[1]?.endedAt === undefined) await new Promise(setImmediate);
    expect((await at.current())?.status).toBe('DESTROYED');
  });

  test('lives on when that is cancelled, also by somebody else', async () => {
    const at = await keeper(two);
    const id = at.at.secret().current() ?? '';
    at.at.control.scheduleDestruction(seconds(100));
    await at.order(cancel, { versionId: id });
    expect(await at.current()).not.toHaveProperty('destroyAt');
    expect(await at.readable()).toBe('200');
    await at.order(schedule, { versionId: id, pendingPeriod: '100s' });
    at.at.control.cancelDestruction();
    at.at.control.skew(seconds(200));
    expect((await at.current())?.status).toBe('ACTIVE');
    expect(await at.outcome(cancel, { versionId: id })).toBe('400/9');
    const { scheduled, cancelled } = at.at.books().versions[1] ?? {};
    expect(scheduled?.map(({ by }) => by)).toEqual(['somebody', 'keeper']);
    expect(cancelled?.map(({ by }) => by)).toEqual(['keeper', 'somebody']);
  });

  test('goes by the latest date that anybody set, sooner or later', async () => {
    const at = await keeper(two);
    at.at.control.scheduleDestruction(seconds(100));
    at.at.control.scheduleDestruction(seconds(300));
    at.at.control.skew(seconds(200));
    expect((await at.current())?.status).toBe('SCHEDULED_FOR_DESTRUCTION');
    at.at.control.scheduleDestruction(seconds(10));
    at.at.control.skew(seconds(11));
    expect((await at.current())?.status).toBe('DESTROYED');
  });

  test('may be there from the start', async () => {
    const entries = { password: 'x' };
    const versions = [{ entries, destroyIn: 0 }, { entries, destroyIn: days(1) }, { entries }];
    const at = await keeper(aLockbox().withSecret({ name: 'db', versions, current: null }));
    const statuses = (await at.versions()).map(({ status }) => status);
    expect(statuses).toEqual(['ACTIVE', 'SCHEDULED_FOR_DESTRUCTION', 'DESTROYED']);
    expect(await at.current()).toBeUndefined();
  });
});

describe('a secret whose current version is destroyed', () => {
  test('goes on showing it, or shows none; and no other takes its place', async () => {
    for (const [destroyedCurrent, status] of [
      ['shown', 'DESTROYED'],
      ['absent', undefined],
    ] as const) {
      const at = await keeper(two.assuming({ destroyedCurrent }));
      at.at.control.destroyVersion();
      expect((await at.current())?.status).toBe(status);
      expect(await at.readable()).toBe('400/9');
    }
  });

  test('says so with another code where that is wanted', async () => {
    const at = await keeper(two.assuming({ unreadable: 5 }));
    at.at.control.destroyVersion();
    expect(await at.readable()).toBe('404/5');
  });
});

describe('a secret that is deactivated', () => {
  test('shows its metadata and no payload until it is activated', async () => {
    const at = await keeper(withDb);
    await at.order('deactivate');
    expect((await at.current())?.status).toBe('ACTIVE');
    expect(await at.readable()).toBe('400/9');
    await at.order('activate');
    expect(await at.readable()).toBe('200');
    at.at.control.deactivate();
    expect(await at.readable()).toBe('400/9');
  });

  test('is gone when somebody deletes it', async () => {
    const at = await keeper(withDb);
    at.at.control.deleteSecret();
    expect(at.at.books().versions[0]).toMatchObject({ endedBy: 'deleted' });
    await expect(at.current()).rejects.toThrow('404/5');
  });
});
