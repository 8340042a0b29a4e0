/** What the status page works out in the browser: where a date lies, how a length is said, what comes first. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nowAt, place, reachFor, ticksOf } from '../../src/observability/page/browser/axis.ts';
import { compare, matches } from '../../src/observability/page/browser/order.ts';
import { createSettling } from '../../src/observability/page/browser/settling.ts';
import { sayLength, sayWhen } from '../../src/observability/page/browser/words.ts';
import type { SecretStatus } from '../../src/observability/page/status.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const aSecret = (name: string, change: Partial<SecretStatus> = {}): SecretStatus => ({
  name,
  source: 'infisical/dynamic-secret',
  provider: 'main',
  isToken: false,
  isRequired: true,
  state: 'healthy',
  reasons: [],
  leases: [],
  sinks: [],
  failures: [],
  acts: [],
  ...change,
});

describe('the axis', () => {
  test('has now in one place, and keeps the order of all dates', () => {
    const distance = fc.integer({ min: -400 * day, max: 400 * day });
    fc.assert(
      fc.property(distance, distance, (a, b) => {
        const reach = reachFor([a, b]);
        expect(place(0, reach)).toBe(nowAt);
        const [first, second] = [Math.min(a, b), Math.max(a, b)];
        expect(place(first, reach)).toBeLessThanOrEqual(place(second, reach));
        for (const at of [place(a, reach), place(b, reach)]) {
          expect(at).toBeGreaterThanOrEqual(0);
          expect(at).toBeLessThanOrEqual(1);
        }
        if (a > 0) expect(place(a, reach)).toBeGreaterThan(nowAt);
        if (a < 0) expect(place(a, reach)).toBeLessThan(nowAt);
      }),
    );
  });

  test('reaches as far as is needed, at least ten minutes, and puts the rest at its edge', () => {
    expect(reachFor([])).toEqual({ past: 10 * minute, future: 10 * minute });
    expect(reachFor([-2 * hour, 3 * day])).toEqual({ past: 6 * hour, future: 7 * day });
    expect(place(9 * day, { past: hour, future: day })).toBe(1);
    expect(place(-9 * day, { past: hour, future: day })).toBe(0);
  });

  test('has words that do not touch, on a wide screen and on a phone', () => {
    for (const room of [0.05, 0.2]) {
      for (const future of [10 * minute, 6 * hour, 400 * day, 40_000 * day]) {
        const ticks = ticksOf({ past: day, future }, room);
        const places = ticks.map(({ at }) => at).sort((a, b) => a - b);
        for (const [index, at] of places.slice(1).entries()) {
          expect(at - (places[index] ?? 0)).toBeGreaterThanOrEqual(room - 1e-9);
        }
        expect(ticks.map(({ label }) => label)).toContain('now');
        expect(ticks.length).toBeGreaterThan(1);
      }
    }
  });
});

describe('words', () => {
  test.each([
    [0, '0 s'],
    [59_400, '59 s'],
    [61_000, '1 min 1 s'],
    [hour, '1 h'],
    [hour + 5_000, '1 h'],
    [26 * hour + 10 * minute, '1 d 2 h'],
    [800 * day, '2 y 70 d'],
    [-5, '0 s'],
  ])('%d ms is %s', (length, words) => expect(sayLength(length)).toBe(words));

  test('a date is told by its distance', () => {
    expect(sayWhen(10_000, 0)).toBe('in 10 s');
    expect(sayWhen(0, 3 * hour)).toBe('3 h ago');
    expect(sayWhen(500, 0)).toBe('now');
  });
});

describe('the order', () => {
  const sorted = (order: Parameters<typeof compare>[0], ...secrets: SecretStatus[]) =>
    [...secrets].sort((a, b) => compare(order, a, b)).map(({ name }) => name);

  test('by urgency is the worst first, among those the soonest end, and what is well by name', () => {
    const all = [
      aSecret('b', { expiresAt: 1 }),
      aSecret('a', { expiresAt: 2 }),
      aSecret('late', { state: 'failing', expiresAt: 9 }),
      aSecret('soon', { state: 'failing', expiresAt: 3 }),
      aSecret('dead', { state: 'expired' }),
      aSecret('owed', { state: 'pending' }),
    ];
    expect(sorted('urgency', ...all)).toEqual(['dead', 'soon', 'late', 'owed', 'a', 'b']);
  });

  test('by a date is the soonest first, and what has none last', () => {
    const all = [
      aSecret('never'),
      aSecret('2', { renewsAt: 2, expiresAt: 1 }),
      aSecret('1', { renewsAt: 1, expiresAt: 2 }),
    ];
    expect(sorted('renewal', ...all)).toEqual(['1', '2', 'never']);
    expect(sorted('end', ...all)).toEqual(['2', '1', 'never']);
    expect(sorted('name', aSecret('s10'), aSecret('s9'))).toEqual(['s9', 's10']);
  });

  test('a search finds every word somewhere, in any case', () => {
    const secret = aSecret('orders-db', {
      sinks: [{ name: 'file:/run/x.env', type: 'file', holds: 'newest', isOwed: false, isUntold: false }],
    });
    for (const search of ['', 'ORDERS', 'x.env main', 'healthy dynamic']) expect(matches(secret, search)).toBe(true);
    expect(matches(secret, 'orders nothing')).toBe(false);
  });
});

describe('settling', () => {
  test('what passes within moments is not shown, what stays is', () => {
    const { shown, isDue } = createSettling();
    const due = aSecret('a', { state: 'overdue' });
    expect(shown(due, 0).state).toBe('healthy');
    expect(isDue(1_000)).toBe(false);
    expect(isDue(3_000)).toBe(true);
    expect(shown(due, 3_000).state).toBe('overdue');
    expect(isDue(9_000)).toBe(false);
    expect(shown(aSecret('a'), 4_000).state).toBe('healthy');
    expect(shown(due, 9_000).state).toBe('healthy');
  });

  test('what fails or is dead is shown at once', () => {
    const { shown, forget, isDue } = createSettling();
    const failures = [{ doing: 'renewing', count: 1, code: 'unavailable', at: 0 }];
    expect(shown(aSecret('a', { state: 'overdue', failures }), 0).state).toBe('overdue');
    expect(shown(aSecret('a', { state: 'expired' }), 0).state).toBe('expired');
    shown(aSecret('b', { state: 'pending' }), 0);
    forget('b');
    expect(isDue(9_000)).toBe(false);
  });
});
