/** The file of the embedded Redis after a power failure: what can be read of it is used, and it never stops a start. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { wallClock } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import { NotStarted } from './redis-process.ts';

export interface FileOptions {
  readonly dataDir: string;
  /** redis-check-aof, where there is one. */
  readonly checker: string | undefined;
  /** What was done to the file and what follows, for the operator. */
  readonly onDamage?: ((words: string) => void) | undefined;
}

/** Redis 7 has its file in pieces, in a directory with a manifest; the one before it has it whole. */
const [pieces, whole] = ['appendonlydir', 'appendonly.aof'] as const;
const manifest = 'appendonly.aof.manifest';
/** So many damaged ones are kept. */
const most = 3;
/** How long it may take to look through the largest file. */
const checkTime: Duration = seconds(60);

/** What Redis says of a file that is damaged. One that it may not read, or that a later Redis wrote, is not. */
const complaints = [
  'Bad file format reading the append only file',
  'Unexpected end of file reading the append only file',
  'AOF MANIFEST FILE ERROR',
  'Unable to obtain the AOF file .* No such file',
  "The append log file .* doesn't exist",
  'Short read or OOM loading DB',
  'Internal error in RDB reading',
];
const complaint = new RegExp(complaints.join('|'));

/**
 * Starts, on a damaged file too: on what can be read of it, else on none. It is copied before it is touched; throws where
 * it cannot be, and it is as it was then.
 */
export async function startOnFile<T>(options: FileOptions, start: () => Promise<T>): Promise<T> {
  const { dataDir, checker, onDamage } = options;
  try {
    return await start();
  } catch (error) {
    const file = isDamage(error) ? await fileIn(dataDir) : undefined;
    if (file === undefined) throw error;
    const copy = await setAside(dataDir, file);
    const said = `the append-only file of the embedded Redis is damaged, as a power failure leaves it; it is kept as ${copy}`;
    const server = (await cut(join(dataDir, file), checker)) && (await unlessDamaged(start));
    if (server) {
      onDamage?.(
        `${said}. What could not be read was cut off, and the rest is used: what was done last may be forgotten`,
      );
      return server;
    }
    onDamage?.(
      `${said}. It cannot be repaired, and Redis is started empty: what is in memory is written back; a daemon that has just been started finds secrets as after a lost Redis, and takes one new lease for each dynamic one`,
    );
    await rm(join(dataDir, file), { recursive: true, force: true });
    return start();
  }
}

const isDamage = (error: unknown): boolean =>
  error instanceof NotStarted && error.words.some((line) => complaint.test(line));

async function fileIn(dataDir: string): Promise<string | undefined> {
  const names = await readdir(dataDir);
  return [pieces, whole].find((name) => names.includes(name));
}

/** A copy and no move: a crash right after it must not leave us without any. */
async function setAside(dataDir: string, file: string): Promise<string> {
  const copy = join(dataDir, `${file}.broken-${new Date(wallClock.now()).toISOString().replaceAll(':', '-')}`);
  try {
    await cp(join(dataDir, file), copy, { recursive: true, mode: constants.COPYFILE_FICLONE });
  } catch (error) {
    await rm(copy, { recursive: true, force: true }).catch(() => undefined);
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `the append-only file ${join(dataDir, file)} is damaged, and cannot be copied before it is repaired (${code}): make room, or move it away`,
    );
  }
  const copies = (await readdir(dataDir)).filter((name) => name.startsWith(`${file}.broken-`)).sort();
  for (const oldest of copies.slice(0, -most)) await rm(join(dataDir, oldest), { recursive: true, force: true });
  return copy;
}

/** `undefined`: the file is damaged still. */
async function unlessDamaged<T>(start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** Cuts off what cannot be read. Answers whether it was worth it: not where nobody can do it. */
function cut(file: string, checker: string | undefined): Promise<boolean> {
  if (checker === undefined) return Promise.resolve(false);
  const target = file.endsWith(pieces) ? join(file, manifest) : file;
  return new Promise((resolve) => {
    const child = spawn(checker, ['--fix', target], {
      stdio: ['pipe', 'ignore', 'ignore'],
      timeout: checkTime,
      killSignal: 'SIGKILL',
    });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end('y\n');
  });
}
