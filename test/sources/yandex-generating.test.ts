/** Versions that we add: one for each intent, never over somebody else's, with the rest of the secret as it was. */
import { describe, expect, it, vi } from 'vitest';
import { days } from '../../src/core/time.ts';
import type { Acquired, Source } from '../../src/sources/source.ts';
import { aLockbox } from '../sandbox/yandex/builder.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { anAcquire, type Connected, call, connections, valuesOf, withTwo } from './yandex-connected.ts';

/** Operations are asked about more often, so that nobody waits for seconds. */
vi.mock('../../src/clock.ts', async (original) => {
  const clock = await original<typeof import('../../src/clock.ts')>();
  return { ...clock, sleep: (delay: number, signal?: AbortSignal) => clock.sleep(delay / 50, signal) };
});

const start = connections();

const here = { generate: { by: 'leasekeeper', length: 40 } };
const there = { generate: { by: 'lockbox' } };
const withSpec = aLockbox().withSecret({
  name: 'gen',
  id: 'e6qgen',
  generated: { passwordKey: 'password', length: 20 },
});

const takeAt = async (at: Connected, options: object) => {
  const source = at.secret(options);
  return { source, ...(await source.acquire(anAcquire())) };
};
const rotate = (source: Source, { lease }: Pick<Acquired, 'lease'>, key: string = crypto.randomUUID()) =>
  source.acquire({ ...call, key, predecessor: lease });
const versionsOf = ({ sandbox }: Connected) => sandbox.secret().versions();
/** Not counting what the sandbox was made with. */
const added = ({ sandbox }: Connected) => sandbox.books().operations.filter(({ route }) => route === 'version-add');
const bookOf = ({ sandbox }: Connected, id: string) => sandbox.books().versions.find((one) => one.id === id);
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'acquired',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

describe('without a predecessor', () => {
  it('what is current and can be read will do', async () => {
    const at = await start(withTwo);
    const { lease, material } = await takeAt(at, here);
    expect(lease).toMatchObject({ id: 'v2', version: { which: 'current', count: 2 } });
    expect(lease).not.toHaveProperty('followed');
    expect(valuesOf(material)['password']).toBe('password-v2');
    expect(added(at)).toEqual([]);
  });

  it.each([
    ['there is none yet', withTwo.with({}).spec.secrets?.[0], { versions: [] }],
    ['it is scheduled for destruction', undefined, undefined],
  ])('one is added where %s', async (_, secret, change) => {
    const at = await start(secret ? aLockbox().withSecret({ ...secret, ...change }) : withTwo);
    if (!secret) at.sandbox.control.scheduleDestruction(days(7));
    const { lease, material } = await takeAt(at, here);
    expect(versionsOf(at).at(-1)).toBe(lease.id);
    expect(material.reveal('password')).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(added(at)).toHaveLength(1);
  });
});

describe.each([
  ['here', here, withTwo],
  ['by the server', there, withSpec],
])('a successor made %s', (_, options, builder) => {
  it('is another version with another value, current from then on, beside its predecessor', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    const next = await rotate(first.source, first);
    expect(next.lease.id).not.toBe(first.lease.id);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    expect(next.material.reveal('password')).not.toBe(first.material.reveal('password'));
    expect(at.sandbox.control.accepts(valuesOf(first.material))).toBe(true);
    expect(bookOf(at, next.lease.id)).toMatchObject({ base: first.lease.id, by: 'keeper' });
    expect(next.lease.version?.count).toBe((first.lease.version?.count ?? 0) + 1);
    expect(await first.source.observe?.(next.lease, call)).toEqual({ is: 'held', lease: next.lease });
  });

  it('is waited for until the operation is over', async () => {
    const at = await start(builder.with({ operations: { polls: 2 } }));
    const first = await takeAt(at, options);
    const next = await rotate(first.source, first);
    expect(added(at)).toMatchObject([{ polls: 2, version: next.lease.id }]);
  });

  it('is not waited for longer than the call may take, and found by the next', async () => {
    const at = await start(builder.with({ operations: { polls: 30 } }));
    const first = await takeAt(at, options);
    const key = crypto.randomUUID();
    const signal = AbortSignal.timeout(300);
    expect(await outcomeOf(first.source.acquire({ signal, key, predecessor: first.lease }))).toBe(
      'unavailable, unsure',
    );
    const next = await rotate(first.source, first, key);
    expect(added(at)).toHaveLength(1);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
  });

  it.each([
    ['its answer was lost', { kind: 'cut', work: true, on: 'version-add', times: 1 }],
    ['it could not be read', { kind: 'cut', work: false, on: 'payload-get', times: 1 }],
    ['we were silenced before it was read', { kind: 'limit', retryAfter: 7, on: 'payload-get', times: 1 }],
    ['our token was rejected before it was read', { kind: 'fail', status: 401, on: 'payload-get', times: 1 }],
  ] as const)('is not made twice where %s', async (_, fault) => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.fault(fault);
    const key = crypto.randomUUID();
    expect(await outcomeOf(rotate(first.source, first, key))).toBe('unavailable, unsure');
    // Another process: all that is left is the key.
    const next = await rotate(at.secret(options), first, key);
    expect(added(at)).toHaveLength(1);
    expect(added(at)[0]).toMatchObject({ version: next.lease.id });
    expect(at.sandbox.control.accepts(valuesOf(next.material))).toBe(true);
  });

  it('is not made twice where the first try was neither seen nor current yet', async () => {
    const at = await start(builder);
    at.sandbox.control.fault({ kind: 'operation', polls: 30, on: 'version-add', times: 1 });
    const first = await takeAt(at, options);
    const key = crypto.randomUUID();
    const signal = AbortSignal.timeout(200);
    await outcomeOf(first.source.acquire({ signal, key, predecessor: first.lease }));
    expect(at.sandbox.secret().current()).toBe(first.lease.id);
    const next = await rotate(at.secret(options), first, key);
    expect(added(at)).toMatchObject([{ repeats: 1, version: next.lease.id }]);
  });

  it('that has failed late leaves all as it was, and is made under the next key', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.fault({ kind: 'operation', polls: 1, error: { code: 13 }, on: 'version-add', times: 1 });
    const key = crypto.randomUUID();
    expect(await outcomeOf(rotate(first.source, first, key))).toBe('unavailable');
    expect(await first.source.observe?.(first.lease, call)).toEqual({ is: 'held', lease: first.lease });
    // The same intent: the server would answer its key with the same failure for ever.
    const next = await rotate(first.source, first, key);
    expect(added(at)).toMatchObject([{ code: 13 }, { version: next.lease.id }]);
    expect(added(at)[1]?.key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it.each([
    ['destroyed', { kind: 'destroy' }],
    ['scheduled for destruction', { kind: 'schedule', in: days(1) }],
    ['lost', { kind: 'forget-version' }],
  ] as const)('that was %s by others before we could read it is made anew, under the next key', async (_, order) => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'payload-get', times: 1 });
    const key = crypto.randomUUID();
    expect(await outcomeOf(rotate(first.source, first, key))).toBe('invalid, unsure');
    // Its key may bring the same again; then it is known to be of no use.
    const next =
      (await rotate(first.source, first, key).catch(() => undefined)) ?? (await rotate(first.source, first, key));
    expect(added(at)).toHaveLength(2);
    expect(added(at)[1]?.version).toBe(next.lease.id);
    expect(at.sandbox.control.accepts(valuesOf(next.material))).toBe(true);
  });

  it('of another process finds its way past keys that have failed before', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.fault({ kind: 'operation', error: { code: 13 }, on: 'version-add', times: 2 });
    const key = crypto.randomUUID();
    for (let i = 0; i < 2; i += 1) expect(await outcomeOf(rotate(first.source, first, key))).toBe('unavailable');
    const other = at.secret(options);
    for (let i = 0; i < 2; i += 1) expect(await outcomeOf(rotate(other, first, key))).toBe('unavailable');
    await rotate(other, first, key);
    expect(added(at)).toHaveLength(3);
    expect(versionsOf(at)).toHaveLength(first.lease.version?.count === 1 ? 2 : 3);
  });

  it('is believed to have failed as soon as that is said, although it is not done', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.fault({ kind: 'operation', error: { code: 7 }, rollback: 99, on: 'version-add', times: 1 });
    expect(await refusal(rotate(first.source, first))).toMatch(/^invalid: .*lockbox\.editor/);
    expect(added(at)[0]?.polls).toBe(0);
  });

  it('is not made where somebody else has made one: that one is taken', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    const theirs = at.sandbox.control.addVersion(options === here ? { password: 'theirs' } : {});
    expect(await first.source.observe?.(first.lease, call)).toMatchObject({ is: 'outdated' });
    expect((await rotate(first.source, first)).lease.id).toBe(theirs);
    expect(added(at)).toEqual([]);
  });

  it('is made in the place of one of ours that failed its proofs, and never of one of somebody else', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    const next = await rotate(first.source, first);
    const again = { ...call, key: crypto.randomUUID(), predecessor: first.lease };
    expect((await first.source.acquire(again)).lease.id).toBe(next.lease.id);
    const better = await first.source.acquire({ ...again, rejected: [next.lease.id] });
    expect([first.lease.id, next.lease.id]).not.toContain(better.lease.id);
    const theirs = at.sandbox.control.addVersion(options === here ? { password: 'theirs' } : {});
    const taken = await first.source.acquire({ ...again, key: crypto.randomUUID(), rejected: [next.lease.id, theirs] });
    expect(taken.lease.id).toBe(theirs);
  });

  it('is kept where somebody else was later: what they added is followed like anything that is current', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    const entries = options === here ? { password: 'theirs' } : {};
    const order = { kind: 'add-version', entries } as const;
    at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-list', after: 1, times: 1 });
    // Not in the same millisecond.
    at.sandbox.control.fault({ kind: 'slow', from: 30, to: 31, on: 'version-list', after: 1, times: 1 });
    const next = await rotate(first.source, first);
    expect(next.lease.id).toBe(added(at)[0]?.version);
    expect(bookOf(at, next.lease.id)?.scheduled).toEqual([]);
    expect(await first.source.observe?.(next.lease, call)).toMatchObject({ is: 'outdated' });
  });

  it('is not made of a secret that is deactivated', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.deactivate();
    expect(await refusal(rotate(first.source, first))).toMatch(/^invalid: .*deactivated/);
    expect(added(at)).toEqual([]);
  });

  it('is made at once where somebody schedules the end of ours, if that is wanted', async () => {
    const at = await start(builder);
    const first = await takeAt(at, { ...options, onDestroyScheduled: 'rotate' });
    at.sandbox.control.scheduleDestruction(days(7));
    const seen = await first.source.observe?.(first.lease, call);
    expect(seen).toMatchObject({ is: 'outdated', lease: { version: { frozen: 'DestructionScheduled' } } });
    if (seen?.is !== 'outdated') return;
    const before = seen.lease.expiresAt ?? 0;
    const next = await rotate(first.source, seen);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    // Whatever had to be done for it: the end is where they wanted it.
    const { scheduled = [] } = bookOf(at, first.lease.id) ?? {};
    expect(Math.abs((scheduled.at(-1)?.destroyAt ?? 0) - before)).toBeLessThan(2_000);
    const [former] = at.sandbox.control.versionsWith(valuesOf(first.material));
    expect(former).toMatchObject({ version: first.lease.id, status: 'SCHEDULED_FOR_DESTRUCTION' });
    expect(await first.source.observe?.(next.lease, call)).toEqual({ is: 'held', lease: next.lease });
  });

  it('is only called for by the policy where that is not wanted', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.scheduleDestruction(days(7));
    const seen = await first.source.observe?.(first.lease, call);
    expect(seen).toMatchObject({ is: 'held', lease: { version: { frozen: 'DestructionScheduled' } } });
  });

  it('is made also after the end has come', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.destroyVersion();
    expect(await first.source.observe?.(first.lease, call)).toEqual({ is: 'gone' });
    const next = await rotate(first.source, first);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
  });

  it('that the quota leaves no room for says so', async () => {
    const at = await start(builder.with({ versionQuota: builder === withTwo ? 2 : 1 }));
    const first = await takeAt(at, options);
    expect(await refusal(rotate(first.source, first))).toMatch(/^unavailable: .*lockbox\.versions\.count/);
  });

  it('that the account may not make says which role is missing', async () => {
    const at = await start(builder);
    const first = await takeAt(at, options);
    at.sandbox.control.setRoles(['lockbox.viewer', 'lockbox.payloadViewer']);
    expect(await refusal(rotate(first.source, first))).toMatch(/^invalid: .*lockbox\.editor/);
    at.sandbox.control.setRoles(['lockbox.editor']);
    expect(await refusal(rotate(first.source, first))).toMatch(/^invalid: .*lockbox\.payloadViewer/);
    expect(added(at)).toHaveLength(1);
    // Once it may, what it has made is found.
    at.sandbox.control.setRoles(['lockbox.editor', 'lockbox.payloadViewer']);
    expect((await rotate(first.source, first)).lease.id).toBe(added(at)[0]?.version);
  });
});

describe('a value made here', () => {
  it('changes its own entry and leaves the others as they are', async () => {
    const at = await start(withTwo);
    const { source, lease } = await takeAt(at, here);
    const { material } = await rotate(source, { lease });
    expect(valuesOf(material)).toEqual({ username: 'app', password: expect.stringMatching(/^[A-Za-z0-9]{40}$/) });
  });

  it('goes where it is told to, by the rules that are given', async () => {
    const at = await start(withTwo);
    const generate = {
      by: 'leasekeeper',
      key: 'api/key',
      length: 12,
      classes: ['digits', 'punctuation'],
      exclude: '"',
    };
    const { source, lease } = await takeAt(at, { generate });
    const { material } = await rotate(source, { lease });
    expect(valuesOf(material)).toMatchObject({ username: 'app', password: 'password-v2' });
    expect(material.reveal('api/key')).toMatch(/^[0-9!-/:-@[-`{-~]{12}$/);
  });

  it('is built upon the newest that is whole, where the current one has been destroyed', async () => {
    const at = await start(withTwo);
    const { source, lease } = await takeAt(at, here);
    at.sandbox.control.destroyVersion();
    const { lease: next } = await rotate(source, { lease });
    expect(bookOf(at, next.id)?.base).toBe('v1');
  });

  it('is built upon one whose end is set, where the server lets it', async () => {
    const at = await start(withTwo.assuming({ scheduledBase: 'yes' }));
    const { source, lease } = await takeAt(at, here);
    at.sandbox.control.scheduleDestruction(days(7));
    const { lease: next } = await rotate(source, { lease });
    expect(bookOf(at, next.id)?.base).toBe('v2');
    expect(bookOf(at, 'v2')).toMatchObject({ cancelled: [] });
  });

  it('is not for a secret whose values the server makes, and the other way round', async () => {
    const made = await start(withSpec);
    const first = await takeAt(made, here);
    expect(await refusal(rotate(first.source, first))).toMatch(/^invalid: .*has a payload specification.*by: lockbox/);
    const plain = await start(withTwo);
    const second = await takeAt(plain, there);
    expect(await refusal(rotate(second.source, second))).toMatch(/^invalid: .*has no payload specification/);
    expect([...added(made), ...added(plain)]).toEqual([]);
  });
});
