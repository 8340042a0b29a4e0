/** What a program on AWS meets: STS, the metadata service of an instance, and the endpoint of a container. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/core/time.ts';
import { claimsProven, NotProven } from '../proven.ts';
import { type Holder, holderOf, type Keys } from './aws-check.ts';
import { type Answer, type Asked, type LocalServer, localServer, refused } from './local-server.ts';
import type { Signer } from './signers.ts';

export interface Aws {
  readonly sts: LocalServer;
  /** Of an instance, by IMDSv2. */
  readonly metadata: LocalServer;
  /** Of ECS and EKS. It wants to be shown `containerToken`. */
  readonly container: LocalServer;
  readonly containerToken: string;
  /** The keys of a user, which have no end. */
  readonly user: Keys;
  /** Keys that are good from now on, and belong to this name. */
  hold(arn: string, keys: Keys): void;
  close(): Promise<void>;
}

const account = '123456789012';
export const userArn = `arn:aws:iam::${account}:user/keeper`;
export const roleArn = `arn:aws:iam::${account}:role/keeper`;

/** `clock`: of AWS. `cluster`: who signs the web identities that the role trusts. */
export async function startAws(clock: Clock, cluster: Signer): Promise<Aws> {
  const user = { accessKeyId: 'AKIAUSER', secretAccessKey: randomBytes(30).toString('base64') };
  const holders: Holder[] = [{ ...user, arn: userArn }];
  const containerToken = `Bearer ${randomBytes(16).toString('hex')}`;
  let session = '';

  /** Temporary keys of the role. */
  function assume(): Required<Keys> {
    const random = (length: number) => randomBytes(length).toString('base64');
    const keys = {
      accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: random(30),
      sessionToken: random(150),
    };
    holders.push({ ...keys, arn: `arn:aws:sts::${account}:assumed-role/keeper/leasekeeper` });
    return keys;
  }
  const shown = (): Answer => {
    const { accessKeyId, secretAccessKey, sessionToken } = assume();
    const Expiration = new Date(clock.now() + 3_600_000).toISOString();
    return {
      body: {
        Code: 'Success',
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration,
      },
    };
  };

  function metadata({ method, path, headers }: Asked): Answer {
    if (path === '/latest/api/token') {
      const life = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (method !== 'PUT' || !(life >= 1 && life <= 21_600)) return refused(400);
      session = randomBytes(16).toString('base64');
      return { body: session };
    }
    if (session === '' || headers['x-aws-ec2-metadata-token'] !== session) return refused(401);
    if (path === '/latest/meta-data/iam/security-credentials/') return { body: 'keeper' };
    return path === '/latest/meta-data/iam/security-credentials/keeper' ? shown() : refused(404);
  }

  function sts(asked: Asked): Answer {
    if (asked.method !== 'POST' || asked.path !== '/') return refused(400);
    const form = new URLSearchParams(asked.body);
    if (form.get('Action') === 'AssumeRoleWithWebIdentity') return assumed(form);
    const holder = holderOf(asked, holders, 'sts', clock.now());
    if (typeof holder === 'string') return { status: 403, body: { Error: { Code: holder } } };
    if (form.get('Action') !== 'GetCallerIdentity') return refused(400);
    const result = { Account: account, Arn: holder.arn, UserId: holder.accessKeyId };
    return { body: { GetCallerIdentityResponse: { GetCallerIdentityResult: result } } };
  }

  function assumed(form: URLSearchParams): Answer {
    try {
      const claims = claimsProven(
        form.get('WebIdentityToken') ?? '',
        { [cluster.kid]: cluster.publicKey },
        clock.now(),
      );
      const isTrusted = claims['aud'] === 'sts.amazonaws.com' && form.get('RoleArn') === roleArn;
      if (!isTrusted || !form.get('RoleSessionName')) return refused(403);
    } catch (error) {
      if (error instanceof NotProven) return refused(400);
      throw error;
    }
    const { accessKeyId, secretAccessKey, sessionToken } = assume();
    const keys = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey><SessionToken>${sessionToken}</SessionToken>`;
    const result = `<AssumeRoleWithWebIdentityResult><Credentials>${keys}</Credentials></AssumeRoleWithWebIdentityResult>`;
    return {
      headers: { 'content-type': 'text/xml' },
      body: `<AssumeRoleWithWebIdentityResponse>${result}</AssumeRoleWithWebIdentityResponse>`,
    };
  }

  const container = ({ method, path, headers }: Asked): Answer =>
    method === 'GET' && path === '/v1/credentials' && headers.authorization === containerToken ? shown() : refused(401);

  const all = {
    sts: await localServer(sts),
    metadata: await localServer(metadata),
    container: await localServer(container),
  };
  return {
    ...all,
    containerToken,
    user,
    hold: (arn, keys) => void holders.push({ ...keys, arn }),
    async close() {
      await Promise.all(Object.values(all).map((one) => one.close()));
    },
  };
}
