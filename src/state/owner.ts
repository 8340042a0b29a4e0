/** One daemon at a time under a prefix of a Redis: claimed at start, renewed while it lives. */
import { randomBytes, randomUUID } from 'node:crypto';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { every, sleep } from '../clock.ts';
import { type Duration, seconds } from '../core/time.ts';
import { RedisRefused } from './redis-probe.ts';

export interface ClaimOptions {
  readonly redis: Redis;
  /** Begins all keys: see `RedisAccess.keys`. */
  readonly keys: string;
  /** Who we are, also after a restart: see `instanceId`. */
  readonly identity: string;
  readonly pid: number;
  /** Another process has the prefix now. We must stop. */
  readonly onLost: (owner: Owner) => void;
  readonly onError?: (error: Error) => void;
  readonly signal?: AbortSignal;
  /** Default: 30 s, 10 s, 35 s, 1 s. */
  readonly times?: Partial<typeof defaultTimes>;
}

export interface Owner {
  readonly host: string;
  readonly pid: number;
}

export interface Claim {
  /** Stop renewing, and let the next one in at once. */
  release(): Promise<void>;
}

const defaultTimes = {
  /** How long a claim holds that nobody renews. */
  life: seconds(30) as Duration,
  renewEvery: seconds(10) as Duration,
  /** How long another's claim is waited for: it may be abandoned. */
  patience: seconds(35) as Duration,
  askEvery: seconds(1) as Duration,
};

/** Mine is what has the same identity at the start, and the same process after it. Answers with who else has it. */
const claimScript = `
local held = redis.call('GET', KEYS[1])
if held then
  local isRead, owner = pcall(cjson.decode, held)
  if not isRead or type(owner) ~= 'table' or owner[ARGV[1]] ~= ARGV[2] then return {held, redis.call('PTTL', KEYS[1])} end
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return {}`;

const releaseScript = `
local held = redis.call('GET', KEYS[1])
if held == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/**
 * Throws `RedisRefused` where a living daemon of another identity has the prefix: at once where its claim is renewed
 * before our eyes, else after 35 s. One of the same identity is our own predecessor, and its claim is ours.
 */
export async function claim(options: ClaimOptions): Promise<Claim> {
  const { redis, keys, identity, pid, onError } = options;
  const times = { ...defaultTimes, ...options.times };
  const key = `${keys}:owner`;
  const self = JSON.stringify({ identity, process: randomUUID(), host: hostname(), pid });
  const mine = JSON.parse(self) as { readonly process: string };
  const ask = async (field: 'identity' | 'process', value: string): Promise<Other | undefined> => {
    const [held, left] = (await redis.eval(claimScript, 1, key, field, value, self, times.life)) as [string?, number?];
    return held === undefined ? undefined : { ...ownerOf(held), left: left ?? 0 };
  };
  let left = Number.POSITIVE_INFINITY;
  for (let waited = 0; ; waited += times.askEvery) {
    const other = await ask('identity', identity);
    if (!other) break;
    if (waited > times.patience || other.left > left || other.left < 0) throw refusal(keys, other);
    left = other.left;
    await sleep(times.askEvery, options.signal);
  }
  const stop = every(times.renewEvery, () => {
    ask('process', mine.process).then(
      (other) => {
        if (!other) return;
        stop();
        options.onLost({ host: other.host, pid: other.pid });
      },
      (error: Error) => onError?.(error),
    );
  });
  return {
    release: async () => {
      stop();
      await redis.eval(releaseScript, 1, key, self).catch((error: Error) => onError?.(error));
    },
  };
}

interface Other extends Owner {
  /** Until its claim lapses; below 0 where it never does. */
  readonly left: Duration;
}

function ownerOf(held: string): Owner {
  try {
    const { host, pid } = JSON.parse(held) as Partial<Owner>;
    if (typeof host === 'string' && typeof pid === 'number') return { host, pid };
  } catch {
    // Not ours at all: said below.
  }
  return { host: 'unknown', pid: 0 };
}

const refusal = (keys: string, { host, pid }: Owner) =>
  new RedisRefused(
    `another leasekeeper works with this Redis under the same prefix ${keys}: process ${pid} on ${host}; stop it, or give this one a prefix of its own (state.prefix)`,
  );

/** The random name of this data directory, made at the first start: how Redis knows us again after a restart. */
export async function instanceId(dataDir: string): Promise<string> {
  const file = join(dataDir, 'instance-id');
  const read = async () => (await readFile(file, 'utf8').catch(() => '')).trim();
  const present = await read();
  if (present) return present;
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, randomUUID(), { mode: 0o600, flag: 'wx' });
  // A link, not a rename: where two start at once the first name stays.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(draft);
  return read();
}
