/** An end that a person has set and that we lift to build upon the version: it is never lost, whatever goes wrong. */
import { describe, expect, it, vi } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { days } from '../../src/core/time.ts';
import type { Source } from '../../src/sources/source.ts';
import { aLockbox } from '../sandbox/yandex/builder.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { anAcquire, type Connected, call, connections, valuesOf, withTwo } from './yandex-connected.ts';

/** Operations are asked about more often, so that nobody waits for seconds. */
vi.mock('../../src/clock.ts', async (original) => {
  const clock = await original<typeof import('../../src/clock.ts')>();
  return { ...clock, sleep: (delay: number, signal?: AbortSignal) => clock.sleep(delay / 50, signal) };
});

const start = connections();
const options = { generate: { by: 'leasekeeper' }, onDestroyScheduled: 'rotate' };

/** Our version, whose destruction somebody has scheduled, as it was seen; and the key of the rotation that follows. */
async function menaced(builder = withTwo) {
  const at = await start(builder);
  const source = at.secret(options);
  const first = await source.acquire(anAcquire());
  at.sandbox.control.scheduleDestruction(days(7), first.lease.id);
  const lease = await observed(source, first.lease);
  return { at, source, first, lease, key: crypto.randomUUID() };
}

async function observed(source: Source, lease: Lease): Promise<Lease> {
  const seen = await source.observe?.(lease, call);
  if (!seen || seen.is === 'gone') throw new Error('it is there');
  return seen.lease;
}
const bookOf = ({ sandbox }: Connected, { id }: Lease) => sandbox.books().versions.find((one) => one.id === id);
const statusOf = ({ sandbox }: Connected, id: string) =>
  sandbox.control.versionsWith({ username: 'app' }).find(({ version }) => version === id)?.status;
const endOf = (at: Connected, lease: Lease) => bookOf(at, lease)?.scheduled.at(-1)?.destroyAt ?? 0;
const added = ({ sandbox }: Connected) => sandbox.books().operations.filter(({ route }) => route === 'version-add');
const rotate = (source: Source, predecessor: Lease, key: string, signal: AbortSignal = call.signal) =>
  source.acquire({ signal, key, predecessor });

describe('where the version that is to follow cannot be added', () => {
  it.each([
    ['hangs until the deadline', { kind: 'hang', work: false, on: 'version-add', after: 1, times: 1 }],
    ['takes longer than the deadline', { kind: 'operation', polls: 99, on: 'version-add', after: 1, times: 1 }],
    ['fails', { kind: 'fail', status: 503, on: 'version-add', after: 1, times: 1 }],
    ['fails late', { kind: 'operation', error: { code: 13 }, on: 'version-add', after: 1, times: 1 }],
  ] as const)('since that %s, the end is set again, and the next try adds it once', async (_, fault) => {
    const { at, source, first, lease, key } = await menaced();
    at.sandbox.control.fault(fault);
    expect(await outcomeOf(rotate(source, lease, key, AbortSignal.timeout(400)))).toMatch(/^unavailable/);
    expect(bookOf(at, lease)?.cancelled).toHaveLength(1);
    expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
    expect(Math.abs(endOf(at, lease) - (lease.expiresAt ?? 0))).toBeLessThan(2_000);
    // It is of no use to ask for what was begun before: nothing could be built upon it any more.
    let next = await rotate(source, await observed(source, lease), key).catch(() => undefined);
    for (let i = 0; i < 3 && !next; i += 1) {
      next = await rotate(source, await observed(source, lease), key).catch(() => undefined);
    }
    expect(at.sandbox.secret().current()).toBe(next?.lease.id);
    expect(next && valuesOf(next.material)).toMatchObject({ username: valuesOf(first.material)['username'] });
    expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
    expect(added(at).filter(({ version, code }) => version && code === undefined)).toHaveLength(1);
  });
});

describe('an end that could not be set again', () => {
  const lost = async () => {
    const it = await menaced();
    it.at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-add', after: 1, times: 1 });
    it.at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-schedule', times: 1 });
    return it;
  };

  it('is said to be missing, in words, and the intent stays open for it', async () => {
    const { at, source, lease, key } = await lost();
    const failure = await rotate(source, lease, key).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'unavailable', unsure: true });
    expect((failure as Error).message).toMatch(
      /destruction of version v2, which somebody had scheduled for \d{4}-.*could not be scheduled again yet: .*503/,
    );
    expect(statusOf(at, lease.id)).toBe('ACTIVE');
  });

  it.each(['once', 'twice'])(
    'is set by the next observation before anything else is said of it, asked %s',
    async (times) => {
      const { at, source, lease, key } = await lost();
      await outcomeOf(rotate(source, lease, key));
      const next = source;
      if (times === 'twice') await next.observe?.(lease, call);
      const seen = await next.observe?.(lease, call);
      expect(seen).toMatchObject({ is: 'outdated', lease: { version: { frozen: 'DestructionScheduled' } } });
      expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
      expect(Math.abs(endOf(at, lease) - (lease.expiresAt ?? 0))).toBeLessThan(2_000);
      if (seen?.is !== 'outdated') return;
      expect(seen.lease.expiresAt).toBe(endOf(at, lease));
      // And may be lifted once more, under the same intent.
      const { lease: successor } = await rotate(next, seen.lease, key);
      expect(at.sandbox.secret().current()).toBe(successor.id);
      expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
      expect(bookOf(at, lease)?.cancelled).toHaveLength(2);
    },
  );

  it('is set by the next try where that comes first', async () => {
    const { at, source, lease, key } = await lost();
    await outcomeOf(rotate(source, lease, key));
    const next = await rotate(source, await observed(source, lease), key);
    expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
  });

  it('is not set where somebody has set another, which was listed, and lifted that since', async () => {
    const { at, source, lease, key } = await lost();
    await outcomeOf(rotate(source, lease, key));
    at.sandbox.control.scheduleDestruction(days(3), lease.id);
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-list', after: 1, times: 1 });
    await outcomeOf(rotate(source, lease, key));
    at.sandbox.control.cancelDestruction(lease.id);
    for (const _ of [1, 2]) await source.observe?.(lease, call).catch(() => undefined);
    expect(statusOf(at, lease.id)).toBe('ACTIVE');
  });

  it('is set also of a version whose successor is there', async () => {
    const { at, source, lease, key } = await menaced();
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-schedule', times: 1 });
    expect(await outcomeOf(rotate(source, lease, key))).toBe('unavailable, unsure');
    expect(statusOf(at, lease.id)).toBe('ACTIVE');
    const next = await rotate(source, lease, key);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
    expect(added(at)).toHaveLength(1);
  });

  it('and is over by now leaves time for the next try', async () => {
    const { at, source, lease, key } = await lost();
    await outcomeOf(rotate(source, lease, key));
    at.pass(days(8));
    at.showTokenOf();
    const seen = await observed(source, lease);
    expect((seen.expiresAt ?? 0) - at.sandbox.books().now).toBeGreaterThan(4 * 60_000);
  });

  it('is looked for again while the server does not say, and nothing else is believed', async () => {
    const { at, source, lease, key } = await lost();
    await outcomeOf(rotate(source, lease, key));
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: ['version-cancel', 'version-schedule'], times: 2 });
    for (let i = 0; i < 2; i += 1) expect(await outcomeOf(observed(source, lease))).toMatch(/^unavailable/);
    await observed(source, lease);
    expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
  });
});

describe('an end', () => {
  it('that somebody else has lifted stays so, whatever we had begun', async () => {
    const { at, source, lease, key } = await menaced();
    at.sandbox.control.cancelDestruction(lease.id);
    expect(await source.observe?.(lease, call)).toMatchObject({ is: 'held' });
    expect(statusOf(at, lease.id)).toBe('ACTIVE');
    // Nor by a try under the intent of one before it, whatever that had come to.
    await outcomeOf(rotate(at.secret(options), lease, key));
    expect(statusOf(at, lease.id)).toBe('ACTIVE');
    expect(bookOf(at, lease)?.scheduled).toHaveLength(1);
  });

  it('that we have set again, and somebody else has lifted before we saw it, stays so', async () => {
    const { at, source, lease, key } = await menaced();
    at.sandbox.control.fault({ kind: 'cut', work: false, on: 'version-add', after: 1, times: 1 });
    expect(await outcomeOf(rotate(source, lease, key))).toBe('unavailable, unsure');
    expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
    at.sandbox.control.cancelDestruction(lease.id);
    const seen = await at.secret(options).observe?.(lease, call);
    expect(seen).toMatchObject({ is: 'held' });
    expect(statusOf(at, lease.id)).toBe('ACTIVE');
  });

  it('whose lifting and setting again both fail late at first is lifted and set again', async () => {
    const { at, source, lease, key } = await menaced();
    at.sandbox.control.fault({
      kind: 'operation',
      error: { code: 13 },
      on: ['version-cancel', 'version-schedule'],
      times: 2,
    });
    const next = await rotate(source, lease, key);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    expect(statusOf(at, lease.id)).toBe('SCHEDULED_FOR_DESTRUCTION');
  });

  it('that was moved meanwhile is seen first', async () => {
    const { at, source, lease, key } = await menaced();
    at.sandbox.control.scheduleDestruction(days(3), lease.id);
    expect(await outcomeOf(rotate(source, lease, key))).toBe('unavailable');
    expect(bookOf(at, lease)?.cancelled).toEqual([]);
    const next = await rotate(source, await observed(source, lease), key);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
  });

  describe('that somebody sets while we are at it', () => {
    const theirs = days(3);
    const isTheirs = (at: Connected, lease: Lease) =>
      Math.abs(endOf(at, lease) - (at.sandbox.books().now + theirs)) < 60_000;

    it('stays as they have set it: it is not set again to what it was', async () => {
      const { at, source, lease, key } = await menaced();
      at.sandbox.control.fault({ kind: 'slow', from: 20_000, to: 20_001, on: 'version-add', after: 1, times: 1 });
      const next = rotate(source, lease, key);
      await vi.waitUntil(() => statusOf(at, lease.id) === 'ACTIVE');
      at.sandbox.control.scheduleDestruction(theirs, lease.id);
      await outcomeOf(next);
      expect(isTheirs(at, lease)).toBe(true);
      expect(bookOf(at, lease)?.scheduled).toHaveLength(2);
    });

    it('before we lift it is seen first, and not lifted', async () => {
      const { at, source, lease, key } = await menaced();
      at.sandbox.control.fault({ kind: 'slow', from: 20_000, to: 20_001, on: 'version-add', times: 1 });
      const read = at.sandbox.books().counts['secret-get'] ?? 0;
      const next = rotate(source, lease, key);
      await vi.waitUntil(() => (at.sandbox.books().counts['secret-get'] ?? 0) > read);
      at.sandbox.control.scheduleDestruction(theirs, lease.id);
      expect(await outcomeOf(next)).toBe('unavailable');
      expect(bookOf(at, lease)?.cancelled).toEqual([]);
      expect(isTheirs(at, lease)).toBe(true);
    });

    it('once the versions have been listed is not taken for one that we have lifted', async () => {
      const { at, source, lease, key } = await menaced();
      at.sandbox.control.cancelDestruction(lease.id);
      at.sandbox.control.fault({ kind: 'slow', from: 20_000, to: 20_001, on: 'secret-get', times: 1 });
      const listed = at.sandbox.books().counts['version-list'] ?? 0;
      const next = rotate(source, lease, key);
      await vi.waitUntil(() => (at.sandbox.books().counts['version-list'] ?? 0) > listed);
      at.sandbox.control.scheduleDestruction(theirs, lease.id);
      expect(await outcomeOf(next)).toBe('unavailable');
      expect(bookOf(at, lease)?.cancelled).toHaveLength(1);
      expect(isTheirs(at, lease)).toBe(true);
    });
  });

  it('that we are to lift anyway is lifted for good', async () => {
    const at = await start(withTwo);
    const source = at.secret({ ...options, onDestroyScheduled: 'cancel' });
    const { lease } = await source.acquire(anAcquire());
    at.sandbox.control.scheduleDestruction(days(7), lease.id);
    const seen = await observed(source, lease);
    const key = crypto.randomUUID();
    const next = await rotate(source, seen, key);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    await observed(source, seen);
    expect(statusOf(at, lease.id)).toBe('ACTIVE');
    expect(bookOf(at, lease)).toMatchObject({ cancelled: [expect.anything()], scheduled: [expect.anything()] });
  });

  it('of a version that we do not hold is lifted only where there is no other to build upon', async () => {
    const { at, source } = await menaced();
    const { lease } = await source.acquire(anAcquire());
    expect(bookOf(at, lease)).toMatchObject({ base: 'v1' });
    expect(at.sandbox.books().versions.flatMap(({ cancelled }) => cancelled)).toEqual([]);
  });

  describe('that somebody sets, once it was listed, of the version that is to be built upon instead', () => {
    const withThree = aLockbox().withSecret({
      name: 'db',
      id: 'e6qdb',
      versions: ['v1', 'v2', 'v3'].map((id) => ({ id, entries: { username: 'app', password: `password-${id}` } })),
    });
    /** The end of `v3`, which is current, was set before; those of these are before the first of ours is added. */
    const overtaken = async (...ids: readonly string[]) => {
      const at = await start(withThree);
      at.sandbox.control.scheduleDestruction(days(7));
      ids.forEach((version, after) => {
        const order = { kind: 'schedule', in: days(3), version } as const;
        at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-add', after, times: 1 });
      });
      return {
        at,
        source: at.secret(options),
        lifted: () => at.sandbox.books().versions.flatMap((one) => one.cancelled),
      };
    };

    it('stays, and the next that is whole is taken', async () => {
      const { at, source, lifted } = await overtaken('v2');
      const { lease, material } = await source.acquire(anAcquire());
      expect(bookOf(at, lease)).toMatchObject({ base: 'v1' });
      expect(valuesOf(material)).toMatchObject({ username: 'app' });
      expect(at.sandbox.secret().current()).toBe(lease.id);
      expect(lifted()).toEqual([]);
    });

    it('again stays: the next try looks anew, and lifts one where none is whole any more', async () => {
      const { at, source, lifted } = await overtaken('v2', 'v2', 'v1');
      const intent = anAcquire();
      expect(await outcomeOf(source.acquire(intent))).toBe('invalid');
      expect(lifted()).toEqual([]);
      const { lease } = await source.acquire(intent);
      expect(bookOf(at, lease)).toMatchObject({ base: 'v3' });
      for (const id of ['v1', 'v2', 'v3']) expect(statusOf(at, id)).toBe('SCHEDULED_FOR_DESTRUCTION');
    });
  });

  describe('of the only versions there are, none of which we hold,', () => {
    const alone = async () => {
      const at = await start(withTwo);
      for (const id of ['v1', 'v2']) at.sandbox.control.scheduleDestruction(days(7), id);
      return { at, source: at.secret(options), end: endOf(at, { id: 'v2', issuedAt: 0 }), key: crypto.randomUUID() };
    };
    const isAsItWas = ({ at, end }: Awaited<ReturnType<typeof alone>>) =>
      statusOf(at, 'v2') === 'SCHEDULED_FOR_DESTRUCTION' &&
      Math.abs(endOf(at, { id: 'v2', issuedAt: 0 }) - end) < 2_000;

    it('is lifted to build upon it, and set again', async () => {
      const it = await alone();
      const { lease } = await it.source.acquire(anAcquire());
      expect(it.at.sandbox.secret().current()).toBe(lease.id);
      expect(isAsItWas(it)).toBe(true);
    });

    it.each(['try', 'observation'])('is set again by the next %s where it could not be', async (who) => {
      const it = await alone();
      it.at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-schedule', times: 1 });
      expect(await outcomeOf(it.source.acquire({ signal: call.signal, key: it.key }))).toBe('unavailable, unsure');
      expect(isAsItWas(it)).toBe(false);
      const made = it.at.sandbox.secret().current() ?? '';
      if (who === 'try') await it.source.acquire({ signal: call.signal, key: it.key });
      else await observed(it.source, { id: made, issuedAt: 0 });
      expect(isAsItWas(it)).toBe(true);
    });
  });
});
