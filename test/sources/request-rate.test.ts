/** The cap on our own requests. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestRate } from '../../src/sources/request-rate.ts';

describe('the cap on requests', () => {
  it('never lets more than the agreed number pass in any minute, however they come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 400 }),
        (perMinute, pauses) => {
          let now = 0;
          const rate = requestRate(perMinute, { now: () => now });
          const passed: number[] = [];
          for (const pause of pauses) {
            now += pause;
            if (rate.take() === undefined) passed.push(now);
            const inMinute = passed.filter((at) => at > now - 60_000).length;
            expect(inMinute).toBeLessThanOrEqual(perMinute);
          }
        },
      ),
    );
  });

  it('names a date at which the next one passes, and at which nobody has to wait longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), (perMinute) => {
        let now = 1_000_000;
        const rate = requestRate(perMinute, { now: () => now });
        for (let i = 0; i < 200; i++) {
          const at = rate.take();
          if (at === undefined) continue;
          const wait = at - now;
          now = at;
          if (wait <= 0 || wait > 60_000 || rate.take() !== undefined) expect.unreachable(`waited for ${wait} ms`);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('has nobody wait for more than a second longer than the next one takes', () => {
    for (const perMinute of [1, 2, 12, 60, 240, 6_000]) {
      let now = 0;
      const rate = requestRate(perMinute, { now: () => now });
      let until = rate.take();
      while (until === undefined) until = rate.take();
      // Somebody who asks again all the time learns when the next one could go.
      while (rate.take() !== undefined) now += 1;
      expect(until - now, `${perMinute}`).toBeLessThanOrEqual(1_000);
    }
  });

  it('comes near the agreed number when asked all the time', () => {
    let now = 0;
    const rate = requestRate(120, { now: () => now });
    let passed = 0;
    for (; now < 600_000; now += 100) if (rate.take() === undefined) passed++;
    expect(passed).toBeGreaterThanOrEqual(900);
  });
});
