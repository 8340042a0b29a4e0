/**
 * Since when and how often was saved, as Redis says: so it is told that it has gone back in time, be it to nothing, to a
 * backup, or to what a backup of another history says.
 */
import { countField, sinceField } from './redis-scripts.ts';

/** An answer of Redis: the two fields, as far as they are there. */
type Answer = readonly (string | number | null)[];

interface Saves {
  readonly count: number;
  readonly since: string;
}

export const saveFields = [countField, sinceField] as const;

export class SaveCount {
  #last: Saves | undefined;
  /** It was behind when something was saved: since then it may have caught up, and what it lost is lost all the same. */
  #wasBehind = false;

  /** What is known now: to be given to `heard` or `saved` with the answer to what is asked next. */
  get last(): Saves | undefined {
    return this.#last;
  }

  /** Less than was known when it was asked is no answer that only comes late: it is left for `isBack` to be seen. */
  heard(answer: Answer, asked: Saves | undefined): void {
    const saves = savesOf(answer);
    if (isOn(saves, asked) && isOn(saves, this.#last)) this.#last = saves;
  }

  /** The answer to a save: it counts as one more. */
  saved(answer: Answer, asked: Saves | undefined): void {
    if (!isOn(savesOf(answer), asked && { ...asked, count: asked.count + 1 })) this.#wasBehind = true;
    else this.heard(answer, asked);
  }

  /** Has it gone back, or on in another history? */
  isBack(answer: Answer): boolean {
    return this.#wasBehind || !isOn(savesOf(answer), this.#last);
  }

  /** What was lost is made up for: it goes on from there. */
  goOn(answer: Answer): void {
    this.#last = savesOf(answer);
    this.#wasBehind = false;
  }
}

const savesOf = ([count, since]: Answer): Saves => ({ count: Number(count) || 0, since: String(since ?? '') });

const isOn = (saves: Saves, last: Saves | undefined): boolean =>
  !last || (saves.since === last.since && saves.count >= last.count);
