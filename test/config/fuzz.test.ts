import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { understand } from '../../src/config/load.ts';
import { ref, textOf } from './build.ts';

const planted = 'hunter2-planted';
const judge = (text: string): void => {
  const result = understand(text, { file: 'fuzz.yaml', env: { CLIENT_SECRET: planted, X: planted } });
  if (result.ok) return;
  expect(result.problems.length).toBeGreaterThan(0);
  for (const { line, column, message, remedy } of result.problems) {
    expect(line).toBeGreaterThan(0);
    expect(column).toBeGreaterThan(0);
    expect(message).not.toBe('');
    expect(`${message} ${remedy}`).not.toContain(planted);
  }
};

const right = textOf({});
const wrong = readdirSync(join(import.meta.dirname, 'wrong')).map((name) =>
  readFileSync(join(import.meta.dirname, 'wrong', name), 'utf8'),
);
const words = [...new Set([right, ...wrong].join('\n').match(/[\w./%:-]+|\S/g) ?? [])];

describe('whatever is in the file, the answer is a configuration or problems', () => {
  it('for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), judge), { numRuns: 300 });
  });

  it('for the words of a configuration in any order', () => {
    const soup = fc.array(fc.constantFrom(...words, '\n', '\n  ', '\n    ', ' ', ': ', '- ', ref('X'), '&a ', '*a'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(soup, (parts) => judge(parts.join(''))),
      { numRuns: 200 },
    );
  });

  it('for any structure of the keys that there are', () => {
    const key = fc.constantFrom(...words.filter((word) => /^[a-zA-Z]+$/.test(word)));
    const leaf = fc.oneof(fc.constantFrom(...words, ref('X'), null, true, 12, 0.5, -1), fc.string());
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, tree), (value) => judge(`version: 1\n${stringify(value)}`)),
      { numRuns: 150 },
    );
  });

  it('for a right one in which a piece is replaced by another', () => {
    const texts = fc.constantFrom(right, ...wrong);
    const piece = fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(texts, fc.nat(), fc.nat(20), piece, (text, at, length, instead) => {
        const from = at % (text.length + 1);
        judge(text.slice(0, from) + instead + text.slice(from + length));
      }),
      { numRuns: 200 },
    );
  });
});
