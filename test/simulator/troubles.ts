/** What goes wrong in a world: where, and from when to when. The judge asks here whether anybody has an excuse. */
import type { Duration, Instant } from '../../src/core/time.ts';
import type { Timeline } from './timeline.ts';

/** What becomes of a single call. */
export type Fault =
  /** An error, and nothing happened. */
  | 'refuses'
  /** No answer; it may have happened. */
  | 'hangs'
  /** An error, and it happened. */
  | 'cuts'
  /** Too many requests: come back later. */
  | 'limits'
  /** It works, and takes up to 34 s. */
  | 'crawls'
  /** The process is killed before, under way, after the effect, or before the outcome is saved. */
  | 'killed'
  /** It works, and then the store refuses to save what came of it. */
  | 'forgotten'
  /** It works and is saved, and the store's answer is lost. */
  | 'unheard';

/**
 * Where: `provider/A`, `login/A` and `renewal/A` (only these requests), `sink/S/N`, `reload/S/N`, `reload/S`, `proof/S`,
 * `process`, `store`.
 */
export type Place = string;

interface Span {
  readonly from: Instant;
  to: Instant;
  readonly how: 'broken' | 'slow';
}

export class Troubles {
  readonly #outages = new Map<Place, Span[]>();
  readonly #spans = new Map<Place, Span[]>();
  readonly #open = new Set<() => void>();
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** From then until then nothing works there. `aftermath`: how long it is felt after it is over. */
  outage(place: Place, from: Instant, to: Instant, aftermath: Duration = 0): void {
    push(this.#outages, place, { from, to, how: 'broken' });
    this.note(place, from, to + aftermath);
  }

  /** Something went wrong there, or was slow. */
  note(place: Place, from: Instant, to: Instant, how: Span['how'] = 'broken'): void {
    push(this.#spans, place, { from, to, how });
  }

  /** Something goes wrong there from now on, until what is answered is called. */
  begin(place: Place, from: Instant, how: Span['how']): () => void {
    const span: Span = { from, to: Number.POSITIVE_INFINITY, how };
    push(this.#spans, place, span);
    const end = () => {
      span.to = Math.min(span.to, this.#timeline.now());
      this.#open.delete(end);
    };
    this.#open.add(end);
    return end;
  }

  /** The process is killed: nobody waits for answers any more. */
  endAll(): void {
    for (const end of this.#open) end();
  }

  isDown(place: Place): boolean {
    const now = this.#timeline.now();
    return this.#outages.get(place)?.some(({ from, to }) => from <= now && now < to) ?? false;
  }

  /** The longest time without trouble at any of these places between then and then. Slowness below `bearable` is none. */
  calm(places: readonly Place[], from: Instant, to: Instant, bearable: Duration): Duration {
    let longest = 0;
    let since = from;
    for (const span of this.#within(places, from, to, bearable)) {
      longest = Math.max(longest, span.from - since);
      since = Math.max(since, span.to);
    }
    return Math.max(longest, to - since);
  }

  /** When the trouble was over that was last felt between then and then, if there was any. */
  lastEnd(places: readonly Place[], from: Instant, to: Instant): Instant | undefined {
    const now = this.#timeline.now();
    const ends = this.#within(places, from, to, 0).map((span) => (Number.isFinite(span.to) ? span.to : now));
    return ends.length > 0 ? Math.max(...ends) : undefined;
  }

  #within(places: readonly Place[], from: Instant, to: Instant, bearable: Duration): readonly Span[] {
    return places
      .flatMap((place) => this.#spans.get(place) ?? [])
      .filter(
        ({ how, ...span }) =>
          span.from <= to && span.to >= from && (how === 'broken' || span.to - span.from > bearable),
      )
      .sort((a, b) => a.from - b.from);
  }
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
