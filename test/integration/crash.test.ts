/** Killed again and again at random moments, the daemon costs its users nothing and leaves nothing behind. */
import { randomInt } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aStage, eventually, isDelivered, type Stage, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

const kills = 20;

test(`killed ${kills} times in a row at random moments, it costs no use and leaves no lease beyond its TTL`, async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 300, accessTokenMaxTTL: 3000 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '60s', maxTTL: '5m' })
      .with({ minimumTtl: 1000 }),
  );
  const { sandbox, file } = stage;
  // Each start needs a login, and logins are paced: what they are for has to be able to wait for the next.
  const config = stage.configuration({ policy: '{ renewAt: 40%, jitter: 5%, grace: 1s }' });
  let daemon = await stage.daemon({ config });
  const exists = () =>
    stat(file).then(
      () => true,
      () => false,
    );
  await eventually('the credential is on disk', exists);
  const program = stage.program();
  await eventually('the program works', () => program.tally.uses > 0);
  for (let i = 0; i < kills; i++) {
    // A daemon that is always killed while it starts could keep nothing alive: now and then one gets to work first.
    if (i % 3 === 2) await isDelivered(stage);
    // The moment is what is random here; nothing is awaited on purpose.
    await pause(randomInt(50, 2_500));
    await daemon.kill();
    daemon = await stage.daemon({ config });
  }
  await isDelivered(stage);
  const { uses } = program.tally;
  await eventually('the program goes on', () => program.tally.uses > uses + 10);
  await program.stop();
  expect(program.failures.slice(0, 3)).toEqual([]);
  await eventually('of all leases only the one in use lives', async () => {
    const alive = sandbox.books().leases.filter(({ endedAt }) => endedAt === undefined);
    return alive.length === 1 && alive[0]?.username === (await valuesIn(file))['REDIS_USER'];
  });
  // At most one new lease for each kill, besides those that age made necessary.
  const { leases, now } = sandbox.books();
  const ofAge = Math.ceil((now - (leases[0]?.createdAt ?? now)) / 240_000);
  expect(leases.length).toBeLessThanOrEqual(1 + kills + ofAge);
  expect(await daemon.stop()).toBe(0);
}, 240_000);

test('killed before it heard of the lease that was made for it, it ends that without a grace where nobody else takes any there', async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 600, accessTokenMaxTTL: 3600 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '20m', maxTTL: '1h' }),
  );
  const { sandbox, file } = stage;
  const config = stage.configuration({ policy: '{ grace: 10m }', reload: '    exclusive: true' });
  const answerNobody = sandbox.control.fault({ kind: 'hang', work: true, on: 'lease-create' });
  const killed = await stage.daemon({ config });
  await eventually('a lease was made', () => sandbox.books().leases.length === 1);
  await killed.kill();
  answerNobody();
  const daemon = await stage.daemon({ config });
  await isDelivered(stage);
  await eventually('the lost one is ended', () => sandbox.books().leases[0]?.endedBy === 'revoked');
  const alive = sandbox.books().leases.filter(({ endedAt }) => endedAt === undefined);
  expect(alive.map(({ username }) => username)).toEqual([(await valuesIn(file))['REDIS_USER']]);
  expect(await daemon.stop()).toBe(0);
}, 240_000);
