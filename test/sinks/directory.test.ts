/** The directory sink: its options, its files, whose names it refuses, what it leaves alone, and what a crash leaves of it. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type DirectoryOptions, directorySink, directory as plugin } from '../../src/sinks/directory.ts';
import {
  aDirectory,
  aSinkProcess,
  bundleOf,
  isRoot,
  markKey,
  unprivileged,
} from '../conformance/fixtures/sink-process.ts';
import { aDelivery as delivery, someSinkDeps } from '../support/sink-parts.ts';

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
  directorySink({ path, keys: 'all', mode: 0o600, ...change }, key);
const wordsOf = (promise: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );
const read = (name: string) => readFileSync(join(path, name), 'utf8');
const seen = () => readdirSync(path).filter((name) => !name.startsWith('..'));
const hidden = () => readdirSync(path).filter((name) => name.startsWith('..'));

describe('its options', () => {
  const problemsOf = (yaml: Record<string, unknown>) =>
    plugin.schema
      .safeParse({ type: 'directory', path: '/a/b', ...yaml })
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`.split(':').slice(0, 2).join(':'));

  test.each<[Record<string, unknown>, string[]]>([
    [{ path: 'a/b' }, ['path: an absolute path, such as /secrets/app']],
    [{ path: '/' }, ['path: not the root of everything']],
    [{ path: '/a\0' }, ['path: an absolute path, such as /secrets/app']],
    [{ files: {} }, ['files: name at least one file, or leave it out']],
    [{ files: { 'a.env': { format: 'dotenv' } }, keys: { A: 'B' } }, ['keys: each file has keys of its own']],
    [{ files: { 'a.env': { format: 'raw' } } }, ['files.a.env.key: which value is the content? such as key']],
    [{ files: { 'a.env': { format: 'ini', mode: '0200' } } }, ['files.a.env.format: one of dotenv, json, yaml, raw']],
    [
      { mode: '0200', keys: { 'a/b': 'X' } },
      ['mode: its owner must be able to read it', 'keys.a/b: not a name for a file'],
    ],
    [{ parents: 750 }, ['parents: a file mode without quotes is a decimal number to YAML']],
  ])('%j is a mistake', (yaml, problems) => {
    const told = problemsOf(yaml) ?? [];
    expect(problems.map((problem, i) => told[i]?.slice(0, problem.length))).toEqual(problems);
    expect(told.length).toBeGreaterThanOrEqual(problems.length);
  });

  test.each(['..data', '..', '.', 'a/b', '../x', '', '..a', '-a', 'a\n', 'a\0', 'ä', ' ', 'x'.repeat(254)])(
    'no file can be called %j, not even where a person names it',
    (name) => {
      expect(problemsOf({ files: { [name]: { format: 'json' } } })).toHaveLength(1);
      expect(problemsOf({ keys: { [name]: 'A' } })).toHaveLength(1);
    },
  );

  test('a leading dot is for files that a person names, not for keys', () => {
    expect(problemsOf({ files: { '.pgpass': { format: 'raw', key: 'A' } } })).toBeUndefined();
    expect(problemsOf({ keys: { '.pgpass': 'A' } })).toHaveLength(1);
  });

  test('it is named by its type and place, however the path is written, and its files are closed to others', async () => {
    const parsed = plugin.schema.parse({ type: 'directory', path: `${path}/./x/..//` });
    expect(parsed).toMatchObject({ name: `directory:${path}`, target: path });
    await parsed.open(someSinkDeps()).write(delivery({ A: '1' }), going);
    expect(statSync(join(path, 'A')).mode & 0o7777).toBe(0o600);
  });
});

describe('its files', () => {
  test('are one for each key, with the value and not a byte more, under a name that leads through ..data', async () => {
    await aSink().write(delivery({ user: 'u', 'tls.crt': 'c\n', __proto__x: '' }), going);
    expect([read('user'), read('tls.crt'), read('__proto__x')]).toEqual(['u', 'c\n', '']);
    expect(readlinkSync(join(path, 'user'))).toBe('..data/user');
    expect(readlinkSync(join(path, '..data'))).toMatch(/^\.\.leasekeeper-[0-9a-f]{24}$/);
    expect(hidden()).toHaveLength(2);
  });

  test('are those that were chosen, under the names that were chosen', async () => {
    await aSink({ keys: { PGUSER: 'user' } }).write(delivery({ user: 'u', 'not/a/name': 'x' }), going);
    expect(seen()).toEqual(['PGUSER']);
  });

  test('have a format, a mode and an owner each, or those of all', async () => {
    const own = { uid: isRoot ? 4711 : (process.getuid?.() ?? 0), gid: isRoot ? 4712 : (process.getgid?.() ?? 0) };
    const sink = aSink({
      mode: 0o640,
      files: {
        'db.env': { format: 'dotenv', keys: { PGUSER: 'user' } },
        '.pgpass': { format: 'raw', keys: 'all', key: 'password', mode: 0o400, owner: own },
        'all.json': { format: 'json', keys: 'all', mode: 0o444 },
      },
    });
    await sink.check?.(going);
    expect(readdirSync(path)).toEqual([]);
    const mark = await sink.write(delivery({ user: 'u', password: 'p' }), going);
    expect([read('db.env'), read('.pgpass')]).toEqual(["PGUSER='u'\n", 'p']);
    expect(JSON.parse(read('all.json'))).toEqual({ user: 'u', password: 'p' });
    const modes = ['db.env', '.pgpass', 'all.json'].map((name) => statSync(join(path, name)).mode & 0o7777);
    expect(modes).toEqual([0o640, 0o400, 0o444]);
    expect(statSync(join(path, '.pgpass'))).toMatchObject(own);
    expect(await sink.holds?.(mark, going)).toBe(true);
  });

  test('follow the keys: names that are no longer go, after those that stay have the new values', async () => {
    await aSink().write(delivery({ a: '1', b: '1', c: '1' }), going);
    const { ino } = lstatSync(join(path, 'b'));
    await aSink().write(delivery({ b: '2', d: '2' }), going);
    expect(seen()).toEqual(['b', 'd']);
    expect(lstatSync(join(path, 'b')).ino).toBe(ino);
    expect(hidden()).toHaveLength(2);
  });

  test('lie in directories that are made where a mode for them is given', async () => {
    const inner = join(path, 'made/app');
    expect(await wordsOf(aSink({ path: inner }).check?.(going))).toMatch(/app does not exist: .* parents:$/);
    const sink = aSink({ path: inner, parents: 0o750 });
    await sink.check?.(going);
    expect(readdirSync(path)).toEqual([]);
    await sink.write(delivery({ A: '1' }), going);
    expect(statSync(inner).mode & 0o7777).toBe(0o750);
    expect(readFileSync(join(inner, 'A'), 'utf8')).toBe('1');
  });
});

describe('its mark', () => {
  test.each<[string, Partial<DirectoryOptions>]>([
    ['mode', { mode: 0o640 }],
    ['owner', { owner: { uid: 4, gid: 4 } }],
    ['keys', { keys: { A: 'A' } }],
    ['files', { files: { A: { format: 'raw', keys: 'all', key: 'A' } } }],
  ])('does not hold any more once the %s was configured otherwise', async (_, change) => {
    const mark = await aSink().write(delivery({ A: '1' }), going);
    expect(await aSink().holds?.(mark, going)).toBe(true);
    expect(await aSink(change).holds?.(mark, going)).toBe(false);
    expect(await aSink({}, Buffer.alloc(32, 9)).holds?.(mark, going)).toBe(false);
  });

  test('tells sets apart whose bytes are the same one after another', async () => {
    const marks = [{ A: '1', B: '23' }, { A: '12', B: '3' }, { A: '1', C: '23' }, { AB: '123' }];
    const made = new Set<string>();
    for (const values of marks) made.add(await aSink().write(delivery(values), going));
    expect(made.size).toBe(marks.length);
  });

  test('of files given away to somebody else that we may not read is believed as far as can be seen', async () => {
    const other = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const mark = await aSink({ owner: other }).write(delivery({ A: '1' }), going);
    chmodSync(path, 0o777);
    const bundle = bundleOf('./sink-subject.ts');
    const apart = await aSinkProcess(bundle.path);
    try {
      const sink = apart.sink({ path, keys: 'all', mode: 0o600, owner: other });
      expect(await sink.holds?.(mark, going)).toBe(true);
      chmodSync(join(path, 'A'), 0o000);
      expect(await sink.holds?.(mark, going)).toBe(false);
    } finally {
      await apart.end();
      bundle.remove();
    }
  });
});

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
    const { chownSync } = await import('node:fs');
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

describe('whole or not at all', () => {
  test('user and password belong together for a reader that resolves ..data once, over 10,000 rewrites', async () => {
    const bundle = bundleOf('../../sinks/directory-reader.ts');
    const sink = aSink({ mode: 0o640 });
    const set = (number: number) =>
      delivery({ user: `user-${number}`, password: `${'x'.repeat(number % 50)}-${number}` });
    await sink.write(set(0), going);
    const reader = fork(bundle.path, [path]);
    await once(reader, 'message');
    for (let number = 1; number <= 10_000; number += 1) await sink.write(set(number), going);
    reader.send('stop');
    const [told] = await once(reader, 'message');
    bundle.remove();
    expect(told.torn).toEqual([]);
    expect(told.whole).toBeGreaterThan(100);
    expect(told.seen).toBeGreaterThan(50);
  }, 600_000);

  test('killed at any moment, it leaves a whole set, and the next write leaves nothing else behind', async () => {
    const bundle = bundleOf('../../sinks/directory-loop.ts');
    let leftovers = 0;
    for (let round = 0; round < 12; round += 1) {
      const writer = spawn(process.execPath, [bundle.path, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(writer.stdout, 'data');
      if (round % 2) await sleep(Math.random() * 20);
      else while (hidden().length < 3) await sleep(0);
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      const data = join(path, readlinkSync(join(path, '..data')));
      const values = readdirSync(data).map((name) => readFileSync(join(data, name), 'utf8'));
      expect(values).toHaveLength(3);
      expect(new Set(values).size).toBe(1);
      expect(values[0]).toMatch(/^(\d+?)\1*$/);
      for (const name of ['user', 'password']) expect(read(name)).toBe(values[0]);
      leftovers += hidden().length - 2;
    }
    bundle.remove();
    expect(leftovers).toBeGreaterThan(0);
    const mark = await aSink().write(delivery({ A: '1' }), going);
    expect(readdirSync(path).sort()).toEqual([readlinkSync(join(path, '..data')), '..data', 'A'].sort());
    expect(await aSink().holds?.(mark, going)).toBe(true);
  });

  test('what was made for a set that could not be written goes with it', async () => {
    if (!isRoot) return expect(isRoot).toBe(false);
    await aSink().write(delivery({ A: '1' }), going);
    const before = readdirSync(path);
    const abort = new AbortController();
    abort.abort();
    expect(await wordsOf(aSink().write(delivery({ A: '2', B: '2' }), abort.signal))).toMatch(/stopped/);
    const late = new AbortController();
    const writing = wordsOf(aSink().write(delivery({ A: '2', B: '2' }), late.signal));
    while (hidden().length < 3) await sleep(0);
    late.abort();
    expect(await writing).toMatch(/stopped/);
    expect(readdirSync(path)).toEqual(before);
  });
});
