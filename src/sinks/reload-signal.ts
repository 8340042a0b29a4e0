/** A reload step: a signal to the process whose id a pidfile tells, and to no other. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { LeaseError } from '../core/failure.ts';
import { type Instant, seconds } from '../core/time.ts';
import type { SinkDeps } from './define.ts';
import { find, startedAt } from './processes.ts';
import type { ReloadStep } from './reload.ts';

export interface Target {
  readonly signal: NodeJS.Signals;
  readonly pidFile: string;
}

/**
 * A program writes its pidfile after it has started. What may make it seem otherwise, by seconds: a file server with a
 * clock of its own, a file system that knows no shorter time, a small step of the clock. An id is hardly given to
 * another in so short a time.
 */
const slack = seconds(10);

/**
 * The pidfile is read each time. Where it is missing, or its process is not there, the program may just not run yet:
 * `unavailable`, and tried again. Never signalled are: ourselves and what we started, process 1, a process that has
 * got the id of one that ended (where the pidfile is still the one we knew, or was written before that process started,
 * or while we look).
 */
export function signal({ signal, pidFile }: Target, { pid: ownPid }: Pick<SinkDeps, 'pid'>, look = find): ReloadStep {
  let former: { readonly stamp: string; readonly start: string } | undefined;
  return {
    async run(abort) {
      const { pid, stamp, writtenAt } = await read(pidFile);
      if (pid === 1 || pid === ownPid) {
        throw no(`${pidFile} names process ${pid}, which is ${pid === 1 ? 'the first of all' : 'leasekeeper itself'}`);
      }
      const there = look(pid);
      if (!there) throw no(`there is no process ${pid}, which ${pidFile} names: is the program running?`);
      if (there.parent === ownPid) throw no(`${pidFile} names process ${pid}, which leasekeeper itself has started`);
      if (former?.stamp !== stamp) {
        if (startedAt(there) > writtenAt + slack) throw no(tooYoung(pid, pidFile));
      } else if (former.start !== there.start) {
        throw no(`process ${pid} is not the one that ${pidFile} meant: the program ended, and its id is another's now`);
      }
      if ((await read(pidFile)).stamp !== stamp) throw no(`${pidFile} is just being changed`);
      if (abort.aborted) throw no('stopped before the signal was sent');
      // Nothing may come between this look and the signal.
      if (look(pid)?.start !== there.start) throw no(`process ${pid}, which ${pidFile} names, has just ended`);
      try {
        process.kill(pid, signal);
      } catch (error) {
        throw no(`process ${pid}, which ${pidFile} names, cannot be signalled: ${codeOf(error)}`);
      }
      former = { stamp, start: there.start };
    },
  };
}

/** All of these may be otherwise a moment later: the program starts, somebody mends the file. */
const no = (why: string): LeaseError => new LeaseError('unavailable', why);

/** It may be the right one all the same, where the clock was set forward since. */
const tooYoung = (pid: number, pidFile: string): string =>
  `process ${pid} has started after ${pidFile} was written, so that its id is another's by now: ` +
  `is the program running? If that is it, touch ${pidFile}`;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';

/** `stamp` tells this state of the file from others, also where the same id was written once more. */
async function read(path: string): Promise<{ pid: number; stamp: string; writtenAt: Instant }> {
  try {
    // A pipe in its place would otherwise be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { ino, mtimeMs, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
      const { buffer, bytesRead } = await file.read(Buffer.alloc(longestPid), 0, longestPid, 0);
      // Some programs write more lines after it.
      const [line = ''] = buffer.toString('latin1', 0, bytesRead).split('\n');
      if (!/^[1-9]\d{0,9}$/.test(line.trim())) throw no(`there is no process id in the first line of ${path}`);
      const stamp = [line.trim(), ino, mtimeNs, ctimeNs].join('/');
      return { pid: Number(line), stamp, writtenAt: Number(mtimeMs) };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof LeaseError) throw error;
    if (codeOf(error) === 'ENOENT') throw no(`there is no ${path}: is the program running?`);
    throw no(`${path} cannot be read: ${codeOf(error)}`);
  }
}

const longestPid = 64;
