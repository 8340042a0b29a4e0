/** Yandex Cloud as the configuration names it: `type: yandex`, and the sources that are taken from it. */
import { createHmac, randomBytes } from 'node:crypto';
import { LeaseError } from '../../core/failure.ts';
import type { Instant } from '../../core/time.ts';
import { type Deps, defineProvider } from '../define.ts';
import type { HttpClient } from '../http-client.ts';
import { rejections } from '../rejections.ts';
import { asking, type YandexClient } from './client.ts';
import { type Hosts, hostsOf } from './hosts.ts';
import { iamTokenSource } from './iam-token.ts';
import { lockboxSource } from './lockbox.ts';
import { type Auth, faultsOf, providerOptions, secretOptions, warningsOf } from './options.ts';
import { asGiven, byAuthorizedKey, byMetadata, byWorkload, type TokenMethod } from './token-methods.ts';

export const yandex = defineProvider(
  'yandex',
  providerOptions,
  ({ endpoints, auth, tls, rate, slots }, deps): YandexClient => {
    const hosts = hostsOf(endpoints, auth, { tls, rate, slots }, deps);
    const key = deps.markKey ?? randomBytes(32);
    const mark = (text: string): string => createHmac('sha256', key).update(text).digest('hex');
    const memory = rejections(deps, mark);
    const method = methodOf(auth, hosts, deps, memory.wasRejected);
    return {
      ...asking(hosts, { ...deps, tokenRejected: memory.tokenRejected }),
      token: { type: 'yandex/iam-token', source: iamTokenSource(method, mark) },
      learnTime: (signal, since) => learnTime(hosts, auth.method, signal, since),
      close: () => hosts.close(),
    };
  },
  undefined,
  ({ endpoints }) => new URL(endpoints.lockbox).href,
);

/** Without a token it is refused, and a refusal has a date. */
async function learnTime(
  { lockbox, issuer }: Hosts,
  method: Auth['method'],
  signal: AbortSignal,
  since: Instant | undefined,
): Promise<void> {
  const ask = async (http: HttpClient, path: string) => {
    await http.request({ operation: 'time', method: 'GET', path, signal });
    if (!http.knowsTime(since)) throw new LeaseError('unavailable', 'what stands before it has answered');
  };
  await Promise.all([ask(lockbox, '/lockbox/v1/secrets'), issuer && ask(issuer, pathAtIssuer[method])]);
}

const pathAtIssuer: Readonly<Record<Auth['method'], string>> = {
  'service-account-key': '/iam/v1/tokens',
  'workload-identity': '/oauth/token',
  metadata: '/computeMetadata/v1/instance/',
  token: '/',
};

function methodOf(auth: Auth, hosts: Hosts, { env }: Deps, wasRejected: (token: string) => boolean): TokenMethod {
  // Of every method but that of a given token.
  const issuer = hosts.issuer as HttpClient;
  switch (auth.method) {
    case 'service-account-key':
      return byAuthorizedKey(issuer, auth.keyFile, auth.audience);
    case 'metadata':
      return byMetadata(issuer);
    case 'workload-identity':
      return byWorkload(issuer, auth.serviceAccountId, auth.tokenFile);
    case 'token':
      return asGiven(hosts.lockbox, auth.token, env, wasRejected);
  }
}

/** A token of its own for the programs beside us, with the rights of the provider's service account. */
export const yandexIamToken = yandex.source(
  'iam-token',
  { look: 'refresh-token', canRotate: true },
  {},
  (_, client) => client.token.source,
);

export const yandexLockbox = yandex.source(
  'lockbox',
  { look: 'watch-version', canRotate: false },
  secretOptions,
  (options, client) => lockboxSource(client, options),
  {
    canRotate: ({ generate }) => generate !== undefined,
    faults: faultsOf,
    warnings: warningsOf,
    store: ({ secretId }) => ({ at: 'secretId', id: secretId }),
    demands: ({ poll }) => [{ kind: 'secret-get', every: poll }],
  },
);
