/** Runs one command of the user's, without a shell. What it prints may quote a value, so nobody ever sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { sleep, timer } from '../clock.ts';
import type { Duration } from '../core/time.ts';

export interface Command {
  readonly exec: readonly string[];
  readonly timeout: Duration;
  /** All of its environment; see `environmentOf`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it reads on its standard input. Absent: nothing. */
  readonly input?: string;
}

/** How a command ended. `words` begin with the command and hold nothing that it printed. */
export type Ending =
  | { readonly how: 'exited'; readonly code: number; readonly words: string }
  /** By a signal of somebody else's, by our time limit, because time is short or we are stopping; or it never began. */
  | { readonly how: 'killed' | 'unstarted'; readonly words: string };

/** What every program needs, and besides it what the user named. */
export const environmentOf = (
  env: Readonly<Record<string, string | undefined>>,
  named: readonly string[],
): Record<string, string | undefined> => Object.fromEntries([...always, ...named].map((name) => [name, env[name]]));

const always = ['PATH', 'HOME', 'LANG', 'TZ'];

/** It is killed with everything it started when it takes too long or the signal aborts. Never throws. */
export async function runCommand(
  { exec: [command = '', ...args], timeout, env, input }: Command,
  signal: AbortSignal,
): Promise<Ending> {
  if (signal.aborted) return { how: 'unstarted', words: `${command}: was not started: ${whyAborted(signal)}` };
  let child: ChildProcess;
  try {
    const stdin = input === undefined ? 'ignore' : 'pipe';
    child = spawn(command, args, { detached: true, env: { ...env }, stdio: [stdin, 'pipe', 'pipe'] });
  } catch (error) {
    // The rare ways of not starting; the others are told as an event.
    return { how: 'unstarted', words: `${command}: cannot be started: ${(error as NodeJS.ErrnoException).code}` };
  }
  const lines = countLines(child);
  let killed: string | undefined;
  const kill = (why: string) => {
    killed ??= why;
    killGroup(child);
  };
  const cancel = timer(timeout, () => kill(`took longer than ${timeout / 1000} s and was killed`));
  const abort = () => kill(`was killed: ${whyAborted(signal)}`);
  signal.addEventListener('abort', abort, { once: true });
  try {
    // Whether it reads what it is given is its own affair: its exit code is the answer.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    const ending = await ended(child);
    if (killed !== undefined) return { how: 'killed', words: `${command}: ${killed}` };
    if (ending.how === 'unstarted') return { how: 'unstarted', words: `${command}: ${ending.words}` };
    return { ...ending, words: `${command}: ${ending.words} (${lines()} lines of output, which are not kept)` };
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
    child.stdin?.destroy();
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** When what is in use is about to end, less time is given than the user said. */
const whyAborted = ({ reason }: AbortSignal): string =>
  reason instanceof Error && reason.name === 'TimeoutError' ? 'there was no more time for it' : 'we are stopping';

/** Its own process group, which `detached` made it the leader of. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // There is nobody left in it.
  }
}

function ended(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ how: 'unstarted', words: `cannot be started: ${error.code}` }),
    );
    child.once('exit', (code, signal) => {
      const ending: Ending =
        code === null
          ? { how: 'killed', words: `ended by ${signal}` }
          : { how: 'exited', code, words: `exit code ${code}` };
      // What it printed last may still be on its way; but something it left behind may hold the pipe for ever.
      const drained = new Promise((done) => child.once('close', done));
      void Promise.race([drained, sleep(100)]).then(() => resolve(ending));
    });
  });
}

/** Reads and forgets, however much it is: the command never waits for us, and only its time is limited. */
function countLines(child: ChildProcess): () => number {
  let lines = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('error', () => undefined);
    stream?.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) lines += 1;
    });
  }
  return () => lines;
}
