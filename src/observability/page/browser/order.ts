/** Which secrets are shown, and which comes first. */
import type { SecretStatus } from '../status.ts';

export type Order = 'urgency' | 'name' | 'renewal' | 'end';

/** The worst first. */
export const states = [
  'expired',
  'rejected',
  'failing',
  'overdue',
  'blocked',
  'frozen',
  'pending',
  'healthy',
] as const satisfies readonly SecretStatus['state'][];

const never = Number.POSITIVE_INFINITY;

const by: Readonly<Record<Order, (secret: SecretStatus) => number>> = {
  urgency: ({ state }) => states.indexOf(state),
  name: () => 0,
  renewal: ({ renewsAt }) => renewsAt ?? never,
  end: ({ expiresAt }) => expiresAt ?? never,
};

/** Among equals the sooner end, where it is in danger, and else the name: what is well does not jump about. */
export function compare(order: Order, a: SecretStatus, b: SecretStatus): number {
  const key = by[order];
  const first = difference(key(a), key(b));
  if (first !== 0) return first;
  const isTrouble = order === 'urgency' && a.state !== 'healthy';
  const soonest = isTrouble ? difference(a.expiresAt ?? never, b.expiresAt ?? never) : 0;
  return soonest || a.name.localeCompare(b.name, undefined, { numeric: true });
}

/** Two that never end are equal, and their difference no number. */
const difference = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

/** Every word must be somewhere in its name, state, source, provider or sinks. */
export function matches(secret: SecretStatus, search: string): boolean {
  const { name, state, source, provider, sinks } = secret;
  const text = [name, state, source, provider, ...sinks.map((sink) => sink.name)].join(' ').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
