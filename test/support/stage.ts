/** A stage for integration tests: the sandbox, the real Redis its users live in, a directory, and daemons on it. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, startProgram } from '../demo/program.ts';
import { aSandbox, type SandboxBuilder } from '../sandbox/infisical/builder.ts';
import type { Sandbox } from '../sandbox/infisical/sandbox.ts';
import { aDaemon, type Daemon, type DaemonOptions } from './daemon.ts';
import { freePort } from './ports.ts';
import { aRedis, type RedisServer } from './redis.ts';

export interface Stage {
  readonly dir: string;
  readonly sandbox: Sandbox;
  /** Where the leased users live. */
  readonly target: RedisServer;
  readonly port: number;
  /** The file that `configuration` has the credential written to. */
  readonly file: string;
  readonly pidFile: string;
  readonly secretFile: string;
  /** One dynamic secret to one file, with reload by SIGHUP. `more` is put at the end, `changes` replaces text. */
  configuration(more?: ConfigurationParts): string;
  daemon(options?: Partial<DaemonOptions>): Promise<Daemon>;
  program(): Program;
  /** A page of the daemon. */
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Where the test failed, what the daemons said last is printed. */
  close(context?: { readonly task: { readonly result?: { readonly state: string } | undefined } }): Promise<void>;
}

export interface ConfigurationParts {
  readonly policy?: string;
  readonly secrets?: string;
  readonly providers?: string;
  readonly reload?: string;
  readonly source?: string;
  readonly state?: string;
  /** What `page.listen` says; off where nothing is said. */
  readonly page?: string;
}

/** Lives of seconds: a lease of 6 s that can be renewed up to 18 s, a token of 10 s up to 30 s. */
export const shortLives = (): SandboxBuilder =>
  aSandbox()
    .withIdentity({ accessTokenTTL: 10, accessTokenMaxTTL: 30 })
    .withDynamicSecret({ name: 'orders-db', type: 'redis', defaultTTL: '6s', maxTTL: '18s' })
    .with({ minimumTtl: 1000 });

export async function aStage(builder: SandboxBuilder = shortLives()): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), 'lk-stage-'));
  const target = await aRedis();
  const sandbox = await builder.withRedis({ socket: target.socket }).start();
  const port = await freePort();
  const file = join(dir, 'secrets', 'orders.env');
  const pidFile = join(dir, 'orders.pid');
  const secretFile = join(dir, 'client-secret');
  await mkdir(join(dir, 'secrets'), { mode: 0o700 });
  await writeFile(secretFile, sandbox.identity.clientSecret, { mode: 0o600 });
  const daemons: Daemon[] = [];
  const programs: Program[] = [];
  const configuration = (parts: ConfigurationParts = {}) => `version: 1
state: { dataDir: ${join(dir, 'data')}${parts.state ?? ''} }
http: { listen: "127.0.0.1:${port}" }
page: { listen: ${parts.page ?? 'off'} }
log: { level: debug }
providers:
  infisical-main:
    type: infisical
    url: ${sandbox.url}
    auth: { method: universal, clientId: ${sandbox.identity.clientId}, clientSecret: { file: ${secretFile} } }
${parts.providers ?? ''}
secrets:
  orders-db:
    source: { type: infisical/dynamic-secret, provider: infisical-main, project: shop, environment: prod, name: orders-db${parts.source ?? ''} }
    policy: ${parts.policy ?? '{ renewAt: 50%, jitter: 5%, grace: 1s }'}
    sinks:
      - { type: file, path: ${file}, format: dotenv, keys: { REDIS_USER: DB_USERNAME, REDIS_PASSWORD: DB_PASSWORD } }
${parts.reload ?? `    reload: [{ signal: SIGHUP, pidFile: ${pidFile} }]`}
${parts.secrets ?? ''}
`;
  return {
    dir,
    sandbox,
    target,
    port,
    file,
    pidFile,
    secretFile,
    configuration,
    async daemon(options = {}) {
      const daemon = await aDaemon({ dir, config: configuration(), ...options });
      daemons.push(daemon);
      return daemon;
    },
    program() {
      const program = startProgram(file, target.socket, pidFile);
      programs.push(program);
      return program;
    },
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, body: await response.text() };
    },
    async close(context) {
      if (context?.task.result?.state === 'fail') {
        for (const { pid, lines } of daemons) process.stderr.write(`daemon ${pid}:\n${lines.slice(-60).join('\n')}\n`);
      }
      for (const program of programs) await program.stop();
      for (const daemon of daemons) await daemon.stop();
      await sandbox.close();
      await target.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Everything that is required has been delivered. */
export const isDelivered = (stage: Pick<Stage, 'get'>, patience?: number): Promise<void> =>
  eventually(
    'everything is delivered',
    async () => (await stage.get('/readyz').catch(() => undefined))?.status === 200,
    patience,
  );

/** The value of one series, by its exact name and labels as printed. */
export async function metric(stage: Pick<Stage, 'get'>, series: string): Promise<number | undefined> {
  const { body } = await stage.get('/metrics');
  const line = body.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1).replace('Inf', 'Infinity'));
}

/** The values in a dotenv file. */
export async function valuesIn(file: string): Promise<Readonly<Record<string, string | undefined>>> {
  const { parseEnv } = await import('node:util');
  return parseEnv(await readFile(file, 'utf8'));
}

/**
 * Looks again and again until it is so; says after a while that it never was. For what tells nobody that it happened. A
 * machine that is busy with other things takes many times as long: only what never comes is to be told of.
 */
export async function eventually(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  patience = 90_000,
): Promise<void> {
  const { setTimeout: pause } = await import('node:timers/promises');
  const limit = Date.now() + patience;
  while (!(await isSo())) {
    if (Date.now() > limit) throw new Error(`it never came to this: ${what}`);
    await pause(25);
  }
}
