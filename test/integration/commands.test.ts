/** The commands and signals of the program, as an operator uses them. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { childrenOf, commandLineOf } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { aStage, eventually, isDelivered, metric, type Stage, shortLives, valuesIn } from '../support/stage.ts';

let stage: Stage | undefined;
afterEach(async (context) => {
  await stage?.close(context);
  stage = undefined;
});

const steady = () =>
  aSandbox()
    .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '5m', maxTTL: '1h' })
    .withDynamicSecret({ name: 'other-db', type: 'redis', defaultTTL: '5m', maxTTL: '1h' });
const noReload = { reload: '' };
const starts = ({ msg }: Readonly<Record<string, unknown>>) => String(msg).startsWith('leasekeeper ');

describe('once', () => {
  test('delivers everything and ends with 0; a daemon after it goes on with the same lease', async () => {
    stage = await aStage(steady());
    const config = stage.configuration(noReload);
    const once = await stage.daemon({ config, command: 'once' });
    expect(await once.exited).toBe(0);
    const before = await stat(stage.file);
    await stage.daemon({ config });
    await isDelivered(stage);
    await eventually('the lease was observed', () => (stage?.sandbox.books().counts['lease-get'] ?? 0) > 0);
    expect(stage.sandbox.books().leases).toHaveLength(1);
    expect((await stat(stage.file)).ino).toBe(before.ino);
  });

  test('waits for no program that has yet to start: the hook is run by the daemon after it', async () => {
    stage = await aStage(steady());
    const once = await stage.daemon({ command: 'once' });
    expect(await once.exited).toBe(0);
    await stage.daemon();
    const program = stage.program();
    await eventually('the program was told', () => program.tally.loads === 2);
    expect(stage.sandbox.books().leases).toHaveLength(1);
  });

  test('asks the daemon that works in the same data directory', async () => {
    stage = await aStage(steady());
    const config = stage.configuration(noReload);
    await stage.daemon({ config });
    await isDelivered(stage);
    const once = await stage.daemon({ config, command: 'once' });
    expect(await once.exited).toBe(0);
    expect(stage.sandbox.books().leases).toHaveLength(1);
    expect(once.lines.join('\n')).toContain('the daemon that works here');
  });

  test('waits for a daemon there that is just starting', async () => {
    stage = await aStage(steady());
    // For the few seconds that a start asks a provider for the time.
    const off = stage.sandbox.control.fault({ kind: 'hang', work: false });
    const config = stage.configuration(noReload);
    const daemon = await stage.daemon({ config });
    await eventually('the daemon asks for the time', () => (stage?.sandbox.books().counts['status'] ?? 0) > 0);
    const once = await stage.daemon({ config, command: 'once' });
    await daemon.logged(starts);
    off();
    expect(await once.exited).toBe(0);
    expect(once.lines.join('\n')).toContain('the daemon that works here');
  });

  test('that cannot deliver in time says what is missing and ends with 1', async () => {
    stage = await aStage(steady());
    await stage.sandbox.control.down();
    const once = await stage.daemon({
      config: stage.configuration(noReload),
      command: 'once',
      args: ['--timeout', '2s'],
    });
    expect(await once.exited).toBe(1);
    expect(once.lines.join('\n')).toMatch(/not done within 2s; not delivered: orders-db/);
  });
});

test('a second daemon on the same file names the first, not its port', async () => {
  stage = await aStage(steady());
  const config = stage.configuration(noReload);
  const first = await stage.daemon({ config });
  await isDelivered(stage);
  const second = await stage.daemon({ config });
  expect(await second.exited).toBe(1);
  expect(second.lines.join('\n')).toContain(`pid ${first.pid} already works in`);
});

test('of two daemons in one data directory the second ends with 1 and names the first', async () => {
  stage = await aStage(steady());
  const config = stage.configuration(noReload);
  const elsewhere = join(stage.dir, 'second');
  await mkdir(elsewhere);
  const [first, second] = await Promise.all([
    stage.daemon({ config }),
    stage.daemon({ dir: elsewhere, config: config.replace(`:${stage.port}"`, `:${await freePort()}"`) }),
  ]);
  const code = await Promise.race([first.exited, second.exited]);
  expect(code).toBe(1);
  const lines = [...first.lines, ...second.lines].join('\n');
  expect(lines).toMatch(new RegExp(`pid (${first.pid}|${second.pid}) already works in`));
});

describe('HUP', () => {
  test('takes over a changed configuration: what is new is delivered, what is gone leaves the metrics, the rest stays', async () => {
    stage = await aStage(steady());
    const { dir, sandbox } = stage;
    const other = `  other-db:
    source: { type: infisical/dynamic-secret, provider: infisical-main, project: shop, environment: prod, name: other-db }
    sinks: [{ type: file, path: ${dir}/secrets/other.env, format: json }]
`;
    const daemon = await stage.daemon({ config: stage.configuration(noReload) });
    await isDelivered(stage);
    const before = await stat(stage.file);
    const config = join(dir, 'leasekeeper.yaml');
    await writeFile(config, stage.configuration({ ...noReload, secrets: other }));
    daemon.signal('SIGHUP');
    await eventually('the new one is there', () =>
      stat(join(dir, 'secrets', 'other.env')).then(
        () => true,
        () => false,
      ),
    );
    expect((await stat(stage.file)).ino).toBe(before.ino);
    expect(sandbox.books().logins).toHaveLength(1);
    expect(await metric(stage, 'leasekeeper_config_last_reload_successful')).toBe(1);
    expect((await stage.get('/metrics')).body).toContain('secret="other-db"');
    await writeFile(config, stage.configuration(noReload));
    daemon.signal('SIGHUP');
    await eventually(
      'its series are gone',
      async () => !(await stage?.get('/metrics'))?.body.includes('secret="other-db"'),
    );
    const answers = () => daemon.log.filter(({ msg }) => /^HUP: .* is taken over/.test(String(msg))).length;
    await eventually('both are answered', async () => answers() === 2);
    daemon.signal('SIGHUP');
    await eventually('and one more in the same words', async () => answers() === 3);
  });

  test('takes over nothing of a configuration with a mistake, and says where it is', async () => {
    stage = await aStage(steady());
    const daemon = await stage.daemon({ config: stage.configuration(noReload) });
    await isDelivered(stage);
    await writeFile(join(stage.dir, 'leasekeeper.yaml'), stage.configuration(noReload).replace('format:', 'fromat:'));
    daemon.signal('SIGHUP');
    const line = await daemon.logged(({ msg }) => String(msg).includes('fromat'));
    expect(String(line['msg'])).toMatch(/leasekeeper\.yaml:\d+:\d+/);
    await eventually(
      'the metric tells',
      async () => (await metric(stage as Stage, 'leasekeeper_config_last_reload_successful')) === 0,
    );
    expect((await stage.get('/readyz')).status).toBe(200);
  });
});

test('TERM ends it in order, with its Redis, and within the time it was given', async () => {
  stage = await aStage(shortLives());
  const daemon = await stage.daemon({ args: ['--shutdown-timeout', '5s'] });
  await daemon.logged(starts);
  const children = await childrenOf(daemon.pid);
  expect(children.map(commandLineOf).join(' ')).toContain('redis-server');
  expect(await daemon.stop()).toBe(0);
  for (const pid of children) expect(commandLineOf(pid)).not.toContain('redis-server');
});

test('a second TERM ends it at once, with 1', async () => {
  stage = await aStage(steady());
  stage.sandbox.control.fault({ kind: 'hang', work: false });
  const daemon = await stage.daemon({ config: stage.configuration(noReload) });
  await eventually(
    'a request hangs',
    () => stage?.sandbox.books().requests.some(({ status }) => status === undefined) ?? false,
  );
  daemon.signal('SIGTERM');
  await daemon.logged(({ msg }) => String(msg).includes('finishing what is under way'));
  daemon.signal('SIGTERM');
  expect(await daemon.exited).toBe(1);
});

test('an embedded Redis that is killed comes back, and the schedule with it', async () => {
  stage = await aStage(shortLives());
  const daemon = await stage.daemon();
  await isDelivered(stage);
  const [redis] = (await childrenOf(daemon.pid)).filter((pid) => commandLineOf(pid).includes('redis-server'));
  process.kill(redis ?? 0, 'SIGKILL');
  await daemon.logged(({ msg }) => String(msg).includes('embedded Redis ended'));
  const renewals = () => stage?.sandbox.books().leases.reduce((sum, one) => sum + one.renewals.length, 0) ?? 0;
  const before = renewals();
  await eventually('leases are renewed again', () => renewals() > before + 1);
});

test('a program that is started as the README says opens no debugger', async () => {
  stage = await aStage(steady());
  const daemon = await stage.daemon({ config: stage.configuration(noReload) });
  await isDelivered(stage);
  daemon.signal('SIGUSR1');
  daemon.signal('SIGUSR2');
  await daemon.logged(({ msg }) => String(msg).includes('looking at everything'));
  expect(daemon.lines.join('\n')).not.toContain('Debugger listening');
  expect(await readFile(stage.file, 'utf8')).toContain('REDIS_USER');
  expect(Object.keys(await valuesIn(stage.file))).toHaveLength(2);
});
