/** What a person has asked for, beside what the rules say. */
import type { HeldLease, Request, SecretRecord } from './record.ts';
import type { Instant } from './time.ts';

/** A person asked for something. What is to be ended is what we knew then (`known`; absent: now), not what comes after it. */
export function requested(
  record: SecretRecord,
  request: Request,
  now: Instant,
  known?: readonly string[],
): SecretRecord {
  if (request !== 'revoke') return { ...record, requests: { ...record.requests, [request]: now } };
  const unwanted = (held: HeldLease) =>
    known && !known.includes(held.lease.id) ? held : { ...held, unwanted: true as const };
  return { ...record, leases: record.leases.map(unwanted) };
}

/** What was begun at `at` answers what was asked for before. */
export function fulfilled<R extends SecretRecord | Omit<SecretRecord, 'failures'>>(
  record: R,
  request: 'rotate' | 'renew',
  at: Instant,
): R {
  const { [request]: asked, ...others } = record.requests ?? {};
  return asked !== undefined && asked <= at ? { ...record, requests: others } : record;
}
