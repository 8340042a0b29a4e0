/** How a connection to Redis is made, and made again: by the password and the certificates of this hour. */
import { createSecureContext } from 'node:tls';
import type { RedisOptions as Settings } from 'ioredis';
import { type Duration, seconds } from '../core/time.ts';
import { readGivenFile } from '../given-file.ts';
import { RedisRefused, reasonOf } from './redis-probe.ts';

/** ioredis types its replies by this one option; ours are of the usual kind. */
export type RedisOptions = Omit<Settings, 'replyMapping'>;

export type RedisPlace = { readonly socket: string } | RedisServer;

export interface RedisServer {
  /** `redis://` or `rediss://`, without a credential in it. */
  readonly url: string;
  readonly username?: string;
  /** Asked at every connection anew: others may replace it. */
  readonly password?: () => Promise<string>;
  /** Paths of PEM files. Read at every connection anew, as the password. */
  readonly tls?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

const longestPause: Duration = seconds(2);

const pauseBefore = (attempt: number): Duration => Math.min(attempt * 100, longestPause);

/**
 * After a failover we may be talking to a replica; after a change of the password, to somebody who forgot us. Redis 6
 * says of a script that it failed, and its reason after that.
 */
const isElsewhere = ({ message }: Error): boolean => /^(READONLY|NOAUTH|WRONGPASS)|: -READONLY /.test(message);

/** Answers with the settings of a connection that is made now. Throws `RedisRefused` where the files will not do. */
export async function settingsOf(place: RedisPlace, onError?: (error: Error) => void): Promise<() => RedisOptions> {
  const base: RedisOptions = {
    connectTimeout: seconds(5),
    keepAlive: seconds(30),
    reconnectOnError: isElsewhere,
    retryStrategy: pauseBefore,
  };
  if ('socket' in place) return () => base;
  const { username, password, tls } = place;
  const latest: RedisOptions = {
    ...(tls && { tls: await tlsOf(tls) }),
    ...(password && { password: await password() }),
  };
  /** What cannot be read now stays as it was when it could. */
  const refresh = (connection: RedisOptions) => {
    const note = (fresh: RedisOptions) => {
      Object.assign(latest, fresh);
      Object.assign(connection, fresh);
    };
    const tell = (error: Error) => onError?.(error);
    if (tls) tlsOf(tls).then((fresh) => note({ tls: fresh }), tell);
    password?.().then((fresh) => note({ password: fresh }), tell);
  };
  return () => ({
    ...base,
    ...(username !== undefined && { username }),
    ...latest,
    // `this` is the options of the very connection that is about to be made again.
    retryStrategy: function (this: RedisOptions, attempt: number) {
      refresh(this);
      return pauseBefore(attempt);
    } as NonNullable<RedisOptions['retryStrategy']>,
  });
}

type Pem = Readonly<Partial<Record<'ca' | 'cert' | 'key', string>>>;

/** Throws where one cannot be read, is not whole, or does not fit the others, as while they are being replaced. */
async function tlsOf(files: NonNullable<RedisServer['tls']>): Promise<Pem> {
  const read = async (name: keyof Pem) => {
    const file = files[name];
    return file === undefined ? {} : { [name]: await pem(file) };
  };
  const parts: Pem = { ...(await read('ca')), ...(await read('cert')), ...(await read('key')) };
  try {
    createSecureContext(parts);
  } catch (error) {
    throw new RedisRefused(`the TLS files for Redis are of no use together: ${reasonOf(error)}`);
  }
  return parts;
}

async function pem(file: string): Promise<string> {
  const bytes = await readGivenFile(file).catch((error: Error) => {
    throw new RedisRefused(`the TLS file ${file} for Redis cannot be read: ${error.message}`);
  });
  const text = bytes.toString('utf8');
  // Without this an empty file would be as good as none.
  if (!text.includes('-----END ')) throw new RedisRefused(`the TLS file ${file} for Redis is no whole PEM file`);
  return text;
}
