/**
 * The Infisical sandbox as a process of its own: `node --import tsx test/sandbox/main.ts [SPEC.json | -]`.
 * Takes a `SandboxSpec` from the file, or from the first line of standard input (`-`), and then ends when standard input
 * does, so that it never outlives whoever started it. Prints one line of JSON when it is ready.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { startSandbox } from './infisical/sandbox.ts';
import type { SandboxSpec } from './infisical/spec.ts';

const source = process.argv[2];
const input = source === '-' ? createInterface({ input: process.stdin }) : undefined;
const ended = new Promise<void>((resolve) => {
  input?.once('close', resolve);
  process.once('SIGTERM', () => resolve());
  process.once('SIGINT', () => resolve());
});

const sandbox = await startSandbox(await readSpec());
const { url, identity } = sandbox;
// The client secret is one the sandbox was given, or made up for whoever reads this line.
const ready = { url, books: `${url}/__sandbox/books`, faults: `${url}/__sandbox/faults`, pid: process.pid, identity };
process.stdout.write(`${JSON.stringify(ready)}\n`);
await ended;
await sandbox.close();
input?.close();

async function readSpec(): Promise<SandboxSpec> {
  if (source === undefined) return {};
  const line = input === undefined ? await readFile(source, 'utf8') : await firstLine();
  return JSON.parse(line) as SandboxSpec;
}

function firstLine(): Promise<string> {
  return new Promise((resolve, reject) => {
    input?.once('line', resolve);
    input?.once('close', () => reject(new Error('standard input ended before the description')));
  });
}
