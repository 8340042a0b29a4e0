/** The way to a directory: gone step by step, so that no link is followed that somebody else may have put there. */
import { createHash, randomBytes } from 'node:crypto';
import { constants, renameSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, readlink, rmdir } from 'node:fs/promises';
import { codeOf, prepare, type Rights } from './rights.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** Only to go on from: needs no right to read. Node does not name it; it is the same on all machines that we run on. */
export const O_PATH = 0o10000000;

/** Node has no `openat`; through an open handle the kernel gives us the same, whatever its path leads to by now. */
export const within = (directory: FileHandle, name: string): string => `/proc/self/fd/${directory.fd}/${name}`;

/** What the names of all that we make for a moment begin with. */
export const sign = '.leasekeeper-';

/** What is made for a moment in place of that name, and of no other, begins with this. */
export const prefixFor = (name: string): string =>
  `${sign}${createHash('sha256').update(name).digest('hex').slice(0, 16)}-`;

/** Nobody can foresee it. */
export const unforeseen = (): string => randomBytes(12).toString('hex');

export interface Making {
  /** Directories that are missing are made, and have these. Absent: they are not made. */
  readonly parents?: Rights | undefined;
  /** Nothing stays: one that is missing is made beside its place, and is gone when the work is done. */
  readonly isTrial?: boolean;
}

/**
 * Work in that directory, held open. A link on the way to it is followed only where nobody but root and us could have
 * put it there; the directory itself must be none. Throws what the system throws: `ENOTDIR` for a link.
 */
export async function inDirectory<T>(
  path: string,
  work: (directory: FileHandle) => Promise<T>,
  { parents, isTrial = false }: Making = {},
): Promise<T> {
  const steps = path.split('/').filter((step) => step !== '' && step !== '.');
  let here = await open('/', (steps.length > 0 ? O_PATH : O_RDONLY) | O_DIRECTORY);
  let links = 0;
  let trial: string | undefined;
  let above: FileHandle | undefined;
  const go = async (next: FileHandle) => {
    await here.close();
    here = next;
  };
  try {
    for (let step = steps.shift(); step !== undefined && trial === undefined; step = steps.shift()) {
      const isLast = steps.length === 0;
      const at = within(here, step);
      try {
        await go(await open(at, (isLast ? O_RDONLY : O_PATH) | O_DIRECTORY | O_NOFOLLOW));
      } catch (error) {
        if (codeOf(error) === 'ENOENT' && parents) {
          const made = await make(here, step, { path, parents, isTrial });
          if (made.trial === undefined) await here.close();
          else [above, trial] = [here, made.trial];
          here = made.directory;
          continue;
        }
        if (isLast || codeOf(error) !== 'ENOTDIR' || ++links > 40 || !(await isTrusted(here, at))) throw error;
        const to = await readlink(at);
        steps.unshift(...to.split('/').filter((one) => one !== '' && one !== '.'));
        if (to.startsWith('/')) await go(await open('/', O_PATH | O_DIRECTORY));
      }
    }
    return await work(here);
  } finally {
    await here.close();
    if (above && trial !== undefined) await discard(above, trial);
    await above?.close();
  }
}

/** Could nobody but root and us have put that link there, nor swap it? Not even where a sticky bit protects the others. */
async function isTrusted(directory: FileHandle, link: string): Promise<boolean> {
  const ours = ({ uid }: Stats) => uid === 0 || uid === process.geteuid?.();
  const [around, found] = await Promise.all([directory.stat(), lstat(link)]);
  return found.isSymbolicLink() && ours(found) && ours(around) && (around.mode & 0o022) === 0;
}

interface Missing extends Making {
  readonly path: string;
  readonly parents: Rights;
}

/** What is just being made, and so no leftover. */
const inHand = new Set<string>();

const discard = (above: FileHandle, name: string): Promise<void> =>
  rmdir(within(above, name))
    .catch(() => undefined)
    .finally(() => inHand.delete(name))
    .then(() => undefined);

let last: Promise<unknown> = Promise.resolve();

/** One after another: an empty directory that another has just made would be replaced. */
function make(above: FileHandle, step: string, missing: Missing) {
  const mine = last.then(async () => {
    const found = await open(within(above, step), O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(() => undefined);
    return found ? { directory: found } : makeNow(above, step, missing);
  });
  last = mine.catch(() => undefined);
  return mine as Promise<{ readonly directory: FileHandle; readonly trial?: string }>;
}

/** Under another name, until it has its owner and mode: whoever finds it under its own may use it. */
async function makeNow(above: FileHandle, step: string, { path, parents, isTrial }: Missing) {
  const prefix = prefixFor(step);
  const names = await readdir(within(above, '.')).catch(() => []);
  const leftovers = names.filter((name) => name.startsWith(prefix) && !inHand.has(name));
  await Promise.all(leftovers.map((name) => discard(above, name)));
  const name = prefix + unforeseen();
  inHand.add(name);
  let directory: FileHandle | undefined;
  try {
    await mkdir(within(above, name), 0o700);
    directory = await open(within(above, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    await prepare(directory, path, parents);
    if (isTrial) return { directory, trial: name };
    renameSync(within(above, name), within(above, step));
    inHand.delete(name);
    const kept = await open(within(above, '.'), O_RDONLY | O_DIRECTORY).catch(() => undefined);
    await kept?.sync().finally(() => kept.close());
    return { directory };
  } catch (error) {
    await directory?.close();
    await discard(above, name);
    throw error;
  }
}
