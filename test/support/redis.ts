/** Starts a real redis-server of one test's own, which dies with the process that started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './ports.ts';

export interface RedisOptions {
  /** Where it keeps its socket and files. Default: a new directory, removed by `stop`. One that is given is kept. */
  readonly dir?: string;
  /** More of redis-server's own arguments, such as `['--appendonly', 'yes']`. They win over ours. */
  readonly args?: readonly string[];
  /** Listen on a free TCP port of the loopback too (`true`), or on this one. */
  readonly tcp?: boolean | number;
}

export interface RedisServer {
  /** Path of its unix socket; ioredis takes it as `path` or as the address itself. */
  readonly socket: string;
  /** Its TCP port on 127.0.0.1, where one was asked for. */
  readonly port?: number;
  readonly pid: number;
  readonly dir: string;
  /** Ends it in an orderly way and removes the directory if it was ours. Twice is harmless; after `kill` it tidies up. */
  stop(): Promise<void>;
  /** SIGKILL. Resolves when it is gone; the files stay until `stop`, so that another can be started on them. */
  kill(): Promise<void>;
}

const patience = 10_000;

/** Resolves once the server answers. Rejects, with what the server printed, if it ends or stays silent for 10 s. */
export async function aRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'lk-redis-')));
  const socket = join(dir, 'redis.sock');
  const port = options.tcp === true ? await freePort() : options.tcp || undefined;
  const settings = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port ?? 0),
    '--unixsocket',
    socket,
    '--unixsocketperm',
    '700',
  ];
  const files = ['--dir', dir, '--save', '', '--appendonly', 'no', '--hz', '100', '--daemonize', 'no'];
  const server = launch([...settings, ...files, ...(options.args ?? [])]);
  const { child } = server;
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await server.gone;
  };
  const stop = async () => {
    await end('SIGTERM');
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  try {
    await answers(socket, server);
  } catch (error) {
    await end('SIGKILL');
    await stop();
    throw error;
  }
  const pid = child.pid;
  if (pid === undefined) throw new Error('redis-server answers but has no pid');
  return { socket, ...(port === undefined ? {} : { port }), pid, dir, stop, kill: () => end('SIGKILL') };
}

interface Launched {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  readonly output: () => string;
}

/** `setpriv` gives it the parent-death signal and then becomes it, so the pid is redis-server's own. */
function launch(args: readonly string[]): Launched {
  const guard = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const [command = 'redis-server', ...rest] = [...guard, 'redis-server', ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      output += error.message;
      resolve();
    });
  });
  return { child, gone, output: () => output };
}

async function answers(socket: string, server: Launched): Promise<void> {
  const ended = server.gone.then(() => {
    throw new Error(`redis-server ended before it answered: ${server.output()}`);
  });
  // Raced below; once the race is won its later rejection is of no interest.
  ended.catch(() => undefined);
  const deadline = performance.now() + patience;
  while (!(await Promise.race([ping(socket), ended]))) {
    if (performance.now() > deadline) throw new Error(`redis-server did not answer in 10 s: ${server.output()}`);
    await Promise.race([pause(10), ended]);
  }
}

/** One PING. A server that wants a password is ready too; one that is still loading its files says so. */
function ping(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.once('connect', () => connection.write('PING\r\n'));
    connection.once('error', () => resolve(false));
    connection.once('close', () => resolve(false));
    connection.once('data', (answer) => {
      resolve(/^(\+PONG|-NOAUTH)/.test(answer.toString()));
      connection.destroy();
    });
  });
}
