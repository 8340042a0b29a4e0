/** The Redis that is measured on: the embedded one as the daemon starts it, append-only file and all. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedRedis } from '../../src/state/embedded-redis.ts';
import { connect, type RedisAccess } from '../../src/state/redis.ts';
import { cpuTimeOf } from './machine.ts';

export interface BenchRedis {
  readonly access: RedisAccess;
  /** What it did so far: commands, those in scripts included; and its processor time in milliseconds. */
  spent(): Promise<{ readonly commands: number; readonly cpu: number }>;
  /** Forget everything. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function aBenchRedis(): Promise<BenchRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'lk-bench-'));
  const server = await startEmbeddedRedis({ dataDir: dir, searchPath: process.env['PATH'] ?? '' });
  const access = await connect({ place: { socket: server.socket }, prefix: 'bench' });
  return {
    access,
    async spent() {
      const stats = await access.store.info('stats');
      const commands = Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
      return { commands, cpu: cpuTimeOf(server.pid ?? 0) };
    },
    async clear() {
      await access.store.flushall();
    },
    async stop() {
      access.close();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
