/** Passwords that are made here: as long as they have to be, of the right characters, and none likelier than another. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alphabetsOf, type CharacterClass, classes, makePassword } from '../../src/sources/password.ts';

const names = Object.keys(classes) as CharacterClass[];

const someRules = fc
  .record({
    length: fc.integer({ min: 8, max: 80 }),
    classes: fc.subarray(names, { minLength: 1 }),
    exclude: fc.string({ maxLength: 12 }),
  })
  .filter((rules) => alphabetsOf(rules).every((alphabet) => alphabet !== ''));

/** The statistic of these counts against their being all alike. */
function chiSquare(counts: Readonly<Record<string, number>>, kinds: number): number {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const expected = total / kinds;
  const seen = Object.values(counts);
  const missing = kinds - seen.length;
  return seen.reduce((sum, count) => sum + (count - expected) ** 2 / expected, missing * expected);
}

function count(values: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

describe('a password', () => {
  it('has its length, a character of each class, and none that is excluded', () => {
    fc.assert(
      fc.property(someRules, (rules) => {
        const password = makePassword(rules);
        const alphabets = alphabetsOf(rules);
        expect(password).toHaveLength(rules.length);
        const strange = [...password].filter((one) => !alphabets.join('').includes(one) || rules.exclude.includes(one));
        expect(strange).toEqual([]);
        expect(alphabets.filter((alphabet) => ![...password].some((one) => alphabet.includes(one)))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has a character of a class of which hardly any is left', () => {
    const rules = { length: 8, classes: ['uppercase', 'digits'], exclude: '123456789' } as const;
    for (let i = 0; i < 200; i += 1) expect(makePassword(rules)).toContain('0');
  });

  it('is another each time', () => {
    const made = Array.from({ length: 1_000 }, () => makePassword({ length: 16, classes: names, exclude: '' }));
    expect(new Set(made).size).toBe(made.length);
  });

  it('has each character as often as any other, in each place', () => {
    const rules = { length: 100, classes: ['uppercase', 'lowercase', 'digits'], exclude: '' } as const;
    const made = Array.from({ length: 1_500 }, () => makePassword(rules));
    // 61 degrees of freedom: above 130 once in a million runs.
    expect(chiSquare(count(made.join('')), 62)).toBeLessThan(130);
    for (const place of [0, 50, 99])
      expect(chiSquare(count(made.map((one) => one.charAt(place))), 62)).toBeLessThan(130);
  });

  it('is as likely as any other that is allowed', () => {
    // Of 2 digits and 2 signs, three long: 4^3 in all, of which 2^3 lack the digits and as many the signs.
    const exclude = `23456789${classes.punctuation.slice(2)}`;
    const made = Array.from({ length: 24_000 }, () =>
      makePassword({ length: 3, classes: ['digits', 'punctuation'], exclude }),
    );
    const counts = count(made);
    expect(Object.keys(counts)).toHaveLength(48);
    // 47 degrees of freedom: above 110 less than once in a million runs.
    expect(chiSquare(counts, 48)).toBeLessThan(110);
  });
});
