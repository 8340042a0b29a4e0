/** The Lockbox sandbox as a process of its own: `node --import tsx test/sandbox/yandex/main.ts [SPEC.json | -]`, a `LockboxSpec`. */
import { playAsProcess } from '../process.ts';
import { startLockbox } from './sandbox.ts';
import type { LockboxSpec } from './spec.ts';

await playAsProcess<LockboxSpec>(async (spec) => {
  const sandbox = await startLockbox(spec);
  const { endpoints, metadataAddress, controlUrl, account } = sandbox;
  const ready = {
    endpoints,
    metadataAddress,
    books: `${controlUrl}/__sandbox/books`,
    faults: `${controlUrl}/__sandbox/faults`,
    account: { name: account.name, id: account.id, keyFile: account.keyFile },
    secrets: (spec.secrets ?? []).map(({ name }) => sandbox.secret(name)),
  };
  return { ready, close: () => sandbox.close() };
});
