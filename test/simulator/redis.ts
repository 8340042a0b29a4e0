/** What becomes of Redis as a whole, and what a process remembers of it all the same. */
import { emptyRecord } from '../../src/core/record.ts';
import type { Duration, Instant } from '../../src/core/time.ts';
import type { Kept, Saved } from '../../src/state/store.ts';

export interface RedisFault {
  readonly at: Instant;
  readonly for: Duration;
  readonly what: /** Nobody answers. */
    | 'away'
    /** It is frozen: what it is told it does when it goes on. */
    | 'frozen'
    /** Each command takes 2 s. */
    | 'slow'
    /** It takes no writes. */
    | 'full'
    /** Somebody emptied it. */
    | 'wiped'
    /** It is what it was, so long before. */
    | 'older';
}

export const lasts = ({ what }: RedisFault): boolean => what !== 'wiped' && what !== 'older';

/** All that Redis holds. */
export class Redis {
  readonly saved = new Map<string, Saved>();
  readonly values = new Map<string, readonly Kept[]>();

  get = (secret: string): Saved => this.saved.get(secret) ?? { record: emptyRecord, revision: 0 };

  remove(secret: string): void {
    this.saved.delete(secret);
    this.values.delete(secret);
  }

  snapshot(): Redis {
    const copy = new Redis();
    copy.restore(this);
    return copy;
  }

  restore({ saved, values }: Redis): void {
    this.saved.clear();
    this.values.clear();
    for (const [secret, one] of saved) this.saved.set(secret, one);
    for (const [secret, some] of values) this.values.set(secret, some);
  }
}

/** Of each secret the highest revision that one process saw, as `RedisStore` remembers it: Redis can go back in time. */
export class Seen {
  readonly #redis: Redis;
  readonly #known = new Map<string, { readonly saved: Saved; readonly values: readonly Kept[] }>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** What Redis has lost of it is written back. */
  read(secret: string): Saved {
    const { saved, values } = this.#redis;
    const known = this.#known.get(secret);
    if (known && this.#redis.get(secret).revision < known.saved.revision) {
      saved.set(secret, { ...known.saved, revision: known.saved.revision + 1 });
      values.set(secret, known.values);
    }
    this.note(secret);
    return this.#redis.get(secret);
  }

  /** Asked now and then by a process: most records are not read for a long time. */
  verify(): void {
    for (const secret of this.#known.keys()) this.read(secret);
  }

  has = (secret: string): boolean => this.#known.has(secret);

  note(secret: string): void {
    this.#known.set(secret, { saved: this.#redis.get(secret), values: this.#redis.values.get(secret) ?? [] });
  }

  forget(secret: string): void {
    this.#known.delete(secret);
  }
}
