/** A process that tries for the lock of a data directory as soon as it is told to, and says what came of it. */
import { acquireLock } from '../../src/state/control-socket.ts';

const [, , dataDir = ''] = process.argv;
process.stdout.write('ready\n');
process.stdin.once('data', async () => {
  const lock = await acquireLock(dataDir, { pid: process.pid, onRequest: async () => ({ pid: process.pid }) });
  process.stdout.write(`${JSON.stringify(lock.isHeld ? { isHeld: true } : lock)}\n`);
  // Who has it keeps it until killed.
  if (!lock.isHeld) process.exit(0);
});
