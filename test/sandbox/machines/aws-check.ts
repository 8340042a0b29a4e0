/** Signature Version 4 as STS checks it: worked out anew from the request that arrived, by the published algorithm. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type Instant, minutes } from '../../../src/core/time.ts';
import type { Asked } from './local-server.ts';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface Holder extends Keys {
  readonly arn: string;
}

const window = minutes(15);
const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');

/** Who signed this request, with what it is worth now; a text says why it is not accepted. */
export function holderOf(asked: Asked, holders: readonly Holder[], service: string, now: Instant): Holder | string {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      String(asked.headers['authorization'] ?? ''),
    );
  if (!parts) return 'IncompleteSignature';
  const [, keyId = '', day = '', region = '', of = '', names = '', signature = ''] = parts;
  const holder = holders.find(({ accessKeyId }) => accessKeyId === keyId);
  if (!holder) return 'InvalidClientTokenId';
  const date = String(asked.headers['x-amz-date'] ?? '');
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const signedAt = Date.parse(iso);
  if (Number.isNaN(signedAt) || !date.startsWith(day)) return 'SignatureDoesNotMatch';
  if (of !== service) return 'SignatureDoesNotMatch';
  if (Math.abs(signedAt - now) > window) return 'RequestExpired';
  const shown = asked.headers['x-amz-security-token'];
  if (shown !== holder.sessionToken) return 'InvalidClientTokenId';
  const signedNames = names.split(';');
  // What decides who is asked, and when, has to be under the signature; and so has whatever is AWS's own.
  const needed = ['host', ...Object.keys(asked.headers).filter((name) => name.startsWith('x-amz-'))];
  if (needed.some((name) => !signedNames.includes(name))) return 'SignatureDoesNotMatch';
  let canonical = `${asked.method}\n${asked.path}\n${canonicalQuery(asked.query)}\n`;
  for (const name of [...signedNames].sort()) {
    canonical += `${name}:${String(asked.headers[name] ?? '')
      .replace(/\s+/g, ' ')
      .trim()}\n`;
  }
  canonical += `\n${names}\n${sha256(asked.body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${day}/${region}/${of}/aws4_request\n${sha256(canonical)}`;
  const step = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text, 'utf8').digest();
  const dayKey = step(`AWS4${holder.secretAccessKey}`, day);
  const regionKey = step(dayKey, region);
  const serviceKey = step(regionKey, of);
  const right = step(step(serviceKey, 'aws4_request'), toSign);
  return timingSafeEqual(right, Buffer.from(signature, 'hex')) ? holder : 'SignatureDoesNotMatch';
}

const canonicalQuery = (query: URLSearchParams): string =>
  [...query]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
