import { describe, expect, it } from 'vitest';
import { plain } from '../../src/config/locate.ts';
import { parseTree } from '../../src/config/tree.ts';

/** What the text means, and what was found wrong with it. */
function read(text: string) {
  const { root, findings } = parseTree(text, {});
  return {
    value: root && plain(root),
    found: findings.map(({ line, column, message }) => `${line}:${column} ${message}`),
  };
}

const meaningOf = (text: string): unknown => {
  const { value, found } = read(text);
  expect(found).toEqual([]);
  return value;
};

describe('a merge', () => {
  const anchors = 'x-a: &a { p: 1, q: 1 }\nx-b: &b { q: 2, r: 2 }\n';

  it('gives way to what is written beside it, before or after', () => {
    expect(meaningOf(`${anchors}m: { q: 9, <<: *a }\nn: { <<: *a, q: 9 }\n`)).toEqual({
      m: { p: 1, q: 9 },
      n: { p: 1, q: 9 },
    });
  });

  it('of several takes each key from the first that has it', () => {
    expect(meaningOf(`${anchors}m: { <<: [*a, *b] }\n`)).toEqual({ m: { p: 1, q: 1, r: 2 } });
    expect(meaningOf(`${anchors}m: { <<: *b, <<: *a }\n`)).toEqual({ m: { p: 1, q: 2, r: 2 } });
  });

  it('takes a mapping and nothing else', () => {
    expect(read(`${anchors}m: { <<: 12 }\n`).found).toEqual(['3:10 << takes a mapping, or a list of them']);
    expect(read(`${anchors}m: { <<: [*a, 12] }\n`).found).toHaveLength(1);
  });

  it('is only meant where it is not in quotes', () => {
    expect(meaningOf('m: { "<<": 1 }\n')).toEqual({ m: { '<<': 1 } });
  });
});

describe('an alias', () => {
  it('stands for the last anchor of its name before it', () => {
    expect(meaningOf('x-1: &a 1\nm: *a\nx-2: &a 2\nn: *a\n')).toEqual({ m: 1, n: 2 });
  });

  it('inside what it refers to is told of, also by a detour', () => {
    expect(read('m: &m { n: { o: *m } }\n').found).toEqual(['1:17 this alias stands inside what it refers to']);
    expect(read('m: &m [*m]\n').found).toHaveLength(1);
  });
});

describe('keys', () => {
  it('that start with x- are nowhere', () => {
    expect(meaningOf('x-a: 1\nm: { x-b: [{}], c: [{ x-d: 1, e: 1 }] }\n')).toEqual({ m: { c: [{ e: 1 }] } });
  });

  it('are words, also where YAML reads a number or a truth', () => {
    expect(meaningOf('12: a\ntrue: b\n')).toEqual({ '12': 'a', true: 'b' });
  });

  it('that are no words are told of', () => {
    expect(read('? [a]\n: 1\n').found).toEqual(['1:3 this cannot be a key']);
    expect(read('? \n: 1\n').found).toHaveLength(1);
    expect(read('__proto__: { a: 1 }\n').found).toEqual(['1:1 this cannot be a key']);
  });

  it('that come twice are told of, and the first is meant', () => {
    const { value, found } = read('a: 1\nb: { c: 1, c: 2 }\na: 2\n');
    expect(value).toEqual({ a: 1, b: { c: 1 } });
    expect(found).toEqual(['2:12 this key was already given in line 2', '3:1 this key was already given in line 1']);
  });
});

it('numbers, truths, nothing and text of several lines are what YAML says', () => {
  expect(meaningOf('a: 0640\nb: yes\nc: ~\nd: |\n  1\n  2\ne: 2026-01-01\n')).toEqual({
    a: 640,
    b: 'yes',
    c: null,
    d: '1\n2\n',
    e: '2026-01-01',
  });
});
