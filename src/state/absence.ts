/** A store that is away: asked again in the background until it is back, and then told of all that happened. */
import type { Duration } from '../core/time.ts';
import type { LifelineOptions } from './lifeline.ts';
import type { Remembered } from './remembered.ts';

/** The first time it is asked again, and the longest wait between two times. */
const shortestPause: Duration = 100;
const longestPause: Duration = 1_000;
/** What is over by then nobody needs to hear of. */
const moment: Duration = 1_000;
/** So many secrets are told at a time. */
const batch = 50;

/** How long the store may take to answer somebody who waits for it; and where nobody does. */
const defaultPatience: Duration = 1_000;
const longestCall: Duration = 30_000;

export class Absence {
  readonly #options: LifelineOptions;
  readonly #memory: ReadonlyMap<string, Remembered>;
  #reason: { readonly error: unknown } | undefined;
  #cancel: (() => void) | undefined;
  #pause: Duration = shortestPause;
  #telling: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: LifelineOptions, memory: ReadonlyMap<string, Remembered>) {
    this.#options = options;
    this.#memory = memory;
  }

  /** Why the store is not asked. */
  get reason(): { readonly error: unknown } | undefined {
    return this.#reason;
  }

  /** The store has failed so. */
  begin(error: unknown): void {
    this.#reason ??= { error };
    this.#askAgain();
  }

  #askAgain(): void {
    if (this.#isClosed || this.#cancel !== undefined || this.#telling !== undefined) return;
    this.#cancel = this.#options.timer(this.#pause, () => {
      this.#cancel = undefined;
      this.#pause = Math.min(2 * this.#pause, longestPause);
      void this.#tellAll();
    });
  }

  /** Never rejects. One at a time. */
  #tellAll(): Promise<void> {
    this.#telling ??= this.#tellingAll().finally(() => {
      this.#telling = undefined;
      const isDone = !this.#reason && [...this.#memory.values()].every(({ cutOff }) => cutOff === undefined);
      if (isDone) this.#pause = shortestPause;
      else this.#askAgain();
    });
    return this.#telling;
  }

  async #tellingAll(): Promise<void> {
    const presence = this.#reason ? await this.#presence() : 'back';
    if (presence === 'away') return;
    const isBack = presence === 'back';
    if (isBack) this.#reason = undefined;
    const open = [...this.#memory].filter(([, known]) => known.cutOff !== undefined && (isBack || known.isUnsaved));
    for (let from = 0; from < open.length && !(isBack && this.#reason); from += batch) {
      const errors: unknown[] = [];
      const some = open.slice(from, from + batch);
      await Promise.all(
        some.map(([secret, known]) => this.#tell(secret, known, isBack).catch((error: unknown) => errors.push(error))),
      );
      if (errors.length > 0) this.#report(errors[0]);
      if (errors.length === some.length) return;
    }
  }

  /** `slow`: it answers, and can be told, but nobody is to wait for it. */
  async #presence(): Promise<'back' | 'slow' | 'away'> {
    const { store } = this.#options;
    const [first] = this.#memory.keys();
    const answer: Promise<unknown> = first === undefined ? store.list() : store.load(first);
    const answersWithin = (limit?: Duration) =>
      within(this.#options, answer, limit).then(
        () => true,
        (error: unknown) => {
          this.#report(error);
          return false;
        },
      );
    if (await answersWithin()) return 'back';
    return (await answersWithin(longestCall)) ? 'slow' : 'away';
  }

  /** Tell the store of one secret that is cut off, and have it no longer so where it `isBack`. Nobody asks the store of it meanwhile. */
  async #tell(secret: string, known: Remembered, isBack: boolean): Promise<void> {
    const { store, onBack } = this.#options;
    const told = <T>(task: Promise<T>): Promise<T> => within(this.#options, task, longestCall);
    await told(known.underWay).catch(() => undefined);
    do {
      const found = await told(store.load(secret));
      const telling = known.telling(found);
      if (!telling.isNeeded) {
        known.agree(found);
        break;
      }
      const [first, ...others] = telling.values;
      let saved = await told(store.update(secret, telling.change, first));
      for (const values of others) saved = await told(store.update(secret, (record) => record, values));
      telling.told(saved);
    } while (known.isUnsaved);
    if (!isBack) return;
    const { isReported } = known;
    known.cutOff = undefined;
    known.isReported = false;
    onBack?.(secret, isReported);
  }

  #report(error: unknown): void {
    const before = this.#options.clock.now() - moment;
    for (const [secret, known] of this.#memory) {
      if (known.cutOff === undefined || known.cutOff > before || known.isReported) continue;
      known.isReported = true;
      this.#options.onKept?.(secret, error);
    }
  }

  /** No more of it, but for one last try, of so long at most. */
  async close(limit: Duration, isNeeded: boolean): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    if (!isNeeded) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.timer(limit, resolve);
      void this.#tellAll().finally(() => {
        cancel();
        resolve();
      });
    });
  }
}

/** Rejects where the store takes too long. What it was asked may have its effect all the same. */
export function within<T>({ timer, patience = defaultPatience }: LifelineOptions, task: Promise<T>, limit = patience) {
  return new Promise<T>((resolve, reject) => {
    const cancel = timer(limit, () => reject(new Error('no answer in time')));
    task.then(resolve, reject).finally(cancel);
  });
}
