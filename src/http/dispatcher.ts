/** The connections to one provider: its own CA and client certificate, the proxy, and files that change under us. */
import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { LeaseError } from '../core/failure.ts';
import { minutes, seconds } from '../core/time.ts';
import { readGivenFile } from '../given-file.ts';
import { proxyFor } from './proxy.ts';
import { basicOf } from './user-info.ts';

/** Files in PEM. `ca` replaces the CAs the machine trusts; `cert` and `key` are what we show. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface Connections {
  /**
   * What requests are given to now. Throws `LeaseError` `invalid` where the TLS files cannot be used and never could;
   * once they could, files that no longer fit are taken for half replaced, and the last good ones go on serving.
   */
  present(): Promise<Dispatcher>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly url: URL;
  readonly tls: TlsFiles;
  /** The same where there is no file of it. */
  readonly pem?: Pem | undefined;
  /** How many at a time. */
  readonly connections: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What the files hold, in PEM. */
export interface Pem {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Throws `Error` where the proxy's variable is no URL. */
export function connectionsTo({ url, tls, pem: given, connections, env }: ConnectionOptions): Connections {
  const proxy = proxyFor(url, env);
  const files = Object.entries(tls).filter((entry): entry is [keyof Pem, string] => entry[1] !== undefined);
  let present: { readonly stamp: string; readonly dispatcher: Dispatcher } | undefined;
  let refreshing: Promise<Dispatcher> | undefined;

  async function refresh(): Promise<Dispatcher> {
    const stamp = (await Promise.all(files.map(([, file]) => stampOf(file)))).join('/');
    if (present?.stamp === stamp) return present.dispatcher;
    let pem: Pem;
    try {
      const found = await Promise.all(files.map(async ([name, file]) => [name, await read(file)] as const));
      pem = { ...given, ...Object.fromEntries(found) };
      check(pem);
    } catch (error) {
      if (present) return present.dispatcher;
      throw error;
    }
    const former = present?.dispatcher;
    present = { stamp, dispatcher: dispatcherWith(pem, connections, proxy) };
    // Requests under way on the former connections are answered first; nobody waits for that.
    void former?.close().catch(() => undefined);
    return present.dispatcher;
  }

  return {
    present() {
      refreshing ??= refresh().finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
    async close() {
      await refreshing?.catch(() => undefined);
      await present?.dispatcher.destroy();
    },
  };
}

function dispatcherWith(pem: Pem, connections: number, proxy: string | undefined): Dispatcher {
  // Said outright, because an environment variable of Node's would switch it off.
  const connect = { ...pem, timeout: seconds(10), rejectUnauthorized: true };
  const options = {
    connections,
    pipelining: 1,
    // The server lets go after 72 s, balancers often after 60: always be the first.
    keepAliveTimeout: seconds(10),
    keepAliveMaxTimeout: seconds(55),
    // Each request has a deadline of its own, which is exact and shorter.
    headersTimeout: minutes(2),
    bodyTimeout: minutes(2),
  };
  if (proxy === undefined) return new Agent({ ...options, connect });
  const token = basicOf(new URL(proxy));
  return new ProxyAgent({
    ...options,
    uri: proxy,
    // Of its own it sends no user name without a password, and fails at a `%` in it.
    ...(token !== undefined && { token }),
    requestTls: connect,
    proxyTls: { timeout: seconds(10) },
    // Nobody's deadline ends the question for a tunnel: one without an answer would hold its place for five minutes.
    clientFactory: (origin, found) =>
      new Pool(origin, { ...found, headersTimeout: seconds(10), bodyTimeout: seconds(10) }),
  });
}

async function stampOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  return found ? `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}` : 'absent';
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readGivenFile(file);
  } catch (error) {
    throw new LeaseError('invalid', `the TLS file ${file} cannot be read: ${(error as Error).message}`);
  }
}

/** Do they parse, each CA too, and does the key belong to the certificate? */
function check(pem: Pem): void {
  const no = (why: string) => new LeaseError('invalid', `the TLS files cannot be used: ${why}`);
  const cas = pem.ca && certificatesIn(pem.ca);
  if (cas?.length === 0) throw no('what should be a CA holds no certificate in PEM');
  try {
    createSecureContext(pem);
    // Of CAs that takes those before the first broken one, be there none, without a word.
    cas?.map((ca) => new X509Certificate(ca));
  } catch (error) {
    throw no(codeOf(error));
  }
}

/** Each with whatever follows it up to the next, its end too, where it has one. */
const certificatesIn = (pem: Buffer): readonly string[] =>
  pem
    .toString('latin1')
    .split(/(?=^-----BEGIN )/m)
    .filter((block) => /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(block));

/** A code of Node's, OpenSSL's or undici's own, and nothing else that an error may carry. */
export function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^[A-Z0-9_]{1,80}$/.test(code) ? code : 'unknown error';
}
