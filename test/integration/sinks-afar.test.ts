/** The daemon with a webhook, a command and a Redis behind one secret; one of them is away for a while. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { aReceiver, type Receiver, signingKey } from '../conformance/fixtures/sink-webhook.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { childrenOf, commandLineOf } from '../support/daemon.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { aStage, eventually, metric, type Stage, valuesIn } from '../support/stage.ts';
import { everythingIn, filesBelow, placesWith } from '../support/traces.ts';

let stage: Stage | undefined;
let receiver: Receiver | undefined;
let redis: RedisServer | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  await receiver?.end();
  await redis?.stop();
});

const redisPassword = 'the-password-of-a-redis-CANARY-33';

test('one secret goes to a webhook, a command and a Redis; one that is away is owed, and healed, and no other waits for it', async () => {
  const builder = aSandbox()
    .withIdentity({ accessTokenTTL: 60, accessTokenMaxTTL: 600 })
    .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '6s', maxTTL: '12s' })
    .with({ minimumTtl: 1000 });
  stage = await aStage(builder);
  receiver = await aReceiver();
  redis = await aRedis({ tcp: true, args: ['--requirepass', redisPassword] });
  const { dir, file } = stage;
  const afar = join(dir, 'afar');
  await mkdir(afar);
  await writeFile(join(afar, 'key'), signingKey);
  await writeFile(join(afar, 'password'), redisPassword);
  const taken = join(afar, 'taken.json');
  const script = `echo "$LEASEKEEPER_SECRET $LEASEKEEPER_SEQUENCE" >> ${afar}/runs && cat > ${afar}/new && mv ${afar}/new ${taken}`;
  const more = `
      - { type: webhook, name: hook, url: { file: ${join(afar, 'url')} }, signingKey: { file: ${join(afar, 'key')} }, includeValues: true }
      - { type: exec, name: command, exec: [/bin/sh, -c, '${script}'] }
      - { type: redis, name: store, url: "redis://127.0.0.1:${redis.port}/0", password: { file: ${join(afar, 'password')} }, key: app }`;
  await writeFile(join(afar, 'url'), receiver.url);
  const daemon = await stage.daemon({ config: stage.configuration({ reload: more }) });
  const reader = new Redis({ path: redis.socket, password: redisPassword });

  /** What each holds, in an order that does not depend on who tells it. */
  const text = (values: object = {}) => JSON.stringify(Object.entries(values).sort());
  const inFile = async () => {
    const { REDIS_USER, REDIS_PASSWORD } = await valuesIn(file);
    return text({ DB_USERNAME: REDIS_USER, DB_PASSWORD: REDIS_PASSWORD });
  };
  const afarNow = async () => ({
    hook: text(receiver?.latest()?.values),
    command: existsSync(taken) ? text(JSON.parse(readFileSync(taken, 'utf8'))) : '',
    store: text(await reader.hgetall('app')),
  });
  const all = (held: string) => ({ hook: held, command: held, store: held });
  const hold = (what: string, expected: () => Promise<boolean>) => eventually(what, expected, 60_000);
  const owed = async () => {
    const names = ['hook', 'command', 'store'];
    const series = (sink: string) => `leasekeeper_delivery_owed{secret="orders-db",sink="${sink}"}`;
    return stage && Promise.all(names.map((sink) => metric(stage as Stage, series(sink))));
  };
  const isEverywhere = async () => {
    const held = existsSync(file) ? await inFile() : undefined;
    return held !== undefined && JSON.stringify(await afarNow()) === JSON.stringify(all(held));
  };

  await hold('all have the same values', isEverywhere);
  const first = await inFile();
  expect(receiver.latest()).toMatchObject({ secret: 'orders-db', event: 'changed' });

  await receiver.away();
  await hold('the others have the next values', async () => {
    const now = await afarNow();
    return now.store !== first && now.command === now.store && (await inFile()) === now.store;
  });
  const behind = await afarNow();
  expect(behind.hook).toBe(first);
  expect(behind.store).not.toBe(first);
  await hold('only the one that is away is owed', async () => JSON.stringify(await owed()) === '[1,0,0]');

  await receiver.back();
  await hold('it is healed', async () => (await isEverywhere()) && JSON.stringify(await owed()) === '[0,0,0]');

  const sequences = receiver.calls.map(({ body }) => (JSON.parse(body) as { sequence: number }).sequence);
  expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  const runs = readFileSync(join(afar, 'runs'), 'utf8').trim().split('\n');
  // Each of them has each value under the same number, and once.
  expect(new Set(runs).size).toBe(runs.length);
  for (const sequence of sequences) expect(runs).toContain(`orders-db ${sequence}`);

  const values = receiver.calls.flatMap(({ body }) => [(JSON.parse(body) as { values: object }).values]);
  const secrets = [...new Set(values.flatMap((one) => Object.entries(one)))].flatMap(([key, value]) =>
    key === 'DB_PASSWORD' ? [String(value)] : [],
  );
  expect(secrets.length).toBeGreaterThan(1);
  const commandLines = [daemon.pid, ...(await childrenOf(daemon.pid))].map(commandLineOf).join('\n');
  const places: Record<string, string> = {
    'the log': daemon.lines.join('\n'),
    'the pages': (await stage.get('/metrics')).body + (await stage.get('/readyz/orders-db')).body,
    'the command lines': commandLines,
    Redis: await everythingIn(join(dir, 'data', 'redis.sock')),
    'the note beside the key': JSON.stringify(await reader.hgetall('app:leasekeeper')),
    ...(await filesBelow(dir, [
      file,
      taken,
      stage.secretFile,
      ...['key', 'password', 'url'].map((name) => join(afar, name)),
    ])),
  };
  reader.disconnect();
  expect(placesWith([...secrets, signingKey, redisPassword, 'CANARY-in-the-path'], places)).toEqual([]);
  // The search can find.
  expect(placesWith(secrets, { file: readFileSync(file, 'utf8') })).not.toEqual([]);
});
