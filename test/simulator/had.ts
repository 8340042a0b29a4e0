/**
 * Where others decide what is to be had: promise 1 is that everybody has it within one observation and the longest
 * back-off, or somebody has an excuse for so long.
 */
import { type Duration, type Instant, minutes } from '../../src/core/time.ts';
import { type Kept, longestRecovery } from './excuses.ts';
import type { Issued } from './issued.ts';
import type { SinkPlace } from './place.ts';
import { valueIn } from './versions.ts';
import type { World } from './world.ts';

/** Where that is kept. */
export interface Store {
  /** What is to be had, as long as anybody can read it; and since when that is so. */
  readonly wanted: Issued | undefined;
  readonly wantedSince: Instant;
  onWanted: () => void;
}

export const storeOf = ({ lockbox, folder }: Kept): Store | undefined => lockbox?.versions ?? folder;

/** What every sink should hold, as far as there is such a thing. */
export function wantedOf(kept: Kept): Issued | undefined {
  const wanted = storeOf(kept)?.wanted;
  return wanted && (wanted.isFit || !kept.isVerified) ? wanted : undefined;
}

/** Trouble may be felt for so long after it is over: by who backs off. */
export const aftermath: Duration = minutes(15);

/** How long it may take when nothing goes wrong. */
export const patienceOf = ({ issuer }: Kept): Duration => (issuer.nature.observeEvery ?? 0) + longestRecovery;

export class Had {
  readonly #world: World;
  readonly #kept: Kept;
  readonly #store: Store;
  /** Sinks that have been given something. */
  readonly #served = new Set<SinkPlace>();

  constructor(world: World, kept: Kept, store: Store) {
    this.#world = world;
    this.#kept = kept;
    this.#store = store;
  }

  begin(): void {
    this.#store.onWanted = () => this.#watch();
    this.#watch();
  }

  serve(place: SinkPlace): void {
    this.#served.add(place);
  }

  #watch(): void {
    const { wantedSince } = this.#store;
    const { timeline } = this.#world;
    const patience = patienceOf(this.#kept);
    const check = (from: Instant): void => {
      const now = timeline.now();
      const wanted = wantedOf(this.#kept);
      if (!wanted || this.#store.wantedSince !== wantedSince) return;
      const excuses = this.#kept.places.flatMap((place) => this.#excuseOf(place, valueIn(wanted), from) ?? []);
      if (excuses.length === 0) return;
      const over = Math.max(...excuses);
      timeline.watch(Math.max(over, now) + patience, () => check(over + 1));
    };
    timeline.watch(wantedSince + patience, () => check(wantedSince - aftermath));
  }

  /** Until when it is excused that it uses something else; it may not, where there is none. */
  #excuseOf(place: SinkPlace, value: string, from: Instant): Instant | undefined {
    const { timeline, judge } = this.#world;
    const now = timeline.now();
    // What somebody has wiped is missed within an hour, which is nothing that a change at the provider changes.
    const content = this.#served.has(place) ? (place.content ?? value) : place.content;
    const left = [content, ...place.programs.map(({ loaded }) => loaded)].filter((used) => used !== value);
    if (left.length === 0) return undefined;
    // Whoever is told no three times thinks for an hour before the next.
    const thought = (judge.toldNo.get(this.#kept.name) ?? Number.NEGATIVE_INFINITY) + minutes(60);
    // Without Redis nobody follows anybody (DESIGN 9), but what is dead has to be replaced then too.
    const isDead = (used: string | undefined) => used !== undefined && !this.#kept.issuer.accepts(used);
    if (this.#world.records.fault && !left.some(isDead)) return now;
    const excuse = thought > now ? thought : judge.excuses.lastTrouble(this.#kept, place, from, now);
    if (excuse === undefined) judge.break(1, `${place.path} is left with ${left[0]}, not ${value}`);
    return excuse;
  }
}
