/** What we make of the dates of a provider's answers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DateSample, learningSkew } from '../../src/sources/skew.ts';

const start = Date.parse('2026-03-01T12:00:00Z');

/** An answer of a provider whose clock is `ahead` of ours: it took `there` to arrive, and `back` to return. */
function anAnswer(ahead: number, at = start, there = 20, back = 20): DateSample {
  const written = at + there + ahead;
  return { sentAt: at, answeredAt: at + there + back, date: Math.floor(written / 1000) * 1000 };
}

const aWay = fc.integer({ min: 0, max: 4_000 });
const ways = fc.array(fc.record({ there: aWay, back: aWay, pause: fc.integer({ min: 1, max: 100_000 }) }), {
  minLength: 1,
  maxLength: 30,
});
const aheads = fc.integer({ min: -86_400_000, max: 86_400_000 });

describe('the skew of a provider', () => {
  it('is never further off than its uncertainty says, whatever the clocks and the ways', () => {
    fc.assert(
      fc.property(aheads, ways, (ahead, answers) => {
        const skew = learningSkew();
        let at = start;
        for (const { there, back, pause } of answers) {
          at += pause;
          skew.learn(anAnswer(ahead, at, there, back));
          expect(Math.abs(skew.skew() - ahead)).toBeLessThanOrEqual(skew.uncertainty() + 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is within a second and a half round trip of the truth after one quick answer', () => {
    const skew = learningSkew();
    expect(skew.learn(anAnswer(3_600_000))).toBe(true);
    expect(Math.abs(skew.skew() - 3_600_000)).toBeLessThanOrEqual(520);
    expect(skew.uncertainty()).toBe(520);
  });

  it('is unknown before the first answer, and says so', () => {
    const skew = learningSkew();
    expect(skew.skew()).toBe(0);
    expect(skew.uncertainty()).toBeGreaterThanOrEqual(1_000);
  });

  it('does not move for less than two seconds, and its uncertainty owns up to what was ignored', () => {
    fc.assert(
      fc.property(fc.integer({ min: -900, max: 900 }), (change) => {
        const skew = learningSkew();
        skew.learn(anAnswer(10_000));
        const before = skew.skew();
        for (let i = 1; i <= 20; i++) skew.learn(anAnswer(10_000 + change, start + i * 1_000));
        expect(skew.skew()).toBe(before);
        expect(Math.abs(skew.skew() - 10_000 - change)).toBeLessThanOrEqual(skew.uncertainty() + 1);
      }),
    );
  });

  it('follows a change of some seconds once most of the remembered answers know of it', () => {
    const skew = learningSkew();
    for (let i = 0; i < 9; i++) skew.learn(anAnswer(0, start + i * 1_000));
    for (let i = 9; i < 13; i++) expect(skew.learn(anAnswer(10_000, start + i * 1_000))).toBe(false);
    expect(skew.learn(anAnswer(10_000, start + 13_000))).toBe(true);
    expect(Math.abs(skew.skew() - 10_000)).toBeLessThanOrEqual(520);
  });

  it('believes a jump of more than thirty seconds after three answers in agreement, and not after two', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 32_000, max: 1e9 }).chain((n) => fc.constantFrom(n, -n)),
        (jump) => {
          const skew = learningSkew();
          skew.learn(anAnswer(0));
          const before = skew.skew();
          expect(skew.isDoubted()).toBe(false);
          expect(skew.learn(anAnswer(jump, start + 1_000))).toBe(false);
          expect(skew.isDoubted()).toBe(true);
          expect(skew.learn(anAnswer(jump, start + 2_000))).toBe(false);
          expect(skew.skew()).toBe(before);
          expect(skew.learn(anAnswer(jump, start + 3_000))).toBe(true);
          expect(skew.isDoubted()).toBe(false);
          expect(Math.abs(skew.skew() - jump)).toBeLessThanOrEqual(520);
        },
      ),
    );
  });

  it('does not believe three jumps that contradict each other, nor two with an ordinary answer between them', () => {
    const skew = learningSkew();
    skew.learn(anAnswer(0));
    const before = skew.skew();
    for (const [i, jump] of [100_000, 200_000, 300_000, 400_000, 400_000, 0, 400_000, 400_000].entries()) {
      skew.learn(anAnswer(jump, start + i * 1_000));
    }
    expect(skew.skew()).toBe(before);
  });

  it('trusts one quick answer more than two slow ones', () => {
    const skew = learningSkew();
    skew.learn(anAnswer(0, start, 0, 8_000));
    skew.learn(anAnswer(0, start, 0, 8_000));
    skew.learn(anAnswer(0, start, 10, 10));
    expect(Math.abs(skew.skew())).toBeLessThanOrEqual(510);
  });

  it('learns nothing from a date that is none, or from an answer that came before it was asked for', () => {
    const skew = learningSkew();
    expect(skew.learn({ sentAt: start, answeredAt: start + 10, date: Number.NaN })).toBe(false);
    expect(skew.learn({ sentAt: start, answeredAt: start - 1, date: start + 99_000 })).toBe(false);
    expect(skew.skew()).toBe(0);
  });
});
