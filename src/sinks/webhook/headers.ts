/** Headers of the user's own that go with a webhook: plain ones from the file, credentials from where they are. */
import { z } from 'zod';
import { type Credential, credential, readCredential } from '../../config/credential.ts';
import { LeaseError } from '../../core/failure.ts';

export type Headers = Readonly<Record<string, string | Credential>>;

const isText = (value: string): boolean => /^[\t\x20-\x7e]*$/.test(value);
const notAHeader = 'not the value of a header: write a text of one line, or point to it with { file: /path }';

export const headers = z
  .record(z.string(), z.union([z.string().refine(isText, notAHeader), credential], notAHeader))
  .default({})
  .describe('More headers; credentials among them as { file: … } or { env: … }');

/** What is wrong with a header of that name, if something is. */
export function faultOfHeader(name: string, value: string | Credential): string | undefined {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return 'not the name of a header: letters, digits and "-"';
  if (settled.test(name)) return 'a header that we set ourselves: remove it';
  if (typeof value === 'string' && telling.test(name)) {
    return 'a credential does not belong in this file: point to it with { file: /path } or { env: NAME }';
  }
  return undefined;
}

/** By us, or by what carries the request. */
const settled =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-(length|type|encoding)|user-agent|idempotency-key|leasekeeper-.*)$/i;

/** What such a header holds is no secret to nobody. */
const telling = /authorization|cookie|token|secret|passw|api-?key|signature|credential/i;

/** As they are now. Throws `LeaseError` where one is not there, or is no text of one line. */
export async function readHeaders(
  headers: Headers,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const read = Object.entries(headers).map(async ([name, from]) => {
    const value = typeof from === 'string' ? from : await readCredential(from, env);
    if (!isText(value)) throw new LeaseError('invalid', `what is to be the header ${name} is no text of one line`);
    return [name.toLowerCase(), value] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}
