/** Leases of which we remember nothing: looked for at the provider, and ended where nobody else takes any there. */
import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { days, minutes, seconds } from '../../src/core/time.ts';
import { aSink, aSource, lent, Stage, type StagedSink } from './stage.ts';

describe('what was lost by an acquire without an answer', () => {
  const lost = async (exclusive: boolean, at = 0, sinks: Readonly<Record<string, StagedSink>> = {}) => {
    const stage = new Stage();
    const source = aSource(stage, {
      uncertainty: () => 7,
      acquire: () => Promise.reject(new LeaseError('unavailable', 'no')),
      search: async ({ since, known }) => {
        expect([since, known]).toEqual([exclusive ? Number.NEGATIVE_INFINITY : at - 7, ['l2']]);
        return [lent('l1', at), ...(exclusive ? [] : [lent('late', at + minutes(9))])];
      },
    });
    stage.add({ source, exclusive, sinks });
    await stage.until(at);
    await stage.store.update('s', (record) => ({ ...record, intent: { key: 'k', at } }));
    const l2 = { lease: 'l2', generation: 0 };
    const state = { uses: [l2], has: { ...l2, mark: 'm', reloaded: true, seenAt: 0 } };
    await stage.store.update('s', (record) => ({
      ...record,
      sinks: Object.fromEntries(Object.keys(sinks).map((name) => [name, state])),
      leases: [{ lease: lent('l2', 0), since: 0, termStart: 0, generation: 0, verified: true }],
    }));
    stage.wakeAll('s');
    await stage.until(at + minutes(2));
    return stage;
  };

  /** A secret of which nothing is remembered, and one more lease at the provider. */
  const forgotten = async (exclusive: boolean, isTaken: boolean) => {
    const stage = new Stage();
    const asked: number[] = [];
    const source = aSource(stage, {
      search: async ({ since, known }) => {
        asked.push(since);
        const isEnded = stage.done().some(({ step }) => step.act === 'retire');
        if (isEnded || known.includes('before')) return [];
        return [lent('before', 0), ...(exclusive ? [] : [lent('ended', 0, { expiresAt: minutes(1) })])];
      },
    });
    const file = aSink({ check: () => Promise.resolve(), isTaken: () => Promise.resolve(isTaken) });
    stage.add({ source, exclusive, sinks: { file } });
    await stage.until(minutes(10));
    return { stage, asked };
  };
  const orphans = (stage: Stage) => stage.events.flatMap((event) => (event.type === 'orphaned' ? [event.count] : []));

  test('or by a process of which nothing is remembered, is looked for where somebody had delivered something', async () => {
    const { stage, asked } = await forgotten(false, true);
    expect(asked).toEqual([-days(1)]);
    expect(orphans(stage)).toEqual([1]);
    expect((await stage.record()).leases).toHaveLength(1);
    const fresh = await forgotten(false, false);
    expect(fresh.asked).toEqual([]);
    expect(orphans(fresh.stage)).toEqual([]);
  });

  test('or by a process of which nothing is remembered, is ended where nobody else takes leases there', async () => {
    const { stage, asked } = await forgotten(true, false);
    expect(asked).toEqual([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    const ended = stage.done().filter(({ step }) => step.act === 'retire');
    expect(ended.map(({ step }) => 'to' in step && step.to)).toEqual(['before']);
    expect(orphans(stage)).toEqual([]);
  });

  test('is ended where nobody else takes leases there', async () => {
    const stage = await lost(true, minutes(3));
    const [first] = stage.done().filter(({ step }) => step.act === 'retire');
    expect(first).toMatchObject({ step: { to: 'l1' }, outcome: 'ok', at: minutes(3) + seconds(45) });
    expect((await stage.record()).leases.map(({ lease }) => lease.id)).toEqual(['l2']);
    expect((await stage.record()).intent).toBeUndefined();
    expect(stage.events.some(({ type }) => type === 'orphaned')).toBe(false);
  });

  test('is ended a grace later where it may have been a process before us that took it, and that was heard', async () => {
    // Nobody can look into it.
    const stage = await lost(true, 0, { hook: aSink({ holds: async () => true }) });
    expect((await stage.record()).leases.map(({ lease }) => lease.id)).toEqual(['l2', 'l1']);
    await stage.until(minutes(10));
    const [first] = stage.done().filter(({ step }) => step.act === 'retire');
    expect(first).toMatchObject({ step: { to: 'l1' }, outcome: 'ok', at: seconds(45) + minutes(5) });
  });

  test('is counted once also where the store had saved that it was found, and could not say so', async () => {
    const stage = new Stage();
    let isCut = false;
    const source = aSource(stage, {
      search: async () => {
        isCut = true;
        return [lent('lost', 0)];
      },
    });
    stage.throughStore = {
      ...stage.ports.store,
      load: (name) => stage.store.load(name),
      values: (name) => stage.store.values(name),
      update: async (name, change, values) => {
        const saved = await stage.store.update(name, change, values);
        if (!isCut) return saved;
        isCut = false;
        throw new Error('the answer was lost');
      },
    };
    stage.add({ source });
    await stage.store.update('s', (record) => ({ ...record, doubt: { since: 0, until: 0 } }));
    stage.wakeAll('s');
    await stage.until(minutes(3));
    stage.wakeAll('s');
    await stage.until(minutes(10));
    expect(stage.events.filter(({ type }) => type === 'orphaned')).toEqual([
      { type: 'orphaned', secret: 's', count: 1 },
    ]);
  });

  test('is counted and left alone elsewhere', async () => {
    const stage = await lost(false);
    expect((await stage.record()).leases).toHaveLength(1);
    expect((await stage.record()).intent).toBeUndefined();
    expect(stage.events).toContainEqual({ type: 'orphaned', secret: 's', count: 1 });
  });
});
