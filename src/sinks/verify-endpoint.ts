/** The address of what is asked whether values work. They travel there, so it is TLS or loopback. */
import { z } from 'zod';
import { hostOf, isLoopback } from '../http/proxy.ts';

const example = 'https://orders.internal/health';

/** What is wrong with it. Nothing of it is repeated. */
function faultOf(text: string): string | undefined {
  if (!URL.canParse(text)) return `not an address: write it with its scheme, such as ${example}`;
  const { protocol, username, password, hash } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return `an address starts with https://: such as ${example}`;
  if (username !== '' || password !== '') {
    return 'a credential does not belong in an address: name the keys of the values by basic:, bearer: or headers:';
  }
  if (hash !== '') return 'what begins with # is never sent: remove it';
  if (protocol === 'http:' && !isLoopback(hostOf(new URL(text)))) {
    return 'plain http:// would show the values to the network: use https://';
  }
  return undefined;
}

export interface Endpoint {
  readonly origin: string;
  /** With its query. */
  readonly path: string;
  /** With its port. All of it that is ever told. */
  readonly host: string;
}

export const endpoint = z.string(`an address such as ${example}`).transform((text, context): Endpoint => {
  const fault = faultOf(text);
  if (fault !== undefined) {
    context.addIssue({ code: 'custom', message: fault });
    return z.NEVER;
  }
  const { origin, pathname, search, host } = new URL(text);
  return { origin, path: pathname + search, host };
});
