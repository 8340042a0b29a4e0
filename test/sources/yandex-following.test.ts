/** Versions that others add: noticed, delivered, and never paid for twice. */
import { describe, expect, it } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { days, minutes } from '../../src/core/time.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { anAcquire, type Connected, call, connections, valuesOf, withTwo } from './yandex-connected.ts';

const start = connections();

const current = { which: 'current' } as const;
/** How it is seen where all versions had to be asked about. */
const counted = ({ lease }: { readonly lease: Lease }): Lease => ({ ...lease, version: { ...current, count: 3 } });
const acquireAt = async (at: Connected, options: object = {}) => {
  const source = at.secret(options);
  return { source, ...(await source.acquire(anAcquire())) };
};
/** What is said of the version that was acquired. */
const observed = async ({ source, lease }: Awaited<ReturnType<typeof acquireAt>>) => source.observe?.(lease, call);
/** What an acquire ends in, and with which words. */
const refusal = (at: Connected, options: object = {}): Promise<string> =>
  at
    .secret(options)
    .acquire(anAcquire())
    .then(
      () => 'acquired',
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    );

describe('the current version', () => {
  it('is a lease without an end, read with exactly its id', async () => {
    const at = await start(withTwo);
    const { lease, material } = await acquireAt(at);
    expect(lease).toMatchObject({ id: 'v2', followed: true, version: current });
    expect(lease).not.toHaveProperty('expiresAt');
    expect(lease).not.toHaveProperty('renewal');
    expect(valuesOf(material)).toEqual({ username: 'app', password: 'password-v2' });
  });

  it('is dated by the server', async () => {
    const at = await start(withTwo.with({ skew: days(3) }));
    const { lease } = await acquireAt(at);
    expect(Math.abs(lease.issuedAt - at.sandbox.books().now)).toBeLessThan(minutes(2));
  });

  it('has bytes in base64', async () => {
    const binary = Buffer.from([0, 1, 2, 255, 254]).toString('base64');
    const at = await start(withTwo);
    at.sandbox.control.addVersion({ blob: { binary } });
    expect(valuesOf((await acquireAt(at)).material)).toMatchObject({ blob: binary, username: 'app' });
  });

  it('is held as long as it is current', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    expect(await observed(held)).toEqual({ is: 'held', lease: held.lease });
  });

  it('is outdated by another, and by an older one that is made current again', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.addVersion({ password: 'new' });
    expect(await observed(held)).toEqual({ is: 'outdated', lease: counted(held) });
    const next = await acquireAt(at);
    expect(valuesOf(next.material)['password']).toBe('new');
    at.sandbox.control.setCurrent('v1');
    expect(await observed(next)).toEqual({ is: 'outdated', lease: counted(next) });
    expect((await acquireAt(at)).lease.id).toBe('v1');
  });

  it('may not be taken for long after it came: the end of what is in use until then is told, and that it is gone', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.addVersion({ password: 'new' });
    at.sandbox.control.scheduleDestruction(days(7), 'v2');
    const seen = await observed(held);
    expect(seen).toMatchObject({ is: 'outdated', lease: { expiresAt: expect.any(Number) } });
    expect(seen).not.toHaveProperty('lease.version.frozen');
    at.sandbox.control.destroyVersion('v2');
    expect(await observed(held)).toEqual({ is: 'gone' });
  });

  it('is asked about a thousand times without a payload being read, and read again when it is asked for', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    for (let i = 0; i < 1_000; i += 1) expect((await observed(held))?.is).toBe('held');
    expect(at.counts()).toMatchObject({ 'payload-get': 1, 'secret-get': 1_001 });
    expect(at.counts()['version-list'] ?? 0).toBe(0);
    expect(valuesOf((await held.source.read?.(held.lease, call)) ?? held.material)).toEqual(valuesOf(held.material));
    expect(at.counts()['payload-get']).toBe(2);
  });

  it('is asked about as often as the configuration says, every minute unless it does', async () => {
    const at = await start(withTwo);
    expect(at.secret().observeEvery?.(undefined)).toBe(minutes(1));
    expect(at.secret({ poll: '5m' }).observeEvery?.(days(1))).toBe(minutes(5));
  });
});

describe('an end that somebody sets', () => {
  const inAWeek = days(7);

  it('is an end of the lease, which cannot be read any more; moved and lifted it moves and goes', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.scheduleDestruction(inAWeek);
    const before = at.sandbox.books().now;
    const first = await observed(held);
    expect(first).toMatchObject({ is: 'held', lease: { version: { frozen: 'DestructionScheduled' } } });
    expect(Math.abs((first?.is === 'held' ? (first.lease.expiresAt ?? 0) : 0) - before - inAWeek)).toBeLessThan(5_000);
    expect(first).not.toHaveProperty('lease.renewal');
    at.sandbox.control.scheduleDestruction(days(1));
    const moved = await observed(held);
    expect(Math.abs((moved?.is === 'held' ? (moved.lease.expiresAt ?? 0) : 0) - before - days(1))).toBeLessThan(5_000);
    at.sandbox.control.cancelDestruction();
    expect(await observed(held)).toEqual({ is: 'held', lease: held.lease });
  });

  it('of a version that is not held is no business of a secret that does not watch them', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.scheduleDestruction(inAWeek, 'v1');
    expect(await observed(held)).toEqual({ is: 'held', lease: held.lease });
  });

  it('of any other is told where all are watched, the soonest of them, and how many there are', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at, { watchVersions: true });
    expect(held.lease.version).toEqual({ which: 'current', count: 2 });
    at.sandbox.control.addVersion({ password: 'x' });
    at.sandbox.control.setCurrent('v2');
    at.sandbox.control.scheduleDestruction(inAWeek, 'v1');
    at.sandbox.control.scheduleDestruction(days(30), at.sandbox.secret().versions()[2]);
    const seen = await observed(held);
    if (seen?.is !== 'held') return expect.unreachable(`observed ${seen?.is}`);
    expect(seen.lease.version).toMatchObject({ which: 'current', count: 3 });
    const { othersEndAt = 0 } = seen.lease.version ?? {};
    expect(Math.abs(othersEndAt - at.sandbox.books().now - inAWeek)).toBeLessThan(5_000);
  });

  it('that has come is the end of the lease', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.destroyVersion();
    expect(await observed(held)).toEqual({ is: 'gone' });
  });

  it('that has come is known also where no version is current any more', async () => {
    const at = await start(withTwo.assuming({ destroyedCurrent: 'absent' }));
    const held = await acquireAt(at);
    at.sandbox.control.destroyVersion();
    expect(await observed(held)).toEqual({ is: 'gone' });
  });

  it.each([
    ['scheduled', ({ sandbox }: Connected) => sandbox.control.scheduleDestruction(inAWeek), /^invalid: .*scheduled/],
    ['destroyed', ({ sandbox }: Connected) => sandbox.control.destroyVersion(), /^invalid: .*has been destroyed/],
  ])('of the current version, %s, leaves nothing to be acquired', async (_, happen, words) => {
    const at = await start(withTwo);
    happen(at);
    expect(await refusal(at)).toMatch(words);
    expect(at.counts()['payload-get'] ?? 0).toBe(0);
  });

  it.each([
    ['scheduled', ({ sandbox }: Connected) => sandbox.control.scheduleDestruction(inAWeek), 'DestructionScheduled'],
    ['destroyed', ({ sandbox }: Connected) => sandbox.control.destroyVersion(), 'NoCurrentVersion'],
  ])('of another that became current, %s, is no reason to acquire what nobody can read', async (_, happen, frozen) => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.addVersion({ password: 'x' });
    happen(at);
    expect(await observed(held)).toMatchObject({
      is: 'held',
      lease: { id: 'v2', version: { which: 'current', frozen } },
    });
  });
});

it.each([
  ['current', {}],
  ['pinned', { version: 'v2' }],
])(
  'an end that somebody has set before we hold anything is told with the refusal, of the %s version',
  async (which, options) => {
    const at = await start(withTwo);
    at.sandbox.control.scheduleDestruction(days(7), 'v2');
    const inAWeek = at.sandbox.books().now + days(7);
    const error = await acquireAt(at, options).catch((reason: unknown) => reason as LeaseError);
    if (!(error instanceof LeaseError) || !error.doomed) return expect.unreachable('it tells of the end');
    const { endsAt } = error.doomed;
    expect(error.doomed).toEqual({ which, endsAt });
    expect(Math.abs(endsAt - inAWeek)).toBeLessThan(5_000);
    expect(error.message).toContain(`scheduled for destruction at ${new Date(endsAt).toISOString()}`);
  },
);

describe('an end that somebody sets for the next version before we have it', () => {
  const moved = async (options: object = {}) => {
    const at = await start(withTwo);
    const held = await acquireAt(at, options);
    const next = at.sandbox.control.addVersion({ password: 'x' });
    at.sandbox.control.scheduleDestruction(days(7), next);
    return { at, held, next };
  };
  const currentOf = async (held: Awaited<ReturnType<typeof acquireAt>>) => {
    const seen = await observed(held);
    if (!seen || seen.is === 'gone') return expect.unreachable('it is held');
    return seen.lease.version?.current;
  };

  it.each([
    ['reported', {}],
    ['cancelled', { onDestroyScheduled: 'cancel' }],
    ['replaced', { onDestroyScheduled: 'rotate', generate: { by: 'leasekeeper' } }],
  ])('is told with ours where it is %s, is moved, and is over', async (_, options) => {
    const { at, held, next } = await moved(options);
    const inAWeek = at.sandbox.books().now + days(7);
    const { id, endsAt = 0 } = (await currentOf(held)) ?? {};
    expect(id).toBe(next);
    expect(Math.abs(endsAt - inAWeek)).toBeLessThan(5_000);
    at.sandbox.control.scheduleDestruction(days(1), next);
    expect(Math.abs(((await currentOf(held))?.endsAt ?? 0) - inAWeek + days(6))).toBeLessThan(5_000);
    at.sandbox.control.destroyVersion(next);
    expect(await currentOf(held)).toBeUndefined();
  });

  it('is told also of a secret that is deactivated, and where a list is not told', async () => {
    const { at, held, next } = await moved();
    at.sandbox.control.deactivate();
    expect((await currentOf(held))?.id).toBe(next);
    at.sandbox.control.fault({ kind: 'page', status: 404, empty: true, on: 'version-list' });
    expect((await currentOf(held))?.id).toBe(next);
    at.sandbox.control.activate();
    at.sandbox.control.cancelDestruction(next);
    expect(await currentOf(held)).toBeUndefined();
  });

  it('is no business of a secret that has another one pinned', async () => {
    const { held } = await moved({ version: 'v2' });
    expect(await observed(held)).toMatchObject({ is: 'held' });
    expect(await currentOf(held)).toBeUndefined();
  });
});

describe('a secret that others have stopped', () => {
  it('is deactivated: what was delivered stays, nothing is acquired, and it goes on when it is activated', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.deactivate();
    expect(await observed(held)).toEqual({
      is: 'held',
      lease: { ...held.lease, version: { which: 'current', frozen: 'SecretInactive' } },
    });
    expect(await refusal(at)).toMatch(/^invalid: secret e6qdb is deactivated/);
    // Whether somebody has activated it is asked free of charge.
    await expect(acquireAt(at)).rejects.toMatchObject({ passing: true });
    at.sandbox.control.addVersion({ password: 'x' });
    expect((await observed(held))?.is).toBe('held');
    at.sandbox.control.activate();
    expect((await observed(held))?.is).toBe('outdated');
  });

  it('has no version yet', async () => {
    const at = await start(withTwo.with({}).withSecret({ name: 'empty', versions: [] }));
    const secretId = at.sandbox.secret('empty').id;
    expect(await refusal(at, { secretId })).toMatch(/^invalid: .* has no current version/);
  });

  it('has lost its current version, and ours with it', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.forgetVersion();
    expect(await observed(held)).toEqual({ is: 'gone' });
  });

  it('has lost its current version, and not ours', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    const next = at.sandbox.control.addVersion({ password: 'x' });
    at.sandbox.control.forgetVersion(next);
    expect(await observed(held)).toMatchObject({ is: 'held', lease: { version: { frozen: 'NoCurrentVersion' } } });
  });

  it.each([
    ['destroyed', 'destroyVersion'],
    ['lost', 'forgetVersion'],
  ] as const)('has a current version that nobody can read: ours is known to be %s all the same', async (_, end) => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.addVersion({ password: 'x' });
    at.sandbox.control.scheduleDestruction(days(1));
    expect((await observed(held))?.is).toBe('held');
    at.sandbox.control[end](held.lease.id);
    expect(await observed(held)).toEqual({ is: 'gone' });
  });

  it.each([
    ['destroyed', 'destroyVersion'],
    ['lost', 'forgetVersion'],
  ] as const)('is deactivated, and another is current: ours is known to be %s all the same', async (_, end) => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.addVersion({ password: 'x' });
    at.sandbox.control.deactivate();
    expect((await observed(held))?.is).toBe('held');
    at.sandbox.control[end](held.lease.id);
    expect(await observed(held)).toEqual({ is: 'gone' });
  });

  it('is no more: then its versions are gone, and a new one is looked for in vain', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.deleteSecret();
    expect(await observed({ ...held })).toEqual({ is: 'gone' });
    expect(await outcomeOf(held.source.acquire(anAcquire()))).toBe('invalid');
  });

  it('is not taken to be no more where the answer is empty', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at);
    at.sandbox.control.fault({ kind: 'page', status: 404, empty: true, on: 'secret-get', times: 1 });
    expect(await outcomeOf(held.source.observe?.(held.lease, call))).toBe('unavailable');
  });
});

describe('a pinned version', () => {
  const pinned = { version: 'v1' };

  it('is had whichever is current, and held whatever becomes current', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at, pinned);
    expect(held.lease).toMatchObject({ id: 'v1', followed: true, version: { which: 'pinned', count: 2 } });
    expect(valuesOf(held.material)['password']).toBe('password-v1');
    at.sandbox.control.setCurrent('v1');
    expect(await observed(held)).toEqual({ is: 'held', lease: held.lease });
    at.sandbox.control.setCurrent('v2');
    expect(await observed(held)).toEqual({ is: 'held', lease: held.lease });
  });

  it('is found on whatever page it is', async () => {
    const many = Array.from({ length: 230 }, (_, i) => ({ id: `v${i}`, entries: { password: `p${i}` } }));
    const builder = withTwo.withSecret({ name: 'many', id: 'e6qmany', versions: many });
    const at = await start(builder.assuming({ pages: 'some-empty' }));
    const { lease, material } = await acquireAt(at, { secretId: 'e6qmany', version: 'v7' });
    expect(lease.version).toEqual({ which: 'pinned', count: 230 });
    expect(valuesOf(material)).toEqual({ password: 'p7' });
  });

  it.each([
    ['its end is set', ({ control }: Connected['sandbox']) => control.scheduleDestruction(days(7), 'v1'), 'held'],
    ['it is destroyed', ({ control }: Connected['sandbox']) => control.destroyVersion('v1'), 'gone'],
    ['it vanishes', ({ control }: Connected['sandbox']) => control.forgetVersion('v1'), 'gone'],
  ])('is seen where %s', async (_, happen, is) => {
    const at = await start(withTwo);
    const held = await acquireAt(at, pinned);
    happen(at.sandbox);
    const seen = await observed(held);
    expect(seen?.is).toBe(is);
    if (seen?.is === 'held') expect(seen.lease.version?.frozen).toBe('DestructionScheduled');
    expect(await refusal(at, pinned)).toMatch(/^invalid: .*v1/);
  });

  it('is not taken to have vanished from a list that is empty altogether', async () => {
    const at = await start(withTwo);
    const held = await acquireAt(at, pinned);
    at.sandbox.control.fault({ kind: 'page', status: 404, empty: true, on: 'version-list' });
    expect(await observed(held)).toEqual({ is: 'held', lease: held.lease });
    expect(await refusal(at, pinned)).toMatch(/^unavailable: /);
  });
});
