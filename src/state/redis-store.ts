/**
 * Records in Redis: one hash for each secret, saved by compare-and-set in one script, with the sealed values of its leases.
 *
 * Redis can go back in time: after a failover, on a file that was cut short, or because somebody emptied it. What this
 * process has seen it remembers, and what Redis has lost of it is written back.
 */
import type { Redis } from 'ioredis';
import { wallClock } from '../clock.ts';
import { emptyRecord, type SecretRecord } from '../core/record.ts';
import type { Clock } from '../core/time.ts';
import type { Transition } from '../core/transitions.ts';
import { type Fields, fieldsOf, found, type Known, revisionAfter } from './found.ts';
import { plainCodec } from './record-codec.ts';
import {
  heldIn,
  names,
  recordField,
  removedField,
  revisionField,
  signatureField,
  teachScripts,
  valuesField,
} from './redis-scripts.ts';
import { SaveCount, saveFields } from './save-count.ts';
import type { Sealing } from './seal.ts';
import { sealedWith, unsealed } from './sealed-values.ts';
import type { Kept, Saved, Store, Values } from './store.ts';
import { Turns } from './turns.ts';

export interface RedisStoreOptions {
  /** Fails fast, and bounds the time of a command: see `RedisAccess.store`. */
  readonly redis: Redis;
  /** Begins all keys: see `RedisAccess.keys`. */
  readonly keys: string;
  readonly sealing: Sealing;
  /** The sealed key of the fingerprints, put back where Redis has lost it: see `key-control.ts`. */
  readonly entry?: string;
  /** Tells histories of records apart. Default: the machine's. */
  readonly clock?: Clock;
  /** Something of a secret could not be read, and is treated as lost. `because` quotes nothing of it. */
  readonly onUnreadable?: (secret: string, because: string) => void;
  /** Redis has lost a record that we remember, or the latest of it. It is written back. */
  readonly onRolledBack?: (secret: string) => void;
}

/** What a change begins with. */
interface Base {
  readonly known: Known | undefined;
  /** What is in Redis, whatever that is, by `heldIn`: what a save compares with. */
  readonly held: string;
  /** The next revision is above this one. */
  readonly revision: number;
  /** We know it, and Redis does not. */
  readonly isLost: boolean;
}

/** Other processes do not save so often in a row: a change that loses each time is stopped, lest it turn for ever. */
const mostTries = 100;
/** Where all records are gone through: so many in one go. */
const atATime = 50;

export class RedisStore implements Store {
  readonly #options: RedisStoreOptions;
  readonly #clock: Clock;
  readonly #names: ReturnType<typeof names>;
  /** Never of a lower revision than before. */
  readonly #known = new Map<string, Known>();
  readonly #turns = new Turns();
  /** Those that Redis has lost and does not have again yet. */
  readonly #lost = new Set<string>();
  readonly #saves = new SaveCount();
  #verifying: Promise<void> | undefined;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
    this.#clock = options.clock ?? wallClock;
    this.#names = names(options.keys);
    teachScripts(options.redis);
  }

  async load(secret: string): Promise<Saved> {
    const base = await this.#read(secret);
    if (!base.isLost) return savedOf(base.known);
    // Its next save may be a month away: until then Redis, and who starts with it, would not have it.
    return this.update(secret, same).catch(() => savedOf(base.known));
  }

  /** Our own changes to a secret take turns: against each other they would only lose the comparison. */
  update(secret: string, change: Transition, values?: Values): Promise<Saved> {
    return this.#turns.take(secret, () => this.#update(secret, change, values));
  }

  async #update(secret: string, change: Transition, values?: Values): Promise<Saved> {
    const latest = this.#known.get(secret);
    // Most often it is still so, and a change needs one round trip. The script knows better.
    let base = latest ? baseOf(latest) : await this.#read(secret);
    for (let i = 0; i < mostTries; i++) {
      const next = this.#next(secret, base, change(base.known?.record ?? emptyRecord), values);
      const [known, saves] = [this.#known.get(secret), this.#saves.last];
      const [isSaved, ...rest] = await this.#options.redis.leasekeeperSave(...this.#order(secret, base, next));
      if (isSaved === 1) {
        this.#known.set(secret, next);
        this.#lost.delete(secret);
        this.#saves.saved(rest, saves);
        return savedOf(next);
      }
      base = this.#saw(secret, fieldsOf(rest), known);
    }
    throw new Error(`the record of ${secret} changed ${mostTries} times while it was to be saved`);
  }

  async values(secret: string): Promise<readonly Kept[]> {
    const { known } = await this.#read(secret);
    const { sealing, onUnreadable } = this.#options;
    if (!known) return [];
    return unsealed(sealing, secret, known, (lease) =>
      onUnreadable?.(secret, `the values of the lease ${lease} cannot be unsealed`),
    );
  }

  async remove(secret: string): Promise<void> {
    const { redis, sealing } = this.#options;
    const { record, index } = this.#names;
    const { revision = 0 } = this.#known.get(secret) ?? {};
    await redis.leasekeeperRemove(record(secret), index, secret, sealing.sign(secret, removedField, ''), revision);
    this.#known.delete(secret);
    this.#lost.delete(secret);
  }

  async list(): Promise<readonly string[]> {
    return this.#options.redis.smembers(this.#names.index).catch(ifOfAnotherKind<string[]>([]));
  }

  /** Write what a former key has signed or sealed anew with the present one. What cannot be read is left as it is. */
  async reseal(secrets: readonly string[]): Promise<void> {
    await this.#each(secrets, async (secret) => {
      await this.#read(secret);
      if (this.#known.has(secret)) await this.update(secret, same);
    });
  }

  /**
   * Has Redis gone back in time? Then all that we remember is looked at, and what it has lost written back. To be asked
   * now and then: most records are not loaded for a long time.
   */
  verify(): Promise<void> {
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = undefined;
    });
    return this.#verifying;
  }

  async #verify(): Promise<void> {
    const asked = this.#saves.last;
    const answer = await this.#countedSaves();
    if (!this.#saves.isBack(answer) && this.#lost.size === 0) return this.#saves.heard(answer, asked);
    await this.#each([...this.#known.keys()], async (secret) => {
      if (!(await this.#read(secret)).isLost) return;
      const isStillLost = () => this.#lost.has(secret);
      await this.#turns.take(secret, async () => isStillLost() && this.#update(secret, same));
    });
    // Only now: where one could not be asked, all are asked again.
    this.#saves.goOn(await this.#countedSaves());
  }

  #countedSaves = () =>
    this.#options.redis.hmget(this.#names.saves, ...saveFields).catch(ifOfAnotherKind<(string | null)[]>([]));

  async #each(secrets: readonly string[], work: (secret: string) => Promise<void>): Promise<void> {
    for (let from = 0; from < secrets.length; from += atATime) {
      await Promise.all(secrets.slice(from, from + atATime).map(work));
    }
  }

  async #read(secret: string): Promise<Base> {
    const known = this.#known.get(secret);
    const { redis } = this.#options;
    const fields = await redis.hgetall(this.#names.record(secret)).catch(ifOfAnotherKind<Fields>({}));
    return this.#saw(secret, fields, known);
  }

  /** `asked`: what we knew when Redis was asked. It had answered that before: what it lacks of it now, it has lost. */
  #saw(secret: string, fields: Fields, asked: Known | undefined): Base {
    const { sealing, onUnreadable, onRolledBack } = this.#options;
    const latest = this.#known.get(secret);
    const here = found(sealing, secret, fields, latest);
    const held = heldIn(fields);
    const revision = here.is === 'record' ? here.known.revision : here.is === 'removed' ? here.revision : -1;
    const isKnownToBeLost = this.#lost.has(secret);
    if (here.is === 'unreadable' && !isKnownToBeLost) onUnreadable?.(secret, here.because);
    if (!latest || revision >= latest.revision) {
      const known = here.is === 'record' ? here.known : undefined;
      if (known) this.#known.set(secret, known);
      else this.#known.delete(secret);
      this.#lost.delete(secret);
      return { known, held, revision: Math.max(revision, 0), isLost: false };
    }
    // Perhaps it is only the answer that is old: others of us have saved since it was given.
    if (!asked || revision >= asked.revision) return baseOf(latest);
    this.#lost.add(secret);
    if (here.is !== 'unreadable' && !isKnownToBeLost) {
      onRolledBack?.(secret);
      // The others are lost as well, most likely: killed now, nobody would know of them. It is asked again now and then.
      this.verify().catch(ignore);
    }
    return { known: latest, held, revision: latest.revision, isLost: true };
  }

  #next(secret: string, { known, revision: last }: Base, record: SecretRecord, values: Values | undefined): Known {
    const { sealing } = this.#options;
    const text = plainCodec.encode(secret, record);
    const revision = revisionAfter(last, this.#clock.now());
    const sealed = sealedWith(sealing, secret, record, known, values);
    const signature = sealing.sign(secret, revision, text);
    return { record: plainCodec.decode(secret, text), revision, text, signature, sealed };
  }

  #order(secret: string, { known, held, isLost }: Base, { revision, text, signature, sealed }: Known) {
    const { record, index, entry, saves } = this.#names;
    const kept = [...sealed.keys()].map(valuesField);
    const isThere = (lease: string, value: string) => !isLost && known?.sealed.get(lease) === value;
    const fresh = [...sealed].filter(([lease, value]) => !isThere(lease, value));
    return [
      ...[record(secret), index, entry, saves, secret, held, this.#options.entry ?? '', this.#clock.now()],
      ...[kept.length, ...kept, revisionField, revision, recordField, text, signatureField, signature],
      ...fresh.flatMap(([lease, value]) => [valuesField(lease), value]),
    ];
  }
}

const baseOf = (known: Known): Base => ({
  known,
  held: heldIn({ [revisionField]: String(known.revision), [signatureField]: known.signature }),
  revision: known.revision,
  isLost: false,
});

const savedOf = (known: Known | undefined): Saved =>
  known ? { record: known.record, revision: known.revision } : { record: emptyRecord, revision: 0 };

const ignore = () => undefined;
const same: Transition = (record) => record;

/** A key of another kind was not written by us, and counts as nothing. */
const ifOfAnotherKind =
  <T>(nothing: T) =>
  (error: Error): T => {
    if (error.message.startsWith('WRONGTYPE')) return nothing;
    throw error;
  };
