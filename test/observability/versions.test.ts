/** What is said of versions that others end, freeze or crowd. */
import { expect, test } from 'vitest';
import type { Lease, VersionFacts } from '../../src/core/lease.ts';
import { days, hours } from '../../src/core/time.ts';
import { createHealth } from '../../src/observability/health.ts';
import { createVersions } from '../../src/observability/versions.ts';
import type { Line } from '../../src/observability/words.ts';
import { held, recordOf } from '../core/build.ts';
import { aSubject, changed, steeredTime } from './build.ts';

const aVersion = (facts: Partial<VersionFacts> = {}, change: Partial<Lease> = {}): Lease => ({
  id: 'v1',
  issuedAt: 0,
  version: { which: 'current', ...facts },
  ...change,
});

/** What is said when these come one after the other. */
function saidOf(...leases: Lease[]): string[] {
  const { clock } = steeredTime();
  const lines: Line[] = [];
  const versions = createVersions((line) => lines.push(line));
  for (const lease of leases)
    versions.check({ subject: aSubject(clock), record: recordOf(held(lease)), failed: {}, awaits: {} });
  return lines.map(({ level, message }) => `${level} ${message}`);
}

const ending = (expiresAt: number, id = 'v1') => aVersion({ frozen: 'DestructionScheduled' }, { expiresAt, id });

test('an end is said when it is set, when it is moved and when it is lifted, once each', () => {
  expect(saidOf(aVersion(), ending(days(7)), ending(days(7)), ending(days(1)), aVersion(), aVersion())).toEqual([
    'error orders-db: its current version is to be destroyed in 7d; until then somebody can cancel that at the provider',
    'error orders-db: its current version is to be destroyed at another time: in 1d; until then somebody can cancel that at the provider',
    'info orders-db: its version is not to be destroyed any more',
  ]);
});

test('an end that was there from the start is said, and so is that of the next version', () => {
  expect(saidOf(ending(days(7)), ending(days(7), 'v2'))).toHaveLength(2);
  expect(saidOf(ending(days(7)), aVersion({}, { id: 'v2' }))[1]).toBe(
    'info orders-db: another version takes the place of the one that is to be destroyed',
  );
});

const v3 = (endsAt: number) => ({ current: { id: 'v3', endsAt } });

test('the end of a version that became current, and that nobody could read since, is said like that of the one in use', () => {
  const beside = (endsAt: number, change: Partial<Lease> = {}) =>
    aVersion({ frozen: 'DestructionScheduled', ...v3(endsAt) }, change);
  expect(saidOf(aVersion(), beside(days(7)), beside(days(7)), beside(days(1)), aVersion(), aVersion())).toEqual([
    'error orders-db: its current version is to be destroyed in 7d; until then somebody can cancel that at the provider',
    'error orders-db: its current version is to be destroyed at another time: in 1d; until then somebody can cancel that at the provider',
    'info orders-db: its current version is not to be destroyed any more, or another one has taken its place',
  ]);
  expect(saidOf(beside(days(7), { expiresAt: days(2) }))).toEqual([
    expect.stringContaining('error orders-db: the version that is in use is to be destroyed in 2d'),
    expect.stringContaining('error orders-db: its current version is to be destroyed in 7d'),
  ]);
  expect(saidOf(beside(days(7)), ending(days(7), 'v3'), aVersion({}, { id: 'v3' })).slice(1)).toEqual([
    'info orders-db: its version is not to be destroyed any more',
  ]);
  expect(saidOf(beside(days(7)), aVersion({}, { id: 'v3' }))[1]).toBe(
    'info orders-db: its version is not to be destroyed any more',
  );
  expect(saidOf(beside(days(7)), aVersion({}, { id: 'v4' }))[1]).toContain('another version takes the place');
  expect(saidOf(beside(days(7)), aVersion({ frozen: 'NoCurrentVersion' })).slice(1)).toEqual([
    expect.stringContaining('it has no current version'),
  ]);
});

test('ends of others are said with a lower voice when one is set or moved, and when all are lifted', () => {
  const beside = (othersEndAt: number, count = 1, soonest = 'v7') =>
    aVersion({ othersEndAt, othersEnding: { count, soonest } });
  const lives = [beside(days(7)), beside(days(7)), beside(days(9))];
  expect(saidOf(aVersion(), ...lives, beside(days(9), 2), beside(days(11)), aVersion(), aVersion())).toEqual([
    'warn orders-db: another of its versions is to be destroyed in 7d; until then somebody can cancel that at the provider',
    'warn orders-db: another of its versions is to be destroyed in 9d; until then somebody can cancel that at the provider',
    'warn orders-db: 2 others of its versions are to be destroyed, the first in 9d; until then somebody can cancel that at the provider',
    'info orders-db: no other of its versions is to be destroyed any more',
  ]);
  // One was lifted, and the other has been moved.
  expect(saidOf(beside(days(9), 2), beside(days(8)))).toHaveLength(2);
  // It has come as it was told.
  expect(saidOf(beside(0), aVersion())).toHaveLength(1);
  // The next version has the same beside it.
  expect(saidOf(beside(days(9)), { ...beside(days(9)), id: 'v2' })).toHaveLength(1);
});

test('the line about another names the first that is to be destroyed', () => {
  const { clock } = steeredTime();
  const lines: Line[] = [];
  const record = recordOf(held(aVersion({ othersEndAt: days(7), othersEnding: { count: 2, soonest: 'v7' } })));
  createVersions((line) => lines.push(line)).check({ subject: aSubject(clock), record, failed: {}, awaits: {} });
  expect(lines.map(({ fields }) => fields)).toEqual([
    { secret: 'orders-db', version: 'v7', which: 'other', destroyAt: '1970-01-08T00:00:00.000Z' },
  ]);
});

test('the line names the version that is to be destroyed, not the one in use', () => {
  const { clock } = steeredTime();
  const lines: Line[] = [];
  const record = recordOf(held(aVersion({ frozen: 'DestructionScheduled', ...v3(days(7)) })));
  createVersions((line) => lines.push(line)).check({ subject: aSubject(clock), record, failed: {}, awaits: {} });
  expect(lines.map(({ fields }) => fields)).toEqual([
    { secret: 'orders-db', version: 'v3', which: 'current', destroyAt: '1970-01-08T00:00:00.000Z' },
  ]);
});

test('what others froze is said with the remedy, and when it is over', () => {
  expect(
    saidOf(aVersion(), aVersion({ frozen: 'SecretInactive' }), aVersion({ frozen: 'SecretInactive' }), aVersion()),
  ).toEqual([
    'error orders-db: somebody has deactivated it at the provider: activate it there; what was delivered stays',
    'info orders-db: it can be read at the provider again',
  ]);
  expect(saidOf(aVersion({ frozen: 'NoCurrentVersion' }))[0]).toContain('make one current');
});

test('the quota of versions is said once when it is near, and again when it is near again', () => {
  const counts = [899, 900, 950, 899, 900];
  const said = saidOf(...counts.map((count) => aVersion({ count })));
  expect(said).toHaveLength(2);
  expect(said[0]).toBe(
    'warn orders-db: the provider keeps 900 versions of it, and 1000 at most: have those destroyed that nobody uses',
  );
});

test('of what is no version nothing is said', () => {
  expect(saidOf({ id: 'l1', issuedAt: 0, expiresAt: hours(1) })).toEqual([]);
});

test('readiness tells why a secret is frozen, and when its version is destroyed', () => {
  const { clock } = steeredTime();
  const health = createHealth({ clock });
  health.watch(aSubject(clock));
  health.listen(changed(recordOf(held(ending(days(7))))));
  expect(health.secret('orders-db')).toMatchObject({
    state: 'frozen',
    destroyAt: '1970-01-08T00:00:00.000Z',
    reason: expect.stringContaining('its version is to be destroyed: cancel that'),
  });
  health.listen(changed(recordOf(held(aVersion()))));
  expect(health.secret('orders-db')).not.toHaveProperty('destroyAt');
});
