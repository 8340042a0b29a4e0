/** A private redis-server on a unix socket in the data directory: it ends with us, and is started again when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { aborted } from '../aborted.ts';
import { sleep } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import { forgetOrphan, remember } from './orphan.ts';
import { type Command, redisCommand } from './redis-binary.ts';
import { say } from './redis-talk.ts';
import { socketDirectory } from './socket-place.ts';

export interface EmbeddedRedisOptions {
  /** Absolute. Whoever starts a Redis in it holds its lock: see `acquireLock`. */
  readonly dataDir: string;
  /** Our PATH: where to look for redis-server. */
  readonly searchPath: string;
  /** Our XDG_RUNTIME_DIR: where the socket goes when the path of dataDir is too long. */
  readonly runtimeDir?: string | undefined;
  readonly binary?: string | undefined;
  /** A line that Redis printed. */
  readonly onLog?: (line: string) => void;
  /** It ended unasked, and is started again after so long. */
  readonly onDeath?: (how: string, pause: Duration) => void;
  readonly times?: Partial<typeof defaultTimes>;
}

export interface EmbeddedRedis {
  readonly socket: string;
  /** Of the one that runs now; changes when it is started again. */
  readonly pid: number | undefined;
  /** It ends in order, also one that is being started; where it does not within 8 s, by force. */
  stop(): Promise<void>;
}

const defaultTimes = {
  /** How long it may take to load its file and answer. */
  start: seconds(60) as Duration,
  /** How often it is asked whether it lives, and how long it may leave that unanswered. */
  askEvery: seconds(2) as Duration,
  silence: seconds(10) as Duration,
  stop: seconds(8) as Duration,
  /** Between two starts, growing. */
  shortestPause: 100 as Duration,
  longestPause: seconds(5) as Duration,
};

/** Resolves when it answers. Throws, with the remedy, where it cannot be started at all. */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { dataDir, onDeath } = options;
  const times = { ...defaultTimes, ...options.times };
  const directory = await socketDirectory(dataDir, options.runtimeDir);
  const socket = join(directory, 'redis.sock');
  const command = await redisCommand(dataDir, options.searchPath, options.binary);
  await forgetOrphan(dataDir, socket);
  const stopping = new AbortController();
  const begin = async () => {
    const server = launch(command, { dataDir, socket, onLog: options.onLog });
    try {
      await answering(server, socket, times.start, stopping.signal);
      await remember(dataDir, server.pid);
      return server;
    } catch (error) {
      // Nobody would know of it, and the next would work on the same files.
      server.kill();
      await server.gone;
      throw error;
    }
  };
  let server = await begin();
  const supervision = (async () => {
    let pause = times.shortestPause;
    let how = await watch(server, socket, times, stopping.signal);
    while (!stopping.signal.aborted) {
      onDeath?.(how, pause);
      await sleep(pause, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) break;
      try {
        server = await begin();
        pause = times.shortestPause;
        how = await watch(server, socket, times, stopping.signal);
      } catch (error) {
        pause = Math.min(2 * pause, times.longestPause);
        how = (error as Error).message;
      }
    }
  })();
  return {
    socket,
    get pid() {
      return server.isGone ? undefined : server.pid;
    },
    stop: async () => {
      stopping.abort();
      // One that is being started at this moment is to end as well, lest it outlive us.
      await supervision;
      await server.end(times.stop);
    },
  };
}

interface Server {
  readonly pid: number;
  isGone: boolean;
  /** Resolves with how it ended. */
  readonly gone: Promise<string>;
  readonly lastWords: () => string;
  kill(): void;
  end(patience: Duration): Promise<void>;
}

function launch(
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
  const words: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      words.push(line);
      words.splice(0, words.length - 5);
      place.onLog?.(line);
    });
  }
  const config = (lifeline ? child.stdio[3] : child.stdin) as NodeJS.WritableStream;
  for (const stream of [child.stdin, config]) stream?.on('error', () => undefined);
  config.end(configuration(place.dataDir, place.socket));
  const gone = new Promise<string>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(`it could not be run: ${error.code}`));
    child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`));
  });
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
    lastWords: () => words.slice(-3).join(' | '),
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

/** Or is to be ended: nobody waits for its answer any more. */
async function answering(server: Server, socket: string, patience: Duration, signal: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(patience);
  while (!server.isGone) {
    if (signal.aborted) return;
    const answer = await say(socket, 'PING', seconds(1));
    if (typeof answer === 'object' && answer.text.startsWith('+PONG')) return;
    if (late.aborted) {
      server.kill();
      throw new Error(`redis-server did not get ready: ${server.lastWords()}`);
    }
    await sleep(20, signal).catch(() => undefined);
  }
  throw new Error(`redis-server ended as soon as it was started (${await server.gone}): ${server.lastWords()}`);
}

/** Resolves with how it ended. One that does not answer is killed: whoever waits for it is better off with another. */
async function watch(
  server: Server,
  socket: string,
  times: { readonly askEvery: Duration; readonly silence: Duration },
  signal: AbortSignal,
): Promise<string> {
  let isSilent = false;
  void (async () => {
    while (!server.isGone && !signal.aborted) {
      await sleep(times.askEvery, signal).catch(() => undefined);
      if (server.isGone || signal.aborted) return;
      if ((await say(socket, 'PING', times.silence)) !== 'silent' || server.isGone || signal.aborted) continue;
      isSilent = true;
      server.kill();
    }
  })();
  const how = await Promise.race([server.gone, aborted(signal).then(() => 'stopped')]);
  return isSilent ? 'it did not answer, and was killed' : how;
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
