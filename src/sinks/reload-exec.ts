/** A reload step: a command of the user's, without a shell. */
import { type ChildProcess, spawn } from 'node:child_process';
import { sleep, timer } from '../clock.ts';
import { LeaseError } from '../core/failure.ts';
import type { Duration } from '../core/time.ts';
import type { SinkDeps } from './define.ts';
import type { ReloadStep } from './reload.ts';

export interface Command {
  readonly exec: readonly string[];
  readonly timeout: Duration;
  /** Names of variables that it gets besides those which every program needs. */
  readonly env: readonly string[];
}

const always = ['PATH', 'HOME', 'LANG', 'TZ'];

/**
 * Its exit code is the answer. What it prints may quote a value, so nobody sees it: only how many lines it was. It
 * gets no input and no value, and is killed with everything it started when it takes too long or the signal aborts.
 */
export function exec(
  { exec: [command = '', ...args], timeout, env }: Command,
  deps: Pick<SinkDeps, 'env'>,
): ReloadStep {
  const environment = Object.fromEntries([...always, ...env].map((name) => [name, deps.env[name]]));
  return {
    async run(signal) {
      if (signal.aborted) throw failed(command, 'was not started: we are stopping');
      const child = start(command, args, environment);
      const lines = countLines(child);
      let killed: string | undefined;
      const kill = (why: string) => {
        killed ??= why;
        killGroup(child);
      };
      const cancel = timer(timeout, () => kill(`took longer than ${timeout / 1000} s and was killed`));
      const abort = () => kill('was killed: we are stopping');
      signal.addEventListener('abort', abort, { once: true });
      try {
        const end = await ended(child);
        if (killed !== undefined) throw failed(command, killed);
        if (end !== 'exit code 0') throw failed(command, `${end} (${lines()} lines of output, which are not kept)`);
      } finally {
        cancel();
        signal.removeEventListener('abort', abort);
        child.stdout?.destroy();
        child.stderr?.destroy();
      }
    },
  };
}

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  try {
    return spawn(command, args, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    // The rare ways of not starting; the others are told as an event.
    throw failed(command, `cannot be started: ${(error as NodeJS.ErrnoException).code}`);
  }
}

const failed = (command: string, how: string): LeaseError => new LeaseError('unavailable', `${command}: ${how}`);

/** Its own process group, which `detached` made it the leader of. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // There is nobody left in it.
  }
}

function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(`cannot be started: ${error.code}`));
    child.once('exit', (code, signal) => {
      const end = signal ? `ended by ${signal}` : `exit code ${code}`;
      // What it printed last may still be on its way; but something it left behind may hold the pipe for ever.
      const drained = new Promise((done) => child.once('close', done));
      void Promise.race([drained, sleep(100)]).then(() => resolve(end));
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
