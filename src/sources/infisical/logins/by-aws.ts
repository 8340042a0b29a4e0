/** The login by AWS: a signed question to STS who we are, which Infisical asks in our place. Contract 5. */
import type { Deps } from '../../define.ts';
import { type Elsewhere, urlIn } from './ask.ts';
import { awsCredentials, type GivenKeys } from './aws-credentials.ts';
import { signed } from './aws-signature.ts';
import type { Login } from './login.ts';

export interface AwsAuth {
  readonly identityId: string;
  readonly region?: string | undefined;
  readonly credentials?: GivenKeys | undefined;
}

const question = 'Action=GetCallerIdentity&Version=2011-06-15';

/** Throws `Error` where a variable of the environment that names a region or a host cannot be used. */
export function byAws(
  { identityId, region: named, credentials }: AwsAuth,
  elsewhere: Elsewhere,
  env: Deps['env'],
): Login {
  const region = named ?? regionIn(env);
  const sts = urlIn(env, 'AWS_ENDPOINT_URL_STS') ?? `https://sts.${region}.amazonaws.com`;
  const source = awsCredentials(credentials, { sts, elsewhere, env });
  return {
    segment: 'aws-auth',
    async prove({ signal, now }) {
      const headers = {
        Host: `sts.${region}.amazonaws.com`,
        'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      };
      const request = { method: 'POST', headers, body: question };
      const proof = {
        ...signed(request, await source.present(signal), { region, service: 'sts' }, now),
        'Content-Length': String(question.length),
      };
      return {
        identityId,
        iamHttpRequestMethod: 'POST',
        iamRequestBody: base64(question),
        iamRequestHeaders: base64(JSON.stringify(proof)),
      };
    },
    credential: () => source.mark(),
    close: () => elsewhere.close(),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Credentials of any region are good at each; of those that have to be enabled only those who did know. */
function regionIn(env: Deps['env']): string {
  const name = env['AWS_REGION']?.trim() ? 'AWS_REGION' : 'AWS_DEFAULT_REGION';
  const region = env[name]?.trim() || 'us-east-1';
  if (isRegion(region)) return region;
  throw new Error(`the environment variable ${name} is not the name of a region`);
}

/** It becomes part of a host's name; Infisical takes no longer one. */
export const isRegion = (text: string): boolean => /^[a-z0-9-]{1,20}$/.test(text);
