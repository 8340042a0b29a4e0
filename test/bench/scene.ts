/** The daemon as a process, the sandbox as another, a directory for its secrets, and what to measure of them. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { aDaemon, childrenOf, type Daemon } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';

export interface Scene {
  /** Starts the daemon with so many secrets, each with a file. One data directory for all until `forget`. */
  daemon(secrets: number): Promise<Daemon>;
  /** How many of the files are there. */
  delivered(): number;
  /** Remove the files, as a machine that starts does with those in memory. */
  removeFiles(): Promise<void>;
  /** Remove the data directory. */
  forget(): Promise<void>;
  /** A page of the daemon. Rejects where it says no, or nothing within 10 s. */
  get(path: string): Promise<string>;
  close(): Promise<void>;
}

export async function aScene(): Promise<Scene> {
  const dir = await mkdtemp(join(tmpdir(), 'lk-bench-'));
  const files = join(dir, 'secrets');
  const dataDir = join(dir, 'data');
  const sandbox = await startSandbox();
  const port = await freePort();
  const secretFile = join(dir, 'client-secret');
  await writeFile(secretFile, sandbox.identity.clientSecret, { mode: 0o600 });
  await mkdir(files, { mode: 0o700 });
  const daemons: Daemon[] = [];

  const configuration = (secrets: number) => `version: 1
state: { redis: embedded, dataDir: ${dataDir} }
http: { listen: "127.0.0.1:${port}" }
page: { listen: off }
providers:
  infisical:
    type: infisical
    url: ${sandbox.url}
    auth: { method: universal, clientId: ${sandbox.identity.clientId}, clientSecret: { file: ${secretFile} } }
secrets:
${Array.from({ length: secrets }, (_, i) => secretOf(`secret-${i}`)).join('')}`;

  const secretOf = (name: string) => `  ${name}:
    source: { type: infisical/dynamic-secret, provider: infisical, project: shop, environment: prod, name: orders-db }
    sinks: [{ type: file, path: ${join(files, `${name}.env`)}, format: dotenv }]
`;

  return {
    async daemon(secrets) {
      const daemon = await aDaemon({ dir, config: configuration(secrets) });
      daemons.push(daemon);
      return daemon;
    },
    delivered: () => readdirSync(files).filter((name) => name.endsWith('.env')).length,
    async removeFiles() {
      await rm(files, { recursive: true, force: true });
      await mkdir(files, { mode: 0o700 });
    },
    forget: () => rm(dataDir, { recursive: true, force: true }),
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) });
      if (!response.ok) throw new Error(`${path} answers ${response.status}`);
      return response.text();
    },
    async close() {
      for (const daemon of daemons) await daemon.stop();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

interface SandboxProcess {
  readonly url: string;
  readonly identity: { readonly clientId: string; readonly clientSecret: string };
  close(): Promise<void>;
}

/** A dynamic secret in memory, whose leases live an hour. It ends when its standard input does. */
async function startSandbox(): Promise<SandboxProcess> {
  const program = join(import.meta.dirname, '..', 'sandbox', 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const spec = { dynamicSecrets: [{ name: 'orders-db', type: 'memory', defaultTTL: '1h', maxTTL: '24h' }] };
  child.stdin.write(`${JSON.stringify(spec)}\n`);
  const ready = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    void exited.then(() => reject(new Error('the sandbox ended before it was ready')));
  });
  return {
    ...(JSON.parse(ready) as Omit<SandboxProcess, 'close'>),
    async close() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Its redis-server. */
export async function redisOf({ pid }: Daemon): Promise<number> {
  const [redis] = await childrenOf(pid);
  if (redis === undefined) throw new Error('the daemon has no Redis');
  return redis;
}

/** Resolves once it is so, with how long that took since `from`; with `NaN` where it took too long. Rejects where the daemon ends before. */
export async function until(
  daemon: Daemon,
  isSo: () => Promise<boolean> | boolean,
  { from, every, atMost }: { readonly from: number; readonly every: number; readonly atMost: number },
): Promise<number> {
  const ended = daemon.exited.then((how) => {
    throw new Error(`the daemon ended (${how}):\n${daemon.lines.slice(-10).join('\n')}`);
  });
  ended.catch(() => undefined);
  while (!(await Promise.race([isSo(), ended]))) {
    if (performance.now() - from > atMost) return Number.NaN;
    await Promise.race([pause(every), ended]);
  }
  return performance.now() - from;
}
