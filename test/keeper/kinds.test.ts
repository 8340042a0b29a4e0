/** A provider that limits each kind of request by itself: who may not ask one thing may still do another. */
import { expect, test } from 'vitest';
import { LeaseError, ProviderBlocked } from '../../src/core/failure.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Material } from '../../src/core/material.ts';
import { type Instant, minutes, seconds } from '../../src/core/time.ts';
import { routeBudgets } from '../../src/sources/route-budgets.ts';
import { Limited } from './limited.ts';
import { aSource, lent, Stage } from './stage.ts';

const term = minutes(5);

/** Leases that were all taken at once, of a provider that takes so many questions and so many renewals a minute. */
function manyHeld(stage: Stage, count: number, limits: { readonly looks: number; readonly renewals: number }) {
  const gate = stage.gate('p', 8);
  const budgets = routeBudgets(stage.clock);
  const providers = { get: new Limited(stage, limits.looks), renew: new Limited(stage, limits.renewals) };
  const ends = new Map<string, Instant>();
  const ask = async (kind: keyof typeof providers) => {
    const free = budgets.until(kind);
    if (free !== undefined) throw new ProviderBlocked('RetryAfter', free, kind);
    budgets.spend(kind);
    budgets.learn(kind, await providers[kind].ask());
  };
  const present = (lease: Lease): Lease => {
    const end = ends.get(lease.id) ?? 0;
    if (end <= stage.now) throw new LeaseError('gone', 'it has ended');
    return { ...lease, expiresAt: end };
  };
  for (let i = 0; i < count; i++) {
    const source = aSource(stage, {
      kinds: { observe: ['get'], renew: ['renew'] },
      acquire: async () => {
        const id = `l${i}-${stage.now}`;
        ends.set(id, stage.now + term);
        const renewal = { from: 'expiry', by: term, atLeast: seconds(60), canShorten: true } as const;
        const lease = lent(id, stage.now, { expiresAt: stage.now + term, renewal });
        return { lease, material: new Material({ value: 'V' }) };
      },
      observe: async (lease) => {
        await ask('get');
        return { is: 'held', lease: present(lease) };
      },
      renew: async (lease) => {
        await ask('renew');
        const renewed = { ...lease, expiresAt: (present(lease).expiresAt ?? 0) + term };
        ends.set(lease.id, renewed.expiresAt);
        return { lease: renewed };
      },
    });
    stage.add({ name: `s${i}`, source, gate, policy: { renewAt: 0.67, jitter: 0.1, grace: 0 } });
  }
  return { providers, ends };
}

test('more leases than may be looked at after a restart are renewed before they end all the same', async () => {
  const stage = new Stage();
  const { providers, ends } = manyHeld(stage, 120, { looks: 20, renewals: 200 });
  await stage.until(minutes(2.5));
  expect(ends.size).toBe(120);
  for (const provider of Object.values(providers)) provider.isOn = true;
  stage.restart();
  for (const name of stage.secrets.keys()) stage.wakeAll(name);
  await stage.until(minutes(7));
  // Whoever had lost a lease would have taken another, or would still be waiting to.
  expect(ends.size).toBe(120);
  expect(Math.min(...ends.values())).toBeGreaterThan(stage.now);
  expect([providers.get.refused, providers.renew.refused]).toEqual([0, 0]);
  expect(stage.thrown).toEqual([]);
});
