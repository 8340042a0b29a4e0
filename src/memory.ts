/** What is remembered beside the store, by the names that people know. */
import { timer } from './clock.ts';
import { type Clock, type Duration, seconds } from './core/time.ts';
import { Lifeline } from './state/lifeline.ts';
import type { Store } from './state/store.ts';

/** What the store knows of a secret: nothing new for a while; all again; or it never heard all of it, and we end. */
export type InMemory = 'kept' | 'back' | 'unsaved';

export interface MemoryOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Under what each secret is kept in the store, and its name. */
  readonly keys: () => readonly (readonly [string, string])[];
  readonly onMemory: (secret: string, what: InMemory, error?: unknown) => void;
  /** The store can be asked of it again, also after what was too short to be told. */
  readonly onBack: (secret: string) => void;
}

export interface Memory {
  readonly store: Store;
  /** How many secrets are kept from memory at this moment. */
  readonly kept: number;
  /** There are other secrets now. */
  change(): void;
  /** Tell the store what it does not know yet, where it can be told. */
  close(): Promise<void>;
}

/** How long our end waits for a store that is away. */
const lastTry: Duration = seconds(2);

export function inMemory({ store, clock, keys, onMemory, onBack }: MemoryOptions): Memory {
  let names: ReadonlyMap<string, string> | undefined;
  const nameOf = (key: string): string => {
    names ??= new Map(keys());
    return names.get(key) ?? key;
  };
  const lifeline = new Lifeline({
    store,
    clock,
    timer,
    onKept: (key, error) => onMemory(nameOf(key), 'kept', error),
    onBack: (key, wasReported) => {
      if (wasReported) onMemory(nameOf(key), 'back');
      onBack(nameOf(key));
    },
  });
  return {
    store: lifeline,
    get kept() {
      return lifeline.kept;
    },
    change: () => {
      names = new Map(keys());
      lifeline.keepOnly(new Set(names.keys()));
    },
    close: async () => {
      for (const key of await lifeline.close(lastTry)) onMemory(nameOf(key), 'unsaved');
    },
  };
}
