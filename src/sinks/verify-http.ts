/** Proves values by showing them to a server: the status of its answer says whether it takes them. */
import { LeaseError } from '../core/failure.ts';
import type { Material } from '../core/material.ts';
import type { Duration } from '../core/time.ts';
import { caller } from '../http/caller.ts';
import type { TlsFiles } from '../http/dispatcher.ts';
import { silence } from '../http/retry-after.ts';
import type { SinkDeps } from './define.ts';
import { type Expected, isSuccess } from './expected.ts';
import type { Verify } from './verify.ts';
import type { Endpoint } from './verify-endpoint.ts';
import { unfit, valueAt } from './verify-values.ts';

/** Of `basic`, `bearer` and `headers` the values are names of keys. */
export interface ProvingRequest {
  readonly to: Endpoint;
  readonly method?: 'GET' | 'POST' | undefined;
  readonly expect?: Expected | undefined;
  readonly basic?: { readonly username: string; readonly password: string } | undefined;
  readonly bearer?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly timeout: Duration;
}

export function verifyHttp(
  options: ProvingRequest,
  { env, clock, wallClock }: Pick<SinkDeps, 'env' | 'clock' | 'wallClock'>,
): Verify {
  const { to, method = 'GET', expect = isSuccess, tls, timeout } = options;
  const server = caller({ url: to.origin, tls, deadline: timeout }, { env, clock });
  return async (material, signal) => {
    const headers = headersOf(material, options);
    const answer = await server.call({ method, path: to.path, headers, signal }).catch((error: unknown) => {
      // Whatever kept us from asking, our own TLS files included, says nothing about the values.
      throw new LeaseError('unavailable', `${to.host}: ${error instanceof LeaseError ? error.message : 'no answer'}`);
    });
    const { status } = answer;
    if (expect(status)) return;
    const isSilent = status >= 500 || silences.includes(status);
    const said = `${to.host} answered ${status}`;
    throw isSilent
      ? new LeaseError('unavailable', said, silence(answer, { clock, wallClock }))
      : new LeaseError('invalid', said);
  };
}

/** Somebody in between, or one who had no time for the question: it was not looked at. */
const silences = [407, 408, 421, 425, 429];

function headersOf(material: Material, { basic, bearer, headers = {} }: ProvingRequest): Record<string, string> {
  const all = Object.entries(headers).map(([name, key]) => [name.toLowerCase(), inHeader(valueAt(material, key), key)]);
  if (bearer !== undefined) all.push(['authorization', `Bearer ${inHeader(valueAt(material, bearer), bearer)}`]);
  if (basic) {
    const username = valueAt(material, basic.username);
    // The rest would be taken for the beginning of the password.
    if (username.includes(':')) throw unfit(basic.username, 'has a colon: no user name of basic authentication has');
    const pair = Buffer.from(`${username}:${valueAt(material, basic.password)}`).toString('base64');
    all.push(['authorization', `Basic ${pair}`]);
  }
  return Object.fromEntries(all);
}

function inHeader(value: string, key: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(value)) throw unfit(key, 'is no text of one line in ASCII: it cannot stand in a header');
  return value;
}

/** What is wrong with how the values are to be shown. */
export function faultsOfShowing({ basic, bearer, headers = {} }: Shown): [string[], string][] {
  const names = Object.keys(headers);
  const faults = names.flatMap((name): [string[], string][] => {
    const isName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name);
    if (isName && !settled.test(name)) return [];
    const fault = isName
      ? 'a header that we set ourselves: remove it'
      : 'not the name of a header: letters, digits and "-"';
    return [[['headers', name], fault]];
  });
  const isNamed = names.some((name) => name.toLowerCase() === 'authorization');
  if (basic && bearer !== undefined) faults.push([['bearer'], `${enough} basic or bearer`]);
  else if (isNamed && (basic || bearer !== undefined))
    faults.push([['headers'], `${enough} basic, bearer or the header`]);
  if (names.length > 0 || basic || bearer !== undefined) return faults;
  return [[['http'], 'nothing of the values would be shown there: name their keys by basic:, bearer: or headers:']];
}

type Shown = Pick<ProvingRequest, 'basic' | 'bearer' | 'headers'>;

const enough = 'one authorization is enough: keep';

const settled = /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-.*|user-agent)$/i;
