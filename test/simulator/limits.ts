/** How many requests of each kind a simulated provider takes in a minute: counted route by route, in fixed windows. Contract 9. */
import { type Duration, type Instant, minutes, seconds } from '../../src/core/time.ts';
import type { Timeline } from './timeline.ts';

/** So many a minute on each route of that kind. */
export interface LimitsPlan {
  readonly read: number;
  readonly write: number;
  readonly secrets: number;
  /** So many a minute, of all kinds together, we allow ourselves. */
  readonly own?: number;
}

/** What an answer says of its route, and when its window truly ends. */
export interface Quota {
  readonly limit: number;
  readonly remaining: number;
  /** In whole seconds. */
  readonly reset: number;
  readonly end: Instant;
  readonly isOver: boolean;
}

const window: Duration = minutes(1);

/** By the words that the simulated clients know their requests by. */
const kindOf = (route: string): 'read' | 'write' | 'secrets' => {
  if (route.startsWith('secret-')) return 'secrets';
  return route.endsWith('observe') || route.endsWith('search') ? 'read' : 'write';
};

export class Limits {
  readonly plan: LimitsPlan;
  /** So many requests were sent away; */
  refusals = 0;
  /** and so many of them although we had been told. */
  readonly foolish: string[] = [];
  readonly #windows = new Map<string, { readonly end: Instant; taken: number; refused: number }>();
  readonly #timeline: Timeline;

  constructor(plan: LimitsPlan, timeline: Timeline) {
    this.plan = plan;
    this.#timeline = timeline;
  }

  /** A request arrives. `isKnown`: whoever sent it had been told that there was none left. `isAwaited`: it hears the answer. */
  take(route: string, isKnown: boolean, isAwaited = true): Quota {
    const now = this.#timeline.now();
    const before = this.#windows.get(route);
    const present = before && now < before.end ? before : { end: now + window, taken: 0, refused: 0 };
    this.#windows.set(route, present);
    present.taken++;
    const limit = this.plan[kindOf(route)];
    const isOver = present.taken > limit;
    if (isOver) this.refusals++;
    if (isOver && isAwaited) present.refused++;
    if (isOver && isKnown) this.foolish.push(`the limit of ${route} was run into with open eyes at ${now}`);
    // Of what nobody answered nobody can know.
    if (present.refused > atOnce) this.foolish.push(`${route} was refused ${present.refused} times until ${now}`);
    return {
      limit,
      remaining: Math.max(0, limit - present.taken),
      reset: Math.max(1, Math.ceil((present.end - now) / seconds(1))),
      end: present.end,
      isOver,
    };
  }
}

/** As many as may be under way while the first of them is told, by two processes. */
const atOnce = 16;
