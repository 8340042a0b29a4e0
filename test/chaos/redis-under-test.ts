/** The Redis that the daemon's schedule lives in: its own, which it starts itself, or one of ours that it is given by url. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { childrenOf, commandLineOf } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { aRedis, type RedisServer } from '../support/redis.ts';
import { signalStranger, startOf } from './processes.ts';

export interface RedisUnderTest {
  /** What stands behind `state.redis`. */
  readonly setting: string;
  /** Who starts it again after a kill: the daemon, or `restart`. */
  readonly isEmbedded: boolean;
  /** False where there is none at this moment. */
  kill(): Promise<boolean>;
  restart(): Promise<void>;
  /** SIGSTOP; answers with what lets it go on, if it is still the same process. */
  freeze(): Promise<(() => void) | undefined>;
  /** FLUSHALL: all that it held is lost. False where it did not answer. */
  flush(): Promise<boolean>;
  /** All that is written in it, as one text. */
  contents(): Promise<string>;
  stop(): Promise<void>;
}

const title = (pid: number): string => commandLineOf(pid).replaceAll('\0', ' ');

export function embedded(dataDir: string, keeper: () => number): RedisUnderTest {
  const find = async () => {
    const children = await childrenOf(keeper());
    // Where there is no setpriv a shell stands between: that is not what is meant to be struck.
    const below = await Promise.all(children.map(childrenOf));
    const pid = [...children, ...below.flat()].find((child) => /^\S*redis-server (unixsocket|-)/.test(title(child)));
    return pid === undefined ? undefined : { pid, startedAt: startOf(pid) };
  };
  return {
    setting: 'embedded',
    isEmbedded: true,
    async kill() {
      const found = await find();
      return found !== undefined && signalStranger(found.pid, found.startedAt, 'SIGKILL');
    },
    restart: async () => undefined,
    async freeze() {
      const found = await find();
      if (found === undefined || !signalStranger(found.pid, found.startedAt, 'SIGSTOP')) return undefined;
      return () => void signalStranger(found.pid, found.startedAt, 'SIGCONT');
    },
    flush: () => flushed({ path: join(dataDir, 'redis.sock') }),
    contents: () => contentsOf({ path: join(dataDir, 'redis.sock') }),
    stop: async () => undefined,
  };
}

export async function byUrl(dir: string): Promise<RedisUnderTest> {
  const port = await freePort();
  const launch = () => aRedis({ dir, tcp: port, args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] });
  let server: RedisServer | undefined = await launch();
  return {
    setting: `{ url: "redis://127.0.0.1:${port}/0" }`,
    isEmbedded: false,
    async kill() {
      const victim = server;
      server = undefined;
      await victim?.kill();
      return victim !== undefined;
    },
    async restart() {
      server ??= await launch();
    },
    async freeze() {
      if (server === undefined) return undefined;
      const { pid } = server;
      const startedAt = startOf(pid);
      return signalStranger(pid, startedAt, 'SIGSTOP')
        ? () => void signalStranger(pid, startedAt, 'SIGCONT')
        : undefined;
    },
    flush: () => flushed({ port, host: '127.0.0.1' }),
    contents: () => contentsOf({ port, host: '127.0.0.1' }),
    stop: async () => void (await server?.stop()),
  };
}

type Address = { readonly path: string } | { readonly port: number; readonly host: string };

async function connected<T>(where: Address, work: (redis: Redis) => Promise<T>): Promise<T> {
  const options = { lazyConnect: true, maxRetriesPerRequest: 0, connectTimeout: 5_000, commandTimeout: 5_000 };
  const redis = new Redis({ ...where, ...options, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

const flushed = (where: Address): Promise<boolean> =>
  connected(where, (redis) => redis.flushall()).then(
    () => true,
    () => false,
  );

const contentsOf = (where: Address): Promise<string> =>
  connected(where, async (redis) => {
    const texts: string[] = [];
    for (const key of await redis.keys('*')) {
      const type = await redis.type(key);
      if (type === 'string') texts.push((await redis.get(key)) ?? '');
      if (type === 'hash') texts.push(JSON.stringify(await redis.hgetall(key)));
    }
    return texts.join('\n');
  });
