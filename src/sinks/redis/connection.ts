/** One connection to the Redis of a sink, for one thing to be done. Nothing that it answers in words is ever told: it may quote what was sent. */
import { Redis } from 'ioredis';
import { timer } from '../../clock.ts';
import { type Credential, readCredential } from '../../config/credential.ts';
import { type FailureCode, LeaseError } from '../../core/failure.ts';
import { type Duration, seconds } from '../../core/time.ts';
import { readGivenFile } from '../../given-file.ts';
import type { TlsFiles } from '../../http/dispatcher.ts';

export interface RedisPlace {
  /** `redis://` or `rediss://`, without a credential in it. */
  readonly url: string;
  readonly username?: string | undefined;
  /** Read anew each time. */
  readonly password?: Credential | undefined;
  readonly tls?: TlsFiles | undefined;
  /** For the connection, and for each answer. */
  readonly timeout: Duration;
}

/** Runs a script there. Once it was sent it is not called back: the answer is waited for, though not for long. */
export type Run = (script: string, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** How long an answer is waited for when we are stopping. */
const lastWait: Duration = seconds(1);

/** Throws `LeaseError`, `unsure` where a script was sent and nothing came back. */
export async function withRedis<T>(
  place: RedisPlace,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const { url, timeout, username } = place;
  const { host, hostname, port, pathname, protocol } = new URL(url);
  const password = place.password && (await readCredential(place.password, env));
  const tls = protocol === 'rediss:' ? await pemOf(place.tls) : undefined;
  const redis = new Redis({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 6379),
    ...(tls && { tls: { ...tls, rejectUnauthorized: true } }),
    protocol: 2,
    lazyConnect: true,
    connectTimeout: timeout,
    commandTimeout: timeout,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // What a user with few rights may not ask.
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  let reason: unknown;
  redis.on('error', (error) => {
    reason = error;
  });
  let isSent = false;
  let cancel = () => {};
  const stop = () => {
    if (!isSent) redis.disconnect();
    else cancel = timer(lastWait, () => redis.disconnect());
  };
  signal.addEventListener('abort', stop, { once: true });
  const going = () => {
    if (signal.aborted) throw new LeaseError('unavailable', `${host}: stopped before anything was sent`);
  };
  try {
    going();
    await redis.connect();
    // Not by the client: of its own it prints what it thinks of the answer.
    if (password !== undefined) await redis.call('AUTH', ...(username === undefined ? [] : [username]), password);
    if (!/^\/?0?$/.test(pathname)) await redis.call('SELECT', pathname.slice(1));
    return await work((script, keys, args) => {
      going();
      isSent = true;
      return redis.call('EVAL', script, keys.length, ...keys, ...args);
    });
  } catch (error) {
    if (error instanceof LeaseError) throw error;
    const answered = wordOf(error);
    if (answered !== undefined) throw new LeaseError(codes[answered] ?? 'unavailable', `${host}: ${meaning(answered)}`);
    if (!isSent) going();
    throw new LeaseError('unavailable', `${host}: no answer: ${causeOf(error, reason)}`, { unsure: isSent });
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
    redis.disconnect();
  }
}

/** Files in PEM, read each time: others may replace them. */
async function pemOf(files: TlsFiles = {}): Promise<Record<string, Buffer>> {
  const named = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const read = named.map(async ([name, file]) => {
    const content = await readGivenFile(file).catch((error: Error) => {
      throw new LeaseError('invalid', `the TLS file ${file} cannot be read: ${error.message}`);
    });
    return [name, content] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

/** The word with which an answer of Redis begins, and nothing of what follows. */
function wordOf(error: unknown): string | undefined {
  const { name, message } = error as Error;
  return name === 'ReplyError' ? (/^[A-Z]{2,20}\b/.exec(message)?.[0] ?? 'ERR') : undefined;
}

const codes: Readonly<Record<string, FailureCode>> = {
  NOAUTH: 'denied',
  WRONGPASS: 'denied',
  NOPERM: 'denied',
  MOVED: 'invalid',
  WRONGTYPE: 'invalid',
};

const meanings: Readonly<Record<string, string>> = {
  NOAUTH: 'it wants a password: look at username and password',
  WRONGPASS: 'it rejects our user or its password',
  NOPERM: 'our user may not do that: it needs EVAL and what the README names, on the key and on those beside it',
  MOVED: 'the key is on another node of a cluster, and those are not looked for',
  WRONGTYPE: 'what lies beside the key is not ours: remove it, or choose another key',
  READONLY: 'it is a replica',
  OOM: 'it is full',
  LOADING: 'it is still loading',
  MISCONF: 'it takes no writes, since it cannot save',
};

const meaning = (word: string): string => `${word}: ${meanings[word] ?? 'it refuses'}`;

/** A code of the system's, or that it took too long. */
function causeOf(...errors: readonly unknown[]): string {
  for (const error of errors) {
    const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    if (typeof code === 'string' && /^[A-Z0-9_]{1,80}$/.test(code)) return code;
    if (message === 'Command timed out') return 'not in time';
  }
  return 'the connection was closed';
}
