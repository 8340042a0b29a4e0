/**
 * `npm run demo`: a real Redis whose users live for seconds, a stand-in for Infisical that makes them, another for
 * Lockbox, the daemon with its embedded Redis, and a program that uses its leased user all the time. Ends with 0 only if
 * all went as promised. `--with-prometheus`: a real Prometheus scrapes it, and an alert fires and is resolved.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseDuration, sayDuration, seconds } from '../../src/core/time.ts';
import { aSandbox } from '../sandbox/infisical/builder.ts';
import { aDaemon, type Daemon, type LogLine } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { aRedis } from '../support/redis.ts';
import { type Alarm, startAlarm } from './alarm.ts';
import { rescued, startDemoLockbox } from './lockbox.ts';
import { picture } from './picture.ts';
import { type Program, startProgram } from './program.ts';
import { verdictOf } from './verdict.ts';

const { values } = parseArgs({ options: { for: { type: 'string' }, 'with-prometheus': { type: 'boolean' } } });
const length = values.for === undefined ? undefined : parseDuration(values.for);
if (values.for !== undefined && length === undefined) {
  process.stderr.write(`--for ${values.for} is no length of time: write it like --for 60s\n`);
  process.exit(2);
}

if (values['with-prometheus'] && spawnSync('prometheus', ['--version']).error) {
  // Installs it, or says itself why it could not.
  const setUp = join(import.meta.dirname, '..', 'support', 'set-up.mjs');
  const { status } = spawnSync(process.execPath, [setUp, 'prometheus'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const isTerminal = process.stdout.isTTY === true;
const say = (text: string) => void process.stdout.write(`${text}\n`);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

const dir = await mkdtemp(join(tmpdir(), 'leasekeeper-demo-'));
const file = join(dir, 'secrets', 'orders.env');
const pidFile = join(dir, 'orders.pid');
/** So long a lease lives, and so much a renewal adds. */
const term = seconds(9);
const target = await aRedis();
const sandbox = await aSandbox()
  .flavour('2025')
  .withRedis({ socket: target.socket })
  .withIdentity({ accessTokenTTL: 30, accessTokenMaxTTL: 300 })
  .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: sayDuration(term), maxTTL: '45s' })
  .with({ minimumTtl: 1000 })
  .start();
await mkdir(join(dir, 'secrets'), { mode: 0o700 });
const lockbox = await startDemoLockbox(dir);
const port = await freePort();
const pagePort = await freePort();
/** When somebody first wants to destroy a version, and again. */
const firstAttack = 15_000;
const attackEvery = 60_000;
/** By then a lease has come to its wall, and been replaced. */
const longEnough = 60_000;
let daemon: Daemon | undefined;
let program: Program | undefined;
let alarm: Alarm | undefined;
let exitCode = 1;
try {
  exitCode = await demonstrate();
} finally {
  await program?.stop();
  await alarm?.stop();
  await daemon?.stop();
  await sandbox.close();
  await lockbox.sandbox.close();
  await target.stop();
  await rm(dir, { recursive: true, force: true });
}
process.exit(exitCode);

async function demonstrate(): Promise<number> {
  const startedAt = Date.now();
  say('leasekeeper demo: a Redis user that lives 9 s, renewed up to 45 s, then replaced; nobody may notice.');
  say('Beside it a Lockbox password, rotated every 15 s, and a key whose version somebody will want to destroy.');
  daemon = await aDaemon({ dir, config: await configuration() });
  // It reports its own start, or why it could not.
  await daemon.logged(({ msg }) => String(msg).startsWith('leasekeeper '));
  while (!existsSync(file) && !stop.signal.aborted) await pause(50);
  say(`the credential was on disk ${sayDuration(Date.now() - startedAt)} after the start`);
  say('now the program starts that uses it; until it is up the daemon finds nobody to tell, and says so');
  program = startProgram(file, target.socket, pidFile);
  if (values['with-prometheus']) alarm = await startAlarm({ target: port, startedAt, ...reconfiguring(daemon) });
  await watch(startedAt, program);
  const stoppedAt = Date.now();
  if (isTerminal) say('');
  say('stopping: the program first, then the daemon; what it leaves alive must end by its date');
  await program.stop();
  const code = await daemon.stop();
  await everyLeaseHasEnded();
  const ofAlarm = { unseen: [], ...(alarm?.verdict() ?? { lines: [], faults: [] }) };
  const verdicts = [verdictOf(sandbox.books(), program, term), await lockbox.verdict(), ofAlarm];
  const unseen = verdicts.flatMap((each) => each.unseen);
  const wasShort = stoppedAt - startedAt < longEnough;
  const faults = [...verdicts.flatMap((each) => each.faults), ...(wasShort ? [] : unseen)];
  if (code !== 0) faults.push(`the daemon ended with ${code}`);
  say(`\nafter ${sayDuration(Date.now() - startedAt)}:`);
  for (const line of verdicts.flatMap((each) => each.lines)) say(`  ${line}`);
  for (const fault of faults) say(`  FAULT: ${fault}`);
  if (faults.length > 0) {
    say(`the daemon's last words:\n${daemon.lines.slice(-30).join('\n')}`);
    say('not as promised');
    return 1;
  }
  if (unseen.length === 0) {
    say('all as promised');
    return 0;
  }
  say(
    `nothing failed, but it takes ${sayDuration(longEnough)} to see all that is promised; so far ${unseen.join(', ')}`,
  );
  return 1;
}

async function configuration(): Promise<string> {
  await writeFile(join(dir, 'client-secret'), sandbox.identity.clientSecret, { mode: 0o600 });
  return `version: 1
state: { redis: embedded, dataDir: ${join(dir, 'data')} }
http: { listen: "127.0.0.1:${port}" }
page: { listen: "127.0.0.1:${pagePort}" }
log: { level: info, format: json }
providers:
  infisical-main:
    type: infisical
    url: ${sandbox.url}
    auth: { method: universal, clientId: ${sandbox.identity.clientId}, clientSecret: { file: ${join(dir, 'client-secret')} } }
${lockbox.provider}secrets:
  orders-db:
    source: { type: infisical/dynamic-secret, provider: infisical-main, project: shop, environment: prod, name: orders-db }
    policy: { renewAt: 60%, jitter: 10%, grace: 2s }
    sinks:
      - type: file
        path: ${file}
        format: dotenv
        keys: { REDIS_USER: DB_USERNAME, REDIS_PASSWORD: DB_PASSWORD }
    reload:
      - { signal: SIGHUP, pidFile: ${pidFile} }
${lockbox.secrets}`;
}

/** Another configuration beside the right one, and HUP. */
function reconfiguring(running: Daemon): { spoil(): Promise<void>; mend(): Promise<void> } {
  const path = join(dir, 'leasekeeper.yaml');
  const take = async (text: string) => {
    await writeFile(path, text);
    running.signal('SIGHUP');
  };
  return {
    spoil: async () => take(`${await configuration()}unheardOf: true\n`),
    mend: async () => take(await configuration()),
  };
}

/** Until the time is over or somebody stops it: a picture on a terminal, lines elsewhere. */
async function watch(startedAt: number, { tally }: Program): Promise<void> {
  const urls = [
    `http://127.0.0.1:${pagePort}/  the status page`,
    ...['metrics', 'readyz', 'readyz/orders-db'].map((path) => `http://127.0.0.1:${port}/${path}`),
  ];
  if (alarm) urls.push(alarm.url);
  let shown = 0;
  let drawn = 0;
  let nextAttack = startedAt + firstAttack;
  if (!isTerminal) for (const url of urls) say(`  ${url}`);
  const isLongEnough = () => length !== undefined && Date.now() - startedAt >= length && (alarm?.isOver() ?? true);
  while (!stop.signal.aborted && !isLongEnough()) {
    const log = daemon?.log ?? [];
    const news = (await alarm?.watch()) ?? [];
    if (!isTerminal) for (const line of news) say(`  ${line}`);
    if (Date.now() >= nextAttack) {
      nextAttack += attackEvery;
      if (!isTerminal) say(`  somebody schedules the destruction of the version of ${rescued}`);
      lockbox.attack();
    }
    if (isTerminal) {
      const scene = {
        books: sandbox.books(),
        lockbox: lockbox.sandbox.books(),
        tally,
        startedAt,
        urls,
        ...(alarm && { alerts: alarm.firing() }),
        said: log.slice(-10).map(inWords),
      };
      const { columns = 80, rows = 24 } = process.stdout;
      const frame = picture(scene, { columns, rows });
      process.stdout.write(
        `${drawn > 0 ? `\u001b[${drawn}A` : ''}${frame.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`,
      );
      drawn = frame.length;
    } else {
      for (const line of log.slice(shown)) say(`  ${inWords(line)}`);
      shown = log.length;
    }
    await pause(isTerminal ? 250 : 500, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

function inWords({ time, level, msg }: LogLine): string {
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg).replaceAll(`${dir}/`, '')}`;
}

/** The last lease and its predecessor die by their own dates, and a moment: a renewal adds to what is left of the term. */
async function everyLeaseHasEnded(): Promise<void> {
  const limit = Math.max(...sandbox.books().leases.map(({ expireAt }) => expireAt)) + 5_000;
  const isAlive = () => sandbox.books().leases.some(({ credentialEndedAt }) => credentialEndedAt === undefined);
  while (isAlive() && Date.now() < limit) await pause(100);
}
