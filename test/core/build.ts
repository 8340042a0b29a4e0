/** Records for tests, said in the words that matter to the test. */
import type { Step } from '../../src/core/decide.ts';
import type { DeliveryStep } from '../../src/core/deliveries.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { HeldLease, SecretRecord } from '../../src/core/record.ts';
import type { Facts, Rules } from '../../src/core/rules.ts';
import { minutes } from '../../src/core/time.ts';

export const aLease = (change: Partial<Lease> = {}): Lease => ({
  id: 'l1',
  issuedAt: 0,
  expiresAt: minutes(60),
  renewal: { from: 'now', by: minutes(60), atLeast: minutes(60), canShorten: false },
  ...change,
});

export const held = (lease: Lease = aLease(), change: Partial<HeldLease> = {}): HeldLease => ({
  lease,
  since: lease.issuedAt,
  termStart: lease.issuedAt,
  generation: 0,
  verified: true,
  observedAt: lease.issuedAt,
  ...change,
});

/** One sink that has what the oldest of these leases gave it. */
export function recordOf(...leases: HeldLease[]): SecretRecord {
  const oldest = leases.at(-1);
  if (!oldest) return { leases, sinks: {}, failures: {} };
  const holding = { lease: oldest.lease.id, generation: oldest.generation };
  const has = { ...holding, mark: 'm', reloaded: true, seenAt: 0 };
  return { leases, sinks: { file: { uses: [holding], has } }, failures: {} };
}

export const rulesOf = (change: Partial<Rules> = {}): Rules => ({
  renewAt: 0.5,
  jitter: 0,
  grace: minutes(5),
  sinks: ['file'],
  verify: false,
  trusts: false,
  reloads: false,
  exclusive: false,
  can: { observe: false, read: false, search: false },
  renewsByValue: false,
  ...change,
});

export const at = (now: number, change: Partial<Facts> = {}): Facts => ({
  now,
  startedAt: 0,
  uncertainty: 0,
  atHand: [],
  writable: ['file'],
  seen: ['file'],
  gate: { blocks: [], isBusy: false },
  ...change,
});

/** A step as the agenda would list it. */
export const stepTo = (act: Step['act'] | DeliveryStep['act'], to?: string): Step =>
  ({ act, because: 'NothingHeld', at: 0, deadline: 0, emergencyAt: 0, ...(to !== undefined && { to }) }) as Step;
