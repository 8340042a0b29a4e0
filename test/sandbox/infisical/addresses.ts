/** Which address a request comes from, and whether an identity trusts it (contract 1, `req.realIp`). */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** The server believes the first of these that is there, whoever sent it. */
const believed = [
  'cf-connecting-ip',
  'cf-pseudo-ipv4',
  'x-client-ip',
  'x-envoy-external-address',
  'x-forwarded-for',
  'fastly-client-ip',
  'true-client-ip',
  'x-real-ip',
] as const;

export function addressOf(request: IncomingMessage): string {
  const header = believed.map((name) => request.headers[name]).find((value) => value !== undefined);
  const first = [header].flat()[0]?.split(',')[0]?.trim();
  return first ?? (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** Whether the address is one of these, or in one of these networks. No list: everybody is. */
export function trusts(trusted: readonly string[] | undefined, address: string): boolean {
  if (trusted === undefined) return true;
  const family = isIP(address);
  if (family === 0) return false;
  const list = new BlockList();
  for (const entry of trusted) {
    const [network = '', bits] = entry.split('/');
    const type = isIP(network) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(network, type);
    else list.addSubnet(network, Number(bits), type);
  }
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
