import { readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../src/config/load.ts';
import type { Problem } from '../../src/config/problem.ts';
import { env, planted, wrong } from './wrong.ts';

const folder = join(import.meta.dirname, 'wrong');

function problemsIn(file: string): readonly Problem[] {
  const result = loadConfiguration({ file, env });
  return result.ok ? [] : result.problems;
}

describe('a configuration with mistakes', () => {
  it('is in the table, and the table is about files that there are', () => {
    const files = readdirSync(folder).map((name) => name.replace(/\.yaml$/, ''));
    expect(Object.keys(wrong).sort()).toEqual(files.sort());
    expect(files.length).toBeGreaterThan(30);
  });

  it.each(Object.entries(wrong))('%s: every mistake is told with its place, path and remedy', (name, expected) => {
    const problems = problemsIn(join(folder, `${name}.yaml`));
    expect(problems.map(({ line, column, path }) => [`${line}:${column}`, path])).toEqual(
      expected.map(([place, path]) => [place, path]),
    );
    for (const [i, [, , message, remedy]] of expected.entries()) {
      expect(problems[i]?.message).toContain(message);
      expect(problems[i]?.remedy).toContain(remedy);
      expect(problems[i]?.remedy).not.toBe('');
    }
    expect(JSON.stringify(problems)).not.toContain(planted);
  });
});

describe('a file that cannot be read', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'lk-config-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  const only = (file: string) => {
    const problems = problemsIn(file);
    expect(problems).toHaveLength(1);
    return problems[0];
  };

  it('is told of where there is none', () => {
    expect(only(join(dir, 'none.yaml'))).toMatchObject({ line: 1, column: 1, message: 'there is no such file' });
  });

  it('is told of where it is a directory', () => {
    expect(only(dir)?.message).toBe('this is a directory');
  });

  it('is told of where it is not text', () => {
    const file = join(dir, 'binary.yaml');
    writeFileSync(file, Buffer.from([0x76, 0xff, 0xfe, 0x00]));
    expect(only(file)?.message).toBe('the file is not text in UTF-8');
  });

  it('is told of where it is nested without end', () => {
    const file = join(dir, 'deep.yaml');
    writeFileSync(file, `version: 1\nlog: ${'['.repeat(20_000)}`);
    expect(problemsIn(file).length).toBeGreaterThan(0);
    writeFileSync(file, `log: ${'['.repeat(200)}${']'.repeat(200)}`);
    expect(problemsIn(file).map(({ message }) => message)).toContain('this is nested too deeply');
  });
});
