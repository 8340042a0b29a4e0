/** The connections of a household to its providers, when it begins and when it ends. */
import type { Connection, Household } from './assemble.ts';
import { timer } from './clock.ts';
import { type Duration, type Instant, seconds } from './core/time.ts';

/** Of the former household, those that its successor does not go on with. */
export async function closeProviders(
  former: Household,
  successor: Household | undefined,
  onError: (doing: string, error: unknown) => void,
): Promise<void> {
  const kept = new Set(successor?.connections.values());
  const leaving = [...former.connections].filter(([, connection]) => !kept.has(connection));
  await Promise.all(
    leaving.map(([name, { provider }]) =>
      provider.close().catch((error: unknown) => onError(`closing the connections to ${name}`, error)),
    ),
  );
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
