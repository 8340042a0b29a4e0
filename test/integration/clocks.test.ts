/** Clocks that are wrong, and clocks that are set: nothing lapses, and nothing is taken twice. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { hours, minutes } from '../../src/core/time.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aStage, eventually, isDelivered, metric, type Stage } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

const isSecond = (one: Stage) =>
  eventually('a second lease is in use, and the first was ended', () => {
    const [first, second] = one.sandbox.books().leases;
    return second !== undefined && first?.endedBy === 'revoked';
  });

const longLives = () =>
  aSandbox()
    .withIdentity({ accessTokenTTL: 600, accessTokenMaxTTL: 3600 })
    .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '10m', maxTTL: '1h' });

/** The environment of a daemon whose wall clock is wrong, and how it is set. */
async function aWrongClock(one: Stage, by: number) {
  const file = join(one.dir, 'wrong-by');
  const isWrongBy = (milliseconds: number) => writeFile(file, String(milliseconds));
  await isWrongBy(by);
  const preload = join(import.meta.dirname, '..', 'support', 'wrong-clock.mjs');
  return { env: { WRONG_CLOCK: file, NODE_OPTIONS: `--import=${preload}` }, isWrongBy };
}

test.each([
  ['ahead of', minutes(10)],
  ['behind', minutes(-10)],
])(
  "with the provider's clock ten minutes %s ours nothing lapses, and each life is used as far as it goes",
  async (_, skew) => {
    stage = await aStage(
      aSandbox()
        .withIdentity({ accessTokenTTL: 600, accessTokenMaxTTL: 3600 })
        .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '6s', maxTTL: '18s' })
        .with({ minimumTtl: 1000, skew }),
    );
    await stage.daemon();
    await isDelivered(stage);
    const program = stage.program();
    await isSecond(stage);
    const { leases, logins } = stage.sandbox.books();
    expect(leases[0]?.renewals.length).toBeGreaterThanOrEqual(1);
    expect(logins.length).toBe(1);
    await program.stop();
    expect(program.failures).toEqual([]);
    const said = await metric(stage, 'leasekeeper_clock_skew_seconds{provider="infisical-main"}');
    expect(Math.abs((said ?? 0) - skew / 1000)).toBeLessThan(2);
  },
);

test.each([
  ['ahead of', minutes(10)],
  ['behind', minutes(-10)],
])("a restart takes nothing anew where the provider's clock is ten minutes %s ours", async (_, skew) => {
  stage = await aStage(longLives().with({ skew }));
  const first = await stage.daemon();
  await isDelivered(stage);
  await first.kill();
  await stage.daemon();
  await isDelivered(stage);
  await eventually('it was asked about', () => (stage?.sandbox.books().counts['lease-get'] ?? 0) > 0);
  const { leases, logins } = stage.sandbox.books();
  expect([leases.length, logins.length]).toEqual([1, 1]);
});

test("when the provider's clock is set back all is looked at by its new time, and nothing is taken", async () => {
  stage = await aStage(longLives().with({ skew: hours(2) }));
  const daemon = await stage.daemon();
  await isDelivered(stage);
  const { sandbox } = stage;
  sandbox.control.skew(minutes(-5));
  const skew = () => metric(stage as Stage, 'leasekeeper_clock_skew_seconds{provider="infisical-main"}');
  const asked = () => sandbox.books().counts['lease-get'] ?? 0;
  let before = 0;
  // One answer is not enough to believe it.
  for (let answers = 0; answers < 3; answers++) {
    expect(await skew()).toBeGreaterThan(hours(2) / 1000 - 10);
    before = asked();
    daemon.signal('SIGUSR2');
    await eventually('the provider is asked', () => asked() > before);
  }
  await eventually('the new time is believed', async () => ((await skew()) ?? 0) < hours(2) / 1000 - 200);
  // Perhaps it has been already.
  await eventually('it is asked about once more, by that time', () => asked() > before + 1);
  const { leases, logins } = stage.sandbox.books();
  expect([leases.length, logins.length]).toEqual([1, 1]);
});

test('a wall clock that is set by hours, back and forth, makes nothing lapse and nothing be taken early', async () => {
  stage = await aStage();
  const clock = await aWrongClock(stage, 0);
  await stage.daemon({ env: clock.env });
  await isDelivered(stage);
  const program = stage.program();
  await clock.isWrongBy(hours(5));
  await isSecond(stage);
  await clock.isWrongBy(hours(-7));
  const then = stage.sandbox.books().leases.length;
  await eventually('a lease later', () => (stage?.sandbox.books().leases.length ?? 0) > then);
  await program.stop();
  expect(program.failures).toEqual([]);
  for (const lease of stage.sandbox.books().leases.slice(0, -1)) expect(lease.renewals.length).toBeGreaterThan(0);
});

test('a machine that was halted learns from the provider how long, though nothing seems to be due', async () => {
  stage = await aStage(
    aSandbox()
      .withIdentity({ accessTokenTTL: 86_400, accessTokenMaxTTL: 86_400 })
      .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '10m', maxTTL: '1h' }),
  );
  const clock = await aWrongClock(stage, 0);
  const daemon = await stage.daemon({ env: clock.env });
  await isDelivered(stage);
  // Its own clocks stood still meanwhile. The wall clock is put right by a time server; the lease has two minutes left.
  stage.sandbox.control.skew(minutes(8));
  await clock.isWrongBy(minutes(8));
  await eventually('it is renewed', () => (stage?.sandbox.books().leases[0]?.renewals.length ?? 0) > 0);
  const { leases, logins } = stage.sandbox.books();
  expect([leases.length, logins.length]).toEqual([1, 1]);
  expect(daemon.log.filter(({ msg }) => /clock was set 8m forward/.test(String(msg)))).toHaveLength(1);
});
