/** Whatever the values are, who reads the file gets them back, or is given no file. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { keys, render, type Shape } from '../../src/sinks/render.ts';

const directory = mkdtempSync(join(tmpdir(), 'leasekeeper-render-'));
afterAll(() => rmSync(directory, { recursive: true }));

type Values = Readonly<Record<string, string>>;

const rendered = (values: Values, shape: Partial<Shape> & Pick<Shape, 'format'>): string =>
  render(new Material(values), { keys: 'all', ...shape }).toString();

const refusal = (values: Values, shape: Partial<Shape> & Pick<Shape, 'format'>): LeaseError => {
  try {
    rendered(values, shape);
  } catch (error) {
    if (error instanceof LeaseError) return error;
    throw error;
  }
  throw new Error('it was not refused');
};

/** What is special to somebody: shells, Node's parser, JSON, YAML, old encodings. */
const special = [
  // Which bash loses a part of between double quotes.
  "'\\\x7f",
  ...`'"$\`\\\n\r \t#=!;&*~%{}éa`,
  ...'\u0001\u007f\u0081\u0085\u2028\ufeff\uffff🙂',
  ...['\\n', '- ', ': ', '$(id)', '$HOME', 'null', 'export A='],
];
const value = fc.oneof(
  { arbitrary: fc.array(fc.constantFrom(...special), { maxLength: 12 }).map((parts) => parts.join('')), weight: 4 },
  // Where a value may be written in two ways, the way depends on these.
  { arbitrary: fc.string({ unit: fc.constantFrom("'", '\\', 'n', '\n', 'a', '\x7f'), maxLength: 6 }), weight: 4 },
  fc.string({ unit: 'grapheme' }),
);
const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/).map((text) => `X_${text}`);
const variables = fc.dictionary(
  name,
  value.filter((text) => !text.includes('\0')),
  { minKeys: 1, maxKeys: 6, noNullPrototype: true },
);
/** NUL as well, and any name at all. */
const anything = fc.dictionary(
  fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom('yes', 'no', '1', '~', '<<', '__proto__', 'null', '- a', 'a: b'),
  ),
  fc.oneof(value, fc.string({ unit: 'binary' })),
  { minKeys: 1, noNullPrototype: true },
);

describe('dotenv', () => {
  const shells = ['sh', 'bash'].filter((shell) => {
    try {
      execFileSync(shell, ['-c', 'exit 0']);
      return true;
    } catch {
      return false;
    }
  });

  /** A carriage return Node drops, and it has no way to write a single quote beside these. */
  const isForShellsOnly = (text: string) =>
    /\r/.test(text) || (text.includes("'") && /["$`]|\\(?:[n\\\n\x7f]|$)/.test(text));

  /** The environment of a program that a shell starts after it has read the file. */
  const readBy = (shell: string, text: string): Values => {
    const file = join(directory, `${shell}.env`);
    writeFileSync(file, text);
    const told = execFileSync(shell, ['-c', 'set -a; . "$0" && exec env -0', file], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 24,
    });
    const lines = told.toString().split('\0');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  };

  test.each(shells)('is read by `set -a; . file` of %s as it was meant', (shell) => {
    fc.assert(
      fc.property(variables, (values) => {
        expect(readBy(shell, rendered(values, { format: 'dotenv' }))).toMatchObject(values);
      }),
      { numRuns: 150 },
    );
  });

  test.each(shells)('is read by %s as it was meant where a value has 64 kB', (shell) => {
    for (const part of special) {
      const A = part.repeat(65_536 / Buffer.byteLength(part));
      expect(readBy(shell, rendered({ A }, { format: 'dotenv' }))['A'] === A, JSON.stringify(part)).toBe(true);
      if (isForShellsOnly(A)) continue;
      expect(parseEnv(rendered({ A }, { format: 'dotenv' }))['A'] === A, JSON.stringify(part)).toBe(true);
    }
  });

  test('is read by the parser of Node as it was meant, except for values that only a shell can hold', () => {
    fc.assert(
      fc.property(variables, (all) => {
        const values = Object.fromEntries(Object.entries(all).filter(([, text]) => !isForShellsOnly(text)));
        fc.pre(Object.keys(values).length > 0);
        expect(parseEnv(rendered(values, { format: 'dotenv' }))).toEqual(values);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is taken by node --env-file', () => {
    const values = { A: 'it\'s "here" \n', B: '  $HOME `x` \\n # ', C: "isn't\nit" };
    const file = join(directory, 'node.env');
    writeFileSync(file, rendered({ ...values, A: 'a "b"\n' }, { format: 'dotenv' }));
    const told = execFileSync(process.execPath, [
      `--env-file=${file}`,
      '-p',
      'JSON.stringify([process.env.A, process.env.B, process.env.C])',
    ]);
    expect(JSON.parse(told.toString())).toEqual(['a "b"\n', values.B, values.C]);
  });

  test.each([
    '../../etc/x',
    '..data',
    'a/b',
    '',
    'A\0',
    '1A',
    'A-B',
    'a.b',
    'A B',
    'A=B',
    'Ä',
    'A\nB',
    '$(id)',
    'UID',
    'PPID',
    '_',
    'RANDOM',
    'BASH_VERSINFO',
  ])('does not write a variable %j, which no shell can have', (odd) => {
    expect(refusal({ GOOD: 'v-a-l-u-e', [odd]: 'v-a-l-u-e' }, { format: 'dotenv' })).toMatchObject({
      code: 'invalid',
    });
    expect(refusal({ GOOD: 'v-a-l-u-e' }, { format: 'dotenv', keys: { [odd]: 'GOOD' } }).message).toContain(
      JSON.stringify(odd),
    );
  });

  test.each([
    'LD_PRELOAD',
    'PATH',
    'IFS',
    'BASH_ENV',
    'ENV',
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'PYTHONPATH',
    'PERL5OPT',
    'JAVA_TOOL_OPTIONS',
    'GIT_SSH_COMMAND',
  ])('has %s only where a person asked for it: it would steer the program that reads it', (dangerous) => {
    expect(refusal({ GOOD: 'a', [dangerous]: 'b' }, { format: 'dotenv' }).message).toContain(dangerous);
    expect(rendered({ X: 'b' }, { format: 'dotenv', keys: { [dangerous]: 'X' } })).toBe(`${dangerous}='b'\n`);
    expect(rendered({ [dangerous]: 'b' }, { format: 'json' })).toContain(dangerous);
  });

  test('has names that only look dangerous', () => {
    const values = { NODE_ENV: 'production', BUILD_PATH: '/x', ENVIRONMENT: 'y', OLD_PATHS: 'z' };
    expect(parseEnv(rendered(values, { format: 'dotenv' }))).toEqual(values);
  });

  test('does not write a NUL, which no environment can hold', () => {
    expect(refusal({ A: 'v-a-l\0u-e' }, { format: 'dotenv' })).toMatchObject({ code: 'invalid' });
  });
});

test('json is sorted by key, ends its last line, and is parsed back to the values', () => {
  fc.assert(
    fc.property(anything, (values) => {
      const text = rendered(values, { format: 'json' });
      expect(JSON.parse(text)).toEqual(values);
      expect(text.endsWith('}\n')).toBe(true);
      const names = [...text.matchAll(/^ {2}("(?:[^"\\]|\\.)*"):/gm)].map(([, quoted = '']) => JSON.parse(quoted));
      expect(names).toEqual(Object.keys(values).sort());
    }),
    { numRuns: 500 },
  );
});

test.each(special.concat('\0'))('64 kB of %j are parsed back from json and yaml', (part) => {
  const A = part.repeat(65_536 / Buffer.byteLength(part));
  expect(JSON.parse(rendered({ A }, { format: 'json' })).A === A).toBe(true);
  expect(parse(rendered({ A }, { format: 'yaml' })).A === A).toBe(true);
});

test('no key but a variable’s name ever gets into dotenv, and none that steers a program', () => {
  const part = fc.constantFrom(
    '../',
    '..data',
    'a/b',
    '\0',
    '\n',
    '=',
    'LD_PRELOAD',
    'LD_',
    'PATH',
    'A',
    '_',
    '1',
    ' ',
    '$(id)',
    'é',
    '__proto__',
  );
  const key = fc.oneof(
    fc.array(part, { maxLength: 4 }).map((parts) => parts.join('')),
    fc.string(),
  );
  fc.assert(
    fc.property(key, (name) => {
      let text = '';
      try {
        text = rendered({ X_GOOD: 'v-a-l-u-e', [name]: 'v-a-l-u-e' }, { format: 'dotenv' });
      } catch (error) {
        expect(error).toBeInstanceOf(LeaseError);
        return;
      }
      expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
      expect(name).not.toMatch(/^LD_|^PATH$/);
      expect(Object.keys(parseEnv(text)).sort()).toEqual([...new Set(['X_GOOD', name])].sort());
    }),
    { numRuns: 500 },
  );
});

test.each(['1.1', '1.2'] as const)('yaml is parsed back to the same strings by version %s of it', (version) => {
  fc.assert(
    fc.property(anything, (values) => {
      const text = rendered(values, { format: 'yaml' });
      expect(parse(text, { version, merge: false })).toEqual(values);
      // Other readers take these for line breaks, or do not take them.
      expect(text).not.toMatch(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/);
    }),
    { numRuns: 500 },
  );
});

test('raw is the value and not a byte more', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(rendered({ other: 'x', key: text }, { format: 'raw', key: 'key' })).toBe(text);
    }),
  );
});

describe('whatever the format', () => {
  const each = [
    { format: 'dotenv' },
    { format: 'json' },
    { format: 'yaml' },
    { format: 'raw', key: 'A' },
  ] satisfies Partial<Shape>[];

  test.each(each)('the same values give the same bytes, in whatever order they came: $format', (shape) => {
    const forwards = rendered({ A: '1', B: '2', C: '3' }, shape);
    expect(rendered({ C: '3', B: '2', A: '1' }, shape)).toBe(forwards);
  });

  test.each(each)('half a character is refused, since it would be written as another value: $format', (shape) => {
    expect(refusal({ A: 'v-a-l\ud800u-e' }, shape)).toMatchObject({ code: 'invalid' });
  });

  test.each(each)('a set without values is no set: $format', (shape) => {
    expect(refusal({}, shape)).toMatchObject({ code: 'invalid' });
  });

  test.each(each)('what is larger than any secret is refused: $format', (shape) => {
    expect(refusal({ A: 'x'.repeat(5 * 2 ** 20) }, shape).message).toContain('bytes');
  });

  test('a key may be as long as every reader takes it', () => {
    const [fits, exceeds] = ['K'.repeat(998), 'K'.repeat(999)];
    expect(parse(rendered({ [fits]: 'v' }, { format: 'yaml' }))).toEqual({ [fits]: 'v' });
    for (const format of ['dotenv', 'json', 'yaml'] as const) {
      expect(refusal({ [exceeds]: 'v-a-l-u-e' }, { format }).message).toContain('too long');
    }
  });

  test('keys are chosen and renamed, the name at the target first', () => {
    const values = { DB_USERNAME: 'u', DB_PASSWORD: 'p', DB_HOST: 'h' };
    const keys = { PGUSER: 'DB_USERNAME', PGPASSWORD: 'DB_PASSWORD' };
    expect(rendered(values, { format: 'dotenv', keys })).toBe("PGPASSWORD='p'\nPGUSER='u'\n");
    expect(JSON.parse(rendered(values, { format: 'json', keys }))).toEqual({ PGUSER: 'u', PGPASSWORD: 'p' });
  });

  test('a key that is missing is named, and nothing is written without it', () => {
    const values = { A: 'v-a-l-u-e' };
    const errors = [
      refusal(values, { format: 'dotenv', keys: { X: 'A', Y: 'GONE' } }),
      refusal(values, { format: 'raw', key: 'GONE' }),
    ];
    for (const error of errors)
      expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('"GONE"') });
  });

  test('no refusal tells a value', () => {
    const odd = fc.string({ unit: 'binary-ascii', minLength: 1 });
    fc.assert(
      fc.property(fc.dictionary(odd, fc.constant('v-a-l\0u-e')), fc.constantFrom(...each), (values, shape) => {
        try {
          rendered(values, shape);
        } catch (error) {
          expect(String(error)).not.toMatch(/v-a-l|u-e/);
        }
      }),
    );
  });
});

test.each([{}, { A: '' }, 'some', ['A'], { A: 1 }])('keys: %j is a mistake', (given) => {
  expect(keys.safeParse(given).error?.issues[0]?.message).toContain('keys: { PGUSER: DB_USERNAME }');
});
