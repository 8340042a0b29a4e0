/** What a program on Azure meets: the metadata service, the endpoint of a container, and Entra ID. */
import type { Clock } from '../../../src/core/time.ts';
import { claimsProven, NotProven } from '../proven.ts';
import { type Answer, type Asked, type LocalServer, localServer, refused } from './local-server.ts';
import { dated, type Signer } from './signers.ts';

export interface Azure {
  readonly metadata: LocalServer;
  readonly container: LocalServer;
  /** What the container's endpoint wants to be shown. */
  readonly containerSecret: string;
  readonly entra: LocalServer;
  close(): Promise<void>;
}

export const tenant = '11111111-2222-4333-8444-555555555555';
/** Of the managed identity, and of the workload. */
export const principal = '99999999-8888-4777-8666-555555555555';
export const client = '77777777-6666-4555-8444-333333333333';

/** `entra` signs the tokens, `cluster` those of the workloads that it trusts. */
export async function startAzure(clock: Clock, entra: Signer, cluster: Signer): Promise<Azure> {
  const containerSecret = 'the-header-of-the-container';
  const issued = (resource: string): Answer => {
    const claims = {
      iss: `https://sts.windows.net/${tenant}/`,
      aud: resource,
      oid: principal,
      tid: tenant,
      ...dated(clock, 3_600),
    };
    return { body: { access_token: entra.sign(claims), token_type: 'Bearer' } };
  };
  const isOurs = (query: URLSearchParams) => query.get('client_id') === null || query.get('client_id') === client;

  function metadata({ method, path, query, headers }: Asked): Answer {
    if (headers['metadata'] !== 'true' || headers['x-forwarded-for'] !== undefined) return refused(400);
    const resource = query.get('resource');
    if (method !== 'GET' || path !== '/metadata/identity/oauth2/token' || !resource) return refused(404);
    if (query.get('api-version') !== '2018-02-01' || !isOurs(query)) return refused(400);
    return issued(resource);
  }

  function container({ method, path, query, headers }: Asked): Answer {
    const resource = query.get('resource');
    if (headers['x-identity-header'] !== containerSecret || !resource) return refused(401);
    if (method !== 'GET' || path !== '/msi/token' || query.get('api-version') !== '2019-08-01') return refused(404);
    return isOurs(query) ? issued(resource) : refused(400);
  }

  function exchange({ method, path, headers, body }: Asked): Answer {
    const form = new URLSearchParams(body);
    const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
    if (method !== 'POST' || path !== `/${tenant}/oauth2/v2.0/token` || !isForm) return refused(404);
    const [, resource] = /^(.+)\/\.default$/.exec(form.get('scope') ?? '') ?? [];
    const asserted = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const isAsked = form.get('grant_type') === 'client_credentials' && form.get('client_assertion_type') === asserted;
    if (!isAsked || resource === undefined || form.get('client_id') !== client) return refused(400);
    try {
      const keys = { [cluster.kid]: cluster.publicKey };
      const claims = claimsProven(form.get('client_assertion') ?? '', keys, clock.now());
      return claims['aud'] === 'api://AzureADTokenExchange' ? issued(resource) : refused(401);
    } catch (error) {
      if (error instanceof NotProven) return refused(401);
      throw error;
    }
  }

  const all = {
    metadata: await localServer(metadata),
    container: await localServer(container),
    entra: await localServer(exchange),
  };
  return {
    ...all,
    containerSecret,
    async close() {
      await Promise.all(Object.values(all).map((one) => one.close()));
    },
  };
}
