/** Runs one command of the user's, without a shell. What it prints may quote a value, so nobody ever sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { sleep, timer } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';

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
  /**
   * By a signal of somebody else's, by our time limit, because time is short or we are stopping; or it never began. What
   * could not be killed may still run.
   */
  | { readonly how: 'killed' | 'unstarted'; readonly words: string };

/** What every program needs, and besides it what the user named. */
export const environmentOf = (
  env: Readonly<Record<string, string | undefined>>,
  named: readonly string[],
): Record<string, string | undefined> => Object.fromEntries([...always, ...named].map((name) => [name, env[name]]));

const always = ['PATH', 'HOME', 'LANG', 'TZ'];

/** A process that was killed ends at once, unless it hangs in the system, such as on a disk that is away. */
const patience = seconds(1);

/**
 * It is killed with everything in its process group when it takes too long or the signal aborts. Where it does not end
 * by that, it is left to itself. Never throws.
 */
export async function runCommand(
  { exec: [command = '', ...args], timeout, env, input }: Command,
  signal: AbortSignal,
  send: typeof process.kill = process.kill,
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
  const own = ended(child);
  const { cut, letGo } = cutShort(timeout, signal);
  try {
    // Whether it reads what it is given is its own affair: its exit code is the answer.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    const ending = await Promise.race([own, cut]);
    if (typeof ending === 'function') {
      return { how: 'killed', words: `${command}: ${ending(await kill(child, own, send))}` };
    }
    if (ending.how === 'unstarted') return { how: 'unstarted', words: `${command}: ${ending.words}` };
    return { ...ending, words: `${command}: ${ending.words} (${lines()} lines of output, which are not kept)` };
  } finally {
    letGo();
    child.stdin?.destroy();
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** `cut` comes when its time is over, with the words for why, once it is known what came of the kill. */
function cutShort(timeout: Duration, signal: AbortSignal) {
  let letGo: () => void = () => undefined;
  const cut = new Promise<(fate: string) => string>((resolve) => {
    const abort = () => resolve((fate) => `${fate}: ${whyAborted(signal)}`);
    const cancel = timer(timeout, () => resolve((fate) => `took longer than ${timeout / 1000} s and ${fate}`));
    signal.addEventListener('abort', abort, { once: true });
    letGo = () => {
      cancel();
      signal.removeEventListener('abort', abort);
    };
  });
  return { cut, letGo };
}

/** When what is in use is about to end, less time is given than the user said. */
const whyAborted = ({ reason }: AbortSignal): string =>
  reason instanceof Error && reason.name === 'TimeoutError' ? 'there was no more time for it' : 'we are stopping';

/** Answers with what came of it. Whoever has become another user, as by sudo, is not ours to kill. */
async function kill(child: ChildProcess, own: Promise<Ending>, send: typeof process.kill): Promise<string> {
  const refusal = killGroup(child, send);
  const late = new Promise<undefined>((resolve) => timer(patience, () => resolve(undefined)));
  if (await Promise.race([own, late])) return 'was killed';
  // Nor does it hold us up when we want to end.
  child.unref();
  return refusal === undefined
    ? 'was killed, which has not ended it yet'
    : `could not be killed (${refusal}) and runs on`;
}

/** Its own process group, which `detached` made it the leader of. Answers with the code of what kept us from it. */
function killGroup(child: ChildProcess, send: typeof process.kill): string | undefined {
  if (child.pid === undefined) return undefined;
  try {
    send(-child.pid, 'SIGKILL');
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // There is nobody left in it.
    return code === 'ESRCH' ? undefined : code;
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
