/** Every login but Universal Auth: from where it is made, with what, and what is said where it cannot be. */
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { LeaseError } from '../../src/core/failure.ts';
import { minutes } from '../../src/core/time.ts';
import {
  type Around,
  type AwsPlace,
  type AzurePlace,
  account,
  cluster,
  type GcpPlace,
  inKubernetes,
  inLdap,
  onAws,
  onAzure,
  onGcp,
  type Place,
  stranger,
  withJwt,
  withOidc,
} from '../sandbox/machines/places.ts';
import { dated } from '../sandbox/machines/signers.ts';
import { aLoginFrom, type LoginStage } from './infisical-login-stage.ts';
import { outcomeOf } from './infisical-scripted.ts';
import { serve } from './servers.ts';

let at: LoginStage | undefined;
afterEach(async () => {
  await at?.close();
  at = undefined;
});
const start = async (...from: Parameters<typeof aLoginFrom>): Promise<LoginStage> => {
  at = await aLoginFrom(...from);
  return at;
};

const aws = (['keys', 'lambda', 'file', 'web identity', 'container', 'instance'] satisfies AwsPlace[]).map(
  (kind) => [`AWS, ${kind}`, (around: Around) => onAws(around, kind)] as const,
);
const gcp = (['machine', 'key', 'signing'] satisfies GcpPlace[]).map(
  (kind) => [`GCP, ${kind}`, (around: Around) => onGcp(around, kind)] as const,
);
const azure = (['machine', 'container', 'workload'] satisfies AzurePlace[]).map(
  (kind) => [`Azure, ${kind}`, (around: Around) => onAzure(around, kind)] as const,
);
const withFiles = [
  ['Kubernetes', inKubernetes],
  ['OIDC', withOidc],
  ['JWT', withJwt],
] as const;
const all = [...withFiles, ['LDAP', inLdap] as const, ...aws, ...gcp, ...azure];

/** Of the auth of a place, where its proof lies. */
function proofFile({ auth, env }: Place): string {
  const { tokenFile, token, password } = auth as Record<string, string & { file: string }>;
  return tokenFile ?? token?.file ?? password?.file ?? env['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? '';
}

describe.each(all)('from %s', (_, from) => {
  it.each(['2025', '2026'] as const)('a token is had that a server of %s takes', async (flavour) => {
    const { sandbox, connect } = await start(from, { flavour });
    const { source } = connect({ organization: 'acme' });
    const { material, lease } = await source.acquire({ signal: new AbortController().signal, key: 'k' });
    expect(sandbox.control.acceptsToken(material.reveal('token') ?? '')).toBe(true);
    expect(sandbox.books().logins).toMatchObject([{ outcome: 'ok', identity: 'keeper', organization: 'acme' }]);
    expect(lease.expiresAt).toBeGreaterThan(source.clock.now());
  });

  it('nobody is let in whom the identity does not allow, and the organization is passed on', async () => {
    const { sandbox, place, connect } = await start(from);
    sandbox.control.setLogins(place.strict);
    const { source } = connect({ organization: 'acme' });
    const error = await source.acquire({ signal: new AbortController().signal, key: 'k' }).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'denied', unsure: false });
    for (const secret of place.secrets) expect(String(error)).not.toContain(secret);
    expect(sandbox.books().logins).toMatchObject([{ outcome: 'refused', organization: 'acme' }]);
  });
});

describe('a proof that is not right is seen through', () => {
  const forged: readonly [string, object, typeof cluster][] = [
    ['by somebody else', {}, stranger],
    ['for somebody else', { aud: 'elsewhere' }, cluster],
    ['of a time that is over', { exp: 1_000_000 }, cluster],
  ];

  it.each(forged)('a token of Kubernetes that was signed %s', async (_, change, signer) => {
    const { place, logIn } = await start(inKubernetes);
    const claims = { sub: 'system:serviceaccount:shop:keeper', aud: 'https://kubernetes.default.svc' };
    const jwt = (more: object, by = cluster) => by.sign({ ...claims, ...dated({ now: Date.now }), ...more }, 'k1');
    writeFileSync(proofFile(place), jwt({}));
    await logIn();
    writeFileSync(proofFile(place), jwt(change, signer));
    expect(await outcomeOf(logIn())).toBe('denied');
  });

  it.each(forged)('a JWT of OIDC that was signed %s', async (_, change, signer) => {
    const { place, logIn } = await start(withOidc);
    const claims = { iss: 'https://issuer.test', aud: 'infisical', sub: 'repo:acme/app' };
    const jwt = (more: object, by = cluster) => by.sign({ ...claims, ...dated({ now: Date.now }), ...more }, 'k1');
    writeFileSync(proofFile(place), jwt({}));
    await logIn();
    writeFileSync(proofFile(place), jwt(change, signer));
    expect(await outcomeOf(logIn())).toBe('denied');
  });

  it.each<[string, (around: Around) => Promise<Place>]>([
    ['Google', (around) => onGcp(around, 'key')],
    ['a service account of Google for which IAM Credentials signs', (around) => onGcp(around, 'signing')],
  ])('a JWT with another key of %s, or for another identity', async (_, from) => {
    const { sandbox, place, logIn, connect } = await start(from);
    await logIn();
    const { source } = connect({ identityId: 'another' });
    expect(await outcomeOf(source.acquire({ signal: new AbortController().signal, key: 'k' }))).toBe('denied');
    const { gcp: spec } = place.logins;
    if (spec) sandbox.control.setLogins({ gcp: { ...spec, keys: { [stranger.kid]: cluster.publicKey } } });
    expect(await outcomeOf(logIn())).toBe('denied');
  });

  it('a token of Azure that is made out to another resource', async () => {
    const { logIn, connect } = await start(onAzure);
    await logIn();
    const { source } = connect({ resource: 'https://vault.azure.net' });
    expect(await outcomeOf(source.acquire({ signal: new AbortController().signal, key: 'k' }))).toBe('denied');
  });

  it('a question to STS that was signed with another key, or for another region', async () => {
    const { env, logIn, place, connect } = await start((around) => onAws(around, 'keys'));
    await logIn();
    env['THE_SECRET'] = 'another';
    // The server does not know what STS means by it.
    expect(await outcomeOf(logIn())).toBe('unavailable, unsure');
    env['THE_SECRET'] = place.secrets[0] ?? '';
    const { source } = connect({ region: 'ap-south-1' });
    await source.acquire({ signal: new AbortController().signal, key: 'k' });
  });

  it('a question to STS that is too old, once a wrong clock is the reason and no longer where the time is known', async () => {
    const { logIn, source } = await start(onAws, { skew: minutes(20) });
    expect(await outcomeOf(logIn())).toBe('unavailable, unsure');
    expect(source.knowsTime?.()).toBe(false);
    const told = at?.connect();
    await told?.provider.learnTime?.(new AbortController().signal);
    await told?.source.acquire({ signal: new AbortController().signal, key: 'k' });
  });
});

describe('a proof in a file', () => {
  it.each([...withFiles, ['LDAP', inLdap] as const])('of %s is read again at each login', async (_, from) => {
    const { place, sandbox, source, logIn } = await start(from);
    await logIn();
    const before = await source.credential?.();
    expect(await source.credential?.()).toBe(before);
    place.change?.(sandbox.control.setLogins);
    expect(await source.credential?.()).not.toBe(before);
    await logIn();
  });

  it.each([...withFiles, ['LDAP', inLdap] as const, ...aws.filter(([name]) => name.includes('web'))])(
    'of %s that is gone is a credential that is wrong, and nobody is asked',
    async (_, from) => {
      const { place, source, logIn, requests } = await start(from);
      rmSync(proofFile(place));
      expect(await outcomeOf(logIn())).toBe('denied');
      expect(requests()).toBe(0);
      expect(await source.credential?.()).toMatch(/^[0-9a-f]{64}$/);
    },
  );

  it('may hold the user name of LDAP as well', async () => {
    const { place, env, connect } = await start(inLdap);
    env['LDAP_USER'] = 'keeper';
    const { source } = connect({ username: { env: 'LDAP_USER' } });
    const { material } = await source.acquire({ signal: new AbortController().signal, key: 'k' });
    expect(at?.sandbox.control.acceptsToken(material.reveal('token') ?? '')).toBe(true);
    expect(place.auth).toHaveProperty('username');
  });

  it('of a service account of Google that holds no key is a credential that is wrong, and nothing of it is told', async () => {
    const { place, logIn, requests } = await start((around) => onGcp(around, 'key'));
    const { keyFile } = place.auth as { keyFile: string };
    for (const content of [
      'hunter2',
      JSON.stringify({ client_email: account, private_key_id: 'k', private_key: 'hunter2' }),
    ]) {
      writeFileSync(keyFile, content);
      const error = await logIn().catch((one: unknown) => one);
      expect(error).toMatchObject({ code: 'denied', unsure: false });
      expect(String(error)).not.toContain('hunter2');
    }
    expect(requests()).toBe(0);
  });

  it.each(['[other]\naws_access_key_id = a\naws_secret_access_key = b\n', '[keeper]\naws_access_key_id = a\n'])(
    'of AWS without keys of the profile is a credential that is wrong',
    async (content) => {
      const { env, logIn, requests } = await start((around) => onAws(around, 'file'));
      writeFileSync(env['AWS_SHARED_CREDENTIALS_FILE'] ?? '', content);
      expect(await outcomeOf(logIn())).toBe('denied');
      expect(requests()).toBe(0);
    },
  );
});

describe('who is asked for a proof', () => {
  const machines = [
    ['the metadata service of AWS', onAws, 1],
    ['the endpoint of a container on AWS', (around: Around) => onAws(around, 'container'), 2],
    ['the metadata service of Google', onGcp, 0],
    ['the metadata service of Azure', onAzure, 0],
    ['the endpoint of a container on Azure', (around: Around) => onAzure(around, 'container'), 1],
  ] as const;
  const services = [
    ['STS', (around: Around) => onAws(around, 'web identity'), 0],
    ['Entra ID', (around: Around) => onAzure(around, 'workload'), 2],
    ['IAM Credentials', (around: Around) => onGcp(around, 'signing'), 1],
  ] as const;
  const answers = [
    [500, 'hunter2', 'unavailable'],
    [429, 'hunter2', 'unavailable'],
    [302, 'hunter2', 'unavailable'],
    [403, 'hunter2', 'denied'],
    [200, 'hunter2 and more', 'unavailable'],
    [200, { access_token: 'hunter2\r\nx: y', signedJwt: '', AccessKeyId: 1 }, 'unavailable'],
  ] as const;

  it.each([...machines, ...services].flatMap((one) => answers.map((answer) => [...one, ...answer] as const)))(
    'is %s: whatever it answers, Infisical is not asked in vain and nothing of it is told',
    async (_, from, which, status, body, outcome) => {
      const { place, logIn, requests } = await start(from);
      const server = place.servers[which];
      server?.answer({ status, body, headers: { 'metadata-flavor': 'Google' } });
      const error = await logIn().catch((one: unknown) => one);
      expect(error).toBeInstanceOf(LeaseError);
      expect(error).toMatchObject({ code: outcome, unsure: false });
      expect(String(error)).not.toContain('hunter2');
      expect(server?.asked.length).toBeGreaterThan(0);
      expect(requests()).toBe(0);
    },
  );

  it.each([...machines, ...services])(
    'is %s: where nobody listens it is tried again, and surely nothing happened',
    async (_, from, which) => {
      const { place, logIn, requests, deps } = await start(from);
      await place.servers[which]?.close();
      expect(await outcomeOf(logIn())).toBe('unavailable');
      expect(requests()).toBe(0);
      expect(deps.requests.at(-1)).toMatchObject({ operation: 'login-proof', status: 'none' });
    },
  );

  it.each([...machines, ...services])(
    'is %s: where it breaks off, nothing happened at Infisical all the same',
    async (_, from, which) => {
      const { place, logIn, requests } = await start(from);
      place.servers[which]?.answer('cut');
      expect(await outcomeOf(logIn())).toBe('unavailable');
      expect(place.servers[which]?.asked).toHaveLength(1);
      expect(requests()).toBe(0);
    },
  );

  it.each([
    ['AWS', onAws, 1, 404, 'no role is attached to this instance'],
    ['Google', onGcp, 0, 404, 'no service account is attached to this machine'],
    ['Azure', onAzure, 0, 400, 'no such managed identity is assigned to this machine'],
  ] as const)(
    'a machine of %s that has no identity is a mistake of whoever set it up',
    async (_, from, which, status, words) => {
      const { place, logIn } = await start(from);
      place.servers[which]?.answer({ status, body: 'hunter2' });
      await expect(logIn()).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining(words) });
    },
  );

  it('is not believed to be the metadata service of Google where it does not say so', async () => {
    const { place, logIn } = await start(onGcp);
    place.servers[0]?.answer({ body: 'a.b.c' });
    expect(await outcomeOf(logIn())).toBe('unavailable');
  });

  it('names a user-assigned identity of Azure where one is configured', async () => {
    const { connect } = await start(onAzure);
    const signal = new AbortController().signal;
    await connect({ clientId: '77777777-6666-4555-8444-333333333333' }).source.acquire({ signal, key: 'k' });
    expect(await outcomeOf(connect({ clientId: 'another' }).source.acquire({ signal, key: 'k' }))).toBe('invalid');
  });

  it.each([
    ['AWS', onAws],
    ['Google', onGcp],
    ['Azure', onAzure],
  ] as const)('is asked on %s through no proxy', async (_, from) => {
    const proxy = await serve((__, response) => response.writeHead(500).end());
    const { env, connect } = await start(from);
    env['HTTP_PROXY'] = proxy.url;
    // This machine as well, but not by a name at which no proxy would be asked anyway.
    for (const [name, value] of Object.entries(env)) {
      if (!name.includes('PROXY') && !name.includes('STS')) env[name] = value.replace('127.0.0.1', '0.0.0.0');
    }
    await connect().source.acquire({ signal: new AbortController().signal, key: 'k' });
    expect(proxy.count()).toBe(0);
    await proxy.close();
  });

  it('is nobody where the metadata service of an instance is switched off and nothing else is there', async () => {
    const { place, env, connect } = await start(onAws);
    env['AWS_EC2_METADATA_DISABLED'] = 'true';
    const call = connect().source.acquire({ signal: new AbortController().signal, key: 'k' });
    await expect(call).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('AWS_EC2_METADATA_DISABLED'),
    });
    expect(place.servers[1]?.asked).toEqual([]);
  });
});

describe('the environment', () => {
  it.each([
    [onAws, 'AWS_ENDPOINT_URL_STS', 'http://sts.hunter2.test'],
    [onAws, 'AWS_REGION', 'hunter2.evil.test/'],
    [onAws, 'AWS_EC2_METADATA_SERVICE_ENDPOINT', 'http://user:hunter2@host'],
    [onAws, 'AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://hunter2.test/keys'],
    [onAws, 'AWS_CONTAINER_CREDENTIALS_FULL_URI', 'ftp://127.0.0.1/hunter2'],
    [onAws, 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', '@hunter2.test/keys'],
    [onGcp, 'GCE_METADATA_HOST', 'hunter2 host'],
    [onAzure, 'AZURE_POD_IDENTITY_AUTHORITY_HOST', 'http://a@hunter2'],
  ] as const)('that cannot be meant is told of by the name of its variable', async (from, name, value) => {
    const { env, connect } = await start(from);
    env[name] = value;
    expect(() => connect()).toThrow(name);
    expect(() => connect()).not.toThrow('hunter2');
  });

  it.each(['AZURE_TENANT_ID', 'AZURE_CLIENT_ID'])(
    'of a workload of Azure has to have %s, or the configuration says it',
    async (name) => {
      const { env, connect } = await start((around) => onAzure(around, 'workload'));
      const value = env[name] ?? '';
      delete env[name];
      expect(() => connect()).toThrow(name);
      const option = name === 'AZURE_TENANT_ID' ? { tenantId: value } : { clientId: value };
      await connect(option).source.acquire({ signal: new AbortController().signal, key: 'k' });
    },
  );

  it('names where a container of ECS asks by a path alone', async () => {
    const { env, connect } = await start(onAws);
    env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] = '/v2/credentials/x';
    expect(await connect().source.credential?.()).toMatch(/^[0-9a-f]{64}$/);
  });
});
