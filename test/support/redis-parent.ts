/** A process that starts an embedded Redis, says where and under which pid, and lives until it is killed or told to stop. */
import { startEmbeddedRedis } from '../../src/state/embedded-redis.ts';

const [, , dataDir = '', searchPath = ''] = process.argv;
const redis = await startEmbeddedRedis({ dataDir, searchPath });
process.stdout.write(`${JSON.stringify({ pid: redis.pid, socket: redis.socket })}\n`);
process.stdin.once('data', async () => {
  await redis.stop();
  process.exit(0);
});
