/** Records in Redis: one hash for each secret, saved by compare-and-set in one script. */
import type { Redis, Result } from 'ioredis';
import { emptyRecord } from '../core/record.ts';
import type { Transition } from '../core/transitions.ts';
import { plainCodec, type RecordCodec } from './record-codec.ts';
import type { Kept, Saved, Store } from './store.ts';

export interface RedisStoreOptions {
  /** Fails fast, and bounds the time of a command: see `RedisAccess.store`. */
  readonly redis: Redis;
  /** Begins all keys: see `RedisAccess.keys`. */
  readonly keys: string;
  readonly codec?: RecordCodec;
  /** A record could not be read, and is treated as lost. `because` quotes nothing of it. */
  readonly onUnreadable?: (secret: string, because: string) => void;
}

/** Answers `[revision]` where it saved, else `[revision, record]` as they are. What is no record counts as lost. */
const saveScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
local held = {false, false}
if kind == 'hash' then held = redis.call('HMGET', KEYS[1], 'revision', 'record') end
local revision = tonumber(held[1] or '') or 0
if revision ~= tonumber(ARGV[2]) then return {revision, held[2] or ''} end
if kind ~= 'hash' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'revision', revision + 1, 'record', ARGV[3])
redis.call('SADD', KEYS[2], ARGV[1])
return {revision + 1}`;

const removeScript = `
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
return 1`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    leasekeeperSave(...args: (string | number)[]): Result<[number] | [number, string], Context>;
    leasekeeperRemove(...args: string[]): Result<number, Context>;
  }
}

/** Other processes do not save so often in a row: a change that loses each time is stopped, lest it turn for ever. */
const mostTries = 100;

export class RedisStore implements Store {
  readonly #redis: Redis;
  readonly #keys: string;
  readonly #codec: RecordCodec;
  readonly #onUnreadable: (secret: string, because: string) => void;
  /** What we last saw: most often it is still so, and a change needs one round trip. The script knows better. */
  readonly #seen = new Map<string, Saved>();
  readonly #turns = new Map<string, Promise<void>>();

  constructor({ redis, keys, codec = plainCodec, onUnreadable = () => undefined }: RedisStoreOptions) {
    this.#redis = redis;
    this.#keys = keys;
    this.#codec = codec;
    this.#onUnreadable = onUnreadable;
    redis.defineCommand('leasekeeperSave', { numberOfKeys: 2, lua: saveScript });
    redis.defineCommand('leasekeeperRemove', { numberOfKeys: 2, lua: removeScript });
  }

  async load(secret: string): Promise<Saved> {
    const answer = await this.#redis.hmget(this.#keyOf(secret), 'revision', 'record').catch((error: Error) => {
      if (error.message.startsWith('WRONGTYPE')) return ['0', ''];
      throw error;
    });
    const [revision, record] = answer;
    return this.#saw(secret, Number(revision ?? 0) || 0, record ?? (revision === null ? undefined : ''));
  }

  /** Our own changes to a secret take turns: against each other they would only lose the comparison. */
  update(secret: string, change: Transition): Promise<Saved> {
    const before = this.#turns.get(secret);
    const turn = (before ?? Promise.resolve()).then(() => this.#update(secret, change));
    const over = turn.then(ignore, ignore).then(() => {
      if (this.#turns.get(secret) === over) this.#turns.delete(secret);
    });
    this.#turns.set(secret, over);
    return turn;
  }

  async #update(secret: string, change: Transition): Promise<Saved> {
    try {
      let base = this.#seen.get(secret) ?? (await this.load(secret));
      for (let i = 0; i < mostTries; i++) {
        const text = this.#codec.encode(secret, change(base.record));
        const [revision, held] = await this.#redis.leasekeeperSave(
          this.#keyOf(secret),
          this.#index,
          secret,
          base.revision,
          text,
        );
        if (held === undefined) return this.#saw(secret, revision, text);
        base = this.#saw(secret, revision, revision === 0 && held === '' ? undefined : held);
      }
    } catch (error) {
      // It may have been saved all the same.
      this.#seen.delete(secret);
      throw error;
    }
    throw new Error(`the record of ${secret} changed ${mostTries} times while it was to be saved`);
  }

  async values(_secret: string): Promise<readonly Kept[]> {
    return [];
  }

  async remove(secret: string): Promise<void> {
    this.#seen.delete(secret);
    await this.#redis.leasekeeperRemove(this.#keyOf(secret), this.#index, secret);
    this.#seen.delete(secret);
  }

  async list(): Promise<readonly string[]> {
    return this.#redis.smembers(this.#index);
  }

  get #index(): string {
    return `${this.#keys}:secrets`;
  }

  #keyOf(secret: string): string {
    return `${this.#keys}:record:${secret}`;
  }

  #saw(secret: string, revision: number, text: string | undefined): Saved {
    const saved = { record: text === undefined ? emptyRecord : this.#read(secret, text), revision };
    this.#seen.set(secret, saved);
    return saved;
  }

  #read(secret: string, text: string): Saved['record'] {
    try {
      return this.#codec.decode(secret, text);
    } catch (error) {
      this.#onUnreadable(secret, error instanceof Error ? error.message : 'it cannot be read');
      return emptyRecord;
    }
  }
}

const ignore = () => undefined;
