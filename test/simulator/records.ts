/** A store that lives through the death of the process, as Redis does, and fails as Redis does. */
import { emptyRecord, type SecretRecord } from '../../src/core/record.ts';
import { type Duration, seconds } from '../../src/core/time.ts';
import type { Transition } from '../../src/core/transitions.ts';
import { revisionAfter } from '../../src/state/found.ts';
import type { Saved, Store, Values } from '../../src/state/store.ts';
import { keptWith } from '../support/memory-store.ts';
import { attempt, type Life } from './life.ts';
import { Redis, type RedisFault, Seen } from './redis.ts';
import type { Dice, Timeline } from './timeline.ts';
import type { Troubles } from './troubles.ts';

export interface Spoils {
  /** What is to become of the next save that follows an answer. */
  readonly spoiled: (secret: string) => 'forgotten' | 'unheard' | 'killed' | undefined;
  readonly kill: () => void;
}

/** How long a client waits for a Redis that does not answer. */
const commandTimeout: Duration = seconds(3);

export class Records {
  readonly redis = new Redis();
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #troubles: Troubles;
  /** Everything that is stored passes here. */
  onSave: (secret: string, record: SecretRecord, json?: string) => void = () => undefined;
  /** What is kept goes through JSON, as it does on its way to Redis. */
  isFaithful = true;
  /** Share of calls that fail, or take up to 10 s. */
  failing = 0;
  slow = 0;
  /** Redis fails: whoever has a lifeline goes on without. */
  onFailure: () => void = () => undefined;
  /** The process looks whether Redis has gone back in time. */
  verify: () => void = () => undefined;
  /** Has the living process seen what is kept of a secret? Nobody else remembers that. */
  hasSeen: (secret: string) => boolean = () => false;
  /** What is wrong with Redis as a whole, for as long as it lasts. */
  fault: RedisFault | undefined;

  constructor(timeline: Timeline, dice: Dice, troubles: Troubles) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#troubles = troubles;
  }

  get = (secret: string): Saved => this.redis.get(secret);

  store(life: Life, spoils: Spoils): Store {
    const seen = new Seen(this.redis);
    this.hasSeen = (secret) => life.isAlive && seen.has(secret);
    this.verify = () => life.isAlive && life.whenAwake(() => seen.verify());
    return {
      load: (secret) => this.#call(life, () => seen.read(secret)),
      update: (secret, change, values) => {
        const how = spoils.spoiled(secret);
        if (how === 'killed') spoils.kill();
        const { revision } = this.get(secret);
        const effect = () => {
          // A command of a process that is no more compares what it has sent, and nobody tries once more.
          if (!life.isAlive && this.get(secret).revision !== revision) throw new Error('saved by another meanwhile');
          return this.#update(seen, secret, change, values);
        };
        if (this.fault?.what === 'full') return this.#fail(life, 'OOM');
        return this.#call(life, effect, how === 'killed' ? undefined : how);
      },
      values: (secret) =>
        this.#call(life, () => {
          seen.read(secret);
          return this.redis.values.get(secret) ?? [];
        }),
      remove: (secret) =>
        this.#call(life, () => {
          seen.forget(secret);
          this.redis.remove(secret);
        }),
      list: () => this.#call(life, () => [...this.redis.saved.keys()]),
    };
  }

  async #call<T>(life: Life, effect: () => T, how = this.#fate()): Promise<T> {
    const { fault } = this;
    if (fault?.what === 'away') return this.#fail(life, 'ECONNREFUSED');
    if (fault?.what === 'frozen') {
      const thawed = fault.at + fault.for + this.#dice.between(0, 50);
      this.#timeline.at(thawed, () => void attempt(effect));
      return this.#fail(life, 'no answer', commandTimeout);
    }
    const from = this.#timeline.now();
    const delay = this.#delay();
    const way = { there: delay, back: this.#dice.chance(0.1) ? this.#dice.between(1, 4) : 0 };
    if (fault?.what === 'slow') return life.send(effect, { there: this.#dice.between(1800, 2200), back: 0 });
    if (delay > seconds(1) || how) this.onFailure();
    if (delay > 100) this.#troubles.note('store', from, from + delay, 'slow');
    if (!how) return life.send(effect, way);
    this.#troubles.note('store', from, from + seconds(1));
    if (this.#troubles.isDown('store') || how === 'forgotten') await life.send(() => undefined, way);
    else await life.send(effect, way);
    throw new Error('the store did not answer');
  }

  async #fail(life: Life, because: string, after: Duration = 1): Promise<never> {
    await life.send(() => undefined, { there: after, back: 0 });
    throw new Error(because);
  }

  #fate(): 'forgotten' | 'unheard' | undefined {
    if (this.#troubles.isDown('store')) return 'forgotten';
    return this.#dice.chance(this.failing) ? this.#dice.oneOf('forgotten', 'unheard') : undefined;
  }

  #delay(): Duration {
    return this.#dice.chance(this.slow) ? this.#dice.between(0, seconds(10)) : this.#dice.between(-3, 4);
  }

  /** The values that were kept cannot be unsealed any more. */
  spill(secret: string): void {
    this.redis.values.delete(secret);
  }

  #update(seen: Seen, secret: string, change: Transition, values?: Values): Saved {
    const { record, revision } = seen.read(secret);
    // As after a lost compare-and-set: the change is asked for twice, and only the second answer counts.
    if (this.#dice.chance(0.1)) change(emptyRecord);
    const next = change(record);
    const json = this.isFaithful ? JSON.stringify(next) : undefined;
    this.onSave(secret, next, json);
    const saved = {
      record: json ? (JSON.parse(json) as SecretRecord) : next,
      revision: revisionAfter(revision, this.#timeline.now()),
    };
    this.redis.saved.set(secret, saved);
    this.redis.values.set(secret, keptWith(saved, this.redis.values.get(secret) ?? [], values));
    seen.note(secret);
    return saved;
  }
}
