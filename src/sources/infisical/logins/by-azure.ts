/** The login by Azure: a token of Entra ID, had by a managed identity or in exchange for a workload's. Contract 5. */
import { z } from 'zod';
import { readCredential } from '../../../config/credential.ts';
import type { Deps } from '../../define.ts';
import { type Elsewhere, localUrlIn, type Question, readAs, urlIn, word } from './ask.ts';
import type { Login } from './login.ts';

export interface AzureAuth {
  readonly identityId: string;
  readonly resource: string;
  readonly clientId?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly tokenFile?: string | undefined;
}

const answer = z.object({ access_token: word });

/**
 * By the workload identity where its token is configured or the environment names it (AKS); else by the endpoint that
 * App Service and Container Apps give to a container; else by the metadata service. Throws `Error` where a variable of
 * the environment cannot be used.
 */
export function byAzure(auth: AzureAuth, elsewhere: Elsewhere, env: Deps['env']): Login {
  const inEnv = (name: string): string | undefined => env[name]?.trim() || undefined;
  const tokenFile = auth.tokenFile ?? inEnv('AZURE_FEDERATED_TOKEN_FILE');
  const token =
    tokenFile !== undefined
      ? ofWorkload({ ...auth, tokenFile }, elsewhere, env)
      : inEnv('IDENTITY_ENDPOINT') && inEnv('IDENTITY_HEADER')
        ? ofContainer(auth, elsewhere, env)
        : ofMachine(auth, elsewhere, env);
  return {
    segment: 'azure-auth',
    prove: async ({ signal }) => ({ identityId: auth.identityId, jwt: await token.take(signal) }),
    credential: () => token.mark(),
    close: () => elsewhere.close(),
  };
}

interface Token {
  take(signal: AbortSignal): Promise<string>;
  mark(): Promise<string>;
}

const noIdentity = ['invalid', 'no such managed identity is assigned to this machine'] as const;

function ofMachine(auth: AzureAuth, elsewhere: Elsewhere, env: Deps['env']): Token {
  const base = localUrlIn(env, 'AZURE_POD_IDENTITY_AUTHORITY_HOST', 'http://169.254.169.254');
  const question = {
    what: 'asking the metadata service for a token',
    url: `${base}/metadata/identity/oauth2/token?${queryOf('2018-02-01', auth)}`,
    headers: { metadata: 'true' },
    // 410: it is being updated.
    refusals: { 400: noIdentity, 404: ['unavailable', 'not now'], 410: ['unavailable', 'not now'] },
  } as const;
  return { take: (signal) => takeNearby(elsewhere, question, signal), mark: async () => 'the machine itself' };
}

function ofContainer(auth: AzureAuth, elsewhere: Elsewhere, env: Deps['env']): Token {
  const shown = env['IDENTITY_HEADER']?.trim() ?? '';
  const question = {
    what: "asking the container's endpoint for a token",
    url: `${localUrlIn(env, 'IDENTITY_ENDPOINT', '')}?${queryOf('2019-08-01', auth)}`,
    headers: { 'x-identity-header': shown },
    refusals: { 400: noIdentity },
  } as const;
  return { take: (signal) => takeNearby(elsewhere, question, signal), mark: async () => shown };
}

const queryOf = (version: string, { resource, clientId }: AzureAuth): string =>
  new URLSearchParams({ 'api-version': version, resource, ...(clientId && { client_id: clientId }) }).toString();

async function takeNearby(
  elsewhere: Elsewhere,
  question: Omit<Question, 'signal'>,
  signal: AbortSignal,
): Promise<string> {
  const { text } = await elsewhere.ask({ ...question, signal, isLocal: true });
  return readAs(answer, question.what, text).access_token;
}

/** AKS: the token that the cluster projects is exchanged. Tenant and client are in the environment of the pod. */
function ofWorkload(
  { resource, tokenFile, ...auth }: AzureAuth & { readonly tokenFile: string },
  elsewhere: Elsewhere,
  env: Deps['env'],
): Token {
  const what = "exchanging the workload's token at Entra ID";
  const authority = urlIn(env, 'AZURE_AUTHORITY_HOST') ?? 'https://login.microsoftonline.com';
  const tenantId = auth.tenantId ?? needed(env, 'AZURE_TENANT_ID', 'tenantId');
  const clientId = auth.clientId ?? needed(env, 'AZURE_CLIENT_ID', 'clientId');
  const assertion = () => readCredential({ file: tokenFile }, env);
  return {
    async take(signal) {
      const form = {
        grant_type: 'client_credentials',
        client_id: clientId,
        // Whatever the resource ends with stays: the token is made out to it to the letter.
        scope: `${resource}/.default`,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await assertion(),
      };
      const url = `${authority}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`;
      const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
      const body = new URLSearchParams(form).toString();
      const { text } = await elsewhere.ask({ what, url, method: 'POST', headers, body, signal });
      return readAs(answer, what, text).access_token;
    },
    mark: async () => JSON.stringify([tenantId, clientId, await assertion()]),
  };
}

function needed(env: Deps['env'], name: string, option: string): string {
  const value = env[name]?.trim();
  if (value) return value;
  throw new Error(`a workload identity of Azure needs the environment variable ${name}, or auth.${option}`);
}
