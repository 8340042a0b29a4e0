import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import { requested } from '../../src/core/requests.ts';
import { hours, type Instant, minutes, seconds } from '../../src/core/time.ts';
import { subjectOf } from '../../src/keeper/secret.ts';
import type { AcquireCall, Acquired, Source } from '../../src/sources/source.ts';
import { aSink, aSource, lent, Stage } from './stage.ts';

const values = new Material({ value: 'VALUE' });

/** Rotated every ten minutes; of the second lease this is said. */
const provenTo = (source: Source, said: LeaseError) => ({
  source,
  sinks: { file: aSink() },
  policy: { renewAt: 0.5, jitter: 0, grace: minutes(5), rotateAfter: (since: number) => since + minutes(10) },
  verify: async (material: Material) => {
    if (material.reveal('value') === 'VALUE-l2') throw said;
  },
});

describe('a look', () => {
  test('takes a lease, has it delivered, renews it, and looks again when the next thing is due', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    const sink = aSink();
    stage.add({ source, sinks: { file: sink } });
    await stage.until(minutes(29));
    expect(sink.content).toBe('VALUE-l1');
    expect(stage.lookOf()).toBe(minutes(30));
    await stage.until(minutes(31));
    expect(source.asked).toEqual(['acquire at 0', `renew at ${minutes(30)}`]);
    expect(stage.lookOf()).toBe(minutes(60));
    expect(stage.thrown).toEqual([]);
  });

  test('keeps dates in the provider’s time, and gives the scheduler those of the wall', async () => {
    const stage = new Stage(hours(9));
    stage.skew = minutes(-7);
    stage.add({ source: aSource(stage) });
    await stage.until(hours(9) + 1);
    const record = await stage.record();
    expect(record.leases[0]?.lease.expiresAt).toBe(hours(10) - minutes(7));
    expect(stage.lookOf()).toBe(hours(9) + minutes(30));
    expect(subjectOf(stage.visit().secret).now()).toBe(hours(9) - minutes(7) + 1);
  });

  test('tells what was done, what came of it, and what is next', async () => {
    const stage = new Stage();
    stage.add({ source: aSource(stage) });
    await stage.until(1);
    const [done] = stage.done();
    expect(done).toMatchObject({
      step: { act: 'acquire', because: 'NothingHeld' },
      outcome: 'ok',
      at: 0,
      took: 0,
      next: { act: 'wait', until: minutes(30) },
    });
    expect(done?.record.leases).toHaveLength(1);
  });

  test('tells the world once of a record that it finds, and then of every change', async () => {
    const stage = new Stage();
    stage.add({ source: aSource(stage) });
    await stage.until(1);
    stage.restart();
    stage.events.length = 0;
    stage.wakeAll('s');
    await stage.until(2);
    const told = stage.events.filter(({ type }) => type === 'changed');
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ secret: 's', record: { leases: [{ lease: { id: 'l1' } }] } });
    stage.wakeAll('s');
    await stage.until(3);
    expect(stage.events.filter(({ type }) => type === 'changed')).toHaveLength(1);
  });

  test('takes it that a process before us may have brought what it found to every sink', async () => {
    const stage = new Stage();
    const broken = aSink({ write: () => Promise.reject(new LeaseError('unavailable', 'no')) });
    stage.add({
      source: aSource(stage, { acquire: async () => ({ lease: lent('l1', 0), material: values }) }),
      sinks: { broken },
    });
    await stage.until(minutes(1));
    await stage.store.update('s', (record) => ({ ...record, sinks: {} }));
    stage.restart();
    stage.wakeAll('s');
    await stage.until(minutes(1) + 1);
    const { sinks, leases } = await stage.record();
    expect(sinks['broken']?.uses).toEqual([{ lease: 'l1', generation: 0, perhaps: true }]);
    expect(leases[0]?.stray).toBe(true);
  });

  test.each([
    ['', undefined, 'l1'],
    [', also after its grace when a process before us took it', true, 'l3'],
  ])(
    'names what is used instead where it ends what failed its proofs, and nothing where it ends what served%s',
    async (_, isRestarted, instead) => {
      const stage = new Stage();
      const ended: (readonly [string, string | undefined, boolean])[] = [];
      const source = aSource(stage, {
        revoke: async ({ id }, { instead, insteadMaterial, isUnproven = false }) => {
          ended.push([id, instead?.id, isUnproven]);
          // With its values, wherever they are at hand.
          expect(insteadMaterial?.reveal('value')).toBe(instead && `VALUE-${instead.id}`);
          return 'ended';
        },
      });
      stage.add(provenTo(source, new LeaseError('invalid', 'it does not work')));
      if (isRestarted) {
        await stage.until(minutes(10) + 1);
        expect((await stage.record()).leases.map(({ lease }) => lease.id)).toEqual(['l2', 'l1']);
        stage.restart();
        stage.wakeAll('s');
        await stage.until(minutes(10) + 100);
        expect((await stage.record()).leases[0]?.stray).toBe(true);
      }
      await stage.until(minutes(30));
      expect(ended[0]).toEqual(['l2', instead, true]);
      expect(ended[1]?.slice(1)).toEqual([undefined, false]);
    },
  );

  test('says that it was never proven of what perhaps a process before us took, and names nothing instead', async () => {
    const stage = new Stage();
    const ended: unknown[] = [];
    const source = aSource(stage, {
      revoke: async ({ id }, { instead, isUnproven }) => {
        ended.push({ id, instead, isUnproven });
        return 'ended';
      },
    });
    stage.add(provenTo(source, new LeaseError('unavailable', 'nobody to be asked')));
    await stage.until(minutes(10) + 1);
    stage.restart();
    stage.wakeAll('s');
    await stage.until(minutes(10) + 100);
    expect((await stage.record()).leases[0]).toMatchObject({ lease: { id: 'l2' }, verified: false, stray: true });
    await stage.store.update('s', (record) => requested(record, 'rotate', minutes(11)));
    await stage.until(minutes(40));
    expect(ended).toContainEqual({ id: 'l2', instead: undefined, isUnproven: true });
  });

  test('asks once for what waits for somebody, also after a restart, and takes it once it is seen to be there', async () => {
    const stage = new Stage();
    const keys: string[] = [];
    let isGranted = false;
    const answer = aSource(stage);
    const source = {
      ...answer,
      acquire: async (call: AcquireCall) => {
        keys.push(call.key);
        if (call.predecessor && !isGranted)
          throw new LeaseError('invalid', 'it waits', { pending: true, passing: true });
        return { ...(await answer.acquire(call)), lease: { id: `l${keys.length}`, issuedAt: stage.now } };
      },
      observe: async (lease: Lease) => ({
        is: isGranted && lease.id !== `l${keys.length}` ? ('outdated' as const) : ('held' as const),
        lease,
      }),
      observeEvery: () => minutes(1),
    };
    const rotateAfter = (since: Instant) => since + hours(1);
    stage.add({ source, sinks: { file: aSink() }, policy: { renewAt: 0.5, jitter: 0, grace: 0, rotateAfter } });
    await stage.until(hours(2));
    expect(keys).toEqual(['key1', 'key2']);
    stage.restart();
    stage.wakeAll('s');
    await stage.until(hours(3));
    expect(keys).toHaveLength(2);
    isGranted = true;
    await stage.until(hours(3) + minutes(2));
    expect(keys.slice(2)).toEqual(['key2']);
    expect((await stage.record()).intent).toBeUndefined();
  });

  test('renews by the date at which the renewal may be sent at the latest', async () => {
    const stage = new Stage();
    const sent: Instant[] = [];
    const source = aSource(stage, {
      uncertainty: () => seconds(2),
      acquire: async () => ({ lease: lent('l1', 0, { maxExpiresAt: minutes(95) }), material: values }),
      renew: async (lease, { sendBy }) => {
        sent.push(sendBy);
        return { lease: { ...lease, expiresAt: stage.now + minutes(60) } };
      },
    });
    stage.add({ source });
    await stage.until(minutes(31));
    expect(sent).toEqual([minutes(35) - seconds(37)]);
  });

  test('does not renew where the request may arrive too late, and takes a successor', async () => {
    const stage = new Stage();
    const source = aSource(stage, {
      uncertainty: () => seconds(2),
      acquire: async ({ predecessor }) => {
        const id = predecessor ? 'l2' : 'l1';
        return {
          lease: lent(id, stage.now, { maxExpiresAt: stage.now + minutes(90) + seconds(36) }),
          material: values,
        };
      },
    });
    stage.add({ source });
    await stage.until(minutes(31));
    expect(source.asked).toEqual(['acquire at 0', `acquire at ${minutes(30)}`]);
  });

  test('gives a call up when its deadline is over, and takes the outcome for unknown', async () => {
    const stage = new Stage();
    const source = aSource(stage, {
      acquire: ({ signal }) =>
        new Promise<Acquired>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      search: async () => [],
    });
    stage.add({ source });
    await stage.until(seconds(35) - 1);
    expect(stage.done()).toEqual([]);
    await stage.until(seconds(35));
    expect(stage.done()).toMatchObject([{ outcome: 'unavailable', took: seconds(35), message: 'unexpected error' }]);
    expect((await stage.record()).intent?.key).toBe('key1');
  });

  test('that is cut off by the end of the process leaves its intent, and the next uses the key again', async () => {
    const stage = new Stage();
    const keys: string[] = [];
    const never = new Promise<Acquired>(() => undefined);
    stage.add({
      source: aSource(stage, {
        acquire: ({ key }) => {
          keys.push(key);
          return never;
        },
      }),
    });
    await stage.until(1);
    const next = new Stage(minutes(1));
    next.throughStore = stage.store;
    next.add({
      source: aSource(next, {
        acquire: async ({ key }) => {
          keys.push(key);
          return { lease: lent('l1', 0), material: values };
        },
      }),
    });
    await next.until(minutes(2));
    expect(keys).toEqual(['key1', 'key1']);
  });
});

describe('a store that is away', () => {
  test('when an answer comes is told of it later, and nothing is asked twice', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    const sink = aSink();
    let updates = 0;
    stage.throughStore = {
      ...stage.ports.store,
      values: (name) => stage.store.values(name),
      load: (name) => stage.store.load(name),
      update: (name, change, values) => {
        updates++;
        return updates === 2 ? Promise.reject(new Error('away')) : stage.store.update(name, change, values);
      },
    };
    stage.add({ source, sinks: { file: sink } });
    await stage.until(minutes(1));
    expect(stage.thrown).toHaveLength(1);
    expect(source.asked).toEqual(['acquire at 0']);
    expect(sink.content).toBe('VALUE-l1');
  });

  test('and did save without saying so is told twice, which changes nothing', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    let updates = 0;
    stage.throughStore = {
      ...stage.ports.store,
      values: (name) => stage.store.values(name),
      load: (name) => stage.store.load(name),
      update: async (name, change, values) => {
        const saved = await stage.store.update(name, change, values);
        updates++;
        if (updates === 2) throw new Error('cut');
        return saved;
      },
    };
    stage.add({ source });
    await stage.until(minutes(1));
    const { leases, failures } = await stage.record();
    expect(leases).toHaveLength(1);
    expect(failures).toEqual({});
    expect(source.asked).toEqual(['acquire at 0']);
  });

  test('before an act is no failure of the act', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    stage.throughStore = {
      ...stage.ports.store,
      values: (name) => stage.store.values(name),
      load: (name) => stage.store.load(name),
      update: () => Promise.reject(new Error('away')),
    };
    stage.add({ source });
    await stage.until(1);
    expect(source.asked).toEqual([]);
    expect(stage.done()).toEqual([]);
    expect(stage.thrown).toMatchObject([{ message: 'away' }]);
    stage.throughStore = stage.store;
    await stage.until(seconds(2));
    expect(source.asked).toEqual(['acquire at 1000']);
  });
});

test('a lease that cannot be ended is left to its end, and counted', async () => {
  const stage = new Stage();
  const source = aSource(stage, { revoke: async () => 'left' });
  stage.add({ source });
  await stage.store.update('s', (record) => ({
    ...record,
    leases: [{ lease: lent('x', 0), since: 0, termStart: 0, generation: 0, verified: true, supersededAt: -minutes(5) }],
  }));
  await stage.until(1);
  expect(stage.events).toContainEqual({ type: 'orphaned', secret: 's', count: 1 });
  expect((await stage.record()).leases.map(({ lease }) => lease.id)).toEqual(['l1']);
});
