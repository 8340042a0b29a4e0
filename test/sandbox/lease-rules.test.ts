/** Rules of leases that no recording shows, constructed from the contract: among them where servers of 2026 differ (Δ[N]). */
import { afterEach, describe, expect, test } from 'vitest';
import { visit } from './asking.ts';
import { aSandbox, type SandboxBuilder } from './infisical/builder.ts';
import type { Sandbox } from './infisical/sandbox.ts';

let sandbox: Sandbox | undefined;

async function start(builder: SandboxBuilder): Promise<Sandbox> {
  sandbox = await builder.start();
  return sandbox;
}

afterEach(async () => {
  const troubles = sandbox?.books().troubles ?? [];
  await sandbox?.close();
  sandbox = undefined;
  expect(troubles).toEqual([]);
});

const newer = aSandbox().flavour('2026');
const older = aSandbox().flavour('2025');

describe('a lease', () => {
  test('may not be asked for longer than its max TTL', async () => {
    const at = await start(older.withDynamicSecret({ name: 'orders', defaultTTL: '1m', maxTTL: '3m' }));
    const visitor = await visit(at);
    await expect(visitor.lease('orders', '5m')).rejects.toThrow('400');
    expect((await visitor.lease('orders', '3m')).id).toMatch(/-/);
  });

  test('is not looked for in a folder without a name', async () => {
    const at = await start(older.withDynamicSecret({ name: 'orders' }));
    const body = { projectSlug: 'shop', environmentSlug: 'prod', path: '', dynamicSecretName: 'orders' };
    const { status, body: answer } = await (await visit(at)).post('/api/v1/dynamic-secrets/leases', body);
    expect(status).toBe(422);
    expect(answer).toMatchObject({ message: [{ code: 'too_small', path: ['path'] }] });
  });

  test('may last more than a day in 2026, and not in 2025', async () => {
    for (const [builder, answer] of [
      [older, 422],
      [newer, 200],
    ] as const) {
      const at = await start(builder.withDynamicSecret({ name: 'orders', maxTTL: null }));
      const visitor = await visit(at);
      const body = { projectSlug: 'shop', environmentSlug: 'prod', dynamicSecretName: 'orders', ttl: '2 days' };
      expect((await visitor.post('/api/v1/dynamic-secrets/leases', body)).status).toBe(answer);
      await at.close();
    }
  });

  test('renewed three times at once moves by one term, since nothing serialises it', async () => {
    const at = await start(older.withDynamicSecret({ name: 'orders' }).with({ targetLatency: 30 }));
    const visitor = await visit(at);
    const lease = await visitor.lease('orders', '1h');
    await Promise.all([visitor.renew(lease.id, '10m'), visitor.renew(lease.id, '10m'), visitor.renew(lease.id, '10m')]);
    const read = (await visitor.read(lease.id)).body as { lease: { expireAt: string } };
    expect(Date.parse(read.lease.expireAt) - Date.parse(lease.expireAt)).toBe(600_000);
  });

  test('whose credential has an end of its own is dead after it, however often it was renewed', async () => {
    const at = await start(older.withDynamicSecret({ name: 'sts', type: 'kubernetes', credentialLife: 900_000 }));
    const visitor = await visit(at);
    const { id, data } = await visitor.lease('sts', '10m');
    expect((await visitor.renew(id, '1h')).status).toBe(200);
    expect(await at.control.accepts(data)).toBe(true);
    at.control.skew(901_000);
    expect((await visitor.read(id)).status).toBe(200);
    expect(await at.control.accepts(data)).toBe(false);
  });

  test('that the server failed to end is tried again after four hours in 2026 only', async () => {
    for (const [builder, found] of [
      [older, 200],
      [newer, 404],
    ] as const) {
      const at = await start(builder.withIdentity({}).withDynamicSecret({ name: 'orders' }));
      const visitor = await visit(at);
      const { id } = await visitor.lease('orders', '24h');
      at.control.target('down');
      await visitor.revoke(id);
      at.control.target('up');
      at.control.skew(4 * 3_600_000 + 1000);
      const ended = () => at.books().leases[0]?.endedAt !== undefined;
      for (let turn = 0; turn < 50 && !ended(); turn += 1) await new Promise(setImmediate);
      expect((await visitor.read(id)).status).toBe(found);
      await at.close();
    }
  });
});
