/** The end that others have set for a version that we hold is cancelled, where the configuration wants that. */
import { describe, expect, it } from 'vitest';
import { days, minutes } from '../../src/core/time.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { anAcquire, type Connected, call, connections, withTwo } from './yandex-connected.ts';

const start = connections();

const here = { generate: { by: 'leasekeeper' } };
const takeAt = async (at: Connected, options: object) => {
  const source = at.secret(options);
  return { source, ...(await source.acquire(anAcquire())) };
};
const bookOf = ({ sandbox }: Connected, id: string) => sandbox.books().versions.find((one) => one.id === id);

describe('cancelling what others have set', () => {
  const cancel = { onDestroyScheduled: 'cancel' };
  const renewing = { ...call, sendBy: Number.POSITIVE_INFINITY };
  const scheduledAt = async (at: Connected, options: object = cancel, version?: string) => {
    const { source, lease } = await takeAt(at, options);
    at.sandbox.control.scheduleDestruction(days(7), version);
    const seen = await source.observe?.(lease, call);
    if (seen?.is !== 'held') return expect.unreachable(`observed ${seen?.is}`);
    return { source, before: lease, lease: seen.lease };
  };

  it.each([
    ['followed', cancel],
    ['pinned', { ...cancel, version: 'v1' }],
    ['generated', { ...cancel, ...here }],
  ])('is a renewal that is due at once, of a version that is %s', async (_, options) => {
    const at = await start(withTwo);
    const { source, before, lease } = await scheduledAt(at, options, 'version' in options ? 'v1' : undefined);
    expect(lease.renewal).toMatchObject({ from: 'now', canShorten: false, atOnce: true });
    const renewed = await source.renew?.(lease, renewing);
    expect(renewed).toEqual({ lease: before });
    expect(bookOf(at, lease.id)?.cancelled).toHaveLength(1);
  });

  it('is not offered where it is not wanted', async () => {
    const at = await start(withTwo);
    expect(at.secret().renew).toBeUndefined();
    expect((await scheduledAt(at, {})).lease.renewal).toBeUndefined();
  });

  it('does not keep alive what is not current any more', async () => {
    const at = await start(withTwo);
    const { source, lease } = await scheduledAt(at);
    at.sandbox.control.addVersion({ password: 'x' }, { base: 'v1' });
    expect(await outcomeOf(source.renew?.(lease, renewing))).toBe('refused');
    expect(bookOf(at, lease.id)?.cancelled).toEqual([]);
  });

  it('is done already where somebody was quicker, before we look or after', async () => {
    const at = await start(withTwo);
    const { source, before, lease } = await scheduledAt(at);
    const order = { kind: 'cancel' } as const;
    at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-cancel', times: 1 });
    expect(await source.renew?.(lease, renewing)).toEqual({ lease: before });
    expect(await source.renew?.(lease, renewing)).toEqual({ lease: before });
    expect(at.counts()['version-cancel']).toBe(1);
  });

  it('comes too late for one that is destroyed', async () => {
    const at = await start(withTwo);
    const { source, lease } = await scheduledAt(at);
    at.sandbox.control.destroyVersion();
    expect(await outcomeOf(source.renew?.(lease, renewing))).toBe('gone');
  });

  it('is found to have been done where its answer was lost', async () => {
    const at = await start(withTwo);
    const { source, before, lease } = await scheduledAt(at);
    at.sandbox.control.fault({ kind: 'cut', work: true, on: 'version-cancel', times: 1 });
    expect(await outcomeOf(source.renew?.(lease, renewing))).toBe('unavailable, unsure');
    expect(await source.observe?.(lease, call)).toEqual({ is: 'held', lease: before });
  });

  it('is not sent when it would be too late', async () => {
    const at = await start(withTwo);
    const { source, lease } = await scheduledAt(at);
    const sendBy = source.clock.now() - minutes(1);
    expect(await outcomeOf(source.renew?.(lease, { ...call, sendBy }))).toBe('unavailable');
    expect(at.counts()['version-cancel'] ?? 0).toBe(0);
  });

  it('is done before the first delivery as well', async () => {
    const at = await start(withTwo);
    at.sandbox.control.scheduleDestruction(days(7));
    const { lease, source } = await takeAt(at, cancel);
    expect(await source.observe?.(lease, call)).toEqual({ is: 'held', lease });
    expect(lease).not.toHaveProperty('expiresAt');
  });
});
