/** What the configuration may say of how to log in to Infisical. Contract 2 and 5. */
import { z } from 'zod';
import { credential } from '../../../config/credential.ts';
import { fileToRead } from '../../../config/values.ts';
import { urlSuchAs } from '../../../http/address.ts';
import { isRegion } from './by-aws.ts';

const text = z.string().trim().min(1);

const organization = {
  organization: text
    .optional()
    .describe('Slug of the organization to log in to; servers before the end of 2025 ignore it'),
};
const identity = { identityId: text.describe('Id of the machine identity'), ...organization };

const universal = z.strictObject({
  method: z.literal('universal'),
  clientId: text.describe('Client id of the machine identity'),
  clientSecret: credential.describe('Where its client secret is; read again at every login'),
  ...organization,
});

const kubernetes = z.strictObject({
  method: z.literal('kubernetes'),
  ...identity,
  tokenFile: fileToRead
    .default('/var/run/secrets/kubernetes.io/serviceaccount/token')
    .describe("The service account's token; read again at every login. Default: where the kubelet puts it"),
});

const aws = z.strictObject({
  method: z.literal('aws'),
  ...identity,
  region: text
    .refine(isRegion, 'not the name of a region: write one such as eu-central-1')
    .optional()
    .describe('Whose STS is asked. Default: AWS_REGION, AWS_DEFAULT_REGION, else us-east-1'),
  credentials: z
    .strictObject({
      accessKeyId: text.describe('Id of the access key'),
      secretAccessKey: credential.describe('Where its secret is; read again at every login'),
      sessionToken: credential.optional().describe('Where its session token is, if it has one'),
    })
    .optional()
    .describe(
      "Default: as AWS's own programs find them, in the environment, for a web identity, a container, an instance",
    ),
});

const signing = 'signs nothing for a token of this machine: add type: iam, or remove it';

const gcp = z
  .strictObject({
    method: z.literal('gcp'),
    ...identity,
    type: z
      .enum(['id-token', 'iam'])
      .default('id-token')
      .describe(
        'As in the identity: a token of this machine, or a JWT signed for a service account. Default: id-token',
      ),
    keyFile: fileToRead
      .optional()
      .describe('With iam: a key of the service account, as the console writes it; read again at every login'),
    serviceAccount: text
      .regex(/^[A-Za-z0-9@._-]+$/, 'not the address of a service account: copy it from the console')
      .optional()
      .describe(
        "With iam and no key: whom IAM Credentials signs for; this machine's own account needs the right to it",
      ),
    iamCredentials: urlSuchAs('https://iamcredentials.googleapis.com')
      .default('https://iamcredentials.googleapis.com')
      .describe('Address of IAM Credentials'),
  })
  .superRefine(({ type, keyFile, serviceAccount }, context) => {
    const fault = (at: string, message: string) => context.addIssue({ code: 'custom', path: [at], message });
    if (type === 'iam' && keyFile === undefined && serviceAccount === undefined) {
      fault('type', 'nothing to sign with: add keyFile, or serviceAccount to have it signed by IAM Credentials');
    }
    if (type === 'iam' && keyFile !== undefined && serviceAccount !== undefined) {
      fault('serviceAccount', 'the key file names its account: write one of the two');
    }
    if (type === 'id-token' && keyFile !== undefined) fault('keyFile', signing);
    if (type === 'id-token' && serviceAccount !== undefined) fault('serviceAccount', signing);
  });

const azure = z.strictObject({
  method: z.literal('azure'),
  ...identity,
  resource: text
    .default('https://management.azure.com/')
    .describe('What the token is made out to, as in the identity. Default: https://management.azure.com/'),
  clientId: text
    .optional()
    .describe('Of the managed identity, where there are several, or of the workload. Default there: AZURE_CLIENT_ID'),
  tenantId: text.optional().describe('Of the workload. Default: AZURE_TENANT_ID'),
  tokenFile: fileToRead
    .optional()
    .describe(
      "The workload's token; read again at every login. Default: AZURE_FEDERATED_TOKEN_FILE; without: a managed identity",
    ),
});

const jwt = 'Where the JWT is; a file is read again at every login';
const oidc = z.strictObject({ method: z.literal('oidc'), ...identity, token: credential.describe(jwt) });
const plainJwt = z.strictObject({ method: z.literal('jwt'), ...identity, token: credential.describe(jwt) });

const ldap = z.strictObject({
  method: z.literal('ldap'),
  ...identity,
  username: z.union([text, credential]).describe('Who logs in; may be in a file as well'),
  password: credential.describe('Where the password is; read again at every login'),
});

const given = z.strictObject({
  method: z.literal('token'),
  token: credential.describe('An access token that somebody else has made; a file is watched for the next one'),
});

export const auth = z
  .discriminatedUnion('method', [universal, kubernetes, aws, gcp, azure, oidc, plainJwt, ldap, given])
  .describe('How the machine identity proves who it is');

export type Auth = z.output<typeof auth>;
export type LoginAuth = Exclude<Auth, { readonly method: 'token' }>;
