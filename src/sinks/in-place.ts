/** Writing into a file as it lies there: where it is mounted by itself, or somebody wants it to stay the same file. */
import { constants, fstatSync, ftruncateSync, type Stats, writeSync } from 'node:fs';
import { type FileHandle, open, readFile, statfs } from 'node:fs/promises';
import type { LeaseError } from '../core/failure.ts';
import { type Place, refuseOdd } from './place.ts';
import { codeOf, no, prepare, type Rights } from './rights.ts';
import { O_PATH } from './way.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** Is that file mounted by itself, so that it can be neither replaced nor removed? */
export async function isMountedAlone({ directory, target }: Place): Promise<boolean> {
  const file = await open(target, O_PATH | O_NOFOLLOW);
  try {
    const [here, there] = await Promise.all([mountOf(directory), mountOf(file)]);
    return here !== there;
  } finally {
    await file.close();
  }
}

/** The same for all on one mount. */
async function mountOf(file: FileHandle): Promise<string> {
  const told = await readFile(`/proc/self/fdinfo/${file.fd}`, 'utf8').catch(() => '');
  const [, mount] = /^mnt_id:\s*(\d+)$/m.exec(told) ?? [];
  return mount ?? `device ${(await file.stat()).dev}`;
}

/** Opened for writing, never through a link: what is refused may have taken its place since it was looked at. */
async function withFile<T>({ path, target }: Place, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(target, O_WRONLY | O_NOFOLLOW | O_NONBLOCK).catch((error) => {
    throw codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM' ? notOurs(path, codeOf(error)) : error;
  });
  try {
    refuseOdd(await file.stat(), path);
    return await work(file);
  } finally {
    await file.close();
  }
}

const notOurs = (path: string, code: string): LeaseError =>
  no(`leasekeeper (uid ${process.geteuid?.()}) may not write into ${path}: ${code}`);

/** Could it be written into? Changes nothing. */
export const couldRewrite = (place: Place): Promise<void> =>
  withFile(place, async (file) => {
    const { bavail, bsize } = await statfs(`/proc/self/fd/${file.fd}`);
    if (bavail * bsize < 4096) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  });

/**
 * These bytes and no others, with these rights. A reader may see some of the old bytes and some of the new ones, and so
 * it stays where we are killed in between: whoever asks whether the file holds what was written is told no. `last` is
 * called before the first byte, in the same turn.
 */
export const rewrite = (place: Place, bytes: Buffer, rights: Rights, last: () => void): Promise<Stats> =>
  withFile(place, async (file) => {
    await prepare(file, place.path, { ...rights, owner: rights.owner ?? (await makerIn(place)) });
    last();
    overwrite(file.fd, bytes);
    await file.sync();
    return file.stat();
  });

/** Whose a new file would be there. */
async function makerIn({ directory }: Place) {
  const { mode, gid } = await directory.stat();
  return { uid: process.geteuid?.() ?? 0, gid: mode & S_ISGID ? gid : (process.getegid?.() ?? 0) };
}
const S_ISGID = 0o2000;

/** In one turn, to be over soon. What takes more space comes first: where there is none, the old bytes are all there. */
function overwrite(fd: number, bytes: Buffer): void {
  const { size } = fstatSync(fd);
  if (bytes.length > size) {
    try {
      writeAll(fd, bytes.subarray(size), size);
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
  }
  writeAll(fd, bytes.subarray(0, size), 0);
  if (bytes.length < size) ftruncateSync(fd, bytes.length);
}

function writeAll(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}

/** What can be taken back of it. */
export const empty = (place: Place, last: () => void): Promise<void> =>
  withFile(place, async (file) => {
    last();
    ftruncateSync(file.fd);
    await file.sync();
  });
