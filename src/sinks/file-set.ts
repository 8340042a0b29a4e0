/**
 * Several files of a directory that change together. They lie in a directory of their own, to which the link `..data`
 * leads; the names that people use lead through it: `NAME -> ..data/NAME`. Another set becomes theirs by renaming one link.
 */
import { constants, type Dirent, renameSync, type Stats, unlinkSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, readlink, rmdir, symlink, unlink } from 'node:fs/promises';
import { sleep } from '../clock.ts';
import type { Duration } from '../core/time.ts';
import { codeOf, no, prepare, type Rights } from './rights.ts';
import { unforeseen, within } from './way.ts';

export interface FileOfSet {
  readonly name: string;
  readonly bytes: Buffer;
  readonly rights: Rights;
}

/** As it lies there. */
export interface LyingFile {
  readonly name: string;
  /** Absent: closed to us. */
  readonly bytes: Buffer | undefined;
  readonly stats: Stats;
}

/** What a set looks like that lies there. `around`: the directory of its files. */
export interface LyingSet {
  readonly files: readonly LyingFile[];
  readonly around: Stats;
}

/** What may be a file's name without anybody having chosen it. */
export const plainName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/;

const current = '..data';
/** What we have made in a directory and nobody else. Neither a key nor a person can ask for such a name. */
const ours = /^\.\.leasekeeper-[0-9a-f]{24}(\.link)?$/;
const newName = () => `..leasekeeper-${unforeseen()}`;
const leadingTo = (name: string) => `${current}/${name}`;

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

interface Found {
  /** Where `..data` leads to. Absent: nowhere. */
  readonly data: string | undefined;
  /** Everything else, and where it leads to if it is a link. */
  readonly entries: ReadonlyMap<string, string | undefined>;
}

async function survey(directory: FileHandle): Promise<Found> {
  const all = await readdir(within(directory, '.'), { withFileTypes: true });
  const target = async (one: Dirent) =>
    one.isSymbolicLink() ? await readlink(within(directory, one.name)).catch(() => undefined) : undefined;
  const entries = new Map<string, string | undefined>();
  for (const one of all) entries.set(one.name, await target(one));
  const data = entries.get(current) ?? (entries.has(current) ? '' : undefined);
  entries.delete(current);
  return { data, entries };
}

/** Names that lead through `..data`. Where that is somebody else's, so are they. */
const isOurName = ({ data }: Found, name: string, target: string | undefined): boolean =>
  target === leadingTo(name) && (data === undefined || ours.test(data));

function refuseForeign(found: Found, names: readonly string[], path: string): void {
  if (found.data !== undefined && !ours.test(found.data))
    throw no(`${path}/${current} is not ours, somebody else keeps a set there: name another directory`);
  for (const name of names) {
    if (found.entries.has(name) && !isOurName(found, name, found.entries.get(name)))
      throw no(`${path}/${name} is there and is not ours: remove it, or name another directory`);
  }
}

/** Could a set with these names, among others, be written? Leaves nothing behind. */
export async function trySet(
  directory: FileHandle,
  files: readonly FileOfSet[],
  path: string,
  names: readonly string[],
) {
  refuseForeign(await survey(directory), names, path);
  const { name } = await makeData(directory, files, path);
  await discardData(directory, name);
}

interface Swap {
  /** For words. */
  readonly path: string;
  /** How long the former set stays for who is just reading it. */
  readonly pause: Duration;
  /** Called before anything of the new one is seen, in the same turn. */
  readonly last: () => void;
}

/** Afterwards nothing of ours is there but the set. */
export async function swapSet(
  directory: FileHandle,
  files: readonly FileOfSet[],
  { path, pause, last }: Swap,
): Promise<LyingSet> {
  const names = files.map(({ name }) => name);
  const found = await survey(directory);
  refuseForeign(found, names, path);
  const { name, set } = await makeData(directory, files, path);
  const link = `${name}.link`;
  const added: string[] = [];
  try {
    for (const one of names) {
      if (found.entries.has(one)) continue;
      await symlink(leadingTo(one), within(directory, one));
      added.push(one);
    }
    await symlink(name, within(directory, link));
    last();
    renameSync(within(directory, link), within(directory, current));
  } catch (error) {
    for (const one of [...added, link]) await unlink(within(directory, one)).catch(() => undefined);
    await discardData(directory, name);
    throw error;
  }
  await directory.sync();
  if (pause > 0) await sleep(pause);
  await clear(directory, found, [...names, name]);
  return set;
}

/** The files under a name that nobody knows yet, with their owners and modes before their first bytes, and on the disk. */
async function makeData(directory: FileHandle, files: readonly FileOfSet[], path: string) {
  const name = newName();
  const made: LyingFile[] = [];
  await mkdir(within(directory, name), 0o700);
  let data: FileHandle | undefined;
  try {
    data = await open(within(directory, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (const one of files) made.push(await makeFile(data, one, `${path}/${one.name}`));
    // Ours, so that we can always clear it away; the files have rights of their own.
    await prepare(data, path, { mode: 0o755 });
    await data.sync();
    return { name, set: { files: made, around: await data.stat() } };
  } catch (error) {
    await discardData(directory, name);
    throw error;
  } finally {
    await data?.close();
  }
}

async function makeFile(data: FileHandle, { name, bytes, rights }: FileOfSet, path: string): Promise<LyingFile> {
  const file = await open(within(data, name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await prepare(file, path, rights);
    await file.writeFile(bytes);
    await file.sync();
    return { name, bytes, stats: await file.stat() };
  } finally {
    await file.close();
  }
}

/** The set as it lies there. Absent: there is none, or not all its names lead to it. Files over that size are not read. */
export async function readSet(directory: FileHandle, largest: number): Promise<LyingSet | undefined> {
  const name = await readlink(within(directory, current));
  if (!ours.test(name)) return undefined;
  const data = await open(within(directory, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const files: LyingFile[] = [];
    for (const one of (await readdir(within(data, '.'))).sort()) {
      if ((await readlink(within(directory, one))) !== leadingTo(one)) return undefined;
      const file = await readFileOf(data, one, largest);
      if (!file) return undefined;
      files.push(file);
    }
    return { files, around: await data.stat() };
  } finally {
    await data.close();
  }
}

async function readFileOf(data: FileHandle, name: string, largest: number): Promise<LyingFile | undefined> {
  let file: FileHandle;
  try {
    // A pipe in its place would otherwise be waited for.
    file = await open(within(data, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    return { name, bytes: undefined, stats: await lstat(within(data, name)) };
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.nlink > 1 || stats.size > largest) return undefined;
    return { name, bytes: await file.readFile(), stats };
  } finally {
    await file.close();
  }
}

/** Takes back all that is ours and nothing else; `last` as above. Answers whether nothing is left. */
export async function removeSet(directory: FileHandle, last: () => void): Promise<boolean> {
  const found = await survey(directory);
  last();
  // With it the set is gone; what comes after is clearing up.
  if (found.data !== undefined && ours.test(found.data)) unlinkSync(within(directory, current));
  const isClear = await clear(directory, found, []);
  await directory.sync();
  return isClear;
}

/** Away with all that is ours but these: names that are no longer, the former set, and what a crash left behind. */
async function clear(directory: FileHandle, found: Found, but: readonly string[]): Promise<boolean> {
  let isClear = true;
  for (const [name, target] of found.entries) {
    if (but.includes(name)) continue;
    if (isOurName(found, name, target) || (ours.test(name) && target !== undefined)) {
      await unlink(within(directory, name)).catch((error) => {
        isClear &&= codeOf(error) === 'ENOENT';
      });
    } else if (ours.test(name)) {
      isClear = (await discardData(directory, name)) && isClear;
    }
  }
  return isClear;
}

/** Only what we, root or the directory's owner made: whoever may write there may give anything such a name. */
async function discardData(directory: FileHandle, name: string): Promise<boolean> {
  let data: FileHandle | undefined;
  try {
    data = await open(within(directory, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const [{ uid }, around] = await Promise.all([data.stat(), directory.stat()]);
    if (![0, process.geteuid?.(), around.uid].includes(uid)) return false;
    for (const one of await readdir(within(data, '.'))) await unlink(within(data, one));
    await rmdir(within(directory, name));
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  } finally {
    await data?.close();
  }
}
