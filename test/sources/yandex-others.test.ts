/** The ends of versions that are not in use, where they are watched: those that others have set, and not our own. */
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { days } from '../../src/core/time.ts';
import type { Source } from '../../src/sources/source.ts';
import { anAcquire, type Connected, call, connections, withTwo } from './yandex-connected.ts';

const start = connections();

const watched = { watchVersions: true };
const made = { ...watched, generate: { by: 'leasekeeper' } };

/** What is said of a lease now. */
async function seen(source: Source, lease: Lease): Promise<Lease> {
  const observation = await source.observe?.(lease, call);
  if (!observation || observation.is === 'gone') return expect.unreachable(`observed ${observation?.is}`);
  return observation.lease;
}

const endingOf = async (source: Source, lease: Lease) => (await seen(source, lease)).version?.othersEnding;

describe('of a secret that others rotate', () => {
  const following = async (options: object = watched) => {
    const at = await start(withTwo);
    const source = at.secret(options);
    return { at, source, ...(await source.acquire(anAcquire())) };
  };

  it('is told how many end, and which is the first', async () => {
    const { at, source, lease } = await following();
    at.sandbox.control.scheduleDestruction(days(7), 'v1');
    expect(await endingOf(source, lease)).toEqual({ count: 1, soonest: 'v1' });
    const v3 = at.sandbox.control.addVersion({ password: 'x' });
    at.sandbox.control.setCurrent('v2');
    at.sandbox.control.scheduleDestruction(days(3), v3);
    expect(await endingOf(source, lease)).toEqual({ count: 2, soonest: v3 });
    at.sandbox.control.destroyVersion(v3);
    at.sandbox.control.cancelDestruction('v1');
    expect(await endingOf(source, lease)).toBeUndefined();
  });

  it('the current one is no other, unless another is pinned', async () => {
    const { at, source, lease } = await following();
    const v3 = at.sandbox.control.addVersion({ password: 'x' });
    at.sandbox.control.scheduleDestruction(days(7), v3);
    const { version } = await seen(source, lease);
    expect(version).toMatchObject({ current: { id: v3 } });
    expect(version).not.toHaveProperty('othersEndAt');
    const pinned = at.secret({ ...watched, version: 'v1' });
    expect((await pinned.acquire(anAcquire())).lease.version?.othersEnding).toEqual({ count: 1, soonest: v3 });
  });

  it('what was known is not forgotten because of a list that is empty altogether', async () => {
    const { at, source, lease } = await following();
    at.sandbox.control.scheduleDestruction(days(7), 'v1');
    const before = await seen(source, lease);
    at.sandbox.control.fault({ kind: 'page', status: 404, empty: true, on: 'version-list', times: 1 });
    expect(await seen(source, before)).toEqual(before);
  });
});

describe('of a secret that we rotate', () => {
  /** The next version has been made, and the one before is ended. */
  const next = async (source: Source, predecessor: Lease) => {
    const { lease } = await source.acquire({ ...anAcquire(), predecessor });
    await source.revoke?.(predecessor, call);
    return lease;
  };
  const scheduled = (at: Connected) =>
    at.sandbox.books().versions.flatMap(({ id, scheduled: ends }) => (ends.length > 0 ? [id] : []));
  const rotating = async () => {
    const at = await start(withTwo);
    const source = at.secret(made);
    const { lease: first } = await source.acquire(anAcquire());
    // `v2` was made by others, and the one after it by us.
    const second = await next(source, first);
    const third = await next(source, second);
    expect(scheduled(at)).toEqual([first.id, second.id]);
    return { at, source, third };
  };

  it('what we end ourselves is none of it, and does not hide what somebody else ends', async () => {
    const { at, source, third } = await rotating();
    expect(await endingOf(source, third)).toBeUndefined();
    at.sandbox.control.scheduleDestruction(days(30), 'v1');
    expect(await endingOf(source, third)).toEqual({ count: 1, soonest: 'v1' });
  });

  it('is known also after a restart, and beside the next version', async () => {
    const { at, source, third } = await rotating();
    const known = await seen(source, third);
    expect(known.version?.endedByUs).toEqual(['v2']);
    const again = at.secret(made);
    const { lease: fourth } = await again.acquire({ ...anAcquire(), predecessor: known });
    expect(fourth.version).toMatchObject({ endedByUs: ['v2'] });
    expect(fourth.version).not.toHaveProperty('othersEndAt');
    expect(await endingOf(again, fourth)).toBeUndefined();
    at.sandbox.control.destroyVersion('v2');
    expect((await seen(again, fourth)).version).not.toHaveProperty('endedByUs');
  });

  it('what failed its proofs and others made is left alone: its end is news', async () => {
    const at = await start(withTwo);
    const source = at.secret(made);
    const { lease } = await source.acquire(anAcquire());
    at.sandbox.control.addVersion({ password: 'x' });
    await source.revoke?.(lease, { ...call, isUnproven: true });
    const { lease: after } = await source.acquire({ ...anAcquire(), predecessor: lease });
    at.sandbox.control.scheduleDestruction(days(7), lease.id);
    expect(await endingOf(source, after)).toEqual({ count: 1, soonest: lease.id });
  });
});
