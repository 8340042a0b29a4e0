/** The daemon as a real process on static secrets: a pair is never torn, many are asked for at once, and ours are rotated. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { aSandbox, type SandboxBuilder } from '../sandbox/infisical/builder.ts';
import { aDaemon, type Daemon } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { eventually, isDelivered } from '../support/stage.ts';

/** `sources`: by the secret's name what of the source is its own, and more of the secret. */
async function aStage(
  context: TestContext,
  builder: SandboxBuilder,
  sources: Readonly<Record<string, [string, string?]>>,
) {
  const dir = await mkdtemp(join(tmpdir(), 'lk-static-'));
  const sandbox = await builder.start();
  const port = await freePort();
  const daemons: Daemon[] = [];
  await mkdir(join(dir, 'secrets'), { mode: 0o700 });
  await writeFile(join(dir, 'client-secret'), sandbox.identity.clientSecret, { mode: 0o600 });
  context.onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') {
      for (const { pid, lines } of daemons) process.stderr.write(`daemon ${pid}:\n${lines.slice(-60).join('\n')}\n`);
    }
    for (const daemon of daemons) await daemon.stop();
    await sandbox.close();
    await rm(dir, { recursive: true, force: true });
  });
  const { clientId } = sandbox.identity;
  const pathOf = (name: string) => join(dir, 'secrets', `${name}.json`);
  const config = `version: 1
state: { dataDir: ${join(dir, 'data')} }
http: { listen: "127.0.0.1:${port}" }
page: { listen: off }
log: { level: info }
providers:
  main:
    type: infisical
    url: ${sandbox.url}
    auth: { method: universal, clientId: ${clientId}, clientSecret: { file: ${join(dir, 'client-secret')} } }
defaults: { source: { provider: main, environment: prod } }
secrets:
${Object.entries(sources)
  .map(
    ([name, [own, more = '']]) => `  ${name}:
    source: { type: infisical/secrets, project: shop, ${own} }
    sinks: [{ type: file, path: ${pathOf(name)}, format: json }]
${more}`,
  )
  .join('\n')}
`;
  return {
    sandbox,
    pathOf,
    asked: () => sandbox.books().counts['static-secret-list'] ?? 0,
    async daemon(level = 'info') {
      const daemon = await aDaemon({ dir, config: config.replace('level: info', `level: ${level}`) });
      daemons.push(daemon);
      return daemon;
    },
    held: (name: string): Promise<Readonly<Record<string, string>> | undefined> =>
      readFile(pathOf(name), 'utf8').then(
        (text) => JSON.parse(text) as Readonly<Record<string, string>>,
        () => undefined,
      ),
    async get(path: string) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, body: await response.text() };
    },
  };
}

/** Reads the file again and again, and remembers each content once. */
function reader(path: string) {
  const seen: string[] = [];
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text !== undefined && text !== seen.at(-1)) seen.push(text);
      await new Promise(setImmediate);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await reading;
      return seen;
    },
  };
}

const pair = (n: number) => ({ DB_USER: `user-${n}`, DB_PASSWORD: `password-of-user-${n}` });

test('a pair that Infisical rotates comes as a pair, once, and what cannot be believed takes nothing away', async (context) => {
  const builder = aSandbox()
    .withSecret({ path: '/db', key: 'DB_USER', value: 'user-0', rotation: 'a-rotation' })
    .withSecret({ path: '/db', key: 'DB_PASSWORD', value: 'password-of-user-0', rotation: 'a-rotation' })
    .withIdentity({ name: 'keeper' });
  const stage = await aStage(context, builder, { pair: ['secretPath: /db, poll: 1s', '    policy: { grace: 1s }'] });
  const { sandbox } = stage;
  const daemon = await stage.daemon();
  const holds = (n: number) =>
    eventually(`it holds pair ${n}`, async () => (await stage.held('pair'))?.['DB_USER'] === `user-${n}`);
  await holds(0);
  const reading = reader(stage.pathOf('pair'));
  for (let n = 1; n <= 3; n += 1) {
    // Each time at another moment between two polls.
    const polls = stage.asked();
    await eventually('it was asked once more', () => stage.asked() > polls);
    await new Promise((resolve) => setTimeout(resolve, n * 250));
    sandbox.control.reorderSecrets();
    sandbox.control.changeSecrets(pair(n), { path: '/db' });
    await holds(n);
  }
  // The server says that there is nothing, hides what there is, and refuses: the last pair stays.
  sandbox.control.changeSecrets({ DB_USER: null, DB_PASSWORD: null }, { path: '/db' });
  await daemon.logged(({ msg }) => String(msg).includes('there is nothing in project shop'));
  expect(JSON.parse((await stage.get('/readyz/pair')).body)).toMatchObject({ ready: true });
  sandbox.control.changeSecrets(pair(3), { path: '/db' });
  const asked = stage.asked();
  await eventually('it was asked since', () => stage.asked() > asked + 1);
  const seen = await reading.stop();
  expect(seen.map((text) => JSON.parse(text))).toEqual([0, 1, 2, 3].map(pair));
  // No delivery besides those that the reader has seen.
  const writes = daemon.log.filter(
    ({ act, secret, outcome }) => act === 'write' && secret === 'pair' && outcome === 'ok',
  );
  expect(writes).toHaveLength(4);
});

test('500 secrets of one folder cost one request each poll', async (context) => {
  const names = Array.from({ length: 500 }, (_, n) => `KEY_${n}`);
  const builder = names.reduce((all, key) => all.withSecret({ key, value: `value of ${key}` }), aSandbox());
  const sources = Object.fromEntries(
    names.map((name) => [name.toLowerCase().replace('_', '-'), [`names: [${name}], poll: 10s`]]),
  );
  const stage = await aStage(context, builder, sources as Record<string, [string]>);
  // To write down what each of them does costs as much as to do it.
  await stage.daemon('warn');
  await isDelivered(stage, 250_000);
  await eventually('it has polled twice', () => stage.asked() >= 3, 60_000);
  const times = stage.sandbox
    .books()
    .requests.filter(({ route }) => route === 'static-secret-list')
    .map(({ at }) => at);
  for (let n = 1; n < times.length; n += 1) expect((times[n] ?? 0) - (times[n - 1] ?? 0)).toBeGreaterThan(9_900);
});

test('a value of ours is rotated once for each turn, by a process that is killed in between, and where others have to approve', async (context) => {
  const builder = aSandbox()
    .withSecret({ key: 'DB_PASSWORD', value: 'the-first-password' })
    .withSecret({ path: '/asked', key: 'DB_PASSWORD', value: 'another-password' });
  const rotated = (path: string, every: string): [string, string] => [
    `secretPath: ${path}, poll: 1s, generate: { by: leasekeeper, key: DB_PASSWORD, length: 24 }`,
    `    policy: { rotate: { every: ${every} }, grace: 1s }`,
  ];
  const stage = await aStage(context, builder, { ours: rotated('/', '15s'), asked: rotated('/asked', '10s') });
  const { control } = stage.sandbox;
  const asked = { path: '/asked' };
  control.requireApproval(true, asked);
  const values = (place = {}) => control.valuesOf('DB_PASSWORD', place);
  const isHeld = (name: string, place = {}) =>
    eventually(
      `${name} has what is there`,
      async () => (await stage.held(name))?.['DB_PASSWORD'] === values(place).at(-1),
    );
  const daemon = await stage.daemon();
  await isHeld('ours');
  await isHeld('asked', asked);
  const stop = control.fault({ kind: 'cut', work: true, on: 'static-secret-update', after: 1 });
  const updates = () => stage.sandbox.books().counts['static-secret-update'] ?? 0;
  await eventually('both were to be changed', () => updates() === 2);
  await daemon.kill();
  stop();
  const again = await stage.daemon();
  await isHeld('ours');
  expect([values().length, values(asked).length]).toEqual([2, 1]);
  // One of them had its answer, and so it is not asked again; the other had none.
  const open = control.decideApprovals(true);
  await again.logged(({ secret, act, outcome }) => secret === 'asked' && act === 'acquire' && outcome === 'ok');
  await isHeld('asked', asked);
  expect([open, values(asked).length]).toEqual([1, 2]);
});
