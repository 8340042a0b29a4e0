/** The sandboxes as processes that can be stopped; the one of Infisical can be killed too, and goes on from its database. */
import { join } from 'node:path';
import type { Duration } from '../../src/core/time.ts';
import type { Books } from '../sandbox/infisical/books.ts';
import type { SandboxSpec } from '../sandbox/infisical/spec.ts';
import type { LockboxBooks } from '../sandbox/yandex/books.ts';
import type { Host, LockboxSpec } from '../sandbox/yandex/spec.ts';
import type { KeyFile } from '../sandbox/yandex/world.ts';
import { type Running, script, start } from './processes.ts';

interface Playing<AllBooks> {
  signal(name: NodeJS.Signals): void;
  books(): Promise<AllBooks>;
  /** An order or a fault, as `/__sandbox/faults` takes it. Answers with what it made. */
  order(body: object): Promise<unknown>;
  stop(): Promise<void>;
}

export interface SandboxProcess extends Playing<Books> {
  readonly url: string;
  /** SIGKILL, and wait. */
  kill(): Promise<void>;
  /** Resolves when it answers again, on the same port. */
  restart(): Promise<void>;
}

export interface StoreProcess extends Playing<LockboxBooks> {
  readonly endpoints: Readonly<Record<Host, string>>;
  /** Where it is told and asked what no provider is. */
  readonly url: string;
  readonly keyFile: KeyFile;
  /** By name. */
  readonly ids: ReadonlyMap<string, string>;
  /** As one that was killed and comes back with its database, which it has not: connections are reset, new ones refused. */
  away(length: Duration): Promise<void>;
}

const programs = join(import.meta.dirname, '..', 'sandbox');

/** Longer than it is ever stopped: then an order waits. */
const patience = 30_000;

/** `spec` names a port and a state file. */
export async function aSandboxProcess(spec: SandboxSpec): Promise<SandboxProcess> {
  const url = `http://127.0.0.1:${spec.port}`;
  let { running } = await launch('main.ts', spec);
  return {
    url,
    ...playing<Books>(url, () => running),
    async kill() {
      running.signal('SIGKILL');
      await running.gone;
    },
    async restart() {
      ({ running } = await launch('main.ts', spec));
    },
  };
}

export async function aStoreProcess(spec: LockboxSpec): Promise<StoreProcess> {
  const { running, ready } = await launch('yandex/main.ts', spec);
  const said = ready as {
    readonly endpoints: StoreProcess['endpoints'];
    readonly books: string;
    readonly account: { readonly keyFile: KeyFile };
    readonly secrets: readonly { readonly name: string; readonly id: string }[];
  };
  const url = new URL(said.books).origin;
  const store = playing<LockboxBooks>(url, () => running);
  return {
    ...store,
    url,
    endpoints: said.endpoints,
    keyFile: said.account.keyFile,
    ids: new Map(said.secrets.map(({ name, id }) => [name, id])),
    away: async (length) => void (await store.order({ kind: 'down', for: length })),
  };
}

/** Resolves with what it says of itself as soon as it listens. */
async function launch(program: string, spec: object): Promise<{ running: Running; ready: unknown }> {
  const words: string[] = [];
  let isReady: (line: string) => void = () => undefined;
  const said = new Promise<string>((resolve) => {
    isReady = resolve;
  });
  const running = start(script(join(programs, program), '-'), {
    onLine: (line) => (line.includes('"books"') ? isReady(line) : void words.push(line)),
  });
  running.child.stdin?.write(`${JSON.stringify(spec)}\n`);
  const line = await Promise.race([said, running.gone]);
  if (typeof line !== 'string' || running.isGone()) {
    throw new Error(`the sandbox ended before it was ready: ${words.join('\n')}`);
  }
  return { running, ready: JSON.parse(line) as unknown };
}

function playing<AllBooks>(url: string, running: () => Running): Playing<AllBooks> {
  const ask = async (path: string, body?: object) => {
    const response = await fetch(`${url}/__sandbox/${path}`, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(patience),
    });
    const answer = (await response.json()) as unknown;
    if (!response.ok) throw new Error(`the sandbox refused /__sandbox/${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    signal: (name) => running().signal(name),
    books: async () => (await ask('books')) as AllBooks,
    order: async (body) => ((await ask('faults', body)) as { made?: unknown }).made,
    async stop() {
      running().signal('SIGCONT');
      running().signal('SIGTERM');
      await running().gone;
    },
  };
}
