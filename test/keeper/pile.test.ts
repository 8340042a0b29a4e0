/** A sink that is gone for a day while the policy rotates every hour: how many leases are alive for it. */
import { describe, expect, test } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { hours, minutes } from '../../src/core/time.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { aSink, aSource, lent, Stage, type StagedSink } from './stage.ts';

const hourly = { renewAt: 0.5, jitter: 0, grace: minutes(10), rotateAfter: (at: number) => at + hours(1) };

/** One sink that is well and one that is not, of a secret whose leases nobody but we ends; and all that live. */
function aDay(change: Partial<Sink> = {}, reload?: () => Promise<void>) {
  const stage = new Stage();
  const alive = new Set<string>();
  let most = 0;
  const source = aSource(stage, {
    revoke: async ({ id }) => {
      alive.delete(id);
      return 'ended';
    },
  });
  const { acquire } = source;
  source.acquire = async (call) => {
    const taken = await acquire(call);
    alive.add(taken.lease.id);
    most = Math.max(most, alive.size);
    return taken;
  };
  let isUp = true;
  const failing = aSink({ saysUnsure: true, ...change });
  const { write } = failing;
  const hook: StagedSink = Object.assign(failing, {
    write: async (delivery: Parameters<Sink['write']>[0], signal: AbortSignal) => {
      if (isUp) return write(delivery, signal);
      hook.asked.push('failed');
      throw new LeaseError('unavailable', 'down', { unsure: change.saysUnsure === undefined });
    },
  });
  const file = aSink();
  stage.add({ source, sinks: { file, hook }, policy: hourly, ...(reload && { reload }) });
  return {
    stage,
    source,
    file,
    hook,
    alive,
    most: () => most,
    down: () => {
      isUp = false;
      most = 0;
    },
    up: () => {
      isUp = true;
    },
    acquires: () => source.asked.filter((call) => call.startsWith('acquire')).length,
  };
}

/** At rest, and while the last one is in its grace. */
const atMost = 3;

describe('a day of hourly rotation while a sink is down', () => {
  test('leaves no pile of live leases where its failures are certain, and the other sink has each new one', async () => {
    const day = aDay({ saysUnsure: true });
    await day.stage.until(minutes(30));
    day.down();
    await day.stage.until(hours(24) + minutes(30));
    // Its own, which is renewed for whoever is behind it, the newest, and the one before for its grace.
    expect(day.most()).toBeLessThanOrEqual(atMost);
    expect([...day.alive]).toContain('l1');
    expect(day.acquires()).toBe(25);
    expect(day.file.content).toBe('VALUE-l25');
    expect(day.hook.content).toBe('VALUE-l1');
    expect(day.hook.asked.filter((asked) => asked === 'failed').length).toBeGreaterThan(24);
    day.up();
    await day.stage.until(hours(24) + minutes(50));
    expect(day.hook.content).toBe('VALUE-l25');
    expect([...day.alive]).toEqual(['l25']);
  });

  test('has rotation wait where nobody knows which of them it uses, and goes on once it is up', async () => {
    const day = aDay({});
    delete (day.hook as { saysUnsure?: true }).saysUnsure;
    await day.stage.until(minutes(30));
    day.down();
    await day.stage.until(hours(24) + minutes(30));
    expect(day.most()).toBe(4);
    expect([...day.alive]).toEqual(['l1', 'l2', 'l3', 'l4']);
    expect(day.file.content).toBe('VALUE-l4');
    day.up();
    await day.stage.until(hours(24) + minutes(50));
    expect([...day.alive]).toEqual(['l5']);
    expect([day.hook.content, day.file.content]).toEqual(['VALUE-l5', 'VALUE-l5']);
  });

  test('has rotation wait where the programs cannot be told', async () => {
    let isRunning = true;
    const day = aDay({}, async () => {
      if (!isRunning) throw new LeaseError('unavailable', 'no process');
    });
    await day.stage.until(minutes(30));
    isRunning = false;
    await day.stage.until(hours(24));
    expect(day.most()).toBe(4);
    isRunning = true;
    await day.stage.until(hours(24) + minutes(30));
    expect([...day.alive]).toEqual(['l5']);
  });

  test('goes on when what was kept for it has ended by itself', async () => {
    const day = aDay({});
    const { acquire } = day.source;
    // Each lives for two and a half hours at most.
    day.source.acquire = async (call) => {
      const { lease, material } = await acquire(call);
      return { material, lease: lent(lease.id, day.stage.now, { maxExpiresAt: day.stage.now + minutes(150) }) };
    };
    await day.stage.until(minutes(30));
    day.down();
    await day.stage.until(hours(24));
    const { leases } = await day.stage.record();
    expect(leases.length).toBeLessThanOrEqual(5);
    expect(day.acquires()).toBeGreaterThan(20);
  });

  test.each(['removed', 'renamed'])('leaves none where the sink is %s instead', async (what) => {
    const day = aDay({ saysUnsure: true });
    await day.stage.until(minutes(30));
    day.down();
    await day.stage.until(hours(5) + minutes(30));
    expect([...day.alive]).toContain('l1');
    const { source, file } = day;
    const hook = aSink();
    day.stage.add({ source, sinks: what === 'removed' ? { file } : { file, other: hook }, policy: hourly });
    await day.stage.until(hours(24) + minutes(30));
    expect([...day.alive]).toEqual([`l${day.acquires()}`]);
    expect(day.most()).toBeLessThanOrEqual(atMost);
    if (what === 'renamed') expect(hook.content).toBe(file.content);
  });
});

describe('who asks for silence', () => {
  const whos = ['a sink', 'a program behind a sink', 'all programs', 'who proves values'] as const;
  test.each([0, hours(1), -hours(1)].flatMap((skew) => whos.map((who) => [who, skew] as const)))(
    'is left alone for so long: %s, of a provider whose clock is %i ms ahead',
    async (who, skew) => {
      const stage = new Stage(hours(10));
      stage.skew = skew;
      const tries: number[] = [];
      const refuse = async () => {
        tries.push(stage.now);
        throw new LeaseError('unavailable', 'not now', { notBefore: stage.now + minutes(3) });
      };
      const hook = aSink({ ...(who === 'a sink' && { write: refuse }), ...(who === whos[1] && { reload: refuse }) });
      const more = { ...(who === 'all programs' && { reload: refuse }), ...(who === whos[3] && { verify: refuse }) };
      stage.add({ source: aSource(stage), sinks: { hook }, ...more });
      await stage.until(hours(10) + minutes(10));
      expect(tries.slice(0, 3).map((at) => at - hours(10))).toEqual([0, minutes(3), minutes(6)]);
    },
  );

  test('delays no other', async () => {
    const stage = new Stage();
    const hook = aSink({
      write: async () => {
        throw new LeaseError('unavailable', 'not now', { notBefore: stage.now + minutes(3) });
      },
    });
    const file = aSink();
    stage.add({ source: aSource(stage), sinks: { hook, file } });
    await stage.until(1);
    expect(file.content).toBe('VALUE-l1');
  });
});

describe('what a sink may use', () => {
  const uses = async (unsure: boolean, first: boolean) => {
    const stage = new Stage();
    let tries = 0;
    const hook = aSink({
      saysUnsure: true,
      write: async () => {
        tries += 1;
        throw new LeaseError('unavailable', 'down', { unsure: tries === 1 ? first : unsure });
      },
    });
    stage.add({ source: aSource(stage), sinks: { hook } });
    await stage.until(minutes(1));
    expect(tries).toBeGreaterThan(2);
    return (await stage.record()).sinks['hook']?.uses.map(({ lease }) => lease);
  };

  test('is not what it certainly did not take', async () => {
    expect(await uses(false, false)).toEqual([]);
  });

  test('is what it may have taken, also in a try before', async () => {
    expect(await uses(true, true)).toEqual(['l1']);
    expect(await uses(false, true)).toEqual(['l1']);
    expect(await uses(true, false)).toEqual(['l1']);
  });
});
