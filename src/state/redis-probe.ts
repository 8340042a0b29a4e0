/** Asks a Redis at start whether it will do: its version, its memory policy, scripts, and all that we may be forbidden. */
import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';

/** This Redis cannot be used. One sentence that says why, and what to do. */
export class RedisRefused extends Error {
  override readonly name = 'RedisRefused';
}

const oldest = [6, 2] as const;

/** What the store and BullMQ use, with arguments that change nothing but one key of our own. */
const needed: readonly (readonly string[])[] = [
  ['set', 'KEY', '1', 'px', '10000'],
  ['get', 'KEY'],
  ['pexpire', 'KEY', '10000'],
  ['pttl', 'KEY'],
  ['persist', 'KEY'],
  ['exists', 'KEY'],
  ['type', 'KEY'],
  ['del', 'KEY'],
  ['unlink', 'KEY'],
  ['incr', 'KEY'],
  ['del', 'KEY'],
  ['hset', 'KEY', 'a', '1'],
  ['hmset', 'KEY', 'a', '1'],
  ['hget', 'KEY', 'a'],
  ['hmget', 'KEY', 'a'],
  ['hgetall', 'KEY'],
  ['hexists', 'KEY', 'a'],
  ['hincrby', 'KEY', 'a', '1'],
  ['hkeys', 'KEY'],
  ['hlen', 'KEY'],
  ['hdel', 'KEY', 'a'],
  ['sadd', 'KEY', 'a'],
  ['smembers', 'KEY'],
  ['sismember', 'KEY', 'a'],
  ['scard', 'KEY'],
  ['srem', 'KEY', 'a'],
  ['lpush', 'KEY', 'a'],
  ['rpush', 'KEY', 'a'],
  ['llen', 'KEY'],
  ['lindex', 'KEY', '0'],
  ['lset', 'KEY', '0', 'a'],
  ['lrange', 'KEY', '0', '-1'],
  ['lpos', 'KEY', 'a'],
  ['ltrim', 'KEY', '0', '-1'],
  ['rpoplpush', 'KEY', 'KEY'],
  ['lrem', 'KEY', '1', 'a'],
  ['lpop', 'KEY'],
  ['rpop', 'KEY'],
  ['del', 'KEY'],
  ['zadd', 'KEY', '1', 'a'],
  ['zscore', 'KEY', 'a'],
  ['zcard', 'KEY'],
  ['zcount', 'KEY', '0', '1'],
  ['zrange', 'KEY', '0', '-1'],
  ['zrevrange', 'KEY', '0', '-1'],
  ['zrangebyscore', 'KEY', '0', '1'],
  ['zrevrangebyscore', 'KEY', '1', '0'],
  ['zremrangebyscore', 'KEY', '5', '6'],
  ['zrem', 'KEY', 'a'],
  ['zpopmin', 'KEY'],
  ['bzpopmin', 'KEY', '0.001'],
  ['xadd', 'KEY', '*', 'a', '1'],
  ['xlen', 'KEY'],
  ['xtrim', 'KEY', 'maxlen', '0'],
  ['del', 'KEY'],
  ['client', 'setname', 'leasekeeper'],
];

/** Answers with warnings; throws `RedisRefused`. `keys` begins all our keys, `place` names the Redis for people. */
export async function probe(redis: Redis, keys: string, place: string): Promise<readonly string[]> {
  const info = await redis.info().catch((error) => {
    throw new RedisRefused(`Redis at ${place} does not let us call INFO (${reasonOf(error)}): grant the user +info`);
  });
  checkVersion(info, place);
  const warnings = await checkPolicy(redis, info, place);
  await checkScripts(redis, keys, place);
  await checkCommands(redis, keys, place);
  return warnings;
}

function checkVersion(info: string, place: string): void {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new RedisRefused(`Redis at ${place} is version ${version}: leasekeeper needs ${oldest.join('.')} or later`);
}

/** How it makes room when its memory is full. `undefined`: it does not tell, or not now. */
export async function policyOf(redis: Redis, info?: string): Promise<string | undefined> {
  // Managed Redis often forbids CONFIG, and tells the same elsewhere.
  const asked = (await redis.config('GET', 'maxmemory-policy').catch(() => undefined)) as string[] | undefined;
  if (asked?.[1] !== undefined) return asked[1];
  const told = info ?? (await redis.info('memory').catch(() => ''));
  return /^maxmemory_policy:(\S+)/m.exec(told)?.[1];
}

async function checkPolicy(redis: Redis, info: string, place: string): Promise<readonly string[]> {
  const policy = await policyOf(redis, info);
  if (policy === 'noeviction') return [];
  if (policy === undefined)
    return [`Redis at ${place} does not tell its maxmemory-policy: make sure that it is noeviction`];
  throw new RedisRefused(
    `Redis at ${place} evicts keys when its memory is full (maxmemory-policy ${policy}), which would lose records: set maxmemory-policy to noeviction, or give leasekeeper a Redis of its own`,
  );
}

async function checkScripts(redis: Redis, keys: string, place: string): Promise<void> {
  const script = `return redis.call('EXISTS', KEYS[1]) + ${Number.parseInt(randomBytes(3).toString('hex'), 16)}`;
  const key = `${keys}:probe`;
  try {
    await redis.eval(script, 1, key);
    await redis.evalsha(createHash('sha1').update(script).digest('hex'), 1, key);
  } catch (error) {
    throw new RedisRefused(
      `Redis at ${place} does not run scripts for us (${reasonOf(error)}): allow EVAL and EVALSHA, to this user and on keys that begin with ${keys}`,
    );
  }
}

async function checkCommands(redis: Redis, keys: string, place: string): Promise<void> {
  const key = `${keys}:probe:${randomBytes(6).toString('hex')}`;
  const answers = await redis
    .pipeline(needed.map((words) => words.map((word) => (word === 'KEY' ? key : word)) as [string, ...string[]]))
    .exec();
  await redis.del(key).catch(() => undefined);
  const refused = needed.filter((_, i) => /^(NOPERM|ERR unknown command)/.test(answers?.[i]?.[0]?.message ?? ''));
  if (refused.length === 0) return;
  const names = [...new Set(refused.map(([name]) => `+${name}`))].join(' ');
  throw new RedisRefused(
    `Redis at ${place} forbids commands that we need: grant the user ${names} on the keys ~${keys}:* (see ACL SETUSER)`,
  );
}

/** The code of an error and never its text: that may quote what we sent. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  const { code } = error as NodeJS.ErrnoException;
  if (code) return code;
  const word = /^[A-Z]{3,}\b/.exec(error.message)?.[0];
  return word ?? (error.message === 'Command timed out' ? 'no answer' : error.name);
}
