/** What a person writes around values: filled in exactly, or refused with the place and never a value. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { LeaseError } from '../../src/core/failure.ts';
import { Material } from '../../src/core/material.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { render, type Shape } from '../../src/sinks/render.ts';
import { readTemplate } from '../../src/sinks/template.ts';
import { readmeFile } from '../support/readme.ts';
import { aDelivery } from '../support/sink-parts.ts';

const directory = mkdtempSync(join(tmpdir(), 'leasekeeper-template-'));
afterAll(() => rmSync(directory, { recursive: true }));

type Values = Readonly<Record<string, string>>;

const filled = (text: string, values: Values, shape: Partial<Shape> = {}): string =>
  render(new Material(values), { keys: 'all', format: 'template', template: readTemplate(text), ...shape }).toString();

function refusal(text: string, values: Values): string {
  try {
    filled(text, values);
  } catch (error) {
    if (error instanceof LeaseError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('it was not refused');
}

const canary = 'CANARY-s3cr3t';

describe('a template', () => {
  test('names values by their keys, and by the group where Liquid cannot spell them', () => {
    const values = { USER: 'me', 'odd key': 'x', 'with-hyphen': 'y' };
    expect(filled('{{ USER }} {{ secret["odd key"] }} {{ with-hyphen }} {{ secret.USER }}', values)).toBe('me x y me');
  });

  test('sees what keys chooses, under the names that it gives', () => {
    const keys = { PGUSER: 'DB_USERNAME' };
    const values = { DB_USERNAME: 'me', OTHER: 'no' };
    expect(filled('{{ PGUSER }}{% for one in secret %} {{ one[0] }}{% endfor %}', values, { keys })).toBe('me PGUSER');
  });

  test('goes through all values, in the order of their names', () => {
    const text = '{% for one in secret %}{{ one[0] }}={{ one[1] | shell }}\n{% endfor %}';
    expect(filled(text, { B: '2', A: '1' })).toBe("A='1'\nB='2'\n");
  });

  test('may ask for what may be missing, and say what is then', () => {
    expect(filled('{% if OPTIONAL %}yes{% else %}no{% endif %} {{ OPTIONAL | default: "none" }}', { A: '1' })).toBe(
      'no none',
    );
  });

  test('leaves values as they are: nothing is escaped, and what looks like a template is none', () => {
    const odd = '{{ B }}{% if %}<&>"\'';
    expect(filled('{{ A }}', { A: odd, B: canary })).toBe(odd);
  });

  test.each([
    ['{{ NOPE }}', 'there is no value for NOPE (line 1, column 4 of the template)'],
    ['a\n {{ secret.NOPE }}', 'there is no value for secret.NOPE (line 2, column 5 of the template)'],
    ['{{ secret[A] }}', 'there is no value for secret[A] (line 1, column 4 of the template)'],
    ['{% for one in NOPE %}x{% endfor %}', 'there is no value for NOPE (line 1, column 15 of the template)'],
    ['{% if NOPE %}x{% else %}{{ NOPE }}{% endif %}', 'there is no value for NOPE (line 1, column 28 of the template)'],
    ['{{ size }}', 'there is no value for size (line 1, column 4 of the template)'],
    ['{{ constructor }}', 'there is no value for constructor (line 1, column 4 of the template)'],
    ['{{ A.constructor }}', 'there is no value for A.constructor (line 1, column 4 of the template)'],
    ['{{ "" | split: "," | first }}', 'it comes to nothing (line 1, column 1 of the template)'],
    ['{{ secret }}', 'it is not one text (line 1, column 1 of the template)'],
    ['{{ A | base64decode }}', 'the filter base64decode cannot take that value: it is not in base64 (line 1, column 1'],
    ['\n{{ A | pem }}', 'the filter pem cannot take that value: there is no -----BEGIN'],
    ['{% if A == "other" %}x{% endif %}', 'nothing comes of it'],
  ])('%j is refused when it is filled, with its place and no value', (text, words) => {
    const said = refusal(text, { A: canary });
    expect(said).toContain(`invalid: the template cannot be filled: ${words}`);
    expect(said).not.toContain(canary);
  });

  test.each([
    ['{{ A | date: "%s" }}', 'there is no filter date (line 1, column 8 of the template)'],
    ['{{ A | where_exp: "x", A }}', 'there is no filter where_exp'],
    ['{% if A | shel %}{% endif %}', 'there is no filter shel (line 1, column 11 of the template)'],
    ['{% include "x" %}', 'there is no tag include (line 1, column 1 of the template)'],
    ['{% render "/etc/passwd" %}', 'there is no tag render'],
    ['{% layout "x" %}', 'there is no tag layout'],
    ['x\n{{ A', 'what is opened here is not closed (line 2, column 1 of the template)'],
    ['{% if A %}', 'what is opened here is not closed (line 1, column 1 of the template)'],
    ['{% assign = 1 %}', 'this is not Liquid (line 1, column 11 of the template)'],
    ['x'.repeat(70_000), 'the template cannot be read'],
    ['{% if true %}'.repeat(4_000), 'line 1, column'],
  ])('%.40j is refused before anything is filled in', (text, words) => {
    expect(readTemplate(text).problems.join('\n')).toContain(words);
  });

  test.each([
    '{% for i in (1..999999999) %}x{% endfor %}',
    '{% assign a = A %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}{{ a }}',
    '{% capture a %}{{ A }}{% endcapture %}{% for i in (1..40) %}{% capture a %}{{ a }}{{ a }}{% endcapture %}{% endfor %}{{ a }}',
    '{% for i in (1..3000) %}{% for j in (1..3000) %}{% for k in (1..3000) %}{{ A }}{% endfor %}{% endfor %}{% endfor %}',
    '{% for i in (1..400000) %}{{ A }}{% endfor %}',
  ])('that would take for ever, or all memory, is cut short: %.30s', (text) => {
    expect(refusal(text, { A: canary })).toMatch(/more (time or memory|than \d+ bytes)|not possible/);
  });
});

/** What is special to somebody. */
const value = fc
  .oneof(
    fc.array(fc.constantFrom(...`'"$\`\\\n\r\t#=!;&*~%{}|éa`, '\u0085', '\u2028', '\ufeff', '🙂', '{{', '%}', '\\n'), {
      minLength: 1,
      maxLength: 12,
    }),
    fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1, maxLength: 3 }),
  )
  .map((parts) => parts.join(''));

const survives = (text: string, back: (output: string) => unknown, numRuns = 500) =>
  fc.assert(
    fc.property(
      value.filter((one) => one.trim() !== ''),
      (one) => {
        expect(back(filled(text, { A: one }))).toEqual(one);
      },
    ),
    { numRuns },
  );

describe('what a filter writes is read back as it was', () => {
  test('json', () => survives('{{ A | json }}', (output) => JSON.parse(output)));
  test('json of all values', () =>
    survives('{{ secret | json }}', (output) => (JSON.parse(output) as Record<string, unknown>)['A']));
  test('yaml', () => survives('a: {{ A | yaml }}\n', (output) => (parse(output) as Record<string, unknown>)['a']));
  test('url', () => survives('{{ A | url }}', (output) => new URL(`x://h/?v=${output}&w=1#f`).searchParams.get('v')));
  test('base64', () => survives('{{ A | base64 }}', (output) => Buffer.from(output, 'base64').toString()));
  test('base64 and back', () => survives('{{ A | base64 | base64decode }}', (output) => output));
  test('xml', () =>
    survives('{{ A | xml }}', (output) => {
      expect(output.replace(/&#\d+;/g, '')).not.toMatch(/[<>&"']/);
      return output.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
    }));

  test('shell, by a real shell', () => {
    const many = fc.array(value, { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(many, (values) => {
        const named = Object.fromEntries(values.map((one, i) => [`V${i}`, one]));
        const file = join(directory, 'script');
        writeFileSync(file, filled('{% for one in secret %}{{ one[0] }}={{ one[1] | shell }}\n{% endfor %}', named));
        const told = execFileSync('sh', ['-c', 'set -a; . "$0" && exec env -0', file], {
          env: { PATH: '/usr/bin:/bin' },
        });
        const seen = Object.fromEntries(
          told
            .toString()
            .split('\0')
            .filter((line) => /^V\d+=/.test(line))
            .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
        );
        expect(seen).toEqual(named);
      }),
      { numRuns: 20 },
    );
  });

  test('shell refuses NUL, which no shell can hold', () => {
    expect(refusal('{{ A | shell }}', { A: 'a\0b' })).toContain('a shell cannot hold a NUL byte');
  });

  test('variable lets no name through that would be a command, or steer the program; nor does the template of the README', () => {
    const [, text = ''] = /template: \|\n( {6}\[database\][\s\S]*?)```/.exec(readFileSync(readmeFile, 'utf8')) ?? [];
    const others = { DB_USERNAME: 'u', DB_PASSWORD: 'p' };
    expect(filled(text, others)).toContain("export DB_PASSWORD='p'\n");
    for (const name of [
      'A;id',
      '$(id)',
      'A B',
      'A\nB',
      '1A',
      '../../etc/x',
      '..data',
      'LD_PRELOAD',
      'PATH',
      'BASH_ENV',
    ]) {
      for (const one of ['{% for one in secret %}{{ one[0] | variable }}{% endfor %}', text]) {
        expect(refusal(one, { ...others, [name]: canary }), name).toContain('the filter variable cannot take that');
      }
    }
    expect(refusal('{{ A | variable }}', { A: `${canary}-1` })).not.toContain(canary);
  });

  test('half of a surrogate pair is refused where it would become another character', () => {
    for (const text of ['{{ A }}', '{{ A | url }}', '{{ A | base64 }}']) {
      expect(refusal(text, { A: 'x\ud800' })).toContain('not well-formed');
    }
    expect(JSON.parse(filled('{{ A | json }}', { A: 'x\ud800' }))).toBe('x\ud800');
  });
});

describe('pem', () => {
  const certificate = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\n${'B'.repeat(20)}==\n-----END CERTIFICATE-----\n`;
  const key = certificate.replaceAll('CERTIFICATE', 'EC PRIVATE KEY');

  test.each([
    ['as it is', (text: string) => text],
    ['without its last line break', (text: string) => text.trim()],
    ['with line breaks as two characters', (text: string) => text.replaceAll('\n', '\\n')],
    ['with line breaks of Windows', (text: string) => text.replaceAll('\n', '\r\n')],
    ['on one line', (text: string) => text.replaceAll('\n', ' ')],
    ['in one piece', (text: string) => text.replaceAll('\n', '')],
    ['indented', (text: string) => text.replaceAll('\n', '\n    ')],
  ])('comes out right that came in %s', (_, spoiled) => {
    expect(filled('{{ A | pem }}', { A: spoiled(certificate + key) })).toBe(certificate + key);
  });

  test('keeps what an encrypted key says of itself', () => {
    const encrypted = key.replace('KEY-----\n', 'KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n');
    expect(filled('{{ A | pem }}', { A: encrypted.replaceAll('\n', '\\n') })).toBe(encrypted);
  });

  test('refuses what is none', () => {
    expect(refusal('{{ A | pem }}', { A: certificate.replace('END', 'ENDE') })).toContain('there is no -----BEGIN');
    expect(refusal('{{ A | pem }}', { A: certificate.replace('BBB', 'B!B') })).toContain('is not base64');
  });
});

describe('a file made by a template', () => {
  const key = Buffer.alloc(32);
  const signal = new AbortController().signal;

  test('is owed when the template changes, and stays whole when it cannot be filled', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'leasekeeper-template-'));
    const path = join(dir, 'app.conf');
    const sink = (text: string) =>
      fileSink({ path, mode: 0o600, format: 'template', keys: 'all', template: readTemplate(text) }, key);
    const mark = await sink('a={{ A }}').write(aDelivery({ A: '1' }), signal);
    expect(await sink('a={{ A }}').holds?.(mark, signal)).toBe(true);
    expect(await sink('a={{ A }}\n').holds?.(mark, signal)).toBe(false);
    const before = await stat(path);
    await expect(sink('{{ B }}').write(aDelivery({ A: '2' }), signal)).rejects.toThrow('there is no value for B');
    expect(await readFile(path, 'utf8')).toBe('a=1');
    expect((await stat(path)).ino).toBe(before.ino);
    await rm(dir, { recursive: true });
  });
});
