/** What a record that was just looked at means for the other jobs of its secret. */
import { delivery } from '../core/deliveries.ts';
import type { SecretRecord } from '../core/record.ts';
import { reloading } from '../core/reloading.ts';
import { factsOf, type Visit, wake } from './secret.ts';

/** Have the sinks delivered to, and the programs told, that this leaves to be done. */
export async function wakeOthers(visit: Visit, record: SecretRecord, except?: string): Promise<void> {
  const { name: secret, rules } = visit.secret;
  const facts = factsOf(visit);
  for (const sink of rules.sinks) {
    if (sink === except) continue;
    const next = delivery(record, sink, facts);
    await wake(visit, { kind: 'deliver', secret, sink }, next.act === 'wait' ? next.until : facts.now);
  }
  if (!rules.reloads) return;
  const next = reloading(record, rules, facts);
  await wake(visit, { kind: 'reload', secret }, next.act === 'wait' ? next.until : facts.now);
}
