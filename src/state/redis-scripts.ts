/** Where things lie in Redis, and what the store has it do in one step. */
import type { Redis, Result } from 'ioredis';

/** `keys` begins them all: see `RedisAccess.keys`. */
export const names = (keys: string) => ({
  /** A hash: the revision, the record, its signature, and the sealed values of each lease. */
  record: (secret: string) => `${keys}:record:${secret}`,
  /** The set of all secrets that have a record. */
  index: `${keys}:secrets`,
  /** The key of the fingerprints, sealed: see `key-control.ts`. */
  entry: `${keys}:key`,
  /**
   * A hash: when was first saved here, and how often since. Where the one is another than it was, or the other less,
   * Redis has gone back in time.
   */
  saves: `${keys}:saves`,
});

/** The fields of the hash of all saves. */
export const sinceField = 'since';
export const countField = 'count';

/** The fields of a record's hash. */
export const revisionField = 'revision';
export const recordField = 'record';
export const signatureField = 'mac';
/** In the place of record and signature: it was removed, and this says so. */
export const removedField = 'removed';
export const valuesField = (lease: string): string => `values:${lease}`;
export const leaseOfField = (field: string): string | undefined => /^values:(.*)$/s.exec(field)?.[1];

/** Tells one state of a hash from every other. */
export const heldIn = ({
  [revisionField]: revision = '',
  [signatureField]: signature = '',
}: Readonly<Record<string, string>>) => `${revision}:${signature}`;

/**
 * Saves where `heldIn` is the expected: all of it or nothing. Answers `[1, count, since]`, else `[0, …]` with the fields
 * as they are. What is no hash has none, and is replaced.
 *
 * The first that it writes is the record itself: a Redis without memory refuses that, and nothing has happened.
 */
const saveScript = `
local secret, expected, entry, now, kept = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local kind = redis.call('TYPE', KEYS[1]).ok
local fields = kind == 'hash' and redis.call('HMGET', KEYS[1], 'revision', 'mac') or {}
if (fields[1] or '') .. ':' .. (fields[2] or '') ~= expected then
  if kind ~= 'hash' then return {0} end
  return {0, unpack(redis.call('HGETALL', KEYS[1]))}
end
if kind ~= 'none' and (kind ~= 'hash' or redis.call('HEXISTS', KEYS[1], 'record') == 0) then
  redis.call('DEL', KEYS[1])
end
local known = {revision = true, record = true, mac = true}
for i = 6, 5 + kept do known[ARGV[i]] = true end
redis.call('HSET', KEYS[1], unpack(ARGV, 6 + kept))
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if not known[field] then redis.call('HDEL', KEYS[1], field) end
end
local added = redis.pcall('SADD', KEYS[2], secret)
if type(added) == 'table' then
  redis.call('DEL', KEYS[2])
  redis.call('SADD', KEYS[2], secret)
end
if entry ~= '' and redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SET', KEYS[3], entry) end
local count = redis.pcall('HINCRBY', KEYS[4], 'count', 1)
if type(count) == 'table' then
  redis.call('DEL', KEYS[4])
  count = redis.call('HINCRBY', KEYS[4], 'count', 1)
end
redis.call('HSETNX', KEYS[4], 'since', now)
return {1, count, redis.call('HGET', KEYS[4], 'since')}`;

/** A day is remembered that it was removed: who still knows it would else take it for lost, and write it back. */
const removeScript = `
local known = tonumber(ARGV[3])
local kind = redis.call('TYPE', KEYS[1]).ok
local held = kind == 'hash' and tonumber(redis.call('HGET', KEYS[1], 'revision') or '') or 0
redis.call('DEL', KEYS[1])
redis.pcall('SREM', KEYS[2], ARGV[1])
if kind == 'none' and known == 0 then return 0 end
redis.call('HSET', KEYS[1], 'revision', string.format('%.0f', math.max(held, known) + 1), 'removed', ARGV[2])
redis.call('PEXPIRE', KEYS[1], 86400000)
return 1`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    leasekeeperSave(...args: (string | number)[]): Result<[number, ...(string | number)[]], Context>;
    leasekeeperRemove(...args: (string | number)[]): Result<number, Context>;
  }
}

export function teachScripts(redis: Redis): void {
  redis.defineCommand('leasekeeperSave', { numberOfKeys: 4, lua: saveScript });
  redis.defineCommand('leasekeeperRemove', { numberOfKeys: 2, lua: removeScript });
}
