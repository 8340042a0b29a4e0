/** Where a webhook goes to. What stands behind the host may be a token, so nobody is ever shown more than that. */
import { z } from 'zod';
import { type Credential, credential, readCredential } from '../../config/credential.ts';
import { LeaseError } from '../../core/failure.ts';
import { hostOf, isLoopback } from '../../http/proxy.ts';
import { basicOf } from '../../http/user-info.ts';

export interface Address {
  /** `https://host:port`. */
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  /** What stood before the `@`. */
  readonly authorization?: string;
}

const example = 'https://reports.internal/rotated';
const remedy = 'point to all of it with url: { file: /path } or { env: NAME }';

/** What is wrong with it. Nothing of it is repeated. */
function faultOf(text: string): string | undefined {
  if (!URL.canParse(text)) return `not an address: write it with its scheme, such as ${example}`;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return `an address starts with https://: such as ${example}`;
  if (url.hash !== '') return 'what begins with # is never sent: remove it';
  if (url.protocol === 'http:' && !isLoopback(hostOf(url))) {
    return 'plain http:// would show to the network what is sent: use https://';
  }
  return undefined;
}

/** In the file itself there is no place for what may be a credential. */
function faultOfWritten(text: string): string | undefined {
  const fault = faultOf(text);
  if (fault !== undefined) return fault;
  const { username, password, search } = new URL(text);
  if (username !== '' || password !== '') return `a credential does not belong in this file: ${remedy}`;
  return search === '' ? undefined : `a query is often a credential, which does not belong here: ${remedy}`;
}

export const address = z
  .union(
    [
      z.string().superRefine((text, context) => {
        const fault = faultOfWritten(text);
        if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
      }),
      credential,
    ],
    `not an address: write it as ${example}, or point to it with { file: /path } or { env: NAME }`,
  )
  .describe('Where it is sent to; { file: … } or { env: … } where it holds a token. Plain http:// only to loopback');

export type Written = string | Credential;

/** What may be said of it to everybody. */
export const shown = (url: Written): string =>
  typeof url === 'string' ? new URL(url).host : 'file' in url ? url.file : url.env;

/** As it is now. Throws `LeaseError` `denied` where it is not there, `invalid` where it is no address. */
export async function readAddress(from: Written, env: Readonly<Record<string, string | undefined>>): Promise<Address> {
  const text = typeof from === 'string' ? from : await readCredential(from, env);
  const fault = faultOf(text);
  if (fault !== undefined) throw new LeaseError('invalid', `the address in ${shown(from)}: ${fault}`);
  const found = new URL(text);
  const { origin, pathname, search } = found;
  const authorization = basicOf(found);
  return { origin, path: pathname + search, ...(authorization !== undefined && { authorization }) };
}
