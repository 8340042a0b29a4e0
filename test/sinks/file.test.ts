/** The file sink: its options, its words where it refuses, what its mark covers, and whose the file is. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FileOptions, file, fileSink } from '../../src/sinks/file.ts';
import {
  aDirectory,
  aSinkProcess,
  canMount,
  isRoot,
  markKey,
  type SinkProcess,
  unprivileged,
} from '../conformance/fixtures/sink-process.ts';
import { aDelivery as delivery, someSinkDeps } from '../support/sink-parts.ts';

const top = aDirectory();
afterAll(() => rmSync(top, { recursive: true }));

let count = 0;
let directory: string;
let path: string;
beforeEach(() => {
  directory = join(top, String(++count));
  mkdirSync(directory);
  path = join(directory, 'app.env');
});

const going = new AbortController().signal;
const options = (change: Partial<FileOptions> = {}): FileOptions => ({
  path,
  format: 'dotenv',
  keys: 'all',
  mode: 0o600,
  ...change,
});
const aSink = (change?: Partial<FileOptions>, key = markKey) => fileSink(options(change), key);
const wordsOf = (promise: Promise<unknown> | undefined): Promise<string> =>
  Promise.resolve(promise).then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );

test('it says whether something is there, whoever put it there', async () => {
  const isTaken = () => aSink().isTaken?.(going);
  expect(await isTaken()).toBe(false);
  writeFileSync(path, '');
  expect(await isTaken()).toBe(false);
  writeFileSync(path, 'A=1\n');
  expect(await isTaken()).toBe(true);
  await expect(aSink({ path: `${path}${'x'.repeat(300)}` }).isTaken?.(going)).rejects.toThrow('ENAMETOOLONG');
});

test('what is given to another user is believed to be there', () => {
  expect(aSink().isBelieved).toBeUndefined();
  expect(aSink({ owner: { uid: 5, gid: 5 } }).isBelieved).toBe(true);
});

describe('its options', () => {
  const problemsOf = (yaml: Record<string, unknown>) =>
    file.schema
      .safeParse({ type: 'file', path: '/a/b', format: 'json', ...yaml })
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);

  test.each([
    [{ path: 'a/b' }, 'path: an absolute path, such as /secrets/app.env'],
    [{ path: undefined }, 'path: an absolute path, such as /secrets/app.env'],
    [{ path: '/a/' }, 'path: the path of a file, not of a directory'],
    [{ path: '/a/..' }, 'path: the path of a file, not of a directory'],
    [{ path: '/a\0' }, 'path: an absolute path, such as /secrets/app.env'],
    [{ format: 'ini' }, 'format: one of dotenv, json, yaml, raw, template'],
    [{ format: 'template' }, 'template: which template? write it here, or name its file by templateFile'],
    [{ format: 'raw' }, 'key: which value is the content? such as key: PASSWORD'],
    [{ format: 'raw', key: 'A', keys: { A: 'B' } }, 'keys: raw is the value of one key: name it by key'],
    [{ key: 'A' }, 'key: key belongs to format: raw; choose keys by keys'],
    [{ mode: '0200' }, 'mode: its owner must be able to read it'],
    [
      { format: 'dotenv', keys: { 'A-B': 'X' } },
      'keys.A-B: a variable has letters, digits and _ and starts with no digit: give it such a name by keys:',
    ],
  ])('%j is a mistake', (yaml, problem) => expect(problemsOf(yaml)).toEqual([problem]));

  test.each([
    [
      { path: 'a/b', format: 'raw', mode: 640 },
      ['path: an absolute path', 'mode: a file mode without quotes', 'key: which value is the content?'],
    ],
    [{ path: 'a/b', format: 'ini', key: 'A', mode: '0200' }, ['path: ', 'format: one of', 'mode: its owner must']],
    [{ path: undefined, format: 'dotenv', keys: { 'A-B': 'X' } }, ['path: ', 'keys.A-B: a variable']],
    [{ format: 'raw', key: '', keys: { A: 'B' } }, ['key: ', 'keys: raw is the value']],
    [{ format: 'dotenv', keys: { 'A-B': '' }, key: 'A' }, ['keys', 'key: key belongs to format: raw']],
    [{ colour: 'red', mode: '0200' }, [': ', 'mode: its owner must']],
  ])('all that is wrong with %j is told at once, and nothing of what is right', (yaml, problems) => {
    const told = problemsOf(yaml);
    expect(told?.map((one, i) => one.slice(0, problems[i]?.length))).toEqual(problems);
  });

  test('it is named by its type and place, which are the same however the path is written', () => {
    const parsed = file.schema.parse({ type: 'file', path: '/run//x/../app.env', format: 'dotenv' });
    expect(parsed).toMatchObject({ name: 'file:/run/app.env', target: '/run/app.env' });
    expect(file.schema.parse({ type: 'file', path: '/a', format: 'json', name: 'n' })).toMatchObject({ name: 'n' });
  });

  test('nobody but the owner may read it unless something else is said', async () => {
    const sink = file.schema.parse({ type: 'file', path, format: 'dotenv', keys: { B: 'A' } });
    await sink.open(someSinkDeps({ markKey, env: {} })).write(delivery(), going);
    expect(readFileSync(path, 'utf8')).toBe("B='1'\n");
    expect(statSync(path).mode & 0o7777).toBe(0o600);
  });
});

describe('its mark', () => {
  const wellAs = async (change: Partial<FileOptions>, key = markKey) => {
    const mark = await aSink({}).write(delivery(), going);
    return aSink(change, key).holds?.(mark, going);
  };

  test('holds for the same options', async () => expect(await wellAs({})).toBe(true));

  test.each<[string, Partial<FileOptions>]>([
    ['format', { format: 'json' }],
    ['keys', { keys: { A: 'A' } }],
    ['mode', { mode: 0o640 }],
    ['owner', { owner: { uid: 4, gid: 4 } }],
  ])('does not hold any more once the %s was configured otherwise', async (_, change) => {
    expect(await wellAs(change)).toBe(false);
  });

  test('cannot be made without the key, nor does it tell whether two files have the same values', async () => {
    expect(await wellAs({}, Buffer.alloc(32, 2))).toBe(false);
    const other = await aSink({}, Buffer.alloc(32, 2)).write(delivery(), going);
    const [, fingerprint] = (await aSink({}).write(delivery(), going)).split('.');
    expect(other).not.toContain(fingerprint);
  });

  test('does not hold where a link to the same file has taken its place', async () => {
    const sink = aSink();
    const mark = await sink.write(delivery(), going);
    const away = join(directory, 'away');
    writeFileSync(away, readFileSync(path), { mode: 0o600 });
    rmSync(path);
    symlinkSync(away, path);
    expect(await sink.holds?.(mark, going)).toBe(false);
  });
});

describe('where it refuses, it says what to do', () => {
  const nowhere = () => join(directory, 'gone/app.env');

  test.each<[string, () => string, (path: string) => void, RegExp]>([
    [
      'there is no directory',
      nowhere,
      () => undefined,
      /gone does not exist: create it, mount it, or have it made by parents:$/,
    ],
    [
      'a link is in its place',
      () => path,
      (path) => symlinkSync('x', path),
      /app\.env is a symbolic link: name the file/,
    ],
    [
      'a directory is in its place',
      () => path,
      (path) => mkdirSync(path),
      /app\.env is a directory: name a file in it$/,
    ],
    [
      'its directory is a link',
      () => join(`${directory}.link`, 'app.env'),
      (path) => symlinkSync(directory, join(path, '..')),
      /write its real path, \/.*\d$/,
    ],
    ['its directory is a file', nowhere, (path) => writeFileSync(join(path, '..'), ''), /gone is not a directory$/],
  ])('%s', async (_, place, happen, words) => {
    happen(place());
    const sink = aSink({ path: place() });
    expect(await wordsOf(sink.check?.(going))).toMatch(words);
    expect(await wordsOf(sink.write(delivery(), going))).toMatch(words);
  });

  test('removing what is not a file of ours is refused, removing where there is not even a directory is done', async () => {
    mkdirSync(path);
    expect(await wordsOf(aSink().remove?.(going))).toMatch(/is a directory/);
    expect(existsSync(path)).toBe(true);
    expect(await wordsOf(aSink({ path: nowhere() }).remove?.(going))).toBe('it succeeded');
  });

  test('nothing is written where the format cannot hold a value, and what was there stays', async () => {
    await aSink().write(delivery({ A: 'old' }), going);
    expect(await wordsOf(aSink().write(delivery({ A: 'new', B: 'v-a-l\0' }), going))).toMatch(/"B" cannot be written/);
    expect(readFileSync(path, 'utf8')).toBe("A='old'\n");
  });
});

describe('owner and mode', () => {
  const disk = aDirectory();
  let apart: SinkProcess;
  let onDisk: SinkProcess | undefined;
  beforeAll(async () => {
    apart = await aSinkProcess();
    if (canMount) onDisk = await aSinkProcess(disk);
  });
  afterAll(async () => {
    await apart.end();
    await onDisk?.end();
    rmSync(disk, { recursive: true });
  });

  test.each([0o600, 0o640, 0o644, 0o400, 0o660])(
    'the mode is what was asked for, whatever the umask: %o',
    async (mode) => {
      const umask = process.umask(0o077);
      try {
        for (const value of ['1', '2']) {
          await aSink({ mode }).write(delivery({ A: value }), going);
          expect(statSync(path).mode & 0o7777).toBe(mode);
        }
      } finally {
        process.umask(umask);
      }
    },
  );

  test(`${isRoot ? 'root gives it to anybody' : 'an ordinary user is told that only root may give it away'}`, async () => {
    const sink = aSink({ owner: { uid: 12_345, gid: 23_456 }, mode: 0o640 });
    if (!isRoot) return expect(await wordsOf(sink.write(delivery(), going))).toMatch(/CAP_CHOWN/);
    const mark = await sink.write(delivery(), going);
    expect(statSync(path)).toMatchObject({ uid: 12_345, gid: 23_456 });
    expect(await sink.holds?.(mark, going)).toBe(true);
  });

  test('a user without rights may name itself as owner, and is told what to do where it names another', async () => {
    chmodSync(directory, 0o777);
    const own = { uid: unprivileged, gid: isRoot ? unprivileged : (process.getgid?.() ?? 0) };
    await apart.sink(options({ owner: own, mode: 0o640 })).write(delivery(), going);
    expect(statSync(path)).toMatchObject(own);
    const sink = apart.sink(options({ owner: { uid: 12_345, gid: 12_345 } }));
    const words = /cannot be given to 12345:12345 \(EPERM\): leasekeeper runs as \d+:\d+; leave owner out/;
    expect(await wordsOf(sink.check?.(going))).toMatch(words);
    expect(await wordsOf(sink.write(delivery(), going))).toMatch(words);
    expect(readdirSync(directory)).toEqual(['app.env']);
  });

  test('a file given away to somebody else that we may not read is believed as far as can be seen', async () => {
    // As if written with CAP_CHOWN and without the right to read what is another's.
    const other = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const mark = await aSink({ owner: other }).write(delivery(), going);
    chmodSync(directory, 0o777);
    const sink = apart.sink(options({ owner: other }));
    expect(await sink.holds?.(mark, going)).toBe(true);
    if (isRoot) expect(await apart.sink(options({ owner: other, format: 'json' })).holds?.(mark, going)).toBe(false);
    chmodSync(path, 0o000);
    expect(await sink.holds?.(mark, going)).toBe(false);
  });

  test(
    canMount
      ? 'a full disk, a read-only one and a file mounted by itself are called so'
      : 'WITHOUT disks of its own, since this user may not mount',
    async () => {
      const sink = onDisk?.sink(options({ path: join(disk, 'app.env'), write: 'atomic' }));
      if (!sink || !onDisk) return expect(canMount).toBe(false);
      const told = async () => [await wordsOf(sink.check?.(going)), await wordsOf(sink.write(delivery(), going))];
      await sink.write(delivery(), going);
      onDisk.inside(`head -c 1M /dev/zero > ${disk}/filler || true`);
      const full = `there is no space left in ${disk}`;
      expect(await told()).toEqual([full, full]);
      onDisk.inside(`rm ${disk}/filler; mount --options-mode ignore -o remount,ro ${disk}`);
      const readOnly = `${disk} is read-only`;
      expect(await told()).toEqual([readOnly, readOnly]);
      onDisk.inside(`mount --options-mode ignore -o remount,rw ${disk}; mount --bind ${disk}/app.env ${disk}/app.env`);
      const mounted = `${disk}/app.env is mounted by itself and cannot be replaced as a whole: mount its directory instead (no subPath), or leave write: out, and it is written in place`;
      expect(await told()).toEqual([mounted, mounted]);
    },
  );
});
