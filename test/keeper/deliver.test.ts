import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { hours, minutes, seconds } from '../../src/core/time.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { aSink, aSource, lent, pending, Stage } from './stage.ts';

describe('a sink', () => {
  test('is asked whether it can be written to before the first lease is taken', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    let isWritable = false;
    const sink = aSink({
      check: async () => {
        if (!isWritable) throw new LeaseError('invalid', 'read-only');
      },
    });
    stage.add({ source, sinks: { file: sink } });
    await stage.until(minutes(1));
    expect(source.asked).toEqual([]);
    isWritable = true;
    await stage.until(minutes(3));
    expect(source.asked).toHaveLength(1);
    expect(sink.content).toBe('VALUE-l1');
  });

  test('that can be written to has its secret wait in line at a busy provider, and not for a date', async () => {
    const stage = new Stage();
    const gate = stage.gate('p', 1);
    const slow = pending<void>();
    const other = aSource(stage);
    const busy = aSource(stage, { acquire: async (call) => slow.promise.then(() => other.acquire(call)) });
    stage.add({ name: 'busy', source: busy, gate });
    const source = aSource(stage);
    const check = pending<void>();
    stage.add({ source, gate, sinks: { file: aSink({ check: () => check.promise }) } });
    await stage.until(seconds(5));
    check.resolve();
    await stage.until(seconds(10));
    expect(source.asked).toEqual([]);
    slow.resolve();
    await stage.until(seconds(11));
    expect(source.asked).toEqual([`acquire at ${seconds(10)}`]);
  });

  test('has the secret looked at although the store was away when it was done', async () => {
    const stage = new Stage();
    const source = aSource(stage);
    let loads = 0;
    const sink = aSink({
      check: async () => {
        loads = 1;
      },
    });
    stage.throughStore = {
      ...stage.ports.store,
      values: (name) => stage.store.values(name),
      update: (name, change, values) => stage.store.update(name, change, values),
      load: (name) => (loads > 0 && loads++ < 3 ? Promise.reject(new Error('away')) : stage.store.load(name)),
    };
    stage.add({ source, sinks: { file: sink } });
    await stage.until(minutes(1));
    expect(stage.thrown).not.toEqual([]);
    expect(sink.content).toBe('VALUE-l1');
  });

  test('that cannot be written to does not keep the others from theirs', async () => {
    const stage = new Stage();
    const broken = aSink({ check: () => Promise.reject(new LeaseError('invalid', 'read-only')) });
    const other = aSink({ check: async () => undefined });
    stage.add({ source: aSource(stage), sinks: { broken, other } });
    await stage.until(minutes(1));
    expect(other.content).toBe('VALUE-l1');
  });

  test('has its old values in use until the program behind it has taken up the new ones', async () => {
    const stage = new Stage();
    let isUp = true;
    const sink = aSink({
      reload: async () => {
        if (!isUp) throw new LeaseError('unavailable', 'no process');
      },
    });
    const source = aSource(stage);
    stage.add({
      source,
      sinks: { file: sink },
      policy: { renewAt: 0.5, jitter: 0, grace: minutes(1), rotateAfter: (at) => at + minutes(10) },
    });
    await stage.until(minutes(9));
    isUp = false;
    await stage.until(minutes(15));
    expect((await stage.record()).sinks['file']?.uses.map(({ lease }) => lease)).toContain('l1');
    expect(source.asked.some((call) => call.startsWith('revoke'))).toBe(false);
    isUp = true;
    await stage.until(minutes(27));
    expect(source.asked.filter((call) => call.startsWith('revoke'))).not.toEqual([]);
  });

  test('that takes some seconds for each write is waited for, also where what it holds is about to end', async () => {
    const stage = new Stage();
    let isFirst = true;
    const sink = aSink({
      write: async ({ material, lease }, signal) => {
        const slow = pending<void>();
        stage.after(isFirst ? 0 : seconds(8), slow.resolve);
        isFirst = false;
        signal.addEventListener('abort', () => slow.reject(signal.reason));
        await slow.promise;
        sink.content = material.reveal('value');
        return `mark of ${lease}`;
      },
    });
    let isUp = true;
    const lending = aSource(stage);
    const source = aSource(stage, {
      acquire: async (call) => {
        if (!isUp) throw new LeaseError('unavailable', 'down');
        return lending.acquire(call);
      },
      renew: () => Promise.reject(new LeaseError('unavailable', 'down')),
    });
    stage.add({ source, sinks: { file: sink } });
    await stage.until(minutes(1));
    isUp = false;
    await stage.until(minutes(60) - seconds(50));
    isUp = true;
    await stage.until(minutes(60));
    expect(sink.content).toBe('VALUE-l2');
  });

  test('has what was taken for it while the same look goes on with something that takes long', async () => {
    const stage = new Stage();
    const slow = pending<'ended'>();
    const sink = aSink();
    const before = { since: 0, termStart: 0, generation: 0, verified: true, supersededAt: -hours(1) };
    await stage.store.update('s', (record) => ({ ...record, leases: [{ lease: lent('l0', 0), ...before }] }));
    stage.add({ source: aSource(stage, { revoke: () => slow.promise }), sinks: { file: sink } });
    await stage.until(seconds(30));
    expect(stage.done().filter(({ step }) => step.act === 'retire')).toEqual([]);
    expect(sink.content).toBe('VALUE-l1');
    slow.resolve('ended');
    await stage.until(minutes(1));
    expect((await stage.record()).leases.map(({ lease }) => lease.id)).toEqual(['l1']);
  });

  test('is filled again when others have emptied it, without another lease', async () => {
    const stage = new Stage();
    const sink = aSink();
    const source = aSource(stage);
    stage.add({ source, sinks: { file: sink } });
    await stage.until(minutes(10));
    sink.content = undefined;
    await stage.until(hours(1) + minutes(1));
    expect(sink.content).toBe('VALUE-l1');
    expect(source.asked.filter((call) => call.startsWith('acquire'))).toHaveLength(1);
  });
});

describe('since when all is noted that came to a sink', () => {
  const since = async (change: Partial<Sink>, until = minutes(1)) => {
    const stage = new Stage();
    const sink = aSink(change);
    stage.add({ source: aSource(stage), sinks: { file: sink } });
    await stage.until(minutes(10));
    await stage.until(minutes(10) + until);
    return { stage, sink, known: async () => (await stage.record()).sinks['file']?.known };
  };
  const check = () => Promise.resolve();

  test('is when nothing was found in it at first, or when it was first written', async () => {
    const empty = await since({ check, isTaken: () => Promise.resolve(false) });
    expect(await empty.known()).toMatchObject({ wasEmpty: true });
    for (const isTaken of [() => Promise.resolve(true), () => Promise.reject(new Error('no'))]) {
      const taken = await since({ check, isTaken });
      expect(await taken.known()).toEqual({ since: expect.any(Number) });
    }
    expect(await (await since({})).known()).toEqual({ since: expect.any(Number) });
  });

  test('is when it was written again after others had put something else there', async () => {
    const { stage, sink, known } = await since({ isTaken: () => Promise.resolve(false) });
    const before = (await known())?.since ?? 0;
    sink.content = undefined;
    await stage.until(hours(1) + minutes(1));
    expect(sink.content).toBe('VALUE-l1');
    expect((await known())?.since).toBeGreaterThan(before + minutes(50));
  });

  test('is when this process wrote it where that could not look into it before', async () => {
    for (const canLook of [true, false]) {
      const stage = new Stage();
      const holds = async () => {
        if (!canLook) throw new LeaseError('unavailable', 'no answer');
        return true;
      };
      const sink = aSink({ holds });
      const before = { lease: 'l0', generation: 0 };
      const has = { ...before, mark: 'm', reloaded: true, seenAt: -9 };
      await stage.store.update('s', (record) => ({
        ...record,
        leases: [{ lease: lent('l0', -hours(2)), since: 0, termStart: 0, generation: 0, verified: true }],
        sinks: { file: { uses: [before], has, known: { since: -5 } } },
      }));
      stage.add({ source: aSource(stage), sinks: { file: sink } });
      await stage.until(minutes(10));
      expect(sink.content).toBe('VALUE-l1');
      const { known } = (await stage.record()).sinks['file'] ?? {};
      expect((known?.since ?? -9) > -5, `${canLook}`).toBe(!canLook);
    }
  });

  test('nobody knows where it cannot be read back', async () => {
    expect(await (await since({ isBelieved: true })).known()).toBeUndefined();
  });
});

describe('the programs that the secret tells', () => {
  const told = (reload: () => Promise<void>) => {
    const stage = new Stage();
    const sinks = { one: aSink(), two: aSink() };
    stage.add({ source: aSource(stage), sinks, reload });
    return { stage, sinks };
  };

  test('are told once, when all sinks are written', async () => {
    const contents: (string | undefined)[][] = [];
    const { stage, sinks } = told(async () => {
      contents.push([sinks.one.content, sinks.two.content]);
    });
    await stage.until(minutes(29));
    expect(contents).toEqual([['VALUE-l1', 'VALUE-l1']]);
    expect((await stage.record()).acknowledged).toEqual({ lease: 'l1', generation: 0 });
    expect(sinks.one.asked).toEqual(['write l1', 'holds', 'holds']);
  });

  test('are told again until they acknowledge, and not again after a restart', async () => {
    let tries = 0;
    const { stage } = told(async () => {
      tries++;
      if (tries < 3) throw new LeaseError('unavailable', 'no process');
    });
    await stage.until(seconds(1) - 1);
    expect(tries).toBe(1);
    await stage.until(minutes(1));
    expect(tries).toBe(3);
    stage.restart();
    stage.wakeAll('s');
    await stage.until(minutes(2));
    expect(tries).toBe(3);
  });

  test('are not told of what is no longer there: it is written again first', async () => {
    const contents: (string | undefined)[] = [];
    let isFirst = true;
    const { stage, sinks } = told(async () => {
      if (isFirst) {
        isFirst = false;
        sinks.two.content = undefined;
        throw new LeaseError('unavailable', 'no process');
      }
      contents.push(sinks.two.content);
    });
    await stage.until(minutes(2));
    expect(contents).toEqual(['VALUE-l1']);
  });

  test('do not have a sink asked while it is written to', async () => {
    const stage = new Stage();
    let calls = 0;
    let most = 0;
    const busy = async <T>(answer: T): Promise<T> => {
      most = Math.max(most, ++calls);
      const call = pending<void>();
      stage.after(seconds(3), call.resolve);
      await call.promise;
      calls--;
      return answer;
    };
    const sink = aSink({ write: () => busy('m'), holds: () => busy(true), reload: () => busy(undefined) });
    stage.add({
      source: aSource(stage),
      sinks: { file: sink },
      reload: async () => undefined,
      policy: { renewAt: 0.5, jitter: 0, grace: 0, rotateAfter: (at) => at + seconds(60) },
    });
    await stage.until(minutes(20));
    expect(most).toBe(1);
    expect((await stage.record()).acknowledged?.lease).not.toBe('l1');
  });
});
