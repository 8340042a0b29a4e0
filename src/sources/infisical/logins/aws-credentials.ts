/** Where credentials of AWS are found: as its own programs look for them, in the order that they do. */
import { type Credential, readCredential } from '../../../config/credential.ts';
import { LeaseError } from '../../../core/failure.ts';
import type { Deps } from '../../define.ts';
import type { Elsewhere } from './ask.ts';
import { fromContainer, fromInstance, fromWebIdentity } from './aws-roles.ts';
import type { AwsCredentials } from './aws-signature.ts';

/** As the configuration gives them. */
export interface GivenKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Credential;
  readonly sessionToken?: Credential | undefined;
}

export interface AwsSource {
  /** As they are now. Throws `LeaseError`. */
  present(signal: AbortSignal): Promise<AwsCredentials>;
  /** What they are made of, as far as it is on this machine. */
  mark(): Promise<string>;
}

export interface Means {
  /** Address of STS. */
  readonly sts: string;
  readonly elsewhere: Elsewhere;
  readonly env: Deps['env'];
}

/**
 * What is configured; else the keys in the environment (Lambda), a web identity (EKS), a file of credentials, the
 * endpoint of the container (ECS, EKS Pod Identity), the metadata service (EC2). Throws `Error` where a variable of the
 * environment cannot be used.
 */
export function awsCredentials(given: GivenKeys | undefined, means: Means): AwsSource {
  const { env } = means;
  const has = (name: string): boolean => Boolean(env[name]?.trim());
  if (given) return onMachine(() => configured(given, env));
  if (has('AWS_ACCESS_KEY_ID')) return onMachine(() => configured(inEnvironment(env), env));
  if (has('AWS_WEB_IDENTITY_TOKEN_FILE') && has('AWS_ROLE_ARN')) return fromWebIdentity(means);
  if (has('AWS_SHARED_CREDENTIALS_FILE')) return onMachine(() => inFile(env));
  if (has('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI') || has('AWS_CONTAINER_CREDENTIALS_FULL_URI')) {
    return fromContainer(means);
  }
  return fromInstance(means);
}

const onMachine = (read: () => Promise<AwsCredentials>): AwsSource => ({
  present: read,
  mark: async () => JSON.stringify(await read()),
});

async function configured({ accessKeyId, secretAccessKey, sessionToken }: GivenKeys, env: Deps['env']) {
  return {
    accessKeyId,
    secretAccessKey: await readCredential(secretAccessKey, env),
    ...(sessionToken && { sessionToken: await readCredential(sessionToken, env) }),
  };
}

const inEnvironment = (env: Deps['env']): GivenKeys => ({
  accessKeyId: env['AWS_ACCESS_KEY_ID']?.trim() ?? '',
  secretAccessKey: { env: 'AWS_SECRET_ACCESS_KEY' },
  ...(env['AWS_SESSION_TOKEN']?.trim() && { sessionToken: { env: 'AWS_SESSION_TOKEN' } }),
});

/** Throws `LeaseError` `denied` where the profile is not there, or holds no keys; nothing of the file is told. */
async function inFile(env: Deps['env']): Promise<AwsCredentials> {
  const file = env['AWS_SHARED_CREDENTIALS_FILE']?.trim() ?? '';
  const profile = env['AWS_PROFILE']?.trim() || 'default';
  const keys = profileIn(await readCredential({ file }, env), profile);
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey, aws_session_token } = keys;
  if (!accessKeyId || !secretAccessKey) {
    throw new LeaseError('denied', `the credential file ${file} holds no keys of the profile that AWS_PROFILE names`);
  }
  return { accessKeyId, secretAccessKey, ...(aws_session_token && { sessionToken: aws_session_token }) };
}

function profileIn(text: string, profile: string): Readonly<Partial<Record<string, string>>> {
  const keys: Record<string, string> = {};
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const [, name] = /^\s*\[\s*(.*?)\s*\]/.exec(line) ?? [];
    if (name !== undefined) section = name;
    const [, key, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section === profile && key !== undefined && value !== undefined) keys[key] = value;
  }
  return keys;
}
