/** The connections of a household to its providers, when it begins and when it ends. */
import type { Connection, Household } from './assemble.ts';
import { timer } from './clock.ts';
import { type Duration, type Instant, seconds } from './core/time.ts';

/** Longer than any request is under way: each has a deadline of its own. */
const underWay: Duration = seconds(40);

export interface Leaving {
  /**
   * Those of the former household that its successor does not go on with, once all that is under way there is answered:
   * the answer to an acquire that is cut off is a lease that nobody knows of.
   */
  close(former: Household, successor: Household): void;
  /** The program ends: all of them now, and those of its last household. */
  closeAll(last: Household): Promise<void>;
}

export function leaving(onError: (doing: string, error: unknown) => void): Leaving {
  const present = new Map<Connection, string>();
  const closeOne = async (connection: Connection, name: string) => {
    present.delete(connection);
    const say = (error: unknown) => onError(`closing the connections to ${name}`, error);
    await connection.provider.close().catch(say);
  };
  return {
    close(former, successor) {
      const kept = new Set(successor.connections.values());
      for (const [name, connection] of former.connections) {
        if (kept.has(connection)) continue;
        present.set(connection, name);
        timer(underWay, () => void (present.has(connection) && closeOne(connection, name)));
      }
    },
    async closeAll(last) {
      for (const [name, connection] of last.connections) present.set(connection, name);
      await Promise.all([...present].map(([connection, name]) => closeOne(connection, name)));
    },
  };
}

/** How long a start waits for a provider to say what time it is, and when one that did not is asked again. */
const patience: Duration = seconds(3);
const pause: Duration = seconds(5);

/**
 * What the records say is in their providers' time: know that before anything remembered is taken to be over. One that
 * does not answer in time is asked on and on while it `isKept`: by a clock that is behind all would be renewed too late.
 */
export async function learnTimes(
  { connections }: Household,
  isKept: (connection: Connection) => boolean,
  former?: Household,
): Promise<void> {
  const known = new Set(former?.connections.values());
  const strange = [...connections.values()].filter((connection) => !known.has(connection));
  await Promise.all(strange.map((connection) => learnTime(connection, isKept)));
}

async function learnTime(connection: Connection, isKept: (connection: Connection) => boolean): Promise<void> {
  await connection.provider.learnTime?.(AbortSignal.timeout(patience)).catch(() => {
    timer(pause, () => void (isKept(connection) && learnTime(connection, isKept)));
  });
}

/** So many answers outweigh all that are remembered of a provider's clock, and so far apart they are asked for. */
const majority = 5;
const between: Duration = seconds(1);

/**
 * Has all providers of a household say again what time it is, by as many answers as are believed, and by none from before
 * `since`, on our clock. One that does not answer is asked on and on while it `isKept`: what was known of its time is
 * worth nothing, and a look that takes nothing to be due asks nobody.
 */
export function relearning(
  isKept: (connection: Connection) => boolean,
): (household: Household, since: Instant) => void {
  /** Of those who are being asked: since when, and how many answers it still takes. */
  const asking = new Map<Connection, { since: Instant; missing: number }>();

  async function ask(connection: Connection, wanted: { since: Instant; missing: number }): Promise<void> {
    if (!isKept(connection)) return void asking.delete(connection);
    const isAnswered = await connection.provider.learnTime?.(AbortSignal.timeout(patience), wanted.since).then(
      () => true,
      () => false,
    );
    if (isAnswered) wanted.missing--;
    if (isAnswered === undefined || wanted.missing <= 0) return void asking.delete(connection);
    timer(isAnswered ? between : pause, () => void ask(connection, wanted));
  }

  return ({ connections }, since) => {
    for (const connection of connections.values()) {
      const known = asking.get(connection);
      if (known) Object.assign(known, { since, missing: majority });
      else {
        const wanted = { since, missing: majority };
        asking.set(connection, wanted);
        void ask(connection, wanted);
      }
    }
  };
}
