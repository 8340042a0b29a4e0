/** Which proxy a request goes through, by the variables that every program understands. */
import { BlockList, isIP } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `HTTPS_PROXY` or `HTTP_PROXY`, lower case before upper, unless `NO_PROXY` names the host: a name and all below it,
 * an address, a network such as `10.0.0.0/8`, each with a port or without, or `*`. Loopback goes through none.
 * Throws `Error` where the variable is no URL; the message names the variable and not what is in it: there may be a
 * password.
 */
export function proxyFor(url: URL, env: Environment): string | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const proxy = valueIn(env, name);
  if (!proxy || isLoopback(hostOf(url)) || isExcepted(url, valueIn(env, 'no_proxy') ?? '')) return undefined;
  const full = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (!URL.canParse(full) || !/^https?:/i.test(full)) {
    throw new Error(`the environment variable ${name.toUpperCase()} is not the URL of an HTTP proxy`);
  }
  return full;
}

const valueIn = (env: Environment, name: string): string | undefined =>
  env[name]?.trim() || env[name.toUpperCase()]?.trim();

/** Is that this machine itself? */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '::1' ||
  (isIP(host) === 4 && host.startsWith('127.'));

/** Without the brackets of an IPv6 address. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();

function isExcepted(url: URL, exceptions: string): boolean {
  const host = hostOf(url);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return exceptions
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      if (entry.includes('/')) return isInNetwork(host, entry);
      const [, name = entry, only] = (isIP(entry) === 0 && /^\[?(.+?)\]?(?::(\d+))?$/.exec(entry)) || [];
      if (only !== undefined && only !== port) return false;
      const plain = name.replace(/^\*?\./, '').toLowerCase();
      return host === plain || (isIP(host) === 0 && host.endsWith(`.${plain}`));
    });
}

function isInNetwork(host: string, network: string): boolean {
  const [base = '', length = ''] = network.split('/');
  const family = isIP(host);
  const bits = Number(length);
  if (family === 0 || family !== isIP(base) || !/^\d+$/.test(length) || bits > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(base, bits, type);
  return list.check(host, type);
}
