/** A sink that is told by HTTP: each new value is one signed request, which may come twice and counts once. */
import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { type Credential, credential, readCredential } from '../../config/credential.ts';
import { duration } from '../../config/values.ts';
import { LeaseError } from '../../core/failure.ts';
import { type Duration, seconds } from '../../core/time.ts';
import { type Caller, caller, type Reply } from '../../http/caller.ts';
import type { TlsFiles } from '../../http/dispatcher.ts';
import { type Clocks, silence } from '../../http/retry-after.ts';
import { tls } from '../../http/tls.ts';
import { believed, sorted } from '../believed.ts';
import { defineSink, type SinkDeps } from '../define.ts';
import { entriesOf, type Keys, render } from '../render.ts';
import type { Sink } from '../sink.ts';
import { type Address, address, readAddress, shown, type Written } from './address.ts';
import { faultOfHeader, type Headers, headers, readHeaders } from './headers.ts';

export interface WebhookOptions {
  readonly url: Written;
  readonly signingKey: Credential;
  readonly headers: Headers;
  readonly timeout: Duration;
  readonly tls?: TlsFiles | undefined;
  readonly includeValues: boolean;
  readonly keys: Keys;
}

export const webhook = defineSink(
  'webhook',
  {
    url: address,
    signingKey: credential.describe('What each request is signed with, 16 characters or more; read again each time'),
    headers,
    timeout: duration
      .refine((length) => length >= seconds(1) && length <= seconds(30), 'between 1s and 30s')
      .prefault('10s')
      .describe('How long to wait for the answer. Default: 10s'),
    tls: tls.optional().describe('Whom to trust there, and what to show of ourselves'),
    includeValues: z.boolean().default(false).describe('Send the values themselves, and not only their names'),
  },
  {
    // Many secrets may be told to one place: the request says which.
    isShared: true,
    check({ headers = {} }, problem) {
      for (const [name, value] of Object.entries(headers)) {
        const fault = faultOfHeader(name, value);
        if (fault !== undefined) problem(['headers', name], fault);
      }
    },
    target: ({ url }) => shown(url),
    open: (options, deps) => webhookSink(options, deps),
  },
);

/** The sink on its own, for who has the options already. */
export function webhookSink(
  options: WebhookOptions,
  { markKey, env, clock, wallClock }: Pick<SinkDeps, 'markKey' | 'env' | 'clock' | 'wallClock'>,
): Sink {
  const { url, includeValues, keys } = options;
  const belief = believed([url, includeValues, sorted(keys)], markKey);
  const callerTo = oneCaller(options, { env, clock });

  const prepared = async () => {
    const [to, key, own] = await Promise.all([
      readAddress(url, env),
      readCredential(options.signingKey, env),
      readHeaders(options.headers, env),
    ]);
    if (key.length < 16) {
      throw new LeaseError('invalid', 'the signing key is too short: make one with openssl rand -base64 32');
    }
    return { to, key, headers: { ...(to.authorization !== undefined && { authorization: to.authorization }), ...own } };
  };

  return {
    saysUnsure: true,
    async check(signal) {
      const { to } = await prepared();
      await inWords(url, callerTo(to).reach(signal));
    },
    async write({ secret, generation, sequence, material }, signal) {
      const entries = entriesOf(material, { keys });
      // The same for the same delivery: who takes it counts it once, in whatever way it was repeated.
      const id = createHash('sha256')
        .update(JSON.stringify([secret, sequence, belief.form]))
        .digest('base64url');
      const body = JSON.stringify({
        id,
        event: 'changed',
        secret,
        generation,
        sequence,
        keys: entries.map(([name]) => name),
        ...(includeValues && { values: Object.fromEntries(entries) }),
      });
      const { to, key, headers } = await prepared();
      const timestamp = Math.floor(wallClock.now() / 1000);
      const signature = createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex');
      const answer = await inWords(
        url,
        callerTo(to).call({
          method: 'POST',
          path: to.path,
          headers: {
            ...headers,
            'content-type': 'application/json',
            'idempotency-key': id,
            'leasekeeper-signature': `t=${timestamp},v1=${signature}`,
          },
          body,
          signal,
        }),
      );
      judge(answer, shown(url), { clock, wallClock });
      // Also where only their names are sent: other values are another mark.
      const mark = belief.markOf(render(material, { format: 'json', keys }));
      belief.took(mark);
      return mark;
    },
    holds: belief.holds,
    isBelieved: true,
  };
}

/** One that goes to where the address points now: it may stand in a file. */
function oneCaller({ timeout, tls }: WebhookOptions, deps: Parameters<typeof caller>[1]): (to: Address) => Caller {
  let present: { readonly origin: string; readonly caller: Caller } | undefined;
  return ({ origin }) => {
    if (present?.origin === origin) return present.caller;
    void present?.caller.close();
    try {
      present = { origin, caller: caller({ url: origin, tls, deadline: timeout }, deps) };
    } catch (error) {
      // About the proxy's variable, which it names and does not quote.
      throw new LeaseError('invalid', (error as Error).message);
    }
    return present.caller;
  };
}

const inWords = <T>(url: Written, answer: Promise<T>): Promise<T> =>
  answer.catch((error: unknown) => {
    if (!(error instanceof LeaseError)) throw error;
    throw new LeaseError(error.code, `${shown(url)}: ${error.message}`, { unsure: error.unsure });
  });

/** What its answer means to us. Only the number of it is ever told: the rest may quote what was sent. */
function judge(reply: Reply, place: string, clocks: Clocks): void {
  const { status } = reply;
  if (status >= 200 && status < 300) return;
  const said = `${place} answered ${status}`;
  if (status >= 300 && status < 400) {
    throw new LeaseError('invalid', `${said}: a redirect, and those are not followed; point url to where it is taken`);
  }
  if (status === 401 || status === 403) {
    throw new LeaseError('denied', `${said}: look at signingKey, headers and tls`);
  }
  if (final.includes(status)) throw new LeaseError('invalid', `${said}: it does not take what we send`);
  // One who stands between may have passed it on, and who failed may have done so late. Only 503 is said beforehand.
  const unsure = status >= 500 && status !== 503;
  throw new LeaseError('unavailable', said, { unsure, ...silence(reply, clocks) });
}

/** Trying again soon would bring the same answer. */
const final = [400, 405, 406, 411, 413, 414, 415, 422, 431];
