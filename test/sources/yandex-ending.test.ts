/** The end of versions that we made: never of the one that everybody reads, and a date that is set is not moved. */
import { describe, expect, it } from 'vitest';
import { days, hours } from '../../src/core/time.ts';
import type { Acquired, Source } from '../../src/sources/source.ts';
import { aLockbox } from '../sandbox/yandex/builder.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { anAcquire, type Connected, call, connections, valuesOf, withTwo } from './yandex-connected.ts';

const start = connections();

const here = { generate: { by: 'leasekeeper' } };
const there = { generate: { by: 'lockbox' } };
const withSpec = aLockbox().withSecret({
  name: 'gen',
  id: 'e6qgen',
  generated: { passwordKey: 'password', length: 20 },
});

/** A version that was current, and its successor that is. */
async function rotated(at: Connected, options: object) {
  const source = at.secret(options);
  const first = await source.acquire(anAcquire());
  const next = await source.acquire({ ...anAcquire(), predecessor: first.lease });
  return { source, first, next };
}
const bookOf = ({ sandbox }: Connected, { lease }: Pick<Acquired, 'lease'>) =>
  sandbox.books().versions.find(({ id }) => id === lease.id);
const scheduledAt = (at: Connected, of: Pick<Acquired, 'lease'>) => bookOf(at, of)?.scheduled ?? [];
const ended = (source: Source, { lease }: Pick<Acquired, 'lease'>, instead?: Acquired) =>
  source.revoke?.(lease, { ...call, ...(instead && { isUnproven: true, instead: instead.lease }) });
const words = (promise: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(promise).then(
    (answer) => String(answer),
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

describe('a version that is not current', () => {
  it.each([
    ['seven days', {}, days(7)],
    ['as long as the configuration says', { pendingPeriod: '36h' }, hours(36)],
  ])('is scheduled for destruction, and can be saved for %s', async (_, more, period) => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, { ...here, ...more });
    const before = at.sandbox.books().now;
    expect(await ended(source, first)).toBe('ended');
    const [entry] = scheduledAt(at, first);
    expect(Math.abs((entry?.destroyAt ?? 0) - before - period)).toBeLessThan(2_000);
  });

  it('is ended once: a date that is set already is not moved', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    at.sandbox.control.scheduleDestruction(days(1), first.lease.id);
    expect(await ended(source, first)).toBe('ended');
    expect(await ended(source, first)).toBe('ended');
    expect(scheduledAt(at, first)).toHaveLength(1);
  });

  it('has ended where it was destroyed, lost, or its secret is no more', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    at.sandbox.control.destroyVersion(first.lease.id);
    expect(await ended(source, first)).toBe('ended');
    at.sandbox.control.forgetVersion(first.lease.id);
    expect(await ended(source, first)).toBe('ended');
    at.sandbox.control.deleteSecret();
    expect(await ended(source, first)).toBe('ended');
    expect(scheduledAt(at, first)).toEqual([]);
  });

  it('has ended where it is destroyed while we ask', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    const order = { kind: 'destroy', version: first.lease.id } as const;
    at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-schedule', times: 1 });
    expect(await ended(source, first)).toBe('ended');
  });

  it('is saved where somebody makes it current while we ask', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    const order = { kind: 'set-current', version: first.lease.id } as const;
    at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-schedule', times: 1 });
    expect(await outcomeOf(ended(source, first))).toBe('unavailable, unsure');
    expect(bookOf(at, first)?.cancelled).toHaveLength(1);
    expect(await words(ended(source, first))).toMatch(/^invalid: .*what everybody reads/);
  });

  it('is saved by the next try where the first could not save it', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    const order = { kind: 'set-current', version: first.lease.id } as const;
    at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-schedule', times: 1 });
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-cancel', times: 1 });
    expect(await outcomeOf(ended(source, first))).toBe('unavailable, unsure');
    expect(bookOf(at, first)?.cancelled).toHaveLength(0);
    expect(await words(ended(source, first))).toMatch(/^unavailable: .*it is kept/);
    expect(bookOf(at, first)?.cancelled).toHaveLength(1);
    // Whoever schedules it after that is somebody else.
    at.sandbox.control.scheduleDestruction(days(1), first.lease.id);
    expect(await ended(source, first)).toBe('ended');
    expect(bookOf(at, first)?.cancelled).toHaveLength(1);
  });

  it('is ended by the next try where the answer was lost, without a second date', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    at.sandbox.control.fault({ kind: 'cut', work: true, on: 'version-schedule', times: 1 });
    expect(await outcomeOf(ended(source, first))).toBe('unavailable, unsure');
    expect(await ended(source, first)).toBe('ended');
    expect(scheduledAt(at, first)).toHaveLength(1);
  });

  it('is tried although the list of versions says nothing at all', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    at.sandbox.control.fault({ kind: 'page', status: 404, empty: true, on: 'version-list' });
    expect(await ended(source, first)).toBe('ended');
    expect(scheduledAt(at, first)).toHaveLength(1);
  });

  it('is not ended without the role for it', async () => {
    const at = await start(withTwo);
    const { source, first } = await rotated(at, here);
    at.sandbox.control.setRoles(['lockbox.viewer']);
    expect(await words(ended(source, first))).toMatch(/^invalid: .*lockbox\.editor/);
  });
});

describe('the version that is current', () => {
  it('is not ended, whoever asks for it: a person is called', async () => {
    const at = await start(withTwo);
    const { source, next } = await rotated(at, here);
    expect(await words(ended(source, next))).toMatch(/^invalid: .*make another one current first/);
    expect(scheduledAt(at, next)).toEqual([]);
  });

  it.each([
    ['is destroyed', ({ control }: Connected['sandbox']) => control.destroyVersion()],
    [
      'is scheduled for destruction by somebody',
      ({ control }: Connected['sandbox']) => control.scheduleDestruction(1e6),
    ],
  ])('needs no end of ours where it %s', async (_, happen) => {
    const at = await start(withTwo);
    const { source, next } = await rotated(at, here);
    happen(at.sandbox);
    const before = scheduledAt(at, next).length;
    expect(await ended(source, next)).toBe('ended');
    expect(scheduledAt(at, next)).toHaveLength(before);
  });
});

describe('a version that failed its proofs', () => {
  it.each([
    ['made here', here, withTwo],
    ['made by the server', there, withSpec],
  ])('and was %s, is no more what others read before it is ended', async (_, options, builder) => {
    const at = await start(builder);
    const { source, first, next } = await rotated(at, options);
    expect(await ended(source, next, first)).toBe('ended');
    expect(at.sandbox.secret().current()).toBe(first.lease.id);
    expect(scheduledAt(at, next)).toHaveLength(1);
    expect(scheduledAt(at, first)).toEqual([]);
    expect(await source.observe?.(first.lease, call)).toMatchObject({ is: 'held' });
  });

  it.each(['unknown', 'unimplemented'] as const)(
    'is overlaid by a copy of the one before, where to go back is %s to the server',
    async (setCurrentVersion) => {
      const at = await start(withTwo.with({ setCurrentVersion }));
      const { source, first, next } = await rotated(at, here);
      expect(await ended(source, next, first)).toBe('ended');
      const copy = at.sandbox.secret().current();
      expect([first.lease.id, next.lease.id]).not.toContain(copy);
      const { material } = await source.acquire({ ...anAcquire(), predecessor: first.lease });
      expect(valuesOf(material)).toEqual(valuesOf(first.material));
      expect(scheduledAt(at, next)).toHaveLength(1);
    },
  );

  it.each([
    ['the answer is lost', { kind: 'cut', work: true, on: 'version-add', times: 1 }],
    ['it was not seen whether that is current', { kind: 'fail', status: 503, on: 'secret-get', after: 1, times: 1 }],
  ] as const)('is overlaid by one copy, also where %s', async (_, fault) => {
    const at = await start(withTwo.with({ setCurrentVersion: 'unimplemented' }));
    const { source, first, next } = await rotated(at, here);
    at.sandbox.control.fault(fault);
    expect(await outcomeOf(ended(source, next, first))).toBe('unavailable, unsure');
    // As the server has it that hears of the same once more: nothing tells that the first try has come to it.
    at.sandbox.control.setCurrent(next.lease.id);
    const before = at.sandbox.secret().versions().length;
    at.sandbox.control.fault({ kind: 'cut', work: true, on: 'version-add', times: 1 });
    expect(await outcomeOf(ended(at.secret(here), next, first))).toBe('unavailable, unsure');
    expect(at.sandbox.secret().versions()).toHaveLength(before);
  });

  it('is overlaid by one copy, also where the server shows it as current for a moment longer', async () => {
    const at = await start(withTwo.with({ setCurrentVersion: 'unimplemented' }));
    const { source, first, next } = await rotated(at, here);
    const before = at.sandbox.secret().versions().length;
    const order = { kind: 'set-current', version: next.lease.id } as const;
    at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'secret-get', after: 1, times: 1 });
    await expect(Promise.resolve(ended(source, next, first))).rejects.toMatchObject({
      code: 'unavailable',
      unsure: true,
      message: expect.stringMatching(/version .* was added to secret e6qdb, which still shows .* as current/),
    });
    expect(at.sandbox.secret().versions()).toHaveLength(before + 1);
    at.sandbox.control.setCurrent(at.sandbox.books().versions.at(-1)?.id ?? '');
    expect(await ended(source, next, first)).toBe('ended');
    expect(at.sandbox.secret().versions()).toHaveLength(before + 1);
    expect(scheduledAt(at, next)).toHaveLength(1);
  });

  it('is overlaid once more where somebody has made it current again, and where a copy has failed late', async () => {
    const at = await start(withTwo.with({ setCurrentVersion: 'unimplemented' }));
    const { source, first, next } = await rotated(at, here);
    at.sandbox.control.fault({ kind: 'operation', error: { code: 13 }, on: 'version-add', times: 1 });
    expect(await outcomeOf(ended(source, next, first))).toBe('unavailable');
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-schedule', times: 1 });
    expect(await outcomeOf(ended(source, next, first))).toMatch(/^unavailable/);
    const copy = at.sandbox.secret().current();
    at.sandbox.control.setCurrent(next.lease.id);
    expect(await ended(source, next, first)).toBe('ended');
    expect([copy, first.lease.id, next.lease.id]).not.toContain(at.sandbox.secret().current());
    expect(scheduledAt(at, next)).toHaveLength(1);
  });

  it('is not ended where a copy would be a new value that nobody knows', async () => {
    const at = await start(withSpec.with({ setCurrentVersion: 'unimplemented' }));
    const { source, first, next } = await rotated(at, there);
    const before = at.sandbox.secret().versions().length;
    const { 'version-add': adds, 'payload-get': reads } = at.counts();
    expect(await words(ended(source, next, first))).toMatch(
      /^invalid: .*failed its proofs.*make another one current.*has a payload specification, so that no copy/,
    );
    expect(at.sandbox.secret().versions()).toHaveLength(before);
    expect(scheduledAt(at, next)).toEqual([]);
    // Nor is it asked for: no entries are taken, and to read what was in it costs money.
    expect(at.counts()).toMatchObject({ 'version-add': adds, 'payload-get': reads });
  });

  it.each([
    ['the one before is scheduled for destruction', ['v2'], /^invalid: .*failed its proofs/],
    ['the role is missing', [], /^invalid: .*failed its proofs.*lockbox\.editor/],
  ])('is not ended where %s', async (_, scheduled, said) => {
    const at = await start(withTwo);
    const { source, first, next } = await rotated(at, here);
    for (const id of scheduled) at.sandbox.control.scheduleDestruction(days(1), id);
    if (scheduled.length === 0) at.sandbox.control.setRoles(['lockbox.viewer']);
    expect(await words(ended(source, next, first))).toMatch(said);
    expect(scheduledAt(at, next)).toEqual([]);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
  });

  it('is ended later where the server does not answer', async () => {
    const at = await start(withTwo);
    const { source, first, next } = await rotated(at, here);
    at.sandbox.control.fault({ kind: 'cut', work: true, on: 'version-set-current', times: 1 });
    expect(await outcomeOf(ended(source, next, first))).toBe('unavailable, unsure');
    expect(scheduledAt(at, next)).toEqual([]);
    expect(await ended(source, next, first)).toBe('ended');
    expect(scheduledAt(at, next)).toHaveLength(1);
  });
});

describe('what others add', () => {
  const theirs = { password: 'theirs' };

  it.each([
    ['is what everybody reads', []],
    ['is so no more', ['v1']],
  ])('and fails its proofs is left as it is, where it %s', async (_, currents) => {
    const at = await start(withTwo);
    const { source, next } = await rotated(at, here);
    at.sandbox.control.addVersion(theirs);
    const failing = await source.acquire({ ...anAcquire(), predecessor: next.lease });
    expect(valuesOf(failing.material)).toMatchObject(theirs);
    for (const id of currents) at.sandbox.control.setCurrent(id);
    const current = at.sandbox.secret().current();
    for (const more of [{}, { instead: next.lease }]) {
      expect(await source.revoke?.(failing.lease, { ...call, isUnproven: true, ...more })).toBe('ended');
    }
    expect(scheduledAt(at, failing)).toEqual([]);
    expect(at.sandbox.secret().current()).toBe(current);
  });

  it('is not ours to end', async () => {
    const at = await start(withTwo);
    expect(at.secret().revoke).toBeUndefined();
  });
});
