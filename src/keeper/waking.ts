/** What a record that was just looked at means for the other jobs of its secret. */
import type { Wait } from '../core/agenda.ts';
import { decide } from '../core/decide.ts';
import { delivery } from '../core/deliveries.ts';
import type { SecretRecord } from '../core/record.ts';
import { reloading } from '../core/reloading.ts';
import { type Instant, seconds } from '../core/time.ts';
import { fraction } from '../core/timetable.ts';
import { factsOf, now as nowOf, type Visit, wake } from './secret.ts';

/** Have the secret looked at when there is something to do: a predecessor may have become free, or the first lease due. */
export async function wakeLook(visit: Visit, record: SecretRecord): Promise<void> {
  const { name: secret, rules } = visit.secret;
  const facts = factsOf(visit);
  const next = decide(record, rules, facts);
  await wake(visit, { kind: 'look', secret }, next.act === 'wait' ? lineUp(visit, next) : facts.now);
}

/** Have the sinks delivered to, and the programs told, that this leaves to be done. */
export async function wakeOthers(visit: Visit, record: SecretRecord): Promise<void> {
  const { name: secret, rules } = visit.secret;
  const facts = factsOf(visit);
  for (const sink of rules.sinks) {
    const next = delivery(record, sink, rules, facts);
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

/**
 * When to look again, at the latest. What only the gate holds up has a place in its line from here on, whoever found it
 * due, and is woken when its turn comes; the date is for when that is lost, and for all but the first not the same.
 */
export function lineUp(visit: Visit, { until, because, heldUp }: Wait): Instant {
  if (!heldUp) return until;
  const { gate, name } = visit.secret;
  const offset = gate.now() - nowOf(visit);
  const wish = { ...heldUp, deadline: heldUp.deadline + offset, emergencyAt: heldUp.emergencyAt + offset };
  const isFirst = gate.line(name, wish, () => lookNow(visit));
  const isGates = because === 'Blocked' || because === 'ProviderBusy';
  if (!isGates || isFirst) return until;
  // Who is in danger may be let through before the first in line.
  return Math.max(until, Math.min(heldUp.emergencyAt, until + seconds(30 + 30 * fraction(name))));
}

/** Where this fails it is the date in the scheduler that counts. */
export const lookNow = ({ secret, ports }: Visit): void =>
  void ports.scheduler.wake({ kind: 'look', secret: secret.name }, ports.clock.now()).catch(() => undefined);
