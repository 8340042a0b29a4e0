/**
 * A process that starts an embedded Redis, says where and under which pid, and later how it ended; it lives until it is
 * killed or told to `stop`. `exhaust`: it uses up all its file descriptors, until it is told to `release` them. `look`:
 * it asks its Redis once, and says what came of it.
 */
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startEmbeddedRedis } from '../../src/state/embedded-redis.ts';
import { say } from '../../src/state/redis-talk.ts';

const [, , dataDir = '', searchPath = ''] = process.argv;
const tell = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);
const redis = await startEmbeddedRedis({ dataDir, searchPath, onDeath: (how) => tell({ death: how }) });
tell({ pid: redis.pid, socket: redis.socket });

const opened: number[] = [];
function exhaust(): void {
  try {
    for (;;) opened.push(openSync('/dev/null', 'r'));
  } catch (error) {
    tell({ exhausted: (error as NodeJS.ErrnoException).code });
  }
}

createInterface({ input: process.stdin }).on('line', async (command) => {
  if (command === 'exhaust') return exhaust();
  if (command === 'look') return void tell({ looked: await say(redis.socket, 'PING', 1_000) });
  if (command === 'release') return opened.splice(0).forEach(closeSync);
  await redis.stop();
  process.exit(0);
});
