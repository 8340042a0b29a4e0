/** What was done to whom, and when: the blows as stretches of time, and how long there was peace between them. */
import type { Duration, Instant } from '../../src/core/time.ts';

/** What a blow strikes. `provider`: it cannot be asked, or lies. `sink`: nothing can be written there. */
export type Part = 'provider' | 'daemon' | 'redis' | 'sink';

export interface Blow {
  readonly kind: string;
  readonly part: Part;
  readonly from: Instant;
  /** Infinity while it lasts. */
  to: Instant;
  note: string;
}

export interface Timeline {
  readonly blows: readonly Blow[];
  begin(kind: string, part: Part, note?: string): Blow;
  end(blow: Blow, note?: string): void;
  /** The longest stretch in this time in which none of these parts was struck. */
  longestCalm(parts: readonly Part[], from: Instant, to: Instant): Duration;
  /** How much of this time none of these parts was struck. */
  calm(parts: readonly Part[], from: Instant, to: Instant): Duration;
  /** Those that touch this time, as lines. */
  around(from: Instant, to: Instant): readonly string[];
}

/** A blow of a moment is felt for a moment. */
const lastMoment = ({ from, to }: Blow): Instant => Math.max(to, from + 100);

export const clockTime = (at: Instant): string => new Date(at).toISOString().slice(11, 23);

export function openTimeline(): Timeline {
  const blows: Blow[] = [];
  const gaps = (parts: readonly Part[], from: Instant, to: Instant): Duration[] => {
    const struck = blows
      .filter((blow) => parts.includes(blow.part) && blow.from < to && lastMoment(blow) > from)
      .sort((a, b) => a.from - b.from);
    const found: Duration[] = [];
    let at = from;
    for (const blow of struck) {
      if (blow.from > at) found.push(blow.from - at);
      at = Math.max(at, lastMoment(blow));
    }
    if (at < to) found.push(to - at);
    return found;
  };
  return {
    blows,
    begin(kind, part, note = '') {
      const blow: Blow = { kind, part, from: Date.now(), to: Number.POSITIVE_INFINITY, note };
      blows.push(blow);
      return blow;
    },
    end(blow, note) {
      if (blow.to !== Number.POSITIVE_INFINITY) return;
      blow.to = Date.now();
      if (note !== undefined) blow.note = [blow.note, note].filter((text) => text !== '').join(', ');
    },
    longestCalm: (parts, from, to) => Math.max(0, ...gaps(parts, from, to)),
    calm: (parts, from, to) => gaps(parts, from, to).reduce((sum, gap) => sum + gap, 0),
    around: (from, to) =>
      blows
        .filter((blow) => blow.from < to && blow.to > from)
        .map(({ kind, note, from: begun, to: over }) => {
          const end = over === Number.POSITIVE_INFINITY ? 'not over' : clockTime(over);
          return `${clockTime(begun)} to ${end}  ${kind}${note === '' ? '' : ` (${note})`}`;
        }),
  };
}
