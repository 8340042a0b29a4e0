/** Runs the program as a process of its own, and lets a test wait for what it logs instead of sleeping. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type LogLine = Readonly<Record<string, unknown>>;

export interface Daemon {
  readonly pid: number;
  /** Every line that it printed so far, on both outputs. */
  readonly lines: readonly string[];
  /** Every log line so far. */
  readonly log: readonly LogLine[];
  /** The first line of the log that fits, from `after` lines on: those already there count. Rejects if the process ends before, or after a minute. */
  logged(fits: (line: LogLine) => boolean, after?: number): Promise<LogLine>;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals>;
  signal(name: NodeJS.Signals): void;
  /** TERM, and wait. */
  stop(): Promise<number | NodeJS.Signals>;
  /** SIGKILL, and wait. */
  kill(): Promise<void>;
}

export interface DaemonOptions {
  /** Where the configuration is written. */
  readonly dir: string;
  /** The YAML text. */
  readonly config: string;
  readonly command?: 'run' | 'once' | 'history';
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const bundle = join(import.meta.dirname, '..', '..', 'dist', 'leasekeeper.js');

export async function aDaemon({ dir, config, command = 'run', args = [], env = {} }: DaemonOptions): Promise<Daemon> {
  const file = join(dir, 'leasekeeper.yaml');
  await writeFile(file, config);
  const child = spawn(process.execPath, [bundle, command, '-c', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return watch(child);
}

async function watch(child: ChildProcess): Promise<Daemon> {
  const lines: string[] = [];
  const log: LogLine[] = [];
  const news = new EventEmitter();
  news.setMaxListeners(0);
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(text);
      const line = parse(text);
      if (!line) return;
      log.push(line);
      news.emit('line', line);
    });
  }
  const exited = once(child, 'exit').then(([code, signal]) => {
    news.emit('end');
    return (code ?? signal) as number | NodeJS.Signals;
  });
  if (child.pid === undefined) await once(child, 'spawn');
  const kill = async (name: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name);
    return exited;
  };
  return {
    pid: child.pid ?? 0,
    lines,
    log,
    exited,
    logged: (fits, after = 0) => logged(news, log, lines, fits, after),
    signal: (name) => void child.kill(name),
    stop: () => kill('SIGTERM'),
    kill: async () => void (await kill('SIGKILL')),
  };
}

function logged(
  news: EventEmitter,
  log: readonly LogLine[],
  lines: readonly string[],
  fits: (line: LogLine) => boolean,
  after: number,
): Promise<LogLine> {
  const present = log.slice(after).find(fits);
  if (present) return Promise.resolve(present);
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      news.off('line', onLine);
      news.off('end', onEnd);
      clearTimeout(limit);
      act();
    };
    const onLine = (line: LogLine) => fits(line) && settle(() => resolve(line));
    const complain = (what: string) =>
      settle(() => reject(new Error(`${what}; it printed:\n${lines.slice(-60).join('\n')}`)));
    const onEnd = () => complain('the daemon ended before it logged what was awaited');
    const limit = setTimeout(() => complain('the daemon did not log within a minute what was awaited'), 60_000);
    news.on('line', onLine);
    news.on('end', onEnd);
  });
}

function parse(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as LogLine) : undefined;
  } catch {
    return undefined;
  }
}

/** The present text of a file, or `undefined`. */
export function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** What the process shows of itself to everybody on the machine. */
export const commandLineOf = (pid: number): string => textOf(`/proc/${pid}/cmdline`) ?? '';

/** The pids of the children of a process. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const entries = await readdir('/proc');
  return entries
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((candidate) => Number(/\) \S (\d+)/.exec(textOf(`/proc/${candidate}/stat`) ?? '')?.[1]) === pid);
}
