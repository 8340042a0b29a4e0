/** What the program stands on: its data directory and the lock on it, its key, its Redis and the store in it. */
import { mkdir } from 'node:fs/promises';
import type { Configuration, RedisConfiguration } from './config/configuration.ts';
import { readCredential } from './config/credential.ts';
import { type Duration, seconds } from './core/time.ts';
import { acquireLock, ask, type ControlRequest } from './state/control-socket.ts';
import { startEmbeddedRedis } from './state/embedded-redis.ts';
import { type Keys, loadKeys } from './state/keys.ts';
import { claim, instanceId, type Owner } from './state/owner.ts';
import { connect, type RedisAccess, type RedisPlace } from './state/redis.ts';
import { RedisStore } from './state/redis-store.ts';
import type { Store } from './state/store.ts';

export interface Foundations {
  readonly keys: Keys;
  readonly redis: RedisAccess;
  readonly store: Store;
  /** In the reverse order of its making; the lock last. */
  close(): Promise<void>;
}

export interface FoundationsOptions {
  readonly state: Configuration['state'];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onRequest: (request: ControlRequest) => Promise<unknown>;
  readonly onRedisHealth: (isUp: boolean) => void;
  readonly onRedisError: (error: Error) => void;
  readonly onRedisDeath: (how: string, pause: Duration) => void;
  readonly onWarning: (text: string) => void;
  /** Another daemon works under our prefix: we must end. */
  readonly onLost: (owner: Owner) => void;
  /** What Redis remembered of a secret could not be read. */
  readonly onUnreadable: (secret: string, because: string) => void;
  readonly signal: AbortSignal;
}

/** Another daemon works in this data directory. */
export class Occupied extends Error {
  override readonly name = 'Occupied';
  /** 0 where it does not say. */
  readonly pid: number;

  constructor(dataDir: string, pid: number) {
    super(`a daemon with the pid ${pid || 'unknown'} already works in ${dataDir}`);
    this.pid = pid;
  }
}

/** The daemon that works in this data directory, if one does. */
export async function occupant(dataDir: string, env: FoundationsOptions['env']): Promise<Occupied | undefined> {
  const answer = await ask(dataDir, { op: 'ping' }, seconds(2), env['XDG_RUNTIME_DIR']).catch(() => undefined);
  return answer === undefined ? undefined : new Occupied(dataDir, Number((answer as { pid?: unknown }).pid) || 0);
}

/** Throws `Occupied`, or an error whose words are for the operator; what was opened until then is closed. */
export async function layFoundations(options: FoundationsOptions): Promise<Foundations> {
  const { state, env, signal } = options;
  const runtimeDir = env['XDG_RUNTIME_DIR'];
  const opened: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const undo of opened.splice(0).reverse()) await undo();
  };
  try {
    await makeDataDir(state.dataDir);
    const lock = await acquireLock(state.dataDir, { pid: process.pid, onRequest: options.onRequest, runtimeDir });
    if (!lock.isHeld) throw new Occupied(state.dataDir, lock.heldBy);
    opened.push(() => lock.release());
    const keys = await loadKeys(state.dataDir);
    const place = await placeOf(options, (undo) => opened.push(undo));
    const redis = await connect({
      place,
      prefix: state.prefix,
      onHealth: options.onRedisHealth,
      onError: options.onRedisError,
      onWarning: options.onWarning,
    });
    opened.push(() => redis.close());
    const owned = await claim({
      redis: redis.store,
      keys: redis.keys,
      identity: await instanceId(state.dataDir),
      pid: process.pid,
      onLost: options.onLost,
      onError: options.onRedisError,
      signal,
    });
    opened.push(() => owned.release().catch(options.onRedisError));
    const store = new RedisStore({ redis: redis.store, keys: redis.keys, onUnreadable: options.onUnreadable });
    return { keys, redis, store, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`state.dataDir ${dataDir} cannot be made: ${error.code}; make it, owned by the user we run as`);
  });
}

async function placeOf(
  { state, env, onRedisDeath }: FoundationsOptions,
  opened: (undo: () => Promise<void>) => void,
): Promise<RedisPlace> {
  if (state.redis !== 'embedded') return serverOf(state.redis, env);
  const redis = await startEmbeddedRedis({
    dataDir: state.dataDir,
    searchPath: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    runtimeDir: env['XDG_RUNTIME_DIR'],
    onDeath: onRedisDeath,
  });
  opened(() => redis.stop());
  return { socket: redis.socket };
}

function serverOf({ url, username, password, tls }: RedisConfiguration, env: FoundationsOptions['env']): RedisPlace {
  return {
    url,
    ...(username !== undefined && { username }),
    ...(password && { password: () => readCredential(password, env) }),
    ...(tls && { tls }),
  };
}
