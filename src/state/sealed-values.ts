/** The values of a record's leases, from one record to the next: which are kept, and sealed with which key. */
import { holdingOf, isSame, type SecretRecord } from '../core/record.ts';
import type { Known } from './found.ts';
import type { Sealing } from './seal.ts';
import type { Kept, Values } from './store.ts';

/**
 * What goes with this record after that one: the new values, and of the former those whose lease is there still, in the
 * same generation. Those of a former key are sealed anew. By lease.
 */
export function sealedWith(
  sealing: Sealing,
  secret: string,
  record: SecretRecord,
  before: Known | undefined,
  values: Values | undefined,
): ReadonlyMap<string, string> {
  const sealed = new Map<string, string>();
  for (const held of record.leases) {
    const holding = holdingOf(held);
    const { lease } = holding;
    const known = before?.record.leases.find((one) => one.lease.id === lease);
    const kept = known && isSame(holdingOf(known), holding) ? before?.sealed.get(lease) : undefined;
    const isKept = kept !== undefined && sealing.isPresent(kept);
    const material = values?.lease === lease ? values.material : kept && !isKept && sealing.open(secret, holding, kept);
    if (material) sealed.set(lease, sealing.seal(secret, holding, material));
    else if (isKept) sealed.set(lease, kept);
  }
  return sealed;
}

/** The values of all leases that have some. `onSealed`: those of this lease cannot be unsealed. */
export function unsealed(
  sealing: Sealing,
  secret: string,
  { record, sealed }: Known,
  onSealed: (lease: string) => void,
): readonly Kept[] {
  return record.leases.flatMap((held): Kept[] => {
    const holding = holdingOf(held);
    const text = sealed.get(holding.lease);
    if (text === undefined) return [];
    const material = sealing.open(secret, holding, text);
    if (material) return [{ holding, material }];
    onSealed(holding.lease);
    return [];
  });
}
