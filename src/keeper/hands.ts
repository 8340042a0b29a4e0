/** What the process has of each record: one hand, whatever becomes of the configuration meanwhile. */
import { Hand } from './hand.ts';

/**
 * A job may be under way when its secret goes, and end after the secret has come back: what it brings would be in a hand
 * that nobody looks into. So a hand is the same for as long as anybody has it, and forgotten with the last who does.
 */
export class Hands {
  readonly #known = new Map<string, WeakRef<Hand>>();

  /** Whose record is kept under that key. `isNew`: it was none of ours until now, and those who forgot it are told of it. */
  of(key: string, isNew: boolean): Hand {
    const known = this.#known.get(key)?.deref();
    if (!known) return this.#make(key);
    if (isNew) known.isTold = false;
    return known;
  }

  #make(key: string): Hand {
    for (const [old, hand] of this.#known) if (!hand.deref()) this.#known.delete(old);
    const made = new Hand();
    this.#known.set(key, new WeakRef(made));
    return made;
  }
}
