/** The Infisical sandbox as a process of its own: `node --import tsx test/sandbox/main.ts [SPEC.json | -]`, a `SandboxSpec`. */
import { startSandbox } from './infisical/sandbox.ts';
import type { SandboxSpec } from './infisical/spec.ts';
import { playAsProcess } from './process.ts';

await playAsProcess<SandboxSpec>(async (spec) => {
  const sandbox = await startSandbox(spec);
  const { url, identity } = sandbox;
  // The client secret is one the sandbox was given, or made up for whoever reads this line.
  const ready = { url, books: `${url}/__sandbox/books`, faults: `${url}/__sandbox/faults`, identity };
  return { ready, close: () => sandbox.close() };
});
