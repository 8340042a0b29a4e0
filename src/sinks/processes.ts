/** The processes that we can see, as the system tells of them. */
import { readdirSync, readFileSync } from 'node:fs';

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

/** Absent where there is none, or one that has ended and only waits to be noticed. */
export function find(pid: number): Process | undefined {
  try {
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

export function running(pid: number): Running | undefined {
  const process = find(pid);
  if (!process) return undefined;
  try {
    const comm = readFileSync(`/proc/${pid}/comm`, 'utf8').replace(/\n$/, '');
    const [command = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    // The system's own have no command; nobody means them.
    if (command === '') return undefined;
    return { ...process, pid, names: [comm, command.slice(command.lastIndexOf('/') + 1)] };
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
