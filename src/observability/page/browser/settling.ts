/** Keeps the page calm: what is due at this moment, and done in the next, is no news to a person. */
import type { SecretStatus } from '../status.ts';

const passing: readonly SecretStatus['state'][] = ['overdue', 'pending'];
/** What lasts so long is worth a look. */
const patience = 2_500;

export interface Settling {
  /** The status as it is to be shown at that time. */
  shown(status: SecretStatus, now: number): SecretStatus;
  /** Is there one whose time has come since it was last shown? */
  isDue(now: number): boolean;
  forget(name: string): void;
}

export function createSettling(): Settling {
  /** Since when each is in a passing state. */
  const since = new Map<string, number>();
  const held = new Map<string, number>();
  return {
    shown(status, now) {
      const { name, state, failures } = status;
      if (!passing.includes(state) || failures.length > 0) {
        since.delete(name);
        held.delete(name);
        return status;
      }
      const begun = since.get(name) ?? now;
      since.set(name, begun);
      if (now - begun >= patience) {
        held.delete(name);
        return status;
      }
      held.set(name, begun + patience);
      return { ...status, state: 'healthy' };
    },
    isDue: (now) => [...held.values()].some((at) => at <= now),
    forget(name) {
      since.delete(name);
      held.delete(name);
    },
  };
}
