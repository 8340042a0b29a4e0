/** The consumer as a child process, and what became of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bundled } from '../support/program.ts';
import type { ConsumerLine } from './consumer.ts';

export interface Program {
  /** What it said so far. */
  readonly tally: { uses: number; failures: number; loads: number; user: string };
  readonly failures: readonly { readonly at: number; readonly user: string; readonly error: string }[];
  stop(): Promise<void>;
}

/** It reads `file`, uses the Redis at `socket`, and writes its pid to `pidFile` when SIGHUP may come. */
export function startProgram(file: string, socket: string, pidFile: string): Program {
  const consumer = bundled(join(import.meta.dirname, 'consumer.ts'));
  const child: ChildProcess = spawn(process.execPath, [consumer, file, socket, pidFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const tally = { uses: 0, failures: 0, loads: 0, user: '' };
  const failures: { at: number; user: string; error: string }[] = [];
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as ConsumerLine;
      if (line.type === 'used') tally.uses = line.uses;
      else if (line.type === 'loaded') {
        tally.loads++;
        tally.user = line.user;
      } else {
        tally.failures++;
        failures.push({ at: Date.now(), user: line.user, error: line.error });
      }
    });
  }
  const gone = once(child, 'exit');
  return {
    tally,
    failures,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await gone;
    },
  };
}
