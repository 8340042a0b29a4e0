/** Throws the dice that say what strikes, when, and for how long. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Instant } from '../../src/core/time.ts';
import { first, kinds, type Scene } from './blow-kinds.ts';
import type { Chance } from './chance.ts';
import type { Part } from './timeline.ts';

/** Those that cannot strike at the moment are left out. */
const draws = 6;

/** Blows until the time is over or the signal aborts; resolves when the last one is. What fails of ours is thrown. */
export async function strikeUntil(end: Instant, scene: Scene, chance: Chance, signal: AbortSignal): Promise<void> {
  const under = new Set<Promise<void>>();
  const troubles: unknown[] = [];
  const busy = new Set<Part>();
  const { lives } = scene;
  const peace = new Map<Part, Instant>();
  while (!signal.aborted) {
    await pause(chance.between(...lives.between), undefined, { signal }).catch(() => undefined);
    const left = end - Date.now();
    if (left <= 0 || signal.aborted) break;
    const dice = { length: chance.between(300, lives.longestBlow), which: chance.between(0, 1) };
    // Always as many draws, lest one delay change every blow after it.
    const drawn = Array.from({ length: draws }, () => chance.weighted(kinds));
    const kind = [...first, ...drawn].find(
      (one) => !busy.has(one.part) && (peace.get(one.part) ?? 0) < Date.now() && (one.canStrike?.(scene, left) ?? true),
    );
    if (kind === undefined) continue;
    busy.add(kind.part);
    const blow = kind
      .strike(scene, dice)
      .catch((error: unknown) => void troubles.push(new Error(`${kind.name}: ${String(error)}`)))
      .finally(() => {
        busy.delete(kind.part);
        under.delete(blow);
        // Without any peace nothing could be kept alive, and nothing be proven.
        if (kind.part === 'provider' || kind.part === 'daemon') peace.set(kind.part, Date.now() + lives.peace);
      });
    under.add(blow);
  }
  await Promise.all(under);
  if (troubles.length > 0)
    throw new AggregateError(troubles, `the run itself failed: ${troubles.map(String).join('; ')}`);
}
