/** The way to a directory: whose links are followed on it, and how what is missing is made. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Rights } from '../../src/sinks/rights.ts';
import { inDirectory, prefixFor, within } from '../../src/sinks/way.ts';
import { aDirectory, isRoot } from '../conformance/fixtures/sink-process.ts';

const top = realpathSync(aDirectory());
afterAll(() => rmSync(top, { recursive: true }));

let count = 0;
let here: string;
beforeEach(() => {
  here = join(top, String(++count));
  mkdirSync(here);
  chmodSync(here, 0o755);
});

/** What is found at the end of it. */
const reached = (path: string): Promise<string> =>
  inDirectory(path, async (directory) => realpathSync(within(directory, '.'))).catch((error) => error.code);

describe('a link on the way', () => {
  const viaLink = (change: (link: string) => void = () => undefined) => {
    mkdirSync(join(here, 'real/inner'), { recursive: true });
    mkdirSync(join(here, 'open'));
    chmodSync(join(here, 'open'), 0o755);
    const link = join(here, 'open/link');
    symlinkSync('../real/.', link);
    change(link);
    return reached(join(link, 'inner'));
  };

  test('is followed where nobody but root and us could have put it there', async () => {
    expect(await viaLink()).toBe(join(here, 'real/inner'));
  });

  test('is followed also where it is absolute, and leads to another', async () => {
    symlinkSync(join(here, 'second'), join(here, 'first'));
    symlinkSync('real', join(here, 'second'));
    mkdirSync(join(here, 'real/a/b'), { recursive: true });
    expect(await reached(join(here, 'first/a/b'))).toBe(join(here, 'real/a/b'));
  });

  test.each<readonly [string, (link: string) => void]>([
    ['anybody may write there', (link: string) => chmodSync(join(link, '..'), 0o777)],
    ['a group may write there', (link: string) => chmodSync(join(link, '..'), 0o775)],
    [
      'anybody may make links there, although not remove this one',
      (link: string) => chmodSync(join(link, '..'), 0o1777),
    ],
    ...(isRoot
      ? ([
          ['the directory that it lies in is somebody else’s', (link: string) => chownSync(join(link, '..'), 4711, 0)],
          ['it is somebody else’s', (link: string) => lchownSync(link, 4711, 4711)],
        ] as const)
      : []),
  ])('is not followed where %s', async (_, change) => {
    expect(await viaLink(change)).toBe('ENOTDIR');
  });

  test('is never followed at its end', async () => {
    mkdirSync(join(here, 'real'));
    symlinkSync('real', join(here, 'link'));
    expect(await reached(join(here, 'link'))).toBe('ENOTDIR');
    expect(await reached(join(here, 'link/'))).toBe('ENOTDIR');
  });

  test('that leads back to itself comes to an end', async () => {
    symlinkSync('loop', join(here, 'loop'));
    expect(await reached(join(here, 'loop/x'))).toBe('ENOTDIR');
  });
});

test('needs no right to read what it only passes through', async () => {
  mkdirSync(join(here, 'closed/inner'), { recursive: true });
  chmodSync(join(here, 'closed'), 0o311);
  expect(await reached(join(here, 'closed/inner'))).toBe(join(here, 'closed/inner'));
  chmodSync(join(here, 'closed'), 0o755);
});

describe('what is missing on it', () => {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const owner = isRoot ? { uid: 12_345, gid: 23_456 } : own;
  const parents: Rights = { mode: 0o750, owner };
  const factsOf = (path: string) => {
    const { mode, uid, gid } = statSync(path);
    return { mode: mode & 0o7777, uid, gid };
  };
  const made = (path: string, isTrial = false) =>
    inDirectory(path, async (directory) => realpathSync(within(directory, '.')), { parents, isTrial });

  test('is not made where nobody asked for it', async () => {
    expect(await reached(join(here, 'a/b'))).toBe('ENOENT');
    expect(readdirSync(here)).toEqual([]);
  });

  test('is made with the owner and mode that were asked for, whatever the umask, and what was there stays as it is', async () => {
    mkdirSync(join(here, 'there'));
    chmodSync(join(here, 'there'), 0o711);
    const before = factsOf(join(here, 'there'));
    const umask = process.umask(0o077);
    try {
      expect(await made(join(here, 'there/a/b'))).toBe(join(here, 'there/a/b'));
    } finally {
      process.umask(umask);
    }
    expect(factsOf(join(here, 'there'))).toEqual(before);
    expect(factsOf(join(here, 'there/a'))).toEqual({ mode: 0o750, ...owner });
    expect(factsOf(join(here, 'there/a/b'))).toEqual({ mode: 0o750, ...owner });
    expect(readdirSync(join(here, 'there'))).toEqual(['a']);
  });

  test('keeps the group that its directory passes on', async () => {
    if (isRoot) chownSync(here, 0, 999);
    chmodSync(here, 0o2755);
    const rights = { mode: 0o750 };
    await inDirectory(join(here, 'a'), async () => undefined, { parents: rights });
    expect(factsOf(join(here, 'a'))).toMatchObject({ mode: 0o2750, gid: statSync(here).gid });
  });

  test('is not made through a link that somebody else may have put there, nor in place of a file', async () => {
    mkdirSync(join(here, 'elsewhere'));
    symlinkSync('elsewhere', join(here, 'link'));
    symlinkSync('nowhere', join(here, 'dangling'));
    writeFileSync(join(here, 'file'), '');
    chmodSync(here, 0o777);
    for (const name of ['link', 'dangling', 'file']) {
      await expect(made(join(here, name, 'a')), name).rejects.toMatchObject({ code: 'ENOTDIR' });
    }
    expect(readdirSync(join(here, 'elsewhere'))).toEqual([]);
    expect(existsSync(join(here, 'nowhere'))).toBe(false);
  });

  test('is made once where many need it at the same moment', async () => {
    const paths = ['x', 'y', 'z', 'x'].map((name) => join(here, 'a/b', name));
    expect(await Promise.all(paths.map((path) => made(path)))).toEqual(paths);
    expect(readdirSync(here)).toEqual(['a']);
    expect(readdirSync(join(here, 'a'))).toEqual(['b']);
    const tried = await Promise.all(['c', 'c', 'c'].map((name) => made(join(here, name, 'd'), true)));
    expect(new Set(tried).size).toBe(3);
    expect(readdirSync(here)).toEqual(['a']);
  });

  test('is only tried where nothing is to stay, and what a crash left of it goes', async () => {
    mkdirSync(join(here, `${prefixFor('a')}crashed`));
    mkdirSync(join(here, `${prefixFor('b')}of-another`));
    const tried = await made(join(here, 'a/b/c'), true);
    expect(tried.startsWith(join(here, prefixFor('a')))).toBe(true);
    expect(readdirSync(here)).toEqual([`${prefixFor('b')}of-another`]);
  });

  test('is not left behind half made where it cannot be given away', async () => {
    if (isRoot) return expect(await made(join(here, 'a'))).toBe(join(here, 'a'));
    const rights = { mode: 0o750, owner: { uid: 12_345, gid: 12_345 } };
    await expect(inDirectory(join(here, 'a'), async () => undefined, { parents: rights })).rejects.toThrow(/CAP_CHOWN/);
    expect(readdirSync(here)).toEqual([]);
  });
});
