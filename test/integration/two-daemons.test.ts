/** Two daemons that know nothing of each other take leases of one dynamic secret: neither touches what is the other's. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { minutes } from '../../src/core/time.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { freePort } from '../support/ports.ts';
import { aStage, eventually, isDelivered, metric, type Stage, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

const lives = { accessTokenTTL: 600, accessTokenMaxTTL: 3600 };

test('whatever one daemon loses, looks for, replaces and ends, the leases of another are none of its business', async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ name: 'ours', ...lives })
      .withIdentity({ name: 'theirs', ...lives })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '20m', maxTTL: '1h' }),
  );
  const { sandbox, file, port } = stage;
  const ours = { dir: stage.dir, config: stage.configuration({ reload: '    onShutdown: revoke' }) };
  const dir = join(stage.dir, 'theirs');
  const theirPort = await freePort();
  const theirFile = join(dir, 'orders.env');
  const theirSecret = join(dir, 'client-secret');
  await mkdir(dir);
  const { clientId, clientSecret } = sandbox.identityNamed('theirs');
  await writeFile(theirSecret, clientSecret, { mode: 0o600 });
  const changes: readonly (readonly [string, string])[] = [
    [join(stage.dir, 'data'), join(dir, 'data')],
    [`127.0.0.1:${port}`, `127.0.0.1:${theirPort}`],
    [file, theirFile],
    [sandbox.identity.clientId, clientId],
    [stage.secretFile, theirSecret],
    // Theirs is always a new one: some of them are made while ours are lost.
    ['grace: 1s', 'grace: 1s, rotate: { every: 20s }'],
  ];
  const config = changes.reduce((text, [from, to]) => text.replaceAll(from, to), ours.config);
  const their = {
    get: async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${theirPort}${path}`);
      return { status: response.status, body: await response.text() };
    },
  };
  const others = await stage.daemon({ dir, config });
  await isDelivered(their);
  const by = (identity: string) => sandbox.books().leases.filter((lease) => lease.identity === identity);

  // One of ours is lost, and theirs has a successor just then: by their dates nobody can tell them apart.
  const { length } = by('theirs');
  const answerNobody = sandbox.control.fault({ kind: 'hang', work: true, on: 'lease-create' });
  let daemon = await stage.daemon(ours);
  await eventually('one is made that nobody hears of', () => by('ours').length === 1);
  await daemon.kill();
  answerNobody();
  await eventually('they have another', () => by('theirs').length > length);
  daemon = await stage.daemon(ours);
  await isDelivered(stage);
  // It is looked for when nothing can come any more: two minutes later, by the provider's clock.
  await daemon.kill();
  sandbox.control.skew(minutes(3));
  daemon = await stage.daemon(ours);
  await isDelivered(stage);
  const orphaned = 'leasekeeper_orphaned_leases_total{source="infisical/dynamic-secret"}';
  const it = stage;
  await eventually('what was lost is looked for', async () => ((await metric(it, orphaned)) ?? 0) > 0);
  expect(await daemon.stop()).toBe(0);

  const { leases } = sandbox.books();
  for (const { identity, renewals, revocations } of leases) {
    for (const call of [...renewals, ...revocations]) expect(call.identity).toBe(identity);
  }
  // Of ours only what was in use has ended, and of theirs only what they have replaced.
  expect(by('ours').map(({ endedBy }) => endedBy)).toEqual([undefined, 'revoked']);
  const inUse = (await valuesIn(theirFile))['REDIS_USER'];
  expect(by('theirs').find(({ username }) => username === inUse)?.endedAt).toBeUndefined();
  expect(by('theirs').filter(({ endedBy }) => endedBy === 'revoked').length).toBeGreaterThan(0);
  expect(await others.stop()).toBe(0);
}, 240_000);
