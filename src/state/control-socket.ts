/**
 * The daemon's ear in the data directory, and its lock: whoever listens there is alive, and nobody else starts.
 *
 * Each daemon listens on `control.N.sock`, one above the highest there is. It opens its ear under a draft's name and
 * links it to that name, so that the name is never there without somebody who listens, and of many only one gets it.
 * The highest is never removed, also by its own daemon: a number is taken once. Lower ones are the dead's.
 */
import { randomBytes } from 'node:crypto';
import { chmod, link, readdir, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import type { Duration } from '../core/time.ts';
import { call, listen } from './control-line.ts';
import { socketDirectory } from './socket-place.ts';

export type ControlRequest = z.output<typeof request>;

const request = z.discriminatedUnion('op', [
  /** Are you there? Answered by the lock itself. */
  z.strictObject({ op: z.literal('ping') }),
  /** Deliver everything once, and answer when that is done. */
  z.strictObject({ op: z.literal('once'), timeout: z.number().positive().optional() }),
  /** What is there to say of all secrets, or of one? */
  z.strictObject({ op: z.literal('status'), secret: z.string().optional() }),
]);

export interface LockOptions {
  readonly pid: number;
  /** Answers with what JSON can hold, and no value. What it throws is answered as a failure, in its words. */
  readonly onRequest: (request: ControlRequest) => Promise<unknown>;
  readonly runtimeDir?: string | undefined;
}

export type Lock =
  | { readonly isHeld: true; release(): Promise<void> }
  /** By which process; 0 where it does not say. */
  | { readonly isHeld: false; readonly heldBy: number };

/** How long a living daemon may take to say who it is. */
const patience: Duration = 2_000;

/** Throws where the data directory cannot be used. Atomic: of any number of processes that ask at once one gets it. */
export async function acquireLock(dataDir: string, options: LockOptions): Promise<Lock> {
  const directory = await socketDirectory(dataDir, options.runtimeDir);
  for (;;) {
    const highest = await highestIn(directory);
    const holder = highest === 0 ? undefined : await holderOf(join(directory, nameOf(highest)));
    if (holder !== undefined) return { isHeld: false, heldBy: holder };
    const release = await take(directory, highest + 1, options);
    if (release) return { isHeld: true, release };
  }
}

/**
 * Ask the daemon of this data directory. `undefined`: none is running. Rejects where it fails, in its words, or does not
 * answer in time.
 */
export async function ask(
  dataDir: string,
  what: ControlRequest,
  timeout: Duration,
  runtimeDir?: string,
): Promise<unknown> {
  const directory = await socketDirectory(dataDir, runtimeDir);
  const highest = await highestIn(directory);
  if (highest === 0) return undefined;
  const answer = await call(join(directory, nameOf(highest)), what, timeout);
  if (answer === 'refused') return undefined;
  if (answer === 'silent') throw new Error('the running daemon did not answer in time');
  if ('failure' in answer) throw new Error(answer.failure);
  return answer.result ?? null;
}

const nameOf = (number: number): string => `control.${number}.sock`;

async function numbersIn(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory);
  return names.map((name) => Number(/^control\.(\d+)\.sock$/.exec(name)?.[1] ?? 0));
}

const highestIn = async (directory: string): Promise<number> => Math.max(0, ...(await numbersIn(directory)));

/** `undefined`: nobody listens. */
async function holderOf(socket: string): Promise<number | undefined> {
  const answer = await call(socket, { op: 'ping' }, patience);
  if (answer === 'refused') return undefined;
  // It listens, so it is alive: perhaps stopped, or very busy.
  if (answer === 'silent' || 'failure' in answer) return 0;
  return z.object({ pid: z.number() }).safeParse(answer.result).data?.pid ?? 0;
}

/** Answers with how to release it; `undefined` where somebody was faster. */
async function take(
  directory: string,
  number: number,
  options: LockOptions,
): Promise<(() => Promise<void>) | undefined> {
  const connections = new Set<Socket>();
  const server = createServer((connection) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    listen(connection, (line) => answer(line, options));
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const connection of connections) connection.destroy();
    });
  const draft = join(directory, `control.${number}.sock.${randomBytes(4).toString('hex')}`);
  await opened(server, draft);
  try {
    await chmod(draft, 0o600);
    await link(draft, join(directory, nameOf(number)));
  } catch (error) {
    await close();
    const { code = '' } = error as NodeJS.ErrnoException;
    // Taken; or our draft was cleared away by who took it.
    if (code === 'EEXIST' || code === 'ENOENT') return undefined;
    throw new Error(`the control socket in ${directory} cannot be made: ${code}`);
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  // While we were slow others may have come, died, and been cleared away: then this number was free again.
  if ((await highestIn(directory)) > number) {
    await unlink(join(directory, nameOf(number))).catch(() => undefined);
    await close();
    return undefined;
  }
  await clearAway(directory, number);
  return close;
}

/** The dead's, and the drafts of those who died or lost: all that is not above ours. */
async function clearAway(directory: string, own: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, number, draft] = /^control\.(\d+)\.sock(\.[0-9a-f]+)?$/.exec(name) ?? [];
    if (number === undefined || Number(number) > own || name === nameOf(own)) continue;
    if (Number(number) < own || draft !== undefined) await unlink(join(directory, name)).catch(() => undefined);
  }
}

function opened(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // It stays: later on a connection that cannot be accepted ends nothing, and who made it hears that we are silent.
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`the control socket ${path} cannot be opened: ${error.code}`)),
    );
    server.listen(path, () => resolve());
  });
}

async function answer(line: unknown, options: LockOptions): Promise<unknown> {
  const parsed = request.safeParse(line);
  if (!parsed.success) throw new Error('the daemon does not know this request: is it of another version?');
  return parsed.data.op === 'ping' ? { pid: options.pid } : options.onRequest(parsed.data);
}
