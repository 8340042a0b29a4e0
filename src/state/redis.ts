/** Connections to Redis, the embedded one or another's: made in one way, checked at start, and watched. */
import { Redis } from 'ioredis';
import { every, sleep } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import { policyOf, probe, RedisRefused, reasonOf } from './redis-probe.ts';
import { type RedisOptions, type RedisPlace, settingsOf } from './redis-settings.ts';

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
      ? new Redis({ ...base(), ...more, path: place.socket })
      : new Redis(place.url, { ...base(), ...more });
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
