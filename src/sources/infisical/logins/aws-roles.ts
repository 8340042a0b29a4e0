/** Credentials of a role of AWS: for a web identity by STS, for a container by its endpoint, for an instance by IMDSv2. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { readCredential } from '../../../config/credential.ts';
import { LeaseError } from '../../../core/failure.ts';
import { hostOf, isLoopback } from '../../../http/proxy.ts';
import type { Deps } from '../../define.ts';
import { localUrlIn, readAs, word } from './ask.ts';
import type { AwsSource, Means } from './aws-credentials.ts';
import type { AwsCredentials } from './aws-signature.ts';

/** What the endpoint of a container and the metadata service answer alike. */
const keys = z.object({ AccessKeyId: word, SecretAccessKey: word, Token: word }).transform(
  ({ AccessKeyId, SecretAccessKey, Token }): AwsCredentials => ({
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
  }),
);

/** EKS: the token that the cluster projects is exchanged for keys of the role. */
export function fromWebIdentity({ sts, elsewhere, env }: Means): AwsSource {
  const what = 'exchanging the web identity token at STS';
  const role = env['AWS_ROLE_ARN']?.trim() ?? '';
  const session = env['AWS_ROLE_SESSION_NAME']?.trim() || 'leasekeeper';
  const token = () => readCredential({ file: env['AWS_WEB_IDENTITY_TOKEN_FILE']?.trim() ?? '' }, env);
  return {
    async present(signal) {
      const form = {
        Action: 'AssumeRoleWithWebIdentity',
        Version: '2011-06-15',
        RoleArn: role,
        RoleSessionName: session,
        WebIdentityToken: await token(),
      };
      const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
      const body = new URLSearchParams(form).toString();
      const { text } = await elsewhere.ask({ what, url: `${sts}/`, method: 'POST', headers, body, signal });
      const [accessKeyId, secretAccessKey, sessionToken] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken'].map(
        (name) => new RegExp(`<${name}>\\s*([A-Za-z0-9+/=_-]+)\\s*</${name}>`).exec(text)?.[1],
      );
      if (accessKeyId && secretAccessKey && sessionToken) return { accessKeyId, secretAccessKey, sessionToken };
      throw new LeaseError('unavailable', `${what}: the answer cannot be understood`);
    },
    mark: async () => JSON.stringify([role, await token()]),
  };
}

/** ECS, and the Pod Identity of EKS. */
export function fromContainer({ elsewhere, env }: Means): AwsSource {
  const what = "asking the container's endpoint for keys";
  const url = containerUrl(env);
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']?.trim();
  const authorization = async (): Promise<string> =>
    file ? readCredential({ file }, env) : (env['AWS_CONTAINER_AUTHORIZATION_TOKEN']?.trim() ?? '');
  return {
    async present(signal) {
      const shown = await authorization();
      if (/[^\x20-\x7e]/.test(shown)) throw new LeaseError('denied', `${what}: what is to be shown there is no token`);
      const headers = { accept: 'application/json', ...(shown && { authorization: shown }) };
      const { text } = await elsewhere.ask({ what, url, headers, signal, isLocal: true });
      return readAs(keys, what, text);
    },
    mark: async () => JSON.stringify([url, await authorization()]),
  };
}

/** Where alone it may be in plain HTTP: on this machine, and at the addresses that ECS and EKS have for it. */
const containerHosts = ['169.254.170.2', '169.254.170.23', 'fd00:ec2::23'];

function containerUrl(env: Deps['env']): string {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']?.trim();
  const full = relative ? `http://169.254.170.2${relative}` : (env['AWS_CONTAINER_CREDENTIALS_FULL_URI']?.trim() ?? '');
  const url = URL.canParse(full) ? new URL(full) : undefined;
  const host = url && hostOf(url);
  const isTrusted =
    url?.protocol === 'https:' ||
    (url?.protocol === 'http:' && (isLoopback(host ?? '') || containerHosts.includes(host ?? '')));
  if (isTrusted && url && url.username === '' && (isIP(host ?? '') !== 0 || host !== '')) return url.href;
  const name = relative ? 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI' : 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
  throw new Error(`the environment variable ${name} is not where a container asks for its keys`);
}

/** Its session need not be longer than our questions take. */
const sessionOf = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
const rolePath = '/latest/meta-data/iam/security-credentials/';

/** EC2, by IMDSv2 alone: the first version answers whoever can have a request made. */
export function fromInstance({ elsewhere, env }: Means): AwsSource {
  const base = localUrlIn(env, 'AWS_EC2_METADATA_SERVICE_ENDPOINT', 'http://169.254.169.254');
  const isOff = env['AWS_EC2_METADATA_DISABLED']?.trim().toLowerCase() === 'true';
  const what = 'asking the metadata service of the instance for keys';
  const refusals = { 404: ['invalid', 'no role is attached to this instance'] } as const;
  return {
    async present(signal) {
      if (isOff) {
        const remedy = 'AWS_EC2_METADATA_DISABLED is set, and the environment names no other place';
        throw new LeaseError('invalid', `there are no credentials of AWS: ${remedy}`);
      }
      const ask = (path: string, headers: Readonly<Record<string, string>>, method: 'GET' | 'PUT' = 'GET') =>
        elsewhere.ask({ what, url: base + path, method, headers, signal, isLocal: true, refusals });
      const { text: token } = await ask('/latest/api/token', sessionOf, 'PUT');
      const headers = { 'x-aws-ec2-metadata-token': readWord(token, what) };
      const { text: role } = await ask(rolePath, headers);
      const { text } = await ask(rolePath + encodeURIComponent(readWord(role.split('\n')[0] ?? '', what)), headers);
      return readAs(keys, what, text);
    },
    mark: async () => 'the machine itself',
  };
}

function readWord(text: string, what: string): string {
  const parsed = word.safeParse(text.trim());
  if (parsed.success) return parsed.data;
  throw new LeaseError('unavailable', `${what}: the answer cannot be understood`);
}
