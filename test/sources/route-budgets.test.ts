/** What a provider says of its limits, and what is made of it. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { steadyClock } from '../../src/clock.ts';
import { ProviderBlocked } from '../../src/core/failure.ts';
import { providers, sources } from '../../src/sources/index.ts';
import { type RouteBudgets, routeBudgets } from '../../src/sources/route-budgets.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { someDeps } from './deps.ts';

const told = (limit: number, remaining: number, reset: number) => ({
  'x-ratelimit-limit': `${limit}`,
  'x-ratelimit-remaining': `${remaining}`,
  'x-ratelimit-reset': `${reset}`,
});

describe('the budget of a route', () => {
  it('is never overdrawn by us alone, however we come, and all of it is to be had', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 50, maxLength: 300 }),
        (limit, pauses) => {
          let now = 0;
          let window = { endsAt: 0, seen: 0 };
          const budgets = routeBudgets({ now: () => now });
          for (const pause of pauses) {
            now += pause;
            const free = budgets.until('a');
            if (free !== undefined) {
              expect(free).toBeGreaterThan(now);
              expect(free - now).toBeLessThanOrEqual(61_000);
              continue;
            }
            budgets.spend('a');
            if (now >= window.endsAt) window = { endsAt: now + 60_000, seen: 0 };
            window.seen += 1;
            expect(window.seen).toBeLessThanOrEqual(limit);
            budgets.learn('a', told(limit, limit - window.seen, Math.ceil((window.endsAt - now) / 1_000)));
          }
        },
      ),
    );
  });

  it('is used up within its window by who asks all the time, half of it at once and the rest spread over the minute', () => {
    let now = 0;
    const budgets = routeBudgets({ now: () => now });
    budgets.learn('a', told(60, 60, 60));
    const sent: number[] = [];
    for (; now < 60_000; now += 10) {
      if (budgets.until('a') !== undefined) continue;
      budgets.spend('a');
      sent.push(now);
    }
    expect(sent).toHaveLength(60);
    expect(sent.filter((at) => at < 1_000).length).toBeLessThanOrEqual(32);
    expect(sent.filter((at) => at > 30_000).length).toBeGreaterThanOrEqual(12);
  });

  it('counts what others spend, and what is in flight', () => {
    const budgets = routeBudgets({ now: () => 0 });
    budgets.learn('a', told(60, 60, 60));
    for (let i = 0; i < 8; i++) budgets.spend('a');
    // Answered before the others arrived.
    budgets.learn('a', told(60, 59, 60));
    for (let i = 0; i < 28; i++) budgets.spend('a');
    // Of 24 that are left; of 31 there would be no pause yet.
    expect(budgets.until('a')).toBeGreaterThan(0);
    budgets.learn('a', told(60, 0, 60));
    expect(budgets.until('a')).toBe(60_000);
  });

  it('is not made up by an answer of the window before that was overtaken', () => {
    let now = 0;
    const budgets = routeBudgets({ now: () => now });
    budgets.learn('a', told(4, 1, 60));
    budgets.learn('a', told(4, 0, 60));
    now = 130;
    budgets.learn('a', told(4, 2, 1));
    now = 1_200;
    expect(budgets.until('a')).toBe(60_000);
    // What comes later is news.
    now = 20_000;
    budgets.learn('a', told(4, 4, 10));
    expect(budgets.until('a')).toBeUndefined();
  });

  it('is its own', () => {
    const budgets = routeBudgets({ now: () => 0 });
    budgets.learn('a', told(60, 0, 30));
    expect(budgets.until('a')).toBe(30_000);
    expect(budgets.until('b')).toBeUndefined();
  });

  it('is taken to be as large as before when its window is over, until an answer tells', () => {
    let now = 0;
    const budgets = routeBudgets({ now: () => now });
    const sends = () => {
      let count = 0;
      for (; count < 9 && budgets.until('a') === undefined; count++) budgets.spend('a');
      return count;
    };
    budgets.learn('a', told(4, 0, 30));
    now = 30_000;
    expect([sends(), budgets.until('a')]).toEqual([4, 30_500]);
    // It has counted one of four.
    budgets.learn('a', told(4, 3, 60));
    expect(budgets.until('a')).toBe(90_000);
    now = 90_000;
    expect(sends()).toBe(4);
    now = 90_400;
    expect(budgets.until('a')).toBe(90_900);
    now = 100_000;
    expect(budgets.until('a')).toBe(110_000);
    now = 149_900;
    expect(budgets.until('a')).toBe(150_000);
    now = 150_000;
    expect(sends()).toBe(4);
    // Others may have taken some.
    now = 210_000;
    budgets.spend('a');
    budgets.learn('a', told(4, 1, 60));
    expect(sends()).toBe(1);
    budgets.learn('b', told(0, 0, 60));
    now = 300_000;
    expect(budgets.until('b')).toBeUndefined();
  });

  it.each([
    ['an answer says nothing of it', (of: RouteBudgets) => of.learn('a', {})],
    ['there was no answer', (of: RouteBudgets) => of.unanswered('a')],
  ])('is not presumed any more where %s: a limit that is gone holds nobody up', (_, happen) => {
    let now = 0;
    const budgets = routeBudgets({ now: () => now });
    budgets.learn('a', told(1, 0, 5));
    happen(budgets);
    expect(budgets.until('a')).toBe(5_000);
    now = 5_000;
    budgets.spend('a');
    expect(budgets.until('a')).toBe(5_500);
    happen(budgets);
    for (let i = 0; i < 9; i++) budgets.spend('a');
    expect(budgets.until('a')).toBeUndefined();
  });

  it('is presumed for no longer than its windows last', () => {
    let now = 0;
    const budgets = routeBudgets({ now: () => now });
    budgets.learn('a', told(1, 0, 7));
    budgets.learn('a', told(1, 0, 5));
    now = 7_000;
    budgets.spend('a');
    now = 13_900;
    expect(budgets.until('a')).toBe(14_000);
    now = 14_000;
    expect(budgets.until('a')).toBeUndefined();
  });

  it('is whole again when its window is over', () => {
    let now = 0;
    const budgets = routeBudgets({ now: () => now });
    budgets.learn('a', told(60, 0, 30));
    now = 30_000;
    expect(budgets.until('a')).toBeUndefined();
    budgets.spend('a');
    budgets.learn('a', told(60, 59, 60));
    expect(budgets.until('a')).toBeUndefined();
  });

  it.each([
    ['nothing', {}],
    ['half of it', { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '0' }],
    ['a date', told(60, 0, 1_795_279_363)],
    ['no numbers', { ...told(60, 0, 30), 'x-ratelimit-remaining': '-1' }],
    ['each of it twice', { ...told(60, 0, 30), 'x-ratelimit-remaining': ['0', '0'] }],
  ])('is not believed of who says %s', (_, headers) => {
    const budgets = routeBudgets({ now: () => 0 });
    budgets.learn('a', headers);
    expect(budgets.until('a')).toBeUndefined();
  });
});

describe('a client of a provider that limits', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  it('has all it asks for in time without one request that is refused, and other routes meanwhile', async () => {
    const sandbox = await aSandbox()
      .withDynamicSecret({ name: 'orders-db' })
      .with({ rateLimits: { read: 60, write: 12, secrets: 40 } })
      .start();
    const { clientId, clientSecret } = sandbox.identity;
    const steady = steadyClock();
    let passed = 0;
    const deps = someDeps({ clock: { now: () => steady.now() + passed }, env: { CLIENT_SECRET: clientSecret } });
    const auth = { method: 'universal', clientId, clientSecret: { env: 'CLIENT_SECRET' } };
    const provider = providers[0].schema.parse({ type: 'infisical', url: sandbox.url, auth }).connect(deps);
    closing.push(
      () => provider.close(),
      () => sandbox.close(),
    );
    const signal = new AbortController().signal;
    const token = await provider.token?.source.acquire({ signal, key: 'k' });
    if (token) deps.give({ lease: token.lease.id, generation: 0, material: token.material });
    const place = { provider: 'main', project: 'shop', environment: 'prod', name: 'orders-db' };
    const source = sources[1].schema.parse({ type: 'infisical/dynamic-secret', ...place }).open(provider);
    let taken = 0;
    let waits = 0;
    while (taken < 30) {
      try {
        const { lease } = await source.acquire({ signal, key: 'k' });
        taken += 1;
        if (taken === 12) expect(await source.observe?.(lease, { signal })).toMatchObject({ is: 'held' });
      } catch (error) {
        if (!(error instanceof ProviderBlocked)) throw error;
        expect(error.because).toBe('RetryAfter');
        waits += 1;
        const wait = error.until - source.clock.now();
        passed += wait;
        sandbox.control.skew(wait);
      }
    }
    expect(waits).toBeGreaterThan(2);
    expect(passed).toBeLessThan(150_000);
    expect(sandbox.books().requests.filter(({ status }) => status === 429)).toEqual([]);
  });
});
