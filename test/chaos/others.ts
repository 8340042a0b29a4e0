/** Others at work in the store: they add versions of what we only follow, and have the one before destroyed after a while. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { LockboxSpec } from '../sandbox/yandex/spec.ts';
import { halvesOf, keptLabel } from './credentials.ts';
import { isVersion, type Lives } from './lives.ts';
import type { StoreProcess } from './sandbox-process.ts';

const aVersion = () => halvesOf(randomBytes(16).toString('hex'));

/** What the store is made of. */
export const storeOf = ({ secrets, store }: Lives): LockboxSpec => ({
  tokenLife: store.tokenLife,
  secrets: secrets.filter(isVersion).map(({ name, kind }) => ({
    name,
    entries: kind === 'followed' ? aVersion() : { label: keptLabel, password: randomBytes(24).toString('hex') },
  })),
});

export interface Others {
  /** What could not be done: faults of the run itself. */
  readonly words: readonly string[];
  /** Resolves when none of them is at it any more. */
  stop(): Promise<void>;
}

/** From now on. An order to a store that is stopped waits until it goes on. */
export function othersAt(store: StoreProcess, { secrets, store: { notice } }: Lives): Others {
  const words: string[] = [];
  const stop = new AbortController();
  const work = secrets
    .filter(({ kind }) => kind === 'followed')
    .map(async ({ name, ttl }) => {
      const { versions } = await store.books();
      let before = versions.findLast(({ secret }) => secret === name)?.id;
      for (;;) {
        await pause(ttl, undefined, { signal: stop.signal }).catch(() => undefined);
        if (stop.signal.aborted) return;
        const next = await store.order({ kind: 'add-version', secret: name, entries: aVersion() });
        await store.order({ kind: 'schedule', version: before, in: notice });
        before = String(next);
      }
    })
    .map((one) => one.catch((error: unknown) => void words.push(`others at the store: ${String(error)}`)));
  return {
    words,
    async stop() {
      stop.abort();
      await Promise.all(work);
    },
  };
}
