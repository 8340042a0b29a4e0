/** The directory sink: whose names it refuses, and what it leaves alone. */
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type DirectoryOptions, directorySink } from '../../src/sinks/directory.ts';
import { aDirectory, isRoot, markKey, unprivileged } from '../conformance/fixtures/sink-process.ts';
import { aDelivery as delivery } from '../support/sink-parts.ts';

const quick = aDirectory(existsSync('/dev/shm') ? '/dev/shm' : undefined);
afterAll(() => rmSync(quick, { recursive: true }));

let count = 0;
let path: string;
beforeEach(() => {
  path = join(quick, String(++count));
  mkdirSync(path);
});

const going = new AbortController().signal;
const aSink = (change: Partial<DirectoryOptions> = {}, key = markKey) =>
  directorySink({ path, keys: 'all', mode: 0o600, ...change }, key, 0);
const wordsOf = (promise: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );
const read = (name: string) => readFileSync(join(path, name), 'utf8');
const seen = () => readdirSync(path).filter((name) => !name.startsWith('..'));
const hidden = () => readdirSync(path).filter((name) => name.startsWith('..'));

describe('keys from outside', () => {
  const hostile = [
    '../../etc/x',
    '/etc/x',
    '..data',
    '..',
    '.',
    'a/b',
    'a\0',
    'a\nb',
    '',
    '.hidden',
    '-rf',
    'x'.repeat(254),
  ];

  test.each([...hostile, `..leasekeeper-${'0'.repeat(24)}`])(
    '%j never becomes a file: nothing of the set is written, and it is named',
    async (key) => {
      await aSink().write(delivery({ A: 'old' }), going);
      const before = readdirSync(path);
      const words = await wordsOf(aSink().write(delivery({ A: 'v-a-l-u-e', [key]: 'v-a-l-u-e' }), going));
      expect(words).toContain(JSON.stringify(key.slice(0, 80)));
      expect(words).toMatch(/cannot be a file/);
      expect(words).not.toContain('v-a-l-u-e');
      expect(readdirSync(path)).toEqual(before);
      expect(read('A')).toBe('old');
    },
  );

  test('whatever they are, nothing is ever written outside, and every value is where its key says or nowhere', async () => {
    const part = fc.constantFrom(
      ...hostile,
      '/',
      '\\',
      '%2e',
      '\u2025',
      'ok',
      'A',
      '_',
      '0',
      '~',
      '*',
      ' ',
      '\u202e',
      'é',
    );
    const key = fc.oneof(
      fc.constantFrom(...hostile),
      fc.array(part, { maxLength: 4 }).map((parts) => parts.join('')),
      fc.string(),
    );
    const around = join(quick, 'around');
    const inner = join(around, 'a/b/c/d');
    mkdirSync(inner, { recursive: true });
    const all = () =>
      readdirSync(around, { recursive: true, encoding: 'utf8' }).filter((name) => !name.startsWith('a/b/c/d/'));
    const empty = all();
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { minLength: 1, maxLength: 3 }), async (keys) => {
        const values = Object.fromEntries([...keys.map((name) => [name, `value of ${name}`]), ['ok', 'fine']]);
        const words = await wordsOf(aSink({ path: inner }).write(delivery(values), going));
        const areNames = keys.every((name) => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/.test(name));
        expect(words === 'it succeeded').toBe(areNames);
        expect(all()).toEqual(empty);
        if (!areNames) return;
        const there = readdirSync(inner).filter((name) => !name.startsWith('..'));
        expect(there.sort()).toEqual(Object.keys(values).sort());
        for (const name of there) expect(readFileSync(join(inner, name), 'utf8')).toBe(values[name]);
      }),
      { numRuns: 150 },
    );
  });

  test('a set without values is no set', async () => {
    expect(await wordsOf(aSink().write(delivery({}), going))).toMatch(/no values/);
    expect(readdirSync(path)).toEqual([]);
  });
});

describe('what is not ours', () => {
  test.each<[string, (at: string) => void]>([
    ['a file', (at) => writeFileSync(at, 'theirs')],
    ['a directory', (at) => mkdirSync(at)],
    ['a link to somewhere else', (at) => symlinkSync('/etc/passwd', at)],
    ['a link to another of ours', (at) => symlinkSync('..data/B', at)],
  ])('%s with a name of ours is refused with words, before anything is written', async (_, put) => {
    await aSink().write(delivery({ B: 'old' }), going);
    put(join(path, 'A'));
    const words = /\/A is there and is not ours: remove it, or name another directory$/;
    expect(await wordsOf(aSink().write(delivery({ A: '1', B: 'new', C: '1' }), going))).toMatch(words);
    expect(await wordsOf(aSink({ keys: { A: 'x' } }).check?.(going))).toMatch(words);
    expect(await wordsOf(aSink({ files: { A: { format: 'json', keys: 'all' } } }).check?.(going))).toMatch(words);
    expect(seen()).toEqual(['A', 'B']);
    expect(read('B')).toBe('old');
    expect(hidden()).toHaveLength(2);
  });

  test('a set that somebody else keeps there is refused with words, and neither replaced nor removed', async () => {
    mkdirSync(join(path, '..2026_11_22'));
    writeFileSync(join(path, '..2026_11_22/A'), 'theirs');
    symlinkSync('..2026_11_22', join(path, '..data'));
    symlinkSync('..data/A', join(path, 'A'));
    const before = readdirSync(path);
    const words = /\.\.data is not ours, somebody else keeps a set there/;
    for (const call of ['check', 'write'] as const) {
      const done = call === 'write' ? aSink().write(delivery({ A: '1' }), going) : aSink().check?.(going);
      expect(await wordsOf(done)).toMatch(words);
    }
    await aSink().remove?.(going);
    expect(readdirSync(path)).toEqual(before);
    expect(read('A')).toBe('theirs');
  });

  test('stays when ours is removed, also where that is done twice or there is not even a directory', async () => {
    writeFileSync(join(path, 'theirs'), '');
    symlinkSync('theirs', join(path, 'link'));
    symlinkSync('..data/other', join(path, 'crossed'));
    mkdirSync(join(path, '..leasekeeper-not-ours'));
    const before = readdirSync(path);
    await aSink().write(delivery({ A: '1', B: '2' }), going);
    await aSink().remove?.(going);
    await aSink().remove?.(going);
    expect(readdirSync(path)).toEqual(before);
    await aSink({ path: join(path, 'none/at/all') }).remove?.(going);
  });

  test('is not cleared away, whatever it is called, where somebody made it who is neither we, root nor the directory’s owner', async () => {
    if (!isRoot) return expect(unprivileged).toBe(process.getuid?.());
    const name = `..leasekeeper-${'a'.repeat(24)}`;
    mkdirSync(join(path, name));
    writeFileSync(join(path, name, 'x'), 'theirs');
    chownSync(join(path, name), 4711, 4711);
    await aSink().write(delivery({ A: '1' }), going);
    expect(readFileSync(join(path, name, 'x'), 'utf8')).toBe('theirs');
    chownSync(path, 4711, 4711);
    await aSink().write(delivery({ A: '1' }), going);
    expect(existsSync(join(path, name))).toBe(false);
  });

  test('no link is followed when a crashed set is cleared away', async () => {
    const victim = join(quick, 'victim');
    mkdirSync(victim);
    writeFileSync(join(victim, 'x'), 'theirs');
    symlinkSync(victim, join(path, `..leasekeeper-${'b'.repeat(24)}`));
    const data = join(path, `..leasekeeper-${'c'.repeat(24)}`);
    mkdirSync(data);
    symlinkSync(join(victim, 'x'), join(data, 'x'));
    await aSink().write(delivery({ A: '1' }), going);
    expect(readFileSync(join(victim, 'x'), 'utf8')).toBe('theirs');
    expect(hidden()).toHaveLength(2);
  });
});
