/** The sandbox as a process that can be killed and stopped, and goes on from its database. */
import { join } from 'node:path';
import type { Books } from '../sandbox/infisical/books.ts';
import type { SandboxSpec } from '../sandbox/infisical/spec.ts';
import { type Running, script, start } from './processes.ts';

export interface SandboxProcess {
  readonly url: string;
  /** What it printed that is no description of itself: always nothing, or it has a bug. */
  readonly words: readonly string[];
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, and wait. */
  kill(): Promise<void>;
  /** Resolves when it answers again, on the same port. */
  restart(): Promise<void>;
  books(): Promise<Books>;
  /** An order or a fault, as `/__sandbox/faults` takes it. */
  order(body: object): Promise<void>;
  stop(): Promise<void>;
}

const program = join(import.meta.dirname, '..', 'sandbox', 'main.ts');

/** `spec` names a port and a state file. */
export async function aSandboxProcess(spec: SandboxSpec): Promise<SandboxProcess> {
  const url = `http://127.0.0.1:${spec.port}`;
  const words: string[] = [];
  const launch = async (): Promise<Running> => {
    let ready: () => void = () => undefined;
    const isReady = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const running = start(script(program, '-'), {
      onLine: (line) => (line.includes('"books"') ? ready() : void words.push(line)),
    });
    running.child.stdin?.write(`${JSON.stringify(spec)}\n`);
    await Promise.race([isReady, running.gone]);
    if (running.isGone()) throw new Error(`the sandbox ended before it was ready: ${words.join('\n')}`);
    return running;
  };
  let running = await launch();
  const ask = async (path: string, body?: object) => {
    const response = await fetch(`${url}/__sandbox/${path}`, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(10_000),
    });
    const answer = (await response.json()) as unknown;
    if (!response.ok) throw new Error(`the sandbox refused /__sandbox/${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    url,
    words,
    signal: (name) => running.signal(name),
    async kill() {
      running.signal('SIGKILL');
      await running.gone;
    },
    async restart() {
      running = await launch();
    },
    books: async () => (await ask('books')) as Books,
    order: async (body) => void (await ask('faults', body)),
    async stop() {
      running.signal('SIGCONT');
      running.signal('SIGTERM');
      await running.gone;
    },
  };
}
