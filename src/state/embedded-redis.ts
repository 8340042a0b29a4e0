/** A private redis-server on a unix socket in the data directory: it ends with us, and is started again when it dies. */
import { join } from 'node:path';
import { aborted } from '../aborted.ts';
import { sleep } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import { startOnFile } from './append-only-file.ts';
import { forgetOrphan, remember } from './orphan.ts';
import { redisCommand } from './redis-binary.ts';
import { answering, launch, NotStarted, type Server } from './redis-process.ts';
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
  /** It ended unasked, and is started again after so long. `words`: what it said, where it could not be started. */
  readonly onDeath?: (how: string, pause: Duration, words?: string) => void;
  /** Its file was damaged: what was done, and what follows. */
  readonly onDamage?: (words: string) => void;
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

/** In a row: one may be refused in the moment in which it ends. */
const mostRefusals = 2;

/** Resolves when it answers. Throws, with the remedy, where it cannot be started at all. */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { dataDir, onDeath, onDamage } = options;
  const times = { ...defaultTimes, ...options.times };
  const directory = await socketDirectory(dataDir, options.runtimeDir);
  const socket = join(directory, 'redis.sock');
  const command = await redisCommand(dataDir, options.searchPath, options.binary);
  await forgetOrphan(dataDir, socket);
  const stopping = new AbortController();
  const begin = async (): Promise<Server> => {
    // Who removed its socket may have removed what it was in.
    await socketDirectory(dataDir, options.runtimeDir);
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
  const beginOnFile = () => startOnFile({ dataDir, checker: command.checker, onDamage }, begin);
  let server = await beginOnFile().catch((error: unknown) => {
    throw error instanceof NotStarted ? new Error(error.report) : error;
  });
  const supervision = (async () => {
    let pause = times.shortestPause;
    let how = await watch(server, socket, times, stopping.signal);
    let words: string | undefined;
    while (!stopping.signal.aborted) {
      onDeath?.(how, pause, words);
      await sleep(pause, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) break;
      try {
        server = await beginOnFile();
        pause = times.shortestPause;
        words = undefined;
        how = await watch(server, socket, times, stopping.signal);
      } catch (error) {
        pause = Math.min(2 * pause, times.longestPause);
        how = (error as Error).message;
        words = error instanceof NotStarted ? error.words.join(' | ') : undefined;
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

/**
 * Resolves with how it ended. One that does not answer is killed: whoever waits for it is better off with another. One
 * that nobody can call, since its socket was removed, is ended: only another makes a new one.
 */
async function watch(
  server: Server,
  socket: string,
  times: { readonly askEvery: Duration; readonly silence: Duration; readonly stop: Duration },
  signal: AbortSignal,
): Promise<string> {
  let because: string | undefined;
  void (async () => {
    let refusals = 0;
    while (!server.isGone && !signal.aborted) {
      await sleep(times.askEvery, signal).catch(() => undefined);
      if (server.isGone || signal.aborted) return;
      const answer = await say(socket, 'PING', times.silence);
      if (server.isGone || signal.aborted) return;
      refusals = answer === 'refused' ? refusals + 1 : 0;
      if (answer === 'silent') {
        because = 'it did not answer, and was killed';
        server.kill();
      } else if (refusals === mostRefusals) {
        because = `its socket ${socket} was removed, and it was ended`;
        await server.end(times.stop);
      }
    }
  })();
  const how = await Promise.race([server.gone, aborted(signal).then(() => 'stopped')]);
  return because ?? how;
}
