/** What is wrong with `wrong/logins.yaml`. */
import type { Expected } from './wrong.ts';
import { notThere, writtenHere } from './wrong-credentials.ts';

export const wrongLogins: readonly Expected[] = [
  ['6:5', 'providers.pod.auth.identityId', 'missing', 'Id of the machine identity'],
  notThere('6:44', 'providers.pod.auth.tokenFile', '/nonexistent/token'),
  ['13:15', 'providers.aws.auth.region', 'not the name of a region', 'write one such as eu-central-1'],
  writtenHere('14:58', 'providers.aws.auth.credentials.secretAccessKey'),
  [
    '18:48',
    'providers.unsigned.auth.type',
    'nothing to sign with',
    'add keyFile, or serviceAccount to have it signed by IAM Credentials',
  ],
  ['22:90', 'providers.signed-twice.auth.serviceAccount', 'the key file names its account', 'write one of the two'],
  [
    '26:51',
    'providers.machine.auth.keyFile',
    'signs nothing for a token of this machine',
    'add type: iam, or remove it',
  ],
  [
    '30:58',
    'providers.elsewhere.auth.iamCredentials',
    'plain http:// would show every credential to the network',
    'use https://',
  ],
  ['34:55', 'providers.azure.auth.tokenFile', 'a relative path', 'write it from the root, such as /run/secrets/app'],
  notThere('38:58', 'providers.pipeline.auth.token.file', '/nonexistent/jwt'),
  ['42:5', 'providers.service.auth.token', 'missing', 'point to it with { file: /path } or { env: NAME }'],
  ['42:42', 'providers.service.auth.tokenFile', 'unknown key', 'did you mean token?'],
  ['46:5', 'providers.people.auth.password', 'missing', 'point to it with { file: /path } or { env: NAME }'],
  ['46:61', 'providers.people.auth.pasword', 'unknown key', 'did you mean password?'],
  [
    '50:42',
    'providers.given.auth.token.env',
    'the environment variable NO_SUCH_TOKEN that should hold the credential is not set',
    'set it where leasekeeper is started, or point to a { file: /path }',
  ],
  ['50:59', 'providers.given.auth.organization', 'unknown key', 'one of method, token'],
];
