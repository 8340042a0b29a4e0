/** One redis-server as a child of ours: how it is run, what it says, and how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { sleep } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import type { Command } from './redis-binary.ts';
import { say } from './redis-talk.ts';

/** It ended before it was ready. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
  /** The last lines that it printed, without its pid and the time. */
  readonly words: readonly string[];

  constructor(what: string, words: readonly string[]) {
    super(what);
    this.words = words;
  }

  /** With what it said at last. */
  get report(): string {
    return `${this.message}: ${this.words.slice(-3).join(' | ')}`;
  }
}

/** What begins each line of Redis': who says it, when, and how loudly. */
const stamp = /^\d+:[A-Z] .{0,30}? [.*#-] /;
/** When its file is damaged it says a dozen lines about it. */
const mostWords = 30;
/** For its last lines, after its end. */
const readPatience: Duration = seconds(1);

export interface Server {
  readonly pid: number;
  isGone: boolean;
  /** Resolves with how it ended. */
  readonly gone: Promise<string>;
  /** Resolves with the last lines that it printed, when it is gone and all of them are read. */
  readonly lastWords: () => Promise<readonly string[]>;
  kill(): void;
  end(patience: Duration): Promise<void>;
}

/** Run it on its files. It may take long to be ready: see `answering`. */
export function launch(
  command: Command,
  place: { dataDir: string; socket: string; onLog?: ((line: string) => void) | undefined },
): Server {
  const lifeline = command.needsLifeline;
  const child: ChildProcess = spawn(command.program, command.args, {
    cwd: place.dataDir,
    env: { PATH: '/usr/bin:/bin', LANG: 'C' },
    stdio: lifeline ? ['pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C in a terminal is for us, and Redis has to be there until we are done.
    detached: true,
  });
  const gone = new Promise<string>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(`it could not be run: ${error.code}`));
    child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`));
  });
  const words: string[] = [];
  const read = new Promise<void>((resolve) => child.once('close', () => resolve()));
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      words.push(line.replace(stamp, ''));
      words.splice(0, words.length - mostWords);
      place.onLog?.(line);
    });
  }
  // Where there are no more file descriptors there are no streams either, whatever the types say.
  const config = (lifeline ? child.stdio?.[3] : child.stdin) as NodeJS.WritableStream | undefined;
  for (const stream of [child.stdin, config]) stream?.on('error', () => undefined);
  config?.end(configuration(place.dataDir, place.socket));
  const kill = (signal: NodeJS.Signals) => {
    if (child.pid === undefined || server.isGone) return;
    try {
      // The group: a watching shell and its Redis go together.
      process.kill(-child.pid, signal);
    } catch {
      // Gone in this moment.
    }
  };
  const server: Server = {
    pid: child.pid ?? 0,
    isGone: child.pid === undefined,
    gone,
    lastWords: async () => {
      await gone;
      await Promise.race([read, sleep(readPatience)]);
      return words;
    },
    kill: () => kill('SIGKILL'),
    end: async (patience) => {
      if (lifeline) child.stdin?.end();
      else kill('SIGTERM');
      const isOver = new AbortController();
      const late = sleep(patience, isOver.signal).then(
        () => kill('SIGKILL'),
        () => undefined,
      );
      await gone;
      isOver.abort();
      await late;
    },
  };
  void gone.then(() => {
    // The shell alone may have been killed: its Redis would work on, on the files of the next.
    if (lifeline) kill('SIGKILL');
    server.isGone = true;
  });
  return server;
}

/** Or is to be ended: nobody waits for its answer any more. Throws `NotStarted`; it is gone then. */
export async function answering(
  server: Server,
  socket: string,
  patience: Duration,
  signal: AbortSignal,
): Promise<void> {
  const late = AbortSignal.timeout(patience);
  while (!server.isGone) {
    if (signal.aborted) return;
    const answer = await say(socket, 'PING', seconds(1));
    if (typeof answer === 'object' && answer.text.startsWith('+PONG')) return;
    if (late.aborted) {
      server.kill();
      throw new NotStarted('redis-server did not get ready', await server.lastWords());
    }
    await sleep(20, signal).catch(() => undefined);
  }
  const how = `redis-server ended as soon as it was started (${await server.gone})`;
  throw new NotStarted(how, await server.lastWords());
}

function configuration(dataDir: string, socket: string): string {
  const lines = [
    'port 0',
    `unixsocket ${JSON.stringify(socket)}`,
    'unixsocketperm 700',
    `dir ${JSON.stringify(dataDir)}`,
    'daemonize no',
    'supervised no',
    'logfile ""',
    'databases 1',
    // Delayed jobs are woken on the server's tick.
    'hz 100',
    'save ""',
    'appendonly yes',
    'appendfsync everysec',
    'aof-load-truncated yes',
    'aof-use-rdb-preamble yes',
    'auto-aof-rewrite-percentage 100',
    'auto-aof-rewrite-min-size 16mb',
    'maxmemory 256mb',
    'maxmemory-policy noeviction',
  ];
  return `${lines.join('\n')}\n`;
}
