/** Somebody else adds a version while we add ours: theirs is noticed and delivered, and not overwritten. */
import { describe, expect, it } from 'vitest';
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

const added = ({ sandbox }: Connected) => sandbox.books().operations.filter(({ route }) => route === 'version-add');
const bookOf = ({ sandbox }: Connected, id = '') => sandbox.books().versions.find((one) => one.id === id);
const theirsAt = ({ sandbox }: Connected) => sandbox.books().versions.findLast(({ by }) => by === 'somebody')?.id;

/** Ours is held, and somebody is about to add theirs right before our next. */
async function racing(builder: typeof withTwo, options: object) {
  const at = await start(builder);
  const source = at.secret(options);
  const first = await source.acquire(anAcquire());
  const order = { kind: 'add-version', entries: options === here ? { password: 'theirs' } : {} } as const;
  at.sandbox.control.fault({ kind: 'meanwhile', when: 'before', order, on: 'version-add', times: 1 });
  // Not in the same millisecond.
  at.sandbox.control.fault({ kind: 'operation', takes: 50, on: 'version-add', times: 1 });
  const key = crypto.randomUUID();
  const rotate = (by: Source = source): Promise<Acquired> => by.acquire({ ...call, key, predecessor: first.lease });
  return { at, source, first, rotate };
}

describe.each([
  ['here', here, withTwo],
  ['by the server', there, withSpec],
])('a version made %s', (_, options, builder) => {
  it('gives way to what somebody else has added at the same time', async () => {
    const { at, rotate } = await racing(builder, options);
    const next = await rotate();
    expect(next.lease.id).toBe(theirsAt(at));
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    expect(bookOf(at, added(at)[0]?.version)?.scheduled).toHaveLength(1);
  });

  it('gives way at the next try where the server failed at the first', async () => {
    const { at, rotate } = await racing(builder, options);
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-set-current', times: 1 });
    expect(await outcomeOf(rotate())).toBe('unavailable, unsure');
    const next = await rotate();
    expect(next.lease.id).toBe(theirsAt(at));
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    expect(bookOf(at, added(at)[0]?.version)?.scheduled).toHaveLength(1);
  });

  it('that gave way and could not be ended is told of, ended by a later try, and holds up nothing', async () => {
    const { at, source, rotate } = await racing(builder, options);
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-schedule', times: 2 });
    await expect(rotate()).rejects.toMatchObject({
      unsure: true,
      message: expect.stringMatching(/which gave way to another and is used by nobody, is left.*503/),
    });
    const next = await rotate();
    expect(next.lease.id).toBe(theirsAt(at));
    const [ours] = added(at);
    expect(bookOf(at, ours?.version)?.scheduled).toEqual([]);
    await source.acquire({ ...anAcquire(), predecessor: next.lease });
    expect(bookOf(at, ours?.version)?.scheduled).toHaveLength(1);
  });

  it('that gave way is not ended any more where somebody has made it current', async () => {
    const { at, source, rotate } = await racing(builder, options);
    at.sandbox.control.fault({ kind: 'fail', status: 503, on: 'version-schedule', times: 1 });
    await outcomeOf(rotate());
    const ours = added(at)[0]?.version ?? '';
    at.sandbox.control.setCurrent(ours);
    const next = await source.acquire(anAcquire());
    expect(next.lease.id).toBe(ours);
    await source.acquire({ ...anAcquire(), predecessor: next.lease });
    expect(bookOf(at, ours)?.scheduled).toEqual([]);
  });
});

describe.each(['unknown', 'unimplemented'] as const)('where to go back is %s to the server', (setCurrentVersion) => {
  it('a copy of what somebody else has added is delivered', async () => {
    const { at, first, rotate } = await racing(withTwo.with({ setCurrentVersion }), here);
    const next = await rotate();
    const [ours, copy] = added(at);
    expect(valuesOf(next.material)).toEqual({ ...valuesOf(first.material), password: 'theirs' });
    expect(next.lease.id).toBe(copy?.version);
    expect(at.sandbox.secret().current()).toBe(next.lease.id);
    expect(bookOf(at, next.lease.id)?.base).toBe(theirsAt(at));
    expect(bookOf(at, ours?.version)?.scheduled).toHaveLength(1);
  });

  it('one copy is made, though the answer was lost', async () => {
    const { at, rotate } = await racing(withTwo.with({ setCurrentVersion }), here);
    at.sandbox.control.fault({ kind: 'cut', work: true, on: 'version-add', after: 1, times: 1 });
    expect(await outcomeOf(rotate())).toBe('unavailable, unsure');
    expect(valuesOf((await rotate()).material)['password']).toBe('theirs');
    expect(added(at)).toHaveLength(2);
  });

  it('no copy can be made of a value that the server makes: ours is kept, and a person is told', async () => {
    const { at, rotate } = await racing(withSpec.with({ setCurrentVersion }), there);
    await expect(rotate()).rejects.toMatchObject({
      unsure: true,
      message: expect.stringMatching(
        /somebody else has added version .* theirs is delivered to nobody; make it current/,
      ),
    });
    const next = await rotate();
    expect(next.lease.id).toBe(added(at)[0]?.version);
    expect(bookOf(at, next.lease.id)?.scheduled).toEqual([]);
    expect(bookOf(at, theirsAt(at))?.scheduled).toEqual([]);
  });
});
