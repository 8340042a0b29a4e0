/** Infisical as the configuration names it: `type: infisical`, and the sources that are taken from it. */
import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Credential, credential, readCredential } from '../../config/credential.ts';
import { duration } from '../../config/values.ts';
import { LeaseError } from '../../core/failure.ts';
import { days } from '../../core/time.ts';
import { providerUrl } from '../../http/address.ts';
import { tls } from '../../http/tls.ts';
import { type Deps, defineProvider } from '../define.ts';
import { httpClient } from '../http-client.ts';
import { accessTokenSource, type Proof } from './access-token.ts';
import { asking, type InfisicalClient } from './client.ts';
import { dynamicSecretSource, shortestTtl } from './dynamic-secret.ts';
import { staticSecrets } from './secrets.ts';
import { faultsOf, secretPath, secretsOptions, warningsOf } from './secrets-options.ts';

const text = z.string().trim().min(1);

const universal = z.strictObject({
  method: z.literal('universal'),
  clientId: text.describe('Client id of the machine identity'),
  clientSecret: credential.describe('Where its client secret is; read again at every login'),
  organization: text.optional().describe('Slug of the organization to log in to; servers before 2026 ignore it'),
});

export const infisical = defineProvider(
  'infisical',
  {
    // People copy it from where other programs want it with `/api`.
    url: providerUrl.transform((url) => url.replace(/\/api$/, '')),
    auth: z.discriminatedUnion('method', [universal]).describe('How the machine identity proves who it is'),
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
    const client = asking(http, deps);
    const source = accessTokenSource(client, proofOf(auth, deps));
    return {
      ...client,
      token: { type: 'infisical/access-token', source },
      staticSecrets: staticSecrets(client, deps.clock, deps.markKey ?? randomBytes(32)),
      learnTime: async (signal) => {
        await http.request({ operation: 'status', method: 'GET', path: '/api/status', signal });
        if (!http.knowsTime()) throw new LeaseError('unavailable', 'what stands before it has answered');
      },
      close: () => http.close(),
    };
  },
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
);

export const infisicalSecrets = infisical.source(
  'secrets',
  { look: 'sync-secrets', canRotate: false },
  secretsOptions,
  (options, client) => client.staticSecrets.open(options),
  { faults: faultsOf, warnings: warningsOf },
);

function proofOf(
  auth: { clientId: string; clientSecret: Credential; organization?: string | undefined },
  deps: Deps,
): Proof {
  const { clientId, clientSecret, organization } = auth;
  const key = deps.markKey ?? randomBytes(32);
  return {
    async read() {
      const value = await readCredential(clientSecret, deps.env);
      return { clientId, clientSecret: value, ...(organization !== undefined && { organization }) };
    },
    async fingerprint() {
      // One that cannot be read is rejected as well, and another once it can.
      const value = await readCredential(clientSecret, deps.env).catch(() => '');
      return createHmac('sha256', key)
        .update(JSON.stringify([clientId, value]))
        .digest('hex');
    },
  };
}
