/** Writing into a file as it lies there: where it is mounted by itself, or somebody wants it to stay the same file. */
import { constants, fstatSync, ftruncateSync, type Stats, writeSync } from 'node:fs';
import { type FileHandle, open, readFile, statfs } from 'node:fs/promises';
import type { LeaseError } from '../core/failure.ts';
import { type Place, refuseOdd } from './place.ts';
import { cannotGive, codeOf, give, no, type Rights } from './rights.ts';
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

/** Could it be written into, and have these rights? Changes nothing. */
export const couldRewrite = (place: Place, rights: Rights): Promise<void> =>
  withFile(place, async (file) => {
    const found = await file.stat();
    const wanted = await wantedIn(place, rights);
    if (!(await couldGive(found, wanted)) && !(await mayStay(found, place, rights))) {
      throw staysAsItIs(place, found, wanted, 'EPERM');
    }
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
    await settle(file, place, rights);
    last();
    overwrite(file.fd, bytes);
    await file.sync();
    return file.stat();
  });

type Owned = Rights & { readonly owner: NonNullable<Rights['owner']> };

/** Before the first byte. */
async function settle(file: FileHandle, place: Place, rights: Rights): Promise<void> {
  const wanted = await wantedIn(place, rights);
  try {
    await give(file, wanted);
  } catch (error) {
    const found = await file.stat();
    if (!(await mayStay(found, place, rights))) throw staysAsItIs(place, found, wanted, codeOf(error));
  }
}

/** Without an owner: whose a new file would be there. */
async function wantedIn({ directory }: Place, { mode: wanted, owner }: Rights): Promise<Owned> {
  const { mode, gid } = await directory.stat();
  const maker = { uid: process.geteuid?.() ?? 0, gid: mode & S_ISGID ? gid : (process.getegid?.() ?? 0) };
  return { mode: wanted, owner: owner ?? maker };
}
const S_ISGID = 0o2000;

/**
 * Where nobody asked for an owner, it may be the one of who can look into everything there anyway, such as root who has
 * mounted it. Another mode than was asked for may show the values to others.
 */
async function mayStay(found: Stats, { directory }: Place, { mode, owner }: Rights): Promise<boolean> {
  if (owner || modeOf(found) !== mode) return false;
  return found.uid === 0 || found.uid === (await directory.stat()).uid;
}

/** As the system decides it, as far as can be told without trying. */
async function couldGive(found: Stats, { mode, owner }: Owned): Promise<boolean> {
  const { may, isOwn } = { may: await capabilities(), isOwn: found.uid === process.geteuid?.() };
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  const isSame = found.uid === owner.uid && found.gid === owner.gid;
  const couldOwn = isSame || may(CAP_CHOWN) || (isOwn && found.uid === owner.uid && groups.includes(owner.gid));
  return couldOwn && (modeOf(found) === mode || owner.uid === process.geteuid?.() || may(CAP_FOWNER));
}

const [CAP_CHOWN, CAP_FOWNER] = [0n, 3n];

/** Where the system does not say it is taken that we may: a write that may not says so. */
async function capabilities(): Promise<(capability: bigint) => boolean> {
  const told = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const [, set = 'f'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(told) ?? [];
  return (capability) => ((BigInt(`0x${set}`) >> capability) & 1n) === 1n;
}

const modeOf = ({ mode }: Stats): number => mode & 0o7777;
const inDigits = (mode: number): string => mode.toString(8).padStart(4, '0');

function staysAsItIs({ path }: Place, found: Stats, { mode, owner }: Owned, code: string): LeaseError {
  const whom = `${owner.uid}:${owner.gid} with mode ${inDigits(mode)}`;
  const present = `owner: "${found.uid}:${found.gid}" and mode: "${inDigits(modeOf(found))}"`;
  return cannotGive(path, whom, code, `change it there, say ${present} where it is to stay as it is`);
}

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
