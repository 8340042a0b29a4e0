/** A Redis that outlived the daemon which started it: ended, so that another can be started on its files. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';
import { say } from './redis-talk.ts';

interface Note {
  readonly parent: ProcessIdentity;
  readonly redis: ProcessIdentity;
}

const noteOf = (dataDir: string) => join(dataDir, 'embedded-redis.json');
const patience: Duration = seconds(2);
/** How long an orderly end may take. */
const endTime: Duration = seconds(8);

/** Note whose child the Redis in this directory is. */
export async function remember(dataDir: string, pid: number): Promise<void> {
  const [parent, redis] = [await identityOf(process.pid), await identityOf(pid)];
  if (!parent || !redis) return;
  const draft = `${noteOf(dataDir)}.new`;
  await writeFile(draft, JSON.stringify({ parent, redis } satisfies Note), { mode: 0o600 });
  await rename(draft, noteOf(dataDir));
}

/** Throws where its parent lives, or where it is not known whose it is: then it is not ours to end. */
export async function forgetOrphan(dataDir: string, socket: string): Promise<void> {
  const note = await read(dataDir);
  const answer = await say(socket, 'PING', patience);
  if (answer === 'unasked')
    throw new Error(`nobody can ask who listens on ${socket}: we have no file descriptors left`);
  const isRunning = note !== undefined && (await isAlive(note.redis));
  if (answer !== 'refused' || isRunning) {
    if (!note) throw new Error(`a Redis that we did not start listens on ${socket}: stop it first`);
    if (await isAlive(note.parent)) {
      throw new Error(
        `the Redis in ${dataDir} belongs to process ${note.parent.pid}, which is running: stop that first`,
      );
    }
    await end(note, socket, answer === 'silent');
  }
  await rm(socket, { force: true });
  await rm(noteOf(dataDir), { force: true });
}

async function end(note: Note, socket: string, isSilent: boolean): Promise<void> {
  if (!isSilent) await say(socket, 'SHUTDOWN', endTime);
  const step: Duration = 20;
  for (let waited = 0; waited <= endTime + patience; waited += step) {
    const isRunning = await isAlive(note.redis);
    // What we noted may be the shell that watched over it.
    if (!isRunning && (await say(socket, 'PING', patience)) === 'refused') return;
    // It was wedged, or loading its file, and heard nothing.
    if (isRunning && (isSilent || waited > endTime)) process.kill(note.redis.pid, 'SIGKILL');
    await sleep(step);
  }
  throw new Error(`process ${note.redis.pid}, an abandoned Redis, cannot be ended: kill it`);
}

async function read(dataDir: string): Promise<Note | undefined> {
  try {
    return JSON.parse(await readFile(noteOf(dataDir), 'utf8')) as Note;
  } catch {
    return undefined;
  }
}
