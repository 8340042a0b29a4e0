/** Records in memory, as JSON, so that what could not be remembered is not remembered; and the values as they are. */
import { emptyRecord, holdingOf, isSame } from '../../src/core/record.ts';
import type { Transition } from '../../src/core/transitions.ts';
import { plainCodec } from '../../src/state/record-codec.ts';
import type { Kept, Saved, Store, Values } from '../../src/state/store.ts';

export class MemoryStore implements Store {
  readonly #texts = new Map<string, { readonly text: string; readonly revision: number }>();
  readonly #values = new Map<string, readonly Kept[]>();

  async load(secret: string): Promise<Saved> {
    const held = this.#texts.get(secret);
    return held
      ? { record: plainCodec.decode(secret, held.text), revision: held.revision }
      : { record: emptyRecord, revision: 0 };
  }

  async update(secret: string, change: Transition, values?: Values): Promise<Saved> {
    for (;;) {
      const { record, revision } = await this.load(secret);
      const text = plainCodec.encode(secret, change(record));
      // Others may have saved meanwhile, as they may with Redis.
      await Promise.resolve();
      if ((this.#texts.get(secret)?.revision ?? 0) !== revision) continue;
      this.#texts.set(secret, { text, revision: revision + 1 });
      const saved = { record: plainCodec.decode(secret, text), revision: revision + 1 };
      this.#values.set(secret, keptWith(saved, this.#values.get(secret) ?? [], values));
      return saved;
    }
  }

  async values(secret: string): Promise<readonly Kept[]> {
    return this.#values.get(secret) ?? [];
  }

  async remove(secret: string): Promise<void> {
    this.#texts.delete(secret);
    this.#values.delete(secret);
  }

  async list(): Promise<readonly string[]> {
    return [...this.#texts.keys()];
  }
}

/** What a store keeps of these values once that is saved. */
export function keptWith({ record }: Saved, before: readonly Kept[], values?: Values): readonly Kept[] {
  const held = record.leases.find(({ lease }) => lease.id === values?.lease);
  const others = before.filter(
    ({ holding }) =>
      holding.lease !== values?.lease && record.leases.some((other) => isSame(holdingOf(other), holding)),
  );
  return held && values ? [...others, { holding: holdingOf(held), material: values.material }] : others;
}
