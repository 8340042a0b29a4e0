/** The store as the keeper has it. */
import type { Store } from './store.ts';

/** The keeper knows secrets by their names; their records are kept under keys that change with the source. */
export const keyed = (store: Store, keyOf: (name: string) => string): Store => ({
  load: (name) => store.load(keyOf(name)),
  update: (name, change, values) => store.update(keyOf(name), change, values),
  values: (name) => store.values(keyOf(name)),
  remove: (name) => store.remove(keyOf(name)),
  list: () => store.list(),
});
