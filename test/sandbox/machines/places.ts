/** Where a program may be that logs in to Infisical: what is there to prove it, and what the identity has to allow. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/core/time.ts';
import type { LoginsSpec } from '../infisical/spec.ts';
import { roleArn, startAws, userArn } from './aws.ts';
import { client, principal, startAzure, tenant } from './azure.ts';
import { machineAccount, startGcp } from './gcp.ts';
import type { LocalServer } from './local-server.ts';
import { dated, ecSigner, rsaSigner, type Signer } from './signers.ts';

export interface Place {
  /** As the configuration says it. */
  readonly auth: object;
  readonly env: Readonly<Record<string, string>>;
  readonly logins: LoginsSpec;
  /** The same for an identity that does not let it in. */
  readonly strict: LoginsSpec;
  /** What must be told to nobody. */
  readonly secrets: readonly string[];
  /**
   * Somebody replaces what is on the machine by something as good, also for the identity. Absent: it is not on the
   * machine.
   */
  change?(allow: (logins: LoginsSpec) => void): void;
  /** What is asked besides Infisical. */
  readonly servers: readonly LocalServer[];
  close(): Promise<void>;
}

export interface Around {
  readonly identityId: string;
  /** Of everybody who checks a date. */
  readonly clock: Clock;
}

export const cluster = rsaSigner('k1');
export const stranger = rsaSigner('stranger');
export const account = 'keeper@shop.iam.gserviceaccount.com';

const keysOf = ({ kid, publicKey }: Signer) => ({ [kid]: publicKey });

/** A file that holds this, and can hold something else. */
export function aFile(content: string) {
  const folder = mkdtempSync(join(tmpdir(), 'lk-proof-'));
  const path = join(folder, 'proof');
  const write = (next: string) => writeFileSync(path, next);
  write(content);
  return { path, write, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const nothing = { env: {}, servers: [], secrets: [] };

/** A JWT in a file, which is replaced now and then. */
function byFile(claims: object, { clock }: Around, signer: Signer) {
  let number = 0;
  const made = () => {
    number += 1;
    return signer.sign({ ...claims, jti: String(number), ...dated(clock) });
  };
  const first = made();
  const file = aFile(`${first}\n`);
  return {
    ...nothing,
    path: file.path,
    secrets: [first],
    change: () => file.write(`${made()}\n`),
    close: async () => file.remove(),
  };
}

export async function inKubernetes(around: Around): Promise<Place> {
  const aud = ['https://kubernetes.default.svc'];
  const { path, ...file } = byFile({ sub: 'system:serviceaccount:shop:keeper', aud }, around, cluster);
  const spec = { keys: keysOf(cluster), audience: 'https://kubernetes.default.svc' };
  return {
    ...file,
    auth: { method: 'kubernetes', identityId: around.identityId, tokenFile: path },
    logins: { kubernetes: { ...spec, namespaces: ['shop'] } },
    strict: { kubernetes: { ...spec, namespaces: ['other'] } },
  };
}

async function withIssuer(method: 'oidc' | 'jwt', around: Around, signer: Signer): Promise<Place> {
  const named = { issuer: 'https://issuer.test', audience: 'infisical', subject: 'repo:acme/app' };
  const claims = { iss: named.issuer, aud: named.audience, sub: named.subject };
  const { path, ...file } = byFile(claims, around, signer);
  const spec = { keys: keysOf(signer), ...named };
  return {
    ...file,
    auth: { method, identityId: around.identityId, token: { file: path } },
    logins: { [method]: spec },
    strict: { [method]: { ...spec, subject: 'repo:other/app' } },
  };
}

export const withOidc = (around: Around) => withIssuer('oidc', around, cluster);
export const withJwt = (around: Around) => withIssuer('jwt', around, ecSigner('ec'));

export async function inLdap({ identityId }: Around): Promise<Place> {
  const file = aFile('the-password-of-keeper\n');
  const spec = { username: 'keeper', password: 'the-password-of-keeper' };
  return {
    ...nothing,
    secrets: [spec.password],
    auth: { method: 'ldap', identityId, username: 'keeper', password: { file: file.path } },
    logins: { ldap: spec },
    strict: { ldap: { ...spec, password: 'another' } },
    change(allow) {
      file.write('the-next-password');
      allow({ ldap: { ...spec, password: 'the-next-password' } });
    },
    close: async () => file.remove(),
  };
}

export type AwsPlace = 'keys' | 'lambda' | 'file' | 'web identity' | 'container' | 'instance';

export async function onAws({ identityId, clock }: Around, kind: AwsPlace = 'instance'): Promise<Place> {
  const aws = await startAws(clock, cluster);
  const token = aFile(
    cluster.sign({ aud: 'sts.amazonaws.com', sub: 'system:serviceaccount:shop:keeper', ...dated(clock) }),
  );
  const { accessKeyId, secretAccessKey } = aws.user;
  const ini = aFile(
    `# of people\n[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n[ keeper ]\r\naws_access_key_id=${accessKeyId}\n aws_secret_access_key = ${secretAccessKey}\n`,
  );
  const container = aFile(`${aws.containerToken}\n`);
  const credentials = { accessKeyId, secretAccessKey: { env: 'THE_SECRET' } };
  const env: Readonly<Record<AwsPlace, Readonly<Record<string, string>>>> = {
    keys: { THE_SECRET: secretAccessKey },
    lambda: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: 'eu-west-1' },
    file: { AWS_SHARED_CREDENTIALS_FILE: ini.path, AWS_PROFILE: 'keeper' },
    'web identity': { AWS_WEB_IDENTITY_TOKEN_FILE: token.path, AWS_ROLE_ARN: roleArn },
    container: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.container.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: container.path,
    },
    instance: { AWS_EC2_METADATA_SERVICE_ENDPOINT: `${aws.metadata.url}/`, AWS_DEFAULT_REGION: 'eu-central-1' },
  };
  const sts = aws.sts.url;
  return {
    auth: { method: 'aws', identityId, ...(kind === 'keys' && { credentials }) },
    env: { ...env[kind], AWS_ENDPOINT_URL_STS: sts },
    logins: { aws: { sts, principals: [roleArn, userArn] } },
    strict: { aws: { sts, principals: ['arn:aws:iam::123456789012:role/other'] } },
    secrets: [secretAccessKey, aws.containerToken],
    servers: [aws.sts, aws.metadata, aws.container],
    async close() {
      for (const file of [token, ini, container]) file.remove();
      await aws.close();
    },
  };
}

export type GcpPlace = 'machine' | 'key' | 'signing';

export async function onGcp({ identityId, clock }: Around, kind: GcpPlace = 'machine'): Promise<Place> {
  const google = cluster;
  const signer = stranger;
  const gcp = await startGcp(clock, google, signer, account);
  let changes = 0;
  const key = () =>
    JSON.stringify({
      type: 'service_account',
      project_id: `shop${changes}`,
      private_key_id: signer.kid,
      private_key: signer.privateKey,
      client_email: account,
    });
  const file = aFile(key());
  const iam = { method: 'gcp', identityId, type: 'iam' };
  const auth = {
    machine: { method: 'gcp', identityId },
    key: { ...iam, keyFile: file.path },
    signing: { ...iam, serviceAccount: account, iamCredentials: gcp.iamCredentials.url },
  };
  const spec =
    kind === 'machine'
      ? ({ type: 'gce', keys: keysOf(google), accounts: [machineAccount] } as const)
      : ({ type: 'iam', keys: keysOf(signer), accounts: [account] } as const);
  return {
    auth: auth[kind],
    env: { GCE_METADATA_HOST: gcp.metadata.address },
    logins: { gcp: spec },
    strict: { gcp: { ...spec, accounts: ['other@shop.iam.gserviceaccount.com'] } },
    secrets: signer.privateKey.split('\n').filter((line) => line.length > 40 && !line.includes('PRIVATE')),
    ...(kind === 'key' && {
      change() {
        changes += 1;
        file.write(key());
      },
    }),
    servers: [gcp.metadata, gcp.iamCredentials],
    async close() {
      file.remove();
      await gcp.close();
    },
  };
}

export type AzurePlace = 'machine' | 'container' | 'workload';

export async function onAzure(around: Around, kind: AzurePlace = 'machine'): Promise<Place> {
  const { identityId, clock } = around;
  const azure = await startAzure(clock, cluster, stranger);
  const { path, ...file } = byFile({ aud: 'api://AzureADTokenExchange', sub: 'keeper' }, around, stranger);
  const env = {
    machine: { AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.metadata.url },
    container: { IDENTITY_ENDPOINT: `${azure.container.url}/msi/token`, IDENTITY_HEADER: azure.containerSecret },
    workload: {
      AZURE_FEDERATED_TOKEN_FILE: path,
      AZURE_AUTHORITY_HOST: `${azure.entra.url}/`,
      AZURE_TENANT_ID: tenant,
      AZURE_CLIENT_ID: client,
    },
  };
  const spec = { keys: keysOf(cluster), tenant, resource: 'https://management.azure.com/', principals: [principal] };
  return {
    auth: { method: 'azure', identityId },
    env: env[kind],
    logins: { azure: spec },
    strict: { azure: { ...spec, principals: ['other'] } },
    secrets: [...file.secrets, azure.containerSecret],
    ...(kind === 'workload' && { change: file.change }),
    servers: [azure.metadata, azure.container, azure.entra],
    async close() {
      await file.close();
      await azure.close();
    },
  };
}
