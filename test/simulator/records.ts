/** A store that lives through the death of the process, as Redis does, and fails as Redis does. */
import { emptyRecord, type SecretRecord } from '../../src/core/record.ts';
import { type Duration, seconds } from '../../src/core/time.ts';
import type { Transition } from '../../src/core/transitions.ts';
import type { Kept, Saved, Store, Values } from '../../src/state/store.ts';
import { keptWith } from '../support/memory-store.ts';
import type { Life } from './life.ts';
import type { Dice, Timeline } from './timeline.ts';
import type { Troubles } from './troubles.ts';

export interface Spoils {
  /** What is to become of the next save that follows an answer. */
  readonly spoiled: (secret: string) => 'forgotten' | 'unheard' | 'killed' | undefined;
  readonly kill: () => void;
}

export class Records {
  readonly #saved = new Map<string, Saved>();
  readonly #values = new Map<string, readonly Kept[]>();
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

  constructor(timeline: Timeline, dice: Dice, troubles: Troubles) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#troubles = troubles;
  }

  get = (secret: string): Saved => this.#saved.get(secret) ?? { record: emptyRecord, revision: 0 };

  store(life: Life, spoils: Spoils): Store {
    return {
      load: (secret) => this.#call(life, () => this.get(secret)),
      update: (secret, change, values) => {
        const how = spoils.spoiled(secret);
        if (how === 'killed') spoils.kill();
        return this.#call(life, () => this.#update(secret, change, values), how === 'killed' ? undefined : how);
      },
      values: (secret) => this.#call(life, () => this.#values.get(secret) ?? []),
      remove: (secret) => this.#call(life, () => this.#remove(secret)),
      list: () => this.#call(life, () => [...this.#saved.keys()]),
    };
  }

  async #call<T>(life: Life, effect: () => T, how = this.#fate()): Promise<T> {
    const from = this.#timeline.now();
    const delay = this.#delay();
    const way = { there: delay, back: this.#dice.chance(0.1) ? this.#dice.between(1, 4) : 0 };
    if (delay > 100) this.#troubles.note('store', from, from + delay, 'slow');
    if (!how) return life.send(effect, way);
    this.#troubles.note('store', from, from + seconds(1));
    if (this.#troubles.isDown('store') || how === 'forgotten') await life.send(() => undefined, way);
    else await life.send(effect, way);
    throw new Error('the store did not answer');
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
    this.#values.delete(secret);
  }

  #remove(secret: string): void {
    this.#saved.delete(secret);
    this.#values.delete(secret);
  }

  #update(secret: string, change: Transition, values?: Values): Saved {
    const { record, revision } = this.get(secret);
    // As after a lost compare-and-set: the change is asked for twice, and only the second answer counts.
    if (this.#dice.chance(0.1)) change(emptyRecord);
    const next = change(record);
    const json = this.isFaithful ? JSON.stringify(next) : undefined;
    this.onSave(secret, next, json);
    const saved = { record: json ? (JSON.parse(json) as SecretRecord) : next, revision: revision + 1 };
    this.#saved.set(secret, saved);
    this.#values.set(secret, keptWith(saved, this.#values.get(secret) ?? [], values));
    return saved;
  }
}
