/** A stage for tests of Lockbox: the stand-in, a directory, and daemons on it whose sinks are files in it. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import type { LockboxBuilder } from '../sandbox/yandex/builder.ts';
import type { LockboxSandbox } from '../sandbox/yandex/sandbox.ts';
import { aDaemon, type Daemon } from './daemon.ts';
import { freePort } from './ports.ts';

export interface LockboxStage {
  readonly dir: string;
  readonly sandbox: LockboxSandbox;
  /** Each secret of the stand-in to a file `NAME.json`; `options` are more of each source's, `policy` is its policy; or by the secret's name. */
  configuration(options?: string | ByName, policy?: string | ByName): string;
  daemon(config?: string): Promise<Daemon>;
  /** What the sink of that secret holds; nothing before it is there. */
  held(secret: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** A page of the daemon. */
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
}

const plain = '{ grace: 1s }';

type ByName = Readonly<Record<string, string>>;

/** Ended with the test; where that failed, what the daemons said last is printed. */
export async function aLockboxStage(context: TestContext, builder: LockboxBuilder): Promise<LockboxStage> {
  const dir = await mkdtemp(join(tmpdir(), 'lk-lockbox-'));
  const sandbox = await builder.start();
  const port = await freePort();
  const daemons: Daemon[] = [];
  await mkdir(join(dir, 'secrets'), { mode: 0o700 });
  await writeFile(join(dir, 'key.json'), JSON.stringify(sandbox.account.keyFile), { mode: 0o600 });
  context.onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') {
      for (const { pid, lines } of daemons) process.stderr.write(`daemon ${pid}:\n${lines.slice(-60).join('\n')}\n`);
    }
    for (const daemon of daemons) await daemon.stop();
    await sandbox.close();
    await rm(dir, { recursive: true, force: true });
  });
  const { lockbox, payload, operation, iam, auth } = sandbox.endpoints;
  const names = (builder.spec.secrets ?? []).map(({ name }) => name);
  const pathOf = (name: string) => join(dir, 'secrets', `${name}.json`);
  const of = (given: string | ByName, name: string, other: string) =>
    typeof given === 'string' ? given : (given[name] ?? other);
  const configuration: LockboxStage['configuration'] = (options = '', policy = plain) => `version: 1
state: { dataDir: ${join(dir, 'data')} }
http: { listen: "127.0.0.1:${port}" }
page: { listen: off }
log: { level: debug }
providers:
  yc:
    type: yandex
    auth: { method: service-account-key, keyFile: ${join(dir, 'key.json')} }
    endpoints: { lockbox: "${lockbox}", payload: "${payload}", operation: "${operation}", iam: "${iam}", auth: "${auth}" }
secrets:
${names
  .map(
    (name) => `  ${name}:
    source: { type: yandex/lockbox, provider: yc, secretId: ${sandbox.secret(name).id}, poll: 1s${of(options, name, '')} }
    policy: ${of(policy, name, plain)}
    sinks: [{ type: file, path: ${pathOf(name)}, format: json }]`,
  )
  .join('\n')}
`;
  return {
    dir,
    sandbox,
    configuration,
    async daemon(config = configuration()) {
      const daemon = await aDaemon({ dir, config });
      daemons.push(daemon);
      return daemon;
    },
    held: (secret) =>
      readFile(pathOf(secret), 'utf8').then(
        (text) => JSON.parse(text) as Readonly<Record<string, string>>,
        () => undefined,
      ),
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, body: await response.text() };
    },
  };
}
