/** One after the other, by secret: what is asked for of one secret waits until all that was asked before has ended. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** At once, in the same turn of the event loop, where nothing is under way. */
  take<T>(secret: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(secret);
    const turn = before === undefined ? task() : before.then(task);
    const over = turn.then(ignore, ignore).then(() => {
      if (this.#last.get(secret) === over) this.#last.delete(secret);
    });
    this.#last.set(secret, over);
    return turn;
  }
}

const ignore = () => undefined;
