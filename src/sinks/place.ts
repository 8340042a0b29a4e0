/** The place of one file: its directory, held open so that nobody can swap it while we work there. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { LeaseError } from '../core/failure.ts';
import { codeOf, no } from './rights.ts';
import { inDirectory, type Making, prefixFor, sign, unforeseen, within } from './way.ts';

export interface Place {
  readonly path: string;
  readonly directory: FileHandle;
  /** A name in that directory, whatever its path leads to by now. */
  at(name: string): string;
  /** The file itself, reached so. */
  readonly target: string;
  /** What temporary files for it, and for no other, begin with. */
  readonly prefix: string;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** Throws what the system throws; see `inWords`. */
export const inPlace = <T>(path: string, work: (place: Place) => Promise<T>, how: Making = {}): Promise<T> =>
  inDirectory(
    dirname(path),
    (directory) => {
      const at = (name: string) => within(directory, name);
      return work({ path, directory, at, target: at(basename(path)), prefix: prefixFor(basename(path)) });
    },
    how,
  );

export interface Temporary {
  readonly file: FileHandle;
  readonly at: string;
}

/** An empty file of a name that nobody can foresee, ours alone to read. */
export async function temporary(place: Place): Promise<Temporary> {
  const at = place.at(place.prefix + unforeseen());
  return { file: await open(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), at };
}

let moments = 0;
/** The temporary files of each directory, as they were at that moment. */
const seen = new Map<string, { readonly asOf: number; readonly names: Promise<readonly string[]> }>();

/** What is seen of a directory from now on was seen after this. */
export const moment = (): number => ++moments;

/**
 * What a crash left behind by then, of this file's and of no other's. A directory is read once for all its files: there
 * may be thousands, and each of them would read the names of all. Answers whether they are all gone.
 */
export async function clearLeftovers(place: Place, asOf: number): Promise<boolean> {
  const directory = dirname(place.path);
  const last = seen.get(directory);
  const { names } = last && last.asOf >= asOf ? last : readAnew(directory, place);
  const own = (await names).filter((name) => name.startsWith(place.prefix));
  const gone = await Promise.all(own.map((name) => discard(place.at(name))));
  return gone.every(Boolean);
}

function readAnew(directory: string, place: Place) {
  const names = readdir(place.at('.')).then((all) => all.filter((name) => name.startsWith(sign)));
  const reading = { asOf: moments, names };
  seen.set(directory, reading);
  names.catch(() => seen.get(directory) === reading && seen.delete(directory));
  return reading;
}

/** Answers whether it is gone. */
export const discard = (at: string): Promise<boolean> =>
  unlink(at).then(
    () => true,
    (error) => codeOf(error) === 'ENOENT',
  );

/** What is there now. Throws `LeaseError` where it is something that must not be replaced or removed by a file. */
export async function present({ path, target }: Place): Promise<Stats | undefined> {
  const found = await lstat(target).catch((error) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found) refuseOdd(found, path);
  return found;
}

export function refuseOdd(found: Stats, path: string): void {
  if (found.isFile() && found.nlink <= 1) return;
  if (found.isSymbolicLink()) throw no(`${path} is a symbolic link: name the file itself, or remove the link`);
  if (found.isDirectory()) throw no(`${path} is a directory: name a file in it`);
  if (!found.isFile()) throw no(`${path} is not a regular file: name another path, or remove it`);
  throw no(`${path} has other names (hard links), which would keep the old values: remove them`);
}

export const mountPoint = (path: string): LeaseError =>
  no(
    `${path} is mounted by itself and cannot be replaced as a whole: mount its directory instead (no subPath), ` +
      'or leave write: out, and it is written in place',
  );

/** The system's refusal in words that help. Never a value: they are of paths and codes alone. */
export async function inWords(error: unknown, path: string, directory = dirname(path)): Promise<LeaseError> {
  if (error instanceof LeaseError) return error;
  const code = codeOf(error);
  switch (code) {
    case 'ENOENT':
      return no(`the directory ${directory} does not exist: create it, mount it, or have it made by parents:`);
    case 'ENOTDIR':
    case 'ELOOP': {
      const real = await realpath(directory).catch(() => directory);
      return real === directory
        ? no(`${directory} is not a directory`)
        : no(`${directory} is or passes through a symbolic link or a file: write its real path, ${real}`);
    }
    case 'EACCES':
    case 'EPERM':
      return no(`leasekeeper (uid ${process.getuid?.()}) may not work in ${directory}: ${code}`);
    case 'EROFS':
      return no(`${directory} is read-only`);
    case 'ENOSPC':
    case 'EDQUOT':
      return no(`there is no space left in ${directory}`);
    case 'EBUSY':
    case 'EXDEV':
      return mountPoint(path);
    default:
      return no(`${path} cannot be worked with: ${code}`);
  }
}
