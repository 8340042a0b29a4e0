import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextFiring } from '../../src/config/cron.ts';

/** The times at which it fires after that one. */
function firings(pattern: string, zone: string, after: string, count: number): readonly string[] {
  const next = nextFiring(pattern, zone);
  let at = Date.parse(after);
  return Array.from({ length: count }, () => {
    at = next(at);
    return new Date(at).toISOString().replace(':00.000Z', 'Z');
  });
}

describe('a rotation by cron', () => {
  it('keeps its time of day over the night in which clocks go forward', () => {
    expect(firings('0 3 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T02:00Z',
      '2026-03-29T01:00Z',
      '2026-03-30T01:00Z',
    ]);
  });

  it('keeps its time of day over the night in which clocks go back', () => {
    expect(firings('0 3 * * *', 'Europe/Berlin', '2026-10-24T00:00:00Z', 3)).toEqual([
      '2026-10-24T01:00Z',
      '2026-10-25T02:00Z',
      '2026-10-26T02:00Z',
    ]);
  });

  it('fires at the end of the hour that is skipped, where its time falls into it', () => {
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00Z',
      '2026-03-30T00:30Z',
    ]);
  });

  it('fires once in the hour that comes twice, also for a lease issued between its two halves', () => {
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ]);
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:05Z', 1)).toEqual(['2026-10-26T01:30Z']);
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-10-25T01:10:00Z', 1)).toEqual(['2026-10-26T01:30Z']);
  });

  it('fires in both halves of the hour that comes twice where it fires all day long', () => {
    expect(firings('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:50:00Z', 4)).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T00:30Z',
      '2026-10-25T01:00Z',
      '2026-10-25T01:30Z',
    ]);
  });

  it('finds the leap day, also over the century that has none', () => {
    expect(firings('0 12 29 2 *', 'UTC', '2026-01-01T00:00:00Z', 2)).toEqual([
      '2028-02-29T12:00Z',
      '2032-02-29T12:00Z',
    ]);
    expect(firings('0 12 29 2 *', 'UTC', '2097-01-01T00:00:00Z', 1)).toEqual(['2104-02-29T12:00Z']);
  });

  it('is due after the moment of issue and never at it', () => {
    expect(firings('0 3 * * *', 'UTC', '2026-01-01T03:00:00.000Z', 1)).toEqual(['2026-01-02T03:00Z']);
    expect(firings('0 3 * * *', 'UTC', '2026-01-01T02:59:59.999Z', 1)).toEqual(['2026-01-01T03:00Z']);
    expect(firings('0 3 * * *', 'UTC', '2026-01-01T03:00:00.001Z', 1)).toEqual(['2026-01-02T03:00Z']);
  });

  it('is always due in the future, within a day and the hour of a clock change, and for all leases between two firings at once', () => {
    const zones = fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'America/St_Johns',
      'Australia/Lord_Howe',
      'America/Santiago',
    );
    const issued = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2040, 0, 1) });
    const dayAndHour = 25 * 3_600_000;
    fc.assert(
      fc.property(
        zones,
        fc.nat(59),
        fc.nat(23),
        issued,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (zone, m, h, at, share) => {
          const next = nextFiring(`${m} ${h} * * *`, zone);
          const due = next(at);
          expect(due).toBeGreaterThan(at);
          expect(due - at).toBeLessThanOrEqual(dayAndHour);
          expect(next(Math.floor(at + share * (due - 1 - at)))).toBe(due);
        },
      ),
      { numRuns: 300 },
    );
  });
});
