/** The address of a provider as the configuration gives it. */
import { z } from 'zod';
import { hostOf, isLoopback } from './proxy.ts';

/**
 * `https://…`, becomes the same without slashes at its end. Plain `http://` is for loopback only: credentials travel
 * on it. A user name, a password, a query or a fragment does not belong there.
 */
export const urlSuchAs = (example: string) =>
  z
    .string(`an address such as ${example}`)
    .transform((text, context) => {
      const fault = faultOf(text, example);
      if (fault === undefined) return text.trim().replace(/\/+$/, '');
      context.addIssue({ code: 'custom', message: fault });
      return z.NEVER;
    })
    .describe('Address of the provider; plain http:// is refused unless it is loopback');

export const providerUrl = urlSuchAs('https://app.infisical.com');

function faultOf(text: string, example: string): string | undefined {
  if (!URL.canParse(text)) return `not an address: write it with its scheme, such as ${example}`;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'an address starts with https://';
  // None of these is repeated: it may be a credential.
  if (url.username !== '' || url.password !== '') return 'a credential does not belong in an address';
  if (url.search !== '' || url.hash !== '') return 'an address ends with its path: remove what begins with ? or #';
  if (url.protocol === 'http:' && !isLoopback(hostOf(url))) {
    return 'plain http:// would show every credential to the network: use https://';
  }
  return undefined;
}
