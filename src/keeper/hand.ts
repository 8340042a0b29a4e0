/** What one process knows of one secret, and has of its values. */
import { heardIn, isSight, noteOf } from '../core/guesses.ts';
import type { Material } from '../core/material.ts';
import { type Holding, isSame, type SecretRecord } from '../core/record.ts';
import { type Noted, negligible } from '../core/redating.ts';
import type { Duration, Instant } from '../core/time.ts';
import type { Transition } from '../core/transitions.ts';
import type { Kept, Values } from '../state/store.ts';

/** An answer that the store could not be told of. */
export interface Untold {
  readonly change: Transition;
  readonly values?: Values;
  /** So many leases are left to their own end: said once it is saved. */
  readonly orphans?: number;
}

/** So many dates are remembered beside those that the record still has. */
const many = 100;

export class Hand {
  /** The sinks that said that they could be written to. */
  readonly writable = new Set<string>();
  /** Something was in one of its sinks before we brought anything. */
  wasDelivered = false;
  /** The world was told of its record. */
  isTold = false;
  /** Since when its record is what we remember, and not what the store has. On the clock of the store. */
  cutOff: Instant | undefined;
  /** Told before anything else is done. */
  readonly untold: Untold[] = [];
  /** Dates that we noted while the time was a guess, and by how much the guess was ahead of our own clock. */
  readonly guesses = new Map<Instant, Duration>();
  /**
   * By how much the provider's clock was ahead of ours, as far as we knew, when we noted these or first saw them. Absent
   * of what lay ahead even then: a process before us had another idea of the time.
   */
  readonly #noted = new Map<Instant, Duration | undefined>();
  readonly #sinks = new Map<string, Promise<unknown>>();
  #values: readonly Kept[] = [];
  /** The values that the store kept are here. */
  isFilled = false;
  /** What it has told the store, and of when. */
  readonly heard = new Set<string>();

  /** One call after the other: a sink is never asked, written or reloaded by two jobs at a time. */
  async alone<T>(sink: string, call: () => Promise<T>): Promise<T> {
    const turn = (this.#sinks.get(sink) ?? Promise.resolve()).then(call);
    const over = turn.catch(() => undefined);
    this.#sinks.set(sink, over);
    return turn;
  }

  /** These dates of our own its record has, or may have soon; and so far ahead is the provider's clock just now. */
  note(dates: readonly Instant[], ahead: Duration, now: Instant): void {
    for (const at of dates) if (!this.#noted.has(at)) this.#noted.set(at, at > now + negligible ? undefined : ahead);
  }

  /** Its record has no others. */
  noteOnly(dates: readonly Instant[], ahead: Duration, now: Instant): void {
    this.note(dates, ahead, now);
    for (const at of this.#noted.keys()) if (!dates.includes(at)) this.#noted.delete(at);
  }

  /** What is known of its dates, if the provider's clock is so far ahead now. */
  noted = (ahead: Duration): Noted => ({
    moved: (at) => ahead - (this.#noted.get(at) ?? ahead),
    has: (at) => this.#noted.has(at),
  });

  holdings(): readonly Holding[] {
    return this.#values.map(({ holding }) => holding);
  }

  get(holding: Holding): Material | undefined {
    return this.#values.find((entry) => isSame(entry.holding, holding))?.material;
  }

  put(holding: Holding, material: Material): void {
    const others = this.#values.filter((entry) => entry.holding.lease !== holding.lease);
    this.#values = [...others, { holding, material }];
  }

  /** The same, as it is dated now. What others have heard they have heard, whatever date it bears. */
  dateAnew(before: SecretRecord, after: SecretRecord): void {
    const known = heardIn(before);
    for (const [what, at] of heardIn(after)) {
      if (this.heard.has(noteOf(what, known.get(what) ?? at))) this.heard.add(noteOf(what, at));
    }
  }

  /** We have made this out of that. What is seen to be so just now need not bear another date than what was seen before. */
  hear(before: SecretRecord, after: SecretRecord, now: Instant): void {
    const known = heardIn(before);
    const present = [...heardIn(after)];
    const isNew = (what: string, at: Instant) => known.get(what) !== at || (isSight(what) && at === now);
    for (const [what, at] of present) if (isNew(what, at)) this.heard.add(noteOf(what, at));
    if (this.heard.size < many) return;
    const still = new Set(present.map(([what, at]) => noteOf(what, at)));
    // What another job is about to tell is among the last.
    for (const old of [...this.heard].slice(0, -many / 2)) if (!still.has(old)) this.heard.delete(old);
  }

  /** What a process before us had. What we have is newer. */
  fill(kept: readonly Kept[], record: SecretRecord): void {
    this.isFilled = true;
    for (const { holding, material } of kept) {
      const isHere = this.#values.some((entry) => entry.holding.lease === holding.lease);
      if (!isHere) this.put(holding, material);
    }
    this.keepOnly(record);
  }

  /** Forget the values of leases that the record has forgotten. */
  keepOnly(record: SecretRecord): void {
    this.#values = this.#values.filter((entry) => record.leases.some((held) => held.lease.id === entry.holding.lease));
  }
}
