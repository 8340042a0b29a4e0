/** The processes that we can see, as the system tells of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { ownStart } from '../clock.ts';
import type { Duration, Instant } from '../core/time.ts';

/** What tells a process from an earlier one with its id. */
export interface Process {
  /** In clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly start: string;
  readonly parent: number;
}

export interface Running extends Process {
  readonly pid: number;
  /** What the system calls it, at most 15 bytes of that; and the last part of what it was started as. */
  readonly names: readonly string[];
}

/**
 * Absent where there is none, or one that has ended and only waits to be noticed. The id of a thread is none: it has a
 * place in /proc too, but what is sent to it is sent to the whole process.
 */
export function find(pid: number): Process | undefined {
  try {
    if (!readFileSync(`/proc/${pid}/status`, 'latin1').includes(`\nTgid:\t${pid}\n`)) return undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name, which may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = 'X', parent] = fields;
    const start = fields[22 - 3];
    return 'ZX'.includes(state) || start === undefined ? undefined : { start, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** What a process's start is told by. */
export interface Starts {
  /** As it is reckoned by what the wall clock says now. */
  readonly boot: Instant;
  readonly us: { readonly start: Process['start']; readonly at: Instant };
}

/** The system counts in hundredths of a second, whatever its kernel does (USER_HZ). */
const tick: Duration = 10;

/**
 * By the wall clock, and a second too early at most. Where that was set since, the system tells of the boot as of one at
 * another time: the start is reckoned from ours as well, which was told when we started, and the earlier of the two
 * taken. Only where it was set forward before we started the start seems later than it was.
 */
export function startedAt({ start }: Process, { boot, us } = starts()): Instant {
  return Math.min(boot + Number(start) * tick, us.at + (Number(start) - Number(us.start)) * tick);
}

/** Where the system does not say, everything started at the beginning of time: nobody is suspected by that. */
function starts(): Starts {
  try {
    const [, boot = '0'] = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1')) ?? [];
    return { boot: Number(boot) * 1000, us: { start: find(process.pid)?.start ?? '0', at: ownStart } };
  } catch {
    return { boot: 0, us: { start: '0', at: 0 } };
  }
}

export function running(pid: number): Running | undefined {
  const found = find(pid);
  if (!found) return undefined;
  try {
    const comm = readFileSync(`/proc/${pid}/comm`, 'utf8').replace(/\n$/, '');
    const [command = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    // The system's own have no command; nobody means them.
    if (command === '') return undefined;
    return { ...found, pid, names: [comm, command.slice(command.lastIndexOf('/') + 1)] };
  } catch {
    return undefined;
  }
}

/** In the order of their ids. */
export const everyProcess = (): readonly Running[] =>
  readdirSync('/proc')
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((pid) => running(pid) ?? []);
