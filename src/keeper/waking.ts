/** What a record that was just looked at means for the other jobs of its secret. */
import { decide } from '../core/decide.ts';
import { delivery } from '../core/deliveries.ts';
import type { SecretRecord } from '../core/record.ts';
import { reloading } from '../core/reloading.ts';
import { factsOf, type Visit, wake } from './secret.ts';

/** Have the secret looked at when there is something to do: a predecessor may have become free, or the first lease due. */
export async function wakeLook(visit: Visit, record: SecretRecord): Promise<void> {
  const { name: secret, rules } = visit.secret;
  const facts = factsOf(visit);
  const next = decide(record, rules, facts);
  await wake(visit, { kind: 'look', secret }, next.act === 'wait' ? next.until : facts.now);
}

/** Have the sinks delivered to, and the programs told, that this leaves to be done. */
export async function wakeOthers(visit: Visit, record: SecretRecord): Promise<void> {
  const { name: secret, rules } = visit.secret;
  const facts = factsOf(visit);
  for (const sink of rules.sinks) {
    const next = delivery(record, sink, facts);
    await wake(visit, { kind: 'deliver', secret, sink }, next.act === 'wait' ? next.until : facts.now);
  }
  await wakeReload(visit, record);
}

/** Have the programs told that the secret tells, or told again when that is due. */
export async function wakeReload(visit: Visit, record: SecretRecord): Promise<void> {
  const { name: secret, rules } = visit.secret;
  if (!rules.reloads) return;
  const facts = factsOf(visit);
  const next = reloading(record, rules, facts);
  await wake(visit, { kind: 'reload', secret }, next.act === 'wait' ? next.until : facts.now);
}
