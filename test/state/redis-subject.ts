/** Stores on a real Redis for tests: each is one process's way to the records under a prefix. */
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { KeyRing } from '../../src/state/keys.ts';
import { connect } from '../../src/state/redis.ts';
import { RedisStore } from '../../src/state/redis-store.ts';
import { aRing, aSealing } from '../support/key-ring.ts';
import type { RedisServer } from '../support/redis.ts';

export interface OpenOptions {
  readonly prefix?: string;
  readonly ring?: KeyRing;
  readonly entry?: string;
}

let count = 0;

/** What a process of its own would open: it remembers nothing of what others did. */
export async function aStore(server: RedisServer, options: OpenOptions = {}) {
  const { prefix = `state${++count}`, ring = aRing(), entry } = options;
  const unreadable: string[] = [];
  const rolledBack: string[] = [];
  const access = await connect({ place: { socket: server.socket }, prefix, commandTime: 1_000 });
  const raw = new Redis({ path: server.socket });
  onTestFinished(() => {
    access.close();
    raw.disconnect();
  });
  const sealing = aSealing(access.keys, ring);
  const store = new RedisStore({
    redis: access.store,
    keys: access.keys,
    sealing,
    ...(entry !== undefined && { entry }),
    onUnreadable: (secret, because) => unreadable.push(`${secret}: ${because}`),
    onRolledBack: (secret) => rolledBack.push(secret),
  });
  return {
    store,
    access,
    sealing,
    raw,
    prefix,
    keys: access.keys,
    key: (secret = 'orders-db') => `${access.keys}:record:${secret}`,
    unreadable,
    rolledBack,
    /** Another process with the same prefix. */
    another: (changes: OpenOptions = {}) => aStore(server, { ...options, prefix, ...changes }),
  };
}
