/** Infisical as the configuration names it: `type: infisical`, and the sources that are taken from it. */
import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { duration } from '../../config/values.ts';
import { LeaseError } from '../../core/failure.ts';
import { days } from '../../core/time.ts';
import { providerUrl } from '../../http/address.ts';
import { tls } from '../../http/tls.ts';
import { type Deps, defineProvider } from '../define.ts';
import { type HttpClient, httpClient } from '../http-client.ts';
import { rejections } from '../rejections.ts';
import type { Source } from '../source.ts';
import { accessTokenSource } from './access-token.ts';
import { type Asking, asking, type InfisicalClient } from './client.ts';
import { dynamicSecretSource, shortestTtl } from './dynamic-secret.ts';
import { givenTokenSource } from './given-token.ts';
import type { Login } from './logins/login.ts';
import { loginOf } from './logins/logins.ts';
import { type Auth, auth } from './logins/options.ts';
import { staticSecrets } from './secrets.ts';
import { demandsOf, faultsOf, secretPath, secretsOptions, warningsOf } from './secrets-options.ts';

const text = z.string().trim().min(1);

export const infisical = defineProvider(
  'infisical',
  {
    // People copy it from where other programs want it with `/api`.
    url: providerUrl.transform((url) => url.replace(/\/api$/, '')),
    auth,
    tls: tls.optional(),
    rate: z
      .strictObject({
        requestsPerMinute: z.int().min(1).max(100_000).describe('Never more than so many, in any minute'),
      })
      .optional(),
    slots: z.int().min(1).max(64).default(8).describe('Requests under way at a time'),
  },
  ({ url, auth, tls, rate, slots }, deps): InfisicalClient => {
    const options = { url, tls, connections: slots, requestsPerMinute: rate?.requestsPerMinute };
    const http = httpClient(options, deps);
    const { client, source, login } = tokenBy(auth, http, deps);
    return {
      ...client,
      token: { type: 'infisical/access-token', source },
      staticSecrets: staticSecrets(client, deps.clock, deps.markKey ?? randomBytes(32)),
      learnTime: async (signal, since) => {
        await http.request({ operation: 'status', method: 'GET', path: '/api/status', signal });
        if (!http.knowsTime(since)) throw new LeaseError('unavailable', 'what stands before it has answered');
      },
      async close() {
        await Promise.all([http.close(), login?.close?.()]);
      },
    };
  },
  // What the cloud takes by default; a plan may say otherwise, and its answers do. Others limit nobody. Contract 9.
  ({ url }) =>
    /(^|\.)infisical\.com$/.test(new URL(url).hostname)
      ? { 'lease-renew': 200, 'lease-get': 60, 'secret-list': 40 }
      : undefined,
);

/** A token of its own for the programs beside us, with the rights of the provider's identity. */
export const infisicalAccessToken = infisical.source(
  'access-token',
  { look: 'refresh-token', canRotate: true },
  {},
  (_, client) => client.token.source,
);

export const infisicalDynamicSecret = infisical.source(
  'dynamic-secret',
  { look: 'renew-lease', canRotate: true },
  {
    project: text.describe('Slug of the project'),
    environment: text.describe('Slug of the environment'),
    secretPath: secretPath.describe('Folder of the dynamic secret'),
    name: text.describe('Name of the dynamic secret'),
    ttl: duration
      .refine((ttl) => ttl >= shortestTtl, 'shorter than 60s, the least that Infisical grants')
      .refine((ttl) => ttl <= days(3650), 'longer than ten years, the most that Infisical grants')
      .optional()
      .describe('Length of a term; without it the default of the dynamic secret'),
    config: z
      .record(z.string(), z.json())
      .optional()
      .describe('What the type of the dynamic secret asks for, such as namespace of kubernetes'),
  },
  (options, client) => dynamicSecretSource(client, options),
  {
    // It is asked about once in each half of a term, and a renewal answers that as well.
    demands: ({ ttl }) =>
      ttl === undefined ? [] : ['lease-renew', 'lease-get'].map((kind) => ({ kind, every: ttl, isTerm: true })),
  },
);

export const infisicalSecrets = infisical.source(
  'secrets',
  { look: 'sync-secrets', canRotate: false },
  secretsOptions,
  (options, client) => client.staticSecrets.open(options),
  {
    canRotate: ({ generate }) => generate !== undefined,
    faults: faultsOf,
    warnings: warningsOf,
    demands: demandsOf,
  },
);

/** The client that shows the token, and where the token is from: a login, or whoever gave it to us. */
function tokenBy(auth: Auth, http: HttpClient, deps: Deps): { client: Asking; source: Source; login?: Login } {
  const key = deps.markKey ?? randomBytes(32);
  const mark = (text: string): string => createHmac('sha256', key).update(text).digest('hex');
  if (auth.method === 'token') {
    const { tokenRejected, wasRejected } = rejections(deps, mark);
    const client = asking(http, { ...deps, tokenRejected });
    return { client, source: givenTokenSource(client, auth.token, { env: deps.env, mark, wasRejected }) };
  }
  const client = asking(http, deps);
  const login = loginOf(auth, deps);
  return { client, source: accessTokenSource(client, login, { organization: auth.organization, mark }), login };
}
