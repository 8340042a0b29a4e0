/** More secrets due at once than a provider takes in a minute: the most urgent go first, all stay alive, and nothing is dropped. */
import { describe, expect, test } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import { requestRate } from '../../src/sources/request-rate.ts';
import { routeBudgets } from '../../src/sources/route-budgets.ts';
import { Limited } from './limited.ts';
import { aSource, lent, Stage } from './stage.ts';

const dueAt = minutes(20);
/** How long each quarter of them lives. Those of the first would be dead if they came last. */
const lives = [31, 45, 60, 80].map(minutes);

interface Kept {
  readonly life: Duration;
  end: Instant;
  renewedAt: Instant;
}

/** How a client asks that knows of a limit in this way or that. */
type Asking = (stage: Stage, provider: Limited, limit: number) => () => Promise<void>;

const unknowing: Asking = (_, provider) => async () => void (await provider.ask());

const configured: Asking = (stage, provider, limit) => {
  const rate = requestRate(limit, stage.clock);
  return async () => {
    const free = rate.take();
    if (free !== undefined) throw new ProviderBlocked('RetryAfter', free, undefined, true);
    await provider.ask();
  };
};

const learning: Asking = (stage, provider) => {
  const budgets = routeBudgets(stage.clock);
  return async () => {
    const free = budgets.until('renew');
    if (free !== undefined) throw new ProviderBlocked('RetryAfter', free, undefined, true);
    budgets.spend('renew');
    budgets.learn('renew', await provider.ask());
  };
};

async function manyDue(stage: Stage, count: number, ask: () => Promise<void>): Promise<readonly Kept[]> {
  const gate = stage.gate('p', 8);
  const all = Array.from({ length: count }, (_, i): Kept => {
    const life = lives[i % lives.length] ?? 0;
    const kept: Kept = { life, end: 0, renewedAt: Number.POSITIVE_INFINITY };
    const renewal = { from: 'now', by: life, atLeast: life, canShorten: false } as const;
    const source = aSource(stage, {
      acquire: async () => {
        kept.end = stage.now + life;
        const lease = lent(`l${i}-${stage.now}`, stage.now, { expiresAt: kept.end, renewal });
        return { lease, material: new Material({ value: 'V' }) };
      },
      renew: async (lease) => {
        await ask();
        if (stage.now >= kept.end) throw new LeaseError('gone', 'it has ended');
        kept.end = stage.now + life;
        kept.renewedAt = Math.min(kept.renewedAt, stage.now);
        return { lease: { ...lease, expiresAt: kept.end } };
      },
    });
    stage.add({ name: `s${i}`, source, gate, policy: { renewAt: dueAt / life, jitter: 0, grace: 0 } });
    return kept;
  });
  await stage.until(seconds(30));
  return all;
}

describe.each<[string, number, number, Asking, number]>([
  ['a thousand secrets at a provider of sixty requests a minute, which says so by 429', 1_000, 60, unknowing, 8],
  ['secrets at a provider whose limit is configured', 200, 15, configured, 0],
  ['secrets at a provider that tells what is left', 250, 15, learning, 0],
])('%s', (_, count, limit, asking, refusedEachMinute) => {
  test('that are all due at once are renewed in time, the most urgent first', async () => {
    const stage = new Stage();
    const provider = new Limited(stage, limit);
    const all = await manyDue(stage, count, asking(stage, provider, limit));
    provider.isOn = true;
    await stage.until(minutes(count === 1_000 ? 39 : 44));
    const acquires = stage.events.filter((event) => event.type === 'done' && event.step.act === 'acquire');
    // Whoever had lost a lease would have taken another.
    expect(acquires).toHaveLength(count);
    const renewed = lives.map((life) => all.filter((kept) => kept.life === life).map(({ renewedAt }) => renewedAt));
    expect(Math.max(...renewed.flat())).toBeLessThan(minutes(44));
    // But for those that went before there was a line.
    const [urgent = [], ...others] = renewed.map((dates) => dates.sort((a, b) => a - b).slice(limit));
    const first = others.map((dates) => dates[0] ?? 0);
    const last = [urgent, ...others].map((dates) => dates.at(-1) ?? 0);
    for (const [i, begins] of first.entries()) expect(begins).toBeGreaterThan((last[i] ?? 0) - minutes(1));
    expect(provider.refused).toBeLessThanOrEqual(refusedEachMinute * 24);
    expect(stage.thrown).toEqual([]);
  });
});
