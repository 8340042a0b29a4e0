/** The keeper while its store is away: what it does from memory, and what the store knows of it afterwards. */
import { expect, test } from 'vitest';
import { Material } from '../../src/core/material.ts';
import { minutes, seconds } from '../../src/core/time.ts';
import { Lifeline } from '../../src/state/lifeline.ts';
import type { Store } from '../../src/state/store.ts';
import { aSink, aSource, lent, Stage } from './stage.ts';

/** What becomes of what the store is asked: nothing, its effect without an answer, or neither. */
type Fate = 'fine' | 'refused' | 'unheard' | 'never';

function aStage() {
  const stage = new Stage();
  const how: { fate: Fate } = { fate: 'fine' };
  const call = async <T>(effect: () => Promise<T>): Promise<T> => {
    if (how.fate === 'never') return new Promise(() => undefined);
    if (how.fate === 'refused') throw new Error('OOM');
    const { fate } = how;
    const answer = await effect();
    if (fate === 'unheard') throw new Error('no answer');
    return answer;
  };
  const store: Store = {
    load: (secret) => call(() => stage.store.load(secret)),
    update: (secret, change, values) => call(() => stage.store.update(secret, change, values)),
    values: (secret) => call(() => stage.store.values(secret)),
    remove: (secret) => call(() => stage.store.remove(secret)),
    list: () => call(() => stage.store.list()),
  };
  stage.throughStore = new Lifeline({
    store,
    clock: stage.clock,
    timer: (delay, happen) => {
      let isWanted = true;
      stage.after(delay, () => isWanted && happen());
      return () => {
        isWanted = false;
      };
    },
    onBack: (secret) => void stage.ports.scheduler.wake({ kind: 'look', secret }, stage.now),
  });
  return { stage, how };
}

const fates: readonly Fate[] = ['refused', 'unheard', 'never'];

test.each(fates)('a lease is renewed, replaced at its wall and delivered, where all is %s for hours', async (fate) => {
  const { stage, how } = aStage();
  const sink = aSink();
  let count = 0;
  const source = aSource(stage, {
    acquire: async () => {
      const id = `l${++count}`;
      const lease = lent(id, stage.now, { maxExpiresAt: stage.now + minutes(100) });
      return { lease, material: new Material({ value: `VALUE-${id}` }) };
    },
  });
  stage.add({ source, sinks: { file: sink } });
  await stage.until(minutes(10));
  how.fate = fate;
  await stage.until(minutes(350));
  const held = (await stage.throughStore.load('s')).record;
  expect(held.leases.filter(({ supersededAt }) => supersededAt === undefined)).toHaveLength(1);
  // Each is good for an hour: its renewal after that would not land.
  expect(count).toBe(6);
  expect(sink.content).toBe(`VALUE-l${count}`);
  const newest = held.leases[0];
  expect(newest?.lease.expiresAt).toBeGreaterThan(stage.now);
  const taken = count;
  how.fate = 'fine';
  await stage.until(minutes(350) + minutes(5));
  expect(await stage.record()).toEqual((await stage.throughStore.load('s')).record);
  expect((await stage.record()).leases.map(({ lease }) => lease.id)).toContain(`l${count}`);
  expect(count).toBe(taken);
  expect((await stage.store.values('s')).at(-1)?.holding.lease).toBe(`l${count}`);
});

test('what was replaced meanwhile is ended once the store is back, and not before', async () => {
  const { stage, how } = aStage();
  const source = aSource(stage);
  stage.add({
    source,
    sinks: { file: aSink() },
    policy: { renewAt: 0.5, jitter: 0, grace: minutes(1), rotateAfter: (at) => at + minutes(90) },
  });
  await stage.until(minutes(89));
  how.fate = 'refused';
  await stage.until(minutes(200));
  expect(source.asked.filter((what) => what.startsWith('acquire'))).toHaveLength(1);
  expect(source.asked.filter((what) => what.startsWith('revoke'))).toEqual([]);
  how.fate = 'fine';
  await stage.until(minutes(201));
  expect(source.asked.filter((what) => what.startsWith('acquire'))).toHaveLength(2);
  await stage.until(minutes(205));
  expect(source.asked.filter((what) => what.startsWith('revoke'))).toHaveLength(1);
});

test.each(fates)('an acquire whose intent or answer the store %s to hear of is no second acquire', async (fate) => {
  const { stage, how } = aStage();
  const source = aSource(stage);
  const { acquire } = source;
  let count = 0;
  stage.add({
    source: {
      ...source,
      acquire: async (call) => {
        count++;
        how.fate = fate;
        stage.after(seconds(30), () => {
          how.fate = 'fine';
        });
        return acquire(call);
      },
    },
    sinks: { file: aSink() },
  });
  await stage.until(minutes(29));
  expect(count).toBe(1);
  const record = await stage.record();
  expect(record.leases.map(({ lease }) => lease.id)).toEqual(['l1']);
  expect(record.intent).toBeUndefined();
  expect(record.sinks['file']?.has?.lease).toBe('l1');
});

test('a look waits for a store that does not answer once, and no longer than 1 s', async () => {
  const { stage, how } = aStage();
  const source = aSource(stage);
  stage.add({ source, sinks: { file: aSink(), other: aSink() } });
  await stage.until(minutes(29));
  how.fate = 'never';
  await stage.until(minutes(31));
  expect(source.asked.at(-1)).toBe(`renew at ${minutes(30) + seconds(1)}`);
});

test('the lease is asked about before it is renewed from memory', async () => {
  const { stage, how } = aStage();
  // What is said in our time of when the store went is not the provider's.
  stage.skew = -minutes(30);
  const asked: string[] = [];
  const source = aSource(stage, {
    observe: async (lease) => {
      asked.push('observe');
      return { is: 'held', lease };
    },
    renew: async (lease) => {
      asked.push('renew');
      return { lease: { ...lease, expiresAt: stage.now + stage.skew + minutes(60) } };
    },
  });
  stage.add({ source, sinks: { file: aSink() } });
  await stage.until(minutes(10));
  expect(asked).toEqual([]);
  how.fate = 'refused';
  stage.wakeAll('s');
  await stage.until(minutes(40));
  expect(asked).toEqual(['observe', 'renew']);
});
