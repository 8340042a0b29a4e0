/** Connections to Redis, the embedded one or another's: made in one way, checked at start, and watched. */
import { Redis, type RedisOptions as Settings } from 'ioredis';
import { every, sleep } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import { readGivenFile } from '../given-file.ts';
import { policyOf, probe, RedisRefused, reasonOf } from './redis-probe.ts';

/** ioredis types its replies by this one option; ours are of the usual kind. */
type RedisOptions = Omit<Settings, 'replyMapping'>;

export type RedisPlace = { readonly socket: string } | RedisServer;

export interface RedisServer {
  /** `redis://` or `rediss://`, without a credential in it. */
  readonly url: string;
  readonly username?: string;
  /** Asked at every connection anew: others may replace it. */
  readonly password?: () => Promise<string>;
  /** Paths of PEM files. */
  readonly tls?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

export interface ConnectOptions {
  readonly place: RedisPlace;
  /** The first part of every key, as the configuration has it. */
  readonly prefix: string;
  readonly onHealth?: (isUp: boolean) => void;
  /** It began to evict keys when its memory is full, by this policy; or, without one, it does so no longer. */
  readonly onEvicting?: (policy: string | undefined) => void;
  /** What is odd about this Redis, and what to do about it. Once, at start. */
  readonly onWarning?: (text: string) => void;
  /** A failing connection, each time that it fails. The message names no value. */
  readonly onError?: (error: Error) => void;
  /** How long to wait for it at start. Default: 10 s. */
  readonly patience?: Duration;
  /** How long one command may take. Default: 5 s. */
  readonly commandTime?: Duration;
  /** How often to ask whether it is there. Default: 5 s. */
  readonly heartbeat?: Duration;
  /** How often to ask how it makes room. Default: 10 s. */
  readonly policyEvery?: Duration;
}

export interface RedisAccess {
  /** Of the store and for owning the prefix: fails at once while Redis is away, and after 5 s where it does not answer. */
  readonly store: Redis;
  /** What BullMQ needs, see `Connections`. Each call makes another; who called closes it. */
  producer(): Redis;
  worker(): Redis;
  /** With braces, so that in a cluster all keys are in one place. */
  readonly keys: string;
  readonly isUp: boolean;
  close(): void;
}

const longestPause: Duration = seconds(2);

/** Throws `RedisRefused` with one sentence and its remedy where this Redis cannot be reached in time or will not do. */
export async function connect(options: ConnectOptions): Promise<RedisAccess> {
  const { place, onHealth, onError } = options;
  const {
    patience = seconds(10),
    commandTime = seconds(5),
    heartbeat = seconds(5),
    policyEvery = seconds(10),
  } = options;
  const base = await settingsOf(place, onError);
  const make = (more: RedisOptions) =>
    'socket' in place
      ? new Redis({ ...base, ...more, path: place.socket })
      : new Redis(place.url, { ...base, ...more });
  // A command that was cut off is not sent again behind our back: whoever asked decides anew.
  const impatient: RedisOptions = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTime,
  };
  const store = make(impatient);
  let isUp = false;
  const change = (now: boolean) => {
    if (now !== isUp) onHealth?.(now);
    isUp = now;
  };
  store.on('error', (error) => onError?.(error));
  store.on('ready', () => change(true));
  store.on('close', () => change(false));
  const keys = `{${options.prefix}}`;
  try {
    await ready(store, patience, placeOf(place));
    for (const warning of await probe(store, keys, placeOf(place))) options.onWarning?.(warning);
  } catch (error) {
    store.disconnect();
    throw error;
  }
  const stop = every(heartbeat, () => {
    if (store.status !== 'ready') return;
    store.ping().then(
      () => change(true),
      () => {
        change(false);
        // Connected, but nobody answers: perhaps the other end is gone without a word.
        if (store.status === 'ready') store.disconnect(true);
      },
    );
  });
  let evictingBy: string | undefined;
  const stopAsking = every(policyEvery, () => {
    if (store.status !== 'ready') return;
    void policyOf(store).then((policy) => {
      if (policy === undefined) return;
      const present = policy === 'noeviction' ? undefined : policy;
      if (present !== evictingBy) options.onEvicting?.(present);
      evictingBy = present;
    });
  });
  return {
    store,
    producer: () => make(impatient),
    worker: () => make({ maxRetriesPerRequest: null, ...('url' in place && { socketTimeout: seconds(15) }) }),
    keys,
    get isUp() {
      return isUp;
    },
    close: () => {
      stop();
      stopAsking();
      store.disconnect();
    },
  };
}

async function settingsOf(place: RedisPlace, onError?: (error: Error) => void): Promise<RedisOptions> {
  const pause = (attempt: number) => Math.min(attempt * 100, longestPause);
  const base: RedisOptions = {
    connectTimeout: seconds(5),
    keepAlive: seconds(30),
    // After a failover we may be talking to a replica; after a change of the password, to somebody who forgot us.
    reconnectOnError: (error) => /^(READONLY|NOAUTH|WRONGPASS)/.test(error.message),
    retryStrategy: pause,
  };
  if ('socket' in place) return base;
  const { username, password, tls } = place;
  const read = async (file: string | undefined, name: string) => file && { [name]: await pem(file) };
  const parts = tls && [await read(tls.ca, 'ca'), await read(tls.cert, 'cert'), await read(tls.key, 'key')];
  return {
    ...base,
    ...(username !== undefined && { username }),
    ...(parts && { tls: Object.assign({}, ...parts) }),
    ...(password && {
      password: await password(),
      // `this` is the options of the very connection that is about to be made again.
      retryStrategy: function (this: RedisOptions, attempt: number) {
        password().then(
          (fresh) => {
            this.password = fresh;
          },
          (error: Error) => onError?.(error),
        );
        return pause(attempt);
      } as NonNullable<RedisOptions['retryStrategy']>,
    }),
  };
}

async function pem(file: string): Promise<string> {
  try {
    return (await readGivenFile(file)).toString('utf8');
  } catch (error) {
    throw new RedisRefused(`the TLS file ${file} for Redis cannot be read: ${(error as Error).message}`);
  }
}

const placeOf = (place: RedisPlace): string => {
  if ('socket' in place) return place.socket;
  const { protocol, host, pathname } = new URL(place.url);
  return `${protocol}//${host}${pathname}`;
};

async function ready(store: Redis, patience: Duration, place: string): Promise<void> {
  if (store.status === 'ready') return;
  let last: unknown;
  const note = (error: unknown) => {
    last = error;
  };
  store.on('error', note);
  const isOver = new AbortController();
  const late = sleep(patience, isOver.signal).then(() => {
    const hint = /^(NOAUTH|WRONGPASS|NOPERM)/.test(reasonOf(last))
      ? 'look at username and password of state.redis'
      : 'is it running, and may we connect to it?';
    throw new RedisRefused(`Redis at ${place} cannot be reached: ${reasonOf(last)}; ${hint}`);
  });
  late.catch(() => undefined);
  try {
    await Promise.race([new Promise<void>((resolve) => store.once('ready', () => resolve())), late]);
  } finally {
    isOver.abort();
    store.off('error', note);
  }
}
