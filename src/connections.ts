/** The connections of a household to its providers, when it begins and when it ends. */
import type { Household } from './assemble.ts';
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

/** How long a start waits for a provider to say what time it is. */
const patience: Duration = seconds(3);

/** What the records say is in their providers' time: know that before anything remembered is taken to be over. */
export async function learnTimes({ connections }: Household, former?: Household): Promise<void> {
  const known = new Set(former?.connections.values());
  const strange = [...connections.values()].filter((connection) => !known.has(connection));
  await Promise.all(
    strange.map(({ provider }) => provider.learnTime?.(AbortSignal.timeout(patience)).catch(() => undefined)),
  );
}
