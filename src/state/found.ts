/** What lies in Redis under the name of a secret, and whether it is to be believed. */
import type { SecretRecord } from '../core/record.ts';
import type { Instant } from '../core/time.ts';
import { plainCodec } from './record-codec.ts';
import { leaseOfField, recordField, removedField, revisionField, signatureField } from './redis-scripts.ts';
import type { Sealing } from './seal.ts';

/** The fields of a hash. None: there is no hash. */
export type Fields = Readonly<Record<string, string>>;

/** A record that can be believed. Its values are sealed. */
export interface Known {
  readonly record: SecretRecord;
  readonly revision: number;
  readonly text: string;
  readonly signature: string;
  /** By lease. */
  readonly sealed: ReadonlyMap<string, string>;
}

export type Found =
  | { readonly is: 'nothing' }
  | { readonly is: 'unreadable'; readonly because: string }
  /** Somebody removed it, at that revision. */
  | { readonly is: 'removed'; readonly revision: number }
  | { readonly is: 'record'; readonly known: Known };

/** `latest`: what we know already, so that it need not be read again. */
export function found(sealing: Sealing, secret: string, fields: Fields, latest: Known | undefined): Found {
  const { [recordField]: text, [signatureField]: signature, [removedField]: removal } = fields;
  if (text === undefined && removal === undefined) return { is: 'nothing' };
  try {
    const revision = revisionOf(fields[revisionField]);
    if (text === undefined) {
      sealing.check(secret, removedField, '', removal);
      return { is: 'removed', revision };
    }
    const isKnown = latest?.revision === revision && latest.text === text && latest.signature === signature;
    if (isKnown) return { is: 'record', known: { ...latest, sealed: sealedIn(fields) } };
    sealing.check(secret, revision, text, signature);
    const record = plainCodec.decode(secret, text);
    return { is: 'record', known: { record, revision, text, signature: signature ?? '', sealed: sealedIn(fields) } };
  } catch (error) {
    return { is: 'unreadable', because: error instanceof Error ? error.message : 'it cannot be read' };
  }
}

/**
 * A history of a record begins with the time, and takes less than a save for each millisecond: one that was begun after
 * a loss is later than all of the one before, also where that is brought back from a backup.
 */
export const revisionAfter = (last: number, now: Instant): number =>
  last > 0 ? last + 1 : Math.max(1, Math.floor(now));

function revisionOf(text = ''): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Error('its revision is no number');
}

function sealedIn(fields: Fields): ReadonlyMap<string, string> {
  const sealed = new Map<string, string>();
  for (const [field, text] of Object.entries(fields)) {
    const lease = leaseOfField(field);
    if (lease !== undefined) sealed.set(lease, text);
  }
  return sealed;
}

/** A hash as scripts answer it: names and values by turns. */
export const fieldsOf = (flat: readonly unknown[]): Fields =>
  Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), String(flat[2 * i + 1])]));
