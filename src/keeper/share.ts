/** What a secret brings to a sink that it shares with others: the others' side of a delivery. */
import { checked, offered, sequenceOf, writing } from '../core/deliveries.ts';
import type { Material } from '../core/material.ts';
import { type Holding, isSame, type SecretRecord } from '../core/record.ts';
import { inherited } from '../core/strays.ts';
import { save, saveFirst } from './loop.ts';
import { factsOf, now, type Visit, wake } from './secret.ts';

export interface Part {
  readonly holding: Holding;
  /** See `Delivery`. */
  readonly sequence: number;
  readonly material: Material;
}

/** Has it something for that sink? Where its values are lost it is made to get others. */
export async function hasPart(visit: Visit, sink: string): Promise<boolean> {
  const record = await recordOf(visit);
  if (offered(record, sink, visit.secret.rules, factsOf(visit))) return true;
  if (record.sinks[sink]?.has) {
    // What the sink has cannot be written once more: it owes from now on, and so they are read or taken anew.
    await save(visit, (latest) => checked(latest, sink, false, visit.secret.rules, now(visit)));
    await wake(visit, { kind: 'look', secret: visit.secret.name }, now(visit));
  }
  return false;
}

/** Its part of what is about to be written: from now on the sink may hold it. Absent: it has none. */
export async function contribute(visit: Visit, sink: string): Promise<Part | undefined> {
  const { rules, hand } = visit.secret;
  const record = await recordOf(visit);
  const holding = offered(record, sink, rules, factsOf(visit));
  const material = holding && hand.get(holding);
  if (!holding || !material) return undefined;
  const last = record.sinks[sink]?.uses.at(-1);
  const isBegun = hand.isTold && last !== undefined && isSame(last, holding) && record.sequence !== undefined;
  if (isBegun) return { holding, material, sequence: record.sequence.number };
  const begun = now(visit);
  // Nobody may have looked at it since the process began: what every first look does comes first.
  const begin = hand.isTold ? (latest: SecretRecord) => latest : (latest: SecretRecord) => inherited(latest, rules);
  const saved = await saveFirst(visit, (latest) => writing(begin(latest), sink, holding, begun));
  return { holding, material, sequence: sequenceOf(saved.record, holding, begun).number };
}

/** What it remembers of what was last written to that sink. */
export const markOf = async (visit: Visit, sink: string): Promise<string | undefined> =>
  (await visit.ports.store.load(visit.secret.name)).record.sinks[sink]?.has?.mark;

/** What its delivery waited for is there. */
export async function goOn(visit: Visit, sink: string): Promise<void> {
  visit.secret.awaiting.delete(sink);
  await wake(visit, { kind: 'deliver', secret: visit.secret.name, sink }, now(visit));
}

async function recordOf({ secret, ports }: Visit): Promise<SecretRecord> {
  const { record } = await ports.store.load(secret.name);
  if (!secret.hand.isFilled) secret.hand.fill(await ports.store.values(secret.name), record);
  return record;
}
