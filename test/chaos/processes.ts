/** Processes that never outlive the run: each dies with its starter, and what one of them left behind is found by our directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { bundled } from '../support/program.ts';

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves with the exit code or the signal's name. */
  readonly gone: Promise<number | NodeJS.Signals>;
  readonly isGone: () => boolean;
  /** Nothing where it is gone. */
  signal(name: NodeJS.Signals): void;
}

export interface Start {
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
}

/** `setpriv` gives it the parent-death signal and then becomes it, so the pid is the program's own. */
export function start(command: readonly string[], { env = {}, onLine }: Start): Running {
  const guard = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const [program = '', ...args] = [...guard, ...command];
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
  // Whoever is killed while it is written to is no fault of ours.
  child.stdin.on('error', () => undefined);
  let isGone = false;
  const gone = new Promise<number | NodeJS.Signals>((resolve) => {
    const end = (how: number | NodeJS.Signals) => {
      isGone = true;
      resolve(how);
    };
    child.once('exit', (code, signal) => end(code ?? signal ?? 1));
    child.once('error', () => end(127));
  });
  return {
    pid: child.pid ?? 0,
    child,
    gone,
    isGone: () => isGone,
    signal: (name) => {
      if (!isGone) child.kill(name);
    },
  };
}

/** A program of ours, in TypeScript. */
export const script = (file: string, ...args: readonly string[]): readonly string[] => [
  process.execPath,
  bundled(file),
  ...args,
];

/** The moment of its start as the kernel counts it: a pid alone may be somebody else's by now. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Send it to a process that is no child of ours, if it is still the one that was seen. */
export function signalStranger(pid: number, startedAt: string | undefined, name: NodeJS.Signals): boolean {
  if (startedAt === undefined || startOf(pid) !== startedAt) return false;
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Processes besides ourselves whose command line names this directory. */
export function thoseAt(dir: string): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map((entry) => ({ pid: Number(entry), command: commandOf(entry) }))
    .filter(({ command }) => command.includes(dir));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
