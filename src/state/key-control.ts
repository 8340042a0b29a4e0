/**
 * Whether this Redis was written with our keys, asked before anything is written; and the key of the fingerprints.
 *
 * That key stays the same when the operator's is replaced, else every sink would be written anew: the first key makes
 * it, and from then on it lies in Redis beside the records with the fingerprints, sealed with the present key.
 */
import type { Redis } from 'ioredis';
import type { LoadedKeys } from './keys.ts';
import { RedisRefused } from './redis-probe.ts';
import { names, signatureField } from './redis-scripts.ts';
import { idIn, type Sealing } from './seal.ts';

export interface KeyControlOptions {
  readonly redis: Redis;
  /** Begins all keys: see `RedisAccess.keys`. */
  readonly keys: string;
  readonly sealing: Sealing;
  /** Where our keys are, and whether they were. */
  readonly loaded: Pick<LoadedKeys, 'place' | 'isNew'>;
  /** Where Redis is, for people. */
  readonly server: string;
}

export interface KeyControl {
  /** Keys the fingerprints of what is in the sinks. 32 bytes. */
  readonly markKey: Buffer;
  /** The key of the fingerprints, sealed: what has to lie in Redis. */
  readonly entry: string;
  /** It does. */
  readonly isThere: boolean;
  /** Secrets whose records a former key of ours has signed. */
  readonly former: readonly string[];
}

/** Reads only. Throws `RedisRefused` where something was sealed with a key that is not in our ring. */
export async function controlKeys(options: KeyControlOptions): Promise<KeyControl> {
  const { redis, keys, sealing } = options;
  const { ring } = sealing;
  const entry = (await redis.get(names(keys).entry).catch(unlessWrongType)) ?? '';
  const signers = await signersOf(redis, keys);
  const ids = [idIn(entry), ...signers.values()];
  const strange = ids.filter((id) => id !== undefined && !ring.all.has(id));
  if (strange.length > 0) throw refusal(options, strange as string[]);
  const former = [...signers].filter(([, id]) => id !== ring.present.id);
  // Where it was lost: of the keys that it may have come from the one that was there before.
  const maker = ring.all.get(former[0]?.[1] ?? '') ?? ring.present;
  const markKey = sealing.unwrap(entry) ?? maker.mark;
  const isThere = sealing.isPresent(entry) && sealing.unwrap(entry) !== undefined;
  return {
    markKey,
    isThere,
    entry: isThere ? entry : sealing.wrap(markKey),
    former: former.map(([secret]) => secret),
  };
}

/** Put it where the next start looks for it. */
export async function keepEntry({ redis, keys }: KeyControlOptions, { entry, isThere }: KeyControl): Promise<void> {
  if (!isThere) await redis.set(names(keys).entry, entry);
}

const atATime = 500;

/** By secret, with which key its record was signed. Those that do not say so are not here. */
async function signersOf(redis: Redis, keys: string): Promise<ReadonlyMap<string, string>> {
  const secrets = (await redis.smembers(names(keys).index).catch(unlessWrongType)) ?? [];
  const signers = new Map<string, string>();
  for (let from = 0; from < secrets.length; from += atATime) {
    const some = secrets.slice(from, from + atATime);
    const answers = await redis
      .pipeline(some.map((secret) => ['hget', names(keys).record(secret), signatureField] as [string, ...string[]]))
      .exec();
    for (const [i, secret] of some.entries()) {
      const [error, signature] = answers?.[i] ?? [];
      if (error) unlessWrongType(error);
      const id = typeof signature === 'string' ? idIn(signature) : undefined;
      if (id !== undefined) signers.set(secret, id);
    }
  }
  return signers;
}

/** What is of another kind was not written by us, and says nothing. */
function unlessWrongType(error: Error): undefined {
  if (!error.message.startsWith('WRONGTYPE')) throw error;
}

function refusal({ server, keys, loaded, sealing }: KeyControlOptions, strange: readonly string[]): RedisRefused {
  const missing = [...new Set(strange)].join(', ');
  const ours = loaded.isNew ? 'is not there' : `has ${[...sealing.ring.all.keys()].join(', ')}`;
  return new RedisRefused(
    `Redis ${server} holds what was sealed under the prefix ${keys} with the key ${missing}, and ${loaded.place} ${ours}: ` +
      'put the former key back there, in a line after the first if another is to take its place; ' +
      (loaded.isNew
        ? 'where dataDir does not outlive the daemon, keep the key elsewhere by state.encryptionKey; '
        : '') +
      'or begin anew under another state.prefix, which costs a login for each provider and a new lease for each secret ' +
      'whose value is shown only once, while the former ones live to the end of their TTL. Nothing was changed',
  );
}
