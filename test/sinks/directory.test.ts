/** The directory sink: its options, its files, and what its mark covers. */
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
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type DirectoryOptions, directorySink, directory as plugin } from '../../src/sinks/directory.ts';
import { aDirectory, aSinkProcess, isRoot, markKey } from '../conformance/fixtures/sink-process.ts';
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
  directorySink({ path, keys: 'all', mode: 0o600, ...change }, key, 0);
const wordsOf = (promise: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );
const read = (name: string) => readFileSync(join(path, name), 'utf8');
const seen = () => readdirSync(path).filter((name) => !name.startsWith('..'));
const hidden = () => readdirSync(path).filter((name) => name.startsWith('..'));

test('it says whether something is there, whoever put it there', async () => {
  const isTaken = () => aSink().isTaken?.(going);
  expect(await isTaken()).toBe(false);
  await aSink().write(delivery({ password: 'p' }), going);
  expect(await isTaken()).toBe(true);
  rmSync(path, { recursive: true });
  expect(await isTaken()).toBe(false);
  await expect(aSink({ path: `${path}${'x'.repeat(300)}` }).isTaken?.(going)).rejects.toThrow('ENAMETOOLONG');
});

test('what is given to another user is believed to be there', () => {
  const owner = { uid: 5, gid: 5 };
  expect(aSink().isBelieved).toBeUndefined();
  expect(aSink({ owner }).isBelieved).toBe(true);
  const one = { format: 'json', keys: 'all' } as const;
  expect(aSink({ files: { one, other: { ...one, owner } } }).isBelieved).toBe(true);
  expect(aSink({ files: { one } }).isBelieved).toBeUndefined();
});

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
    const apart = await aSinkProcess();
    try {
      const sink = apart.sink({ path, keys: 'all', mode: 0o600, owner: other });
      expect(await sink.holds?.(mark, going)).toBe(true);
      chmodSync(join(path, 'A'), 0o000);
      expect(await sink.holds?.(mark, going)).toBe(false);
    } finally {
      await apart.end();
    }
  });
});
