/** What the program stands on: its data directory and the lock on it, its key, its Redis and the store in it. */
import { mkdir } from 'node:fs/promises';
import { every } from './clock.ts';
import type { Configuration, RedisConfiguration } from './config/configuration.ts';
import { readCredential } from './config/credential.ts';
import { type Duration, seconds } from './core/time.ts';
import { acquireLock, ask, type ControlRequest } from './state/control-socket.ts';
import { startEmbeddedRedis } from './state/embedded-redis.ts';
import { controlKeys, type KeyControlOptions, keepEntry } from './state/key-control.ts';
import { type LoadedKeys, loadKeys } from './state/keys.ts';
import { claim, instanceId, type Owner } from './state/owner.ts';
import { connect, type RedisAccess } from './state/redis.ts';
import type { RedisPlace } from './state/redis-settings.ts';
import { RedisStore } from './state/redis-store.ts';
import { sealing } from './state/seal.ts';
import type { Store } from './state/store.ts';

export interface Foundations {
  /** `markKey`: see `SinkDeps`. */
  readonly keys: { readonly markKey: Buffer };
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
  readonly onRedisEvicting: (policy: string | undefined) => void;
  readonly onRedisError: (error: Error) => void;
  readonly onRedisDeath: (how: string, pause: Duration, words?: string) => void;
  /** The file of the embedded Redis was damaged: what was done, and what follows. */
  readonly onRedisDamage: (words: string) => void;
  readonly onWarning: (text: string) => void;
  /** Another daemon works under our prefix: we must end. */
  readonly onLost: (owner: Owner) => void;
  /** What Redis remembered of a secret could not be read. */
  readonly onUnreadable: (secret: string, because: string) => void;
  /** Redis had lost what we remember of a secret; it was written back. */
  readonly onRolledBack: (secret: string) => void;
  /** What the operator waits to hear. */
  readonly onNews: (text: string) => void;
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
    const loaded = await loadKeys({ dataDir: state.dataDir, configured: state.encryptionKey, env });
    const place = await placeOf(options, (undo) => opened.push(undo));
    const redis = await connect({
      place,
      prefix: state.prefix,
      onHealth: options.onRedisHealth,
      onEvicting: options.onRedisEvicting,
      onError: options.onRedisError,
      onWarning: options.onWarning,
    });
    opened.push(() => redis.close());
    const control: KeyControlOptions = {
      redis: redis.store,
      keys: redis.keys,
      sealing: sealing(loaded.ring, redis.keys),
      loaded,
      server: state.redis === 'embedded' ? `in ${state.dataDir}` : `at ${state.redis.url}`,
    };
    // Before anything is written to it.
    await controlKeys(control);
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
    const { store, markKey } = await openStore(options, control, loaded);
    opened.push(every(verifyEvery, () => void (redis.isUp && store.verify().catch(options.onRedisError))));
    return { keys: { markKey }, redis, store, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How often Redis is asked whether it has gone back in time. */
const verifyEvery: Duration = seconds(5);

/** Now the prefix is ours: who had it before us may have written since we looked. */
async function openStore(
  { onUnreadable, onRolledBack, onNews, onRedisError }: FoundationsOptions,
  control: KeyControlOptions,
  loaded: LoadedKeys,
): Promise<{ readonly store: RedisStore; readonly markKey: Buffer }> {
  const { redis, keys, sealing } = control;
  const controlled = await controlKeys(control);
  await loaded.keep();
  await keepEntry(control, controlled);
  const { entry, markKey, former } = controlled;
  const store = new RedisStore({
    redis,
    keys,
    sealing,
    entry,
    onUnreadable,
    onRolledBack,
  });
  const removable = loaded.formerPlaces.join(' and ');
  try {
    await store.reseal(former);
    if (removable)
      onNews(
        `all that Redis remembers is sealed with the first key of ${loaded.place} now; what may be removed: ${removable}`,
      );
  } catch (error) {
    // The former key opens it, as before; the next start tries again.
    onRedisError(error as Error);
  }
  return { store, markKey };
}

async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`state.dataDir ${dataDir} cannot be made: ${error.code}; make it, owned by the user we run as`);
  });
}

async function placeOf(
  { state, env, onRedisDeath, onRedisDamage }: FoundationsOptions,
  opened: (undo: () => Promise<void>) => void,
): Promise<RedisPlace> {
  if (state.redis !== 'embedded') return serverOf(state.redis, env);
  const redis = await startEmbeddedRedis({
    dataDir: state.dataDir,
    searchPath: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    runtimeDir: env['XDG_RUNTIME_DIR'],
    onDeath: onRedisDeath,
    onDamage: onRedisDamage,
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
