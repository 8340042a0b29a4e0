/** Records in memory, as JSON, so that what could not be remembered is not remembered. */
import { emptyRecord } from '../../src/core/record.ts';
import type { Transition } from '../../src/core/transitions.ts';
import { plainCodec } from '../../src/state/record-codec.ts';
import type { Saved, Store } from '../../src/state/store.ts';

export class MemoryStore implements Store {
  readonly #texts = new Map<string, { readonly text: string; readonly revision: number }>();

  async load(secret: string): Promise<Saved> {
    const held = this.#texts.get(secret);
    return held
      ? { record: plainCodec.decode(secret, held.text), revision: held.revision }
      : { record: emptyRecord, revision: 0 };
  }

  async update(secret: string, change: Transition): Promise<Saved> {
    for (;;) {
      const { record, revision } = await this.load(secret);
      const text = plainCodec.encode(secret, change(record));
      // Others may have saved meanwhile, as they may with Redis.
      await Promise.resolve();
      if ((this.#texts.get(secret)?.revision ?? 0) !== revision) continue;
      this.#texts.set(secret, { text, revision: revision + 1 });
      return { record: plainCodec.decode(secret, text), revision: revision + 1 };
    }
  }

  async remove(secret: string): Promise<void> {
    this.#texts.delete(secret);
  }

  async list(): Promise<readonly string[]> {
    return [...this.#texts.keys()];
  }
}
