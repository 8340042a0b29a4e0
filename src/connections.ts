/** The connections of a household to its providers, when it begins and when it ends. */
import type { Connection, Household } from './assemble.ts';
import { timer } from './clock.ts';
import { type Duration, seconds } from './core/time.ts';

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
