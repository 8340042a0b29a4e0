/** The end of all that a secret holds, where it is configured to end with the daemon. */
import type { Wait } from '../core/agenda.ts';
import type { Step } from '../core/decide.ts';
import { revocations } from '../core/ending.ts';
import { requested } from '../core/requests.ts';
import { act } from './act.ts';
import { failing } from './look.ts';
import { type Loop, save, take } from './loop.ts';
import { factsOf, now, type Visit } from './secret.ts';

/**
 * Try once to end each lease. What cannot be ended now is unwanted in the record, and ended first thing by the next
 * start. Answers with how many are left. Nothing else may be at work on the secret. Throws where the store does.
 */
export async function endLeases(visit: Visit): Promise<number> {
  const { secret, ports } = visit;
  const { record } = await save(visit, (latest) => requested(latest, 'revoke', now(visit)));
  const nothing: Wait = { act: 'wait', until: now(visit), because: 'NotDue' };
  const loop: Loop<Step> = {
    decide: () => nothing,
    act: (step, latest, signal) => act(visit, step, latest, signal),
    fail: (step, error, begun) => failing(visit, step, error, begun),
    rest: async () => undefined,
  };
  for (const step of revocations(record, secret.rules, factsOf(visit))) {
    if (visit.signal.aborted) break;
    const { record: latest } = await ports.store.load(secret.name);
    await take(visit, loop, step, latest);
  }
  return (await ports.store.load(secret.name)).record.leases.length;
}
