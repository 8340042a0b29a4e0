/** The laboratory the exchanges were recorded in, rebuilt in the sandbox, and what is needed to play an exchange again. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Reply, say } from '../sandbox/asking.ts';
import { aSandbox, type SandboxBuilder } from '../sandbox/infisical/builder.ts';
import type { Sandbox } from '../sandbox/infisical/sandbox.ts';
import type { IdentitySpec } from '../sandbox/infisical/spec.ts';
import { cluster } from '../sandbox/machines/places.ts';
import { dated } from '../sandbox/machines/signers.ts';

const directory = new URL('./recorded/', import.meta.url);

export interface Recorded {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string | number>>;
    readonly body: unknown;
  };
  readonly response: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly networkError?: { readonly code: string };
  };
}

export const recordedNames: readonly string[] = readdirSync(directory)
  .filter((file) => file.endsWith('.json') && file !== 'index.json')
  .map((file) => file.slice(0, -'.json'.length));

export const recorded = (name: string): Recorded =>
  JSON.parse(readFileSync(new URL(`${name}.json`, directory), 'utf8')) as Recorded;

export const projectId = '3508f719-c7db-4a60-8006-9ac5f8512829';
const slug = 'leasekeeper-lab';

/** An identity whose client id and secret are those of a recorded login. */
export function identityOf(
  login: string,
  more: IdentitySpec & { readonly secretTtl?: number; readonly secretUses?: number },
) {
  const { clientId, clientSecret } = recorded(login).request.body as { clientId: string; clientSecret: string };
  const { secretTtl = 0, secretUses = 0, ...spec } = more;
  return { ...spec, clientId, clientSecrets: [{ secret: clientSecret, ttl: secretTtl, numUsesLimit: secretUses }] };
}

const usual = { accessTokenTTL: 3600, accessTokenMaxTTL: 86_400 };

const imports = [{ into: { path: '/app' }, from: { path: '/shared' } }];

const rotationId = '3b82581a-c08f-4aaf-b240-9b57d582e3b0';

/** What Infisical had made of a rotated secret. */
export const rotatedValue = (name: string): string =>
  (recorded(name).response.body as { secret: { secretValue: string } }).secret.secretValue;

const identityIn = (login: string): string => (recorded(login).request.body as { identityId: string }).identityId;
const publicKeys = { [cluster.kid]: cluster.publicKey };
const issuer = (subject: string) => ({
  keys: publicKeys,
  issuer: 'http://127.0.0.1:18090',
  audience: 'infisical',
  subject,
});

/** As recorded: a project, its dynamic secrets, and identities of every kind. The first is the one that does most. */
export const laboratory: SandboxBuilder = aSandbox()
  .withProject({ slug, id: projectId, environments: ['dev'], folders: ['/app'], imports })
  .withIdentity(identityOf('auth-ua-login-ok', { name: 'main', ...usual }))
  .withIdentity({ name: 'viewer', ...usual, access: { [slug]: 'viewer' } })
  .withIdentity({ name: 'outsider', ...usual, access: {} })
  .withIdentity({ name: 'lease-only', ...usual, access: { [slug]: ['lease'] } })
  .withIdentity({ name: 'describe-only', ...usual, access: { [slug]: ['describe-secret'] } })
  .withIdentity({ name: 'partial', ...usual, readable: ['API_KEY'] })
  .withIdentity({ name: 'far-away', ...usual, accessTokenTrustedIps: ['10.99.0.0/16'] })
  .withIdentity(
    identityOf('auth-ua-login-ip-not-trusted', { name: 'fenced', ...usual, clientSecretTrustedIps: ['10.99.0.0/16'] }),
  )
  .withIdentity(
    identityOf('auth-ua-login-client-secret-expired-2nd-time', { name: 'expiring', ...usual, secretTtl: 1 }),
  )
  .withIdentity(identityOf('auth-ua-login-numuses-1of1', { name: 'single', ...usual, secretUses: 1 }))
  .withIdentity(identityOf('auth-ua-login-after-client-secret-revoked', { name: 'revoked', ...usual }))
  .withIdentity(identityOf('auth-ua-login-no-expiry', { name: 'endless', accessTokenTTL: 0, accessTokenMaxTTL: 0 }))
  .withIdentity(identityOf('auth-ua-login-periodic', { name: 'periodic', ...usual, accessTokenPeriod: 120 }))
  .withIdentity(identityOf('auth-ua-login-short-max', { name: 'short-max', accessTokenTTL: 6, accessTokenMaxTTL: 10 }))
  .withIdentity(
    identityOf('auth-ua-login-short-ttl-b', { name: 'short-ttl', accessTokenTTL: 5, accessTokenMaxTTL: 3600 }),
  )
  .withIdentity({ name: 'default', accessTokenTTL: 3600, accessTokenMaxTTL: 3600 })
  .withIdentity(identityOf('auth-ua-login-two-uses', { name: 'two-uses', ...usual, accessTokenNumUsesLimit: 2 }))
  .withIdentity({
    name: 'pod',
    id: identityIn('auth-k8s-login-ok'),
    ...usual,
    logins: { kubernetes: { keys: publicKeys, namespaces: ['default'] } },
  })
  .withIdentity({
    name: 'pipeline',
    id: identityIn('auth-oidc-login-ok'),
    ...usual,
    logins: { oidc: issuer('repo:acme/app') },
  })
  .withIdentity({ name: 'service', id: identityIn('auth-jwt-login-expired'), ...usual, logins: { jwt: issuer('svc') } })
  .withDynamicSecret({ name: 'pg-main', defaultTTL: '1h', maxTTL: '24h' })
  .withDynamicSecret({ name: 'pg-short', defaultTTL: '1m', maxTTL: '3m' })
  .withDynamicSecret({ name: 'pg-nomax', defaultTTL: '1m', maxTTL: null })
  .withDynamicSecret({ name: 'redis-main', type: 'redis', defaultTTL: '1h', maxTTL: '24h' })
  .withDynamicSecret({ name: 'pg-app', path: '/app', defaultTTL: '1h', maxTTL: '24h' })
  .withDynamicSecret({ name: 'pg-hang-719786' })
  .withSecret({ key: 'DB_HOST', value: '127.0.0.1' })
  .withSecret({ key: 'API_KEY', value: 'api-key-v1' })
  .withSecret({ key: 'DB_URL', value: `postgres://\${DB_HOST}:5432/app` })
  .withSecret({ key: 'APP_TOKEN', value: 'app-token-v1', path: '/app' })
  .withSecret({ key: 'SHARED_ONE', value: 'shared-v1', path: '/shared' })
  .withSecret({ key: 'ROT_USER', value: 'rot_a', path: '/app', rotation: rotationId })
  .withSecret({
    key: 'ROT_PASS',
    value: rotatedValue('rotation-rotated-secret-get'),
    path: '/app',
    rotation: rotationId,
  });

/** Acts as the recorder's programs did before the exchange in question. */
export interface Lab {
  readonly sandbox: Sandbox;
  logIn(identity?: string): Promise<string>;
  renew(jwt: string): Promise<string | undefined>;
  revokeToken(jwt: string): Promise<void>;
  /** Answers with the id of a new lease, taken by `main`. */
  lease(secret?: string, path?: string): Promise<string>;
  revoke(lease: string): Promise<void>;
  renewLease(lease: string, ttl?: string): Promise<Reply>;
  post(path: string, body: unknown, jwt?: string, method?: string): Promise<Reply>;
  get(path: string, jwt: string): Promise<Reply>;
}

export function labIn(sandbox: Sandbox): Lab {
  const place = { projectSlug: slug, environmentSlug: 'dev' };
  const post: Lab['post'] = (path, body, jwt, method = 'POST') => {
    const headers = {
      'content-type': 'application/json',
      ...(jwt === undefined ? {} : { authorization: `Bearer ${jwt}` }),
    };
    return say(sandbox.url, { method, path, headers, body: JSON.stringify(body) });
  };
  const tokenIn = (reply: Reply) => (reply.body as { accessToken?: string }).accessToken;
  const logIn: Lab['logIn'] = async (identity = 'main') => {
    const { clientId, clientSecret } = sandbox.identityNamed(identity);
    return tokenIn(await post('/api/v1/auth/universal-auth/login', { clientId, clientSecret })) ?? '';
  };
  return {
    sandbox,
    logIn,
    post,
    renew: async (accessToken) => tokenIn(await post('/api/v1/auth/token/renew', { accessToken })),
    revokeToken: async (accessToken) => void (await post('/api/v1/auth/token/revoke', { accessToken })),
    async lease(dynamicSecretName = 'pg-main', path = '/') {
      const reply = await post('/api/v1/dynamic-secrets/leases', { ...place, path, dynamicSecretName }, await logIn());
      return (reply.body as { lease: { id: string } }).lease.id;
    },
    revoke: async (lease) =>
      void (await post(`/api/v1/dynamic-secrets/leases/${lease}`, place, await logIn(), 'DELETE')),
    renewLease: async (lease, ttl) =>
      post(`/api/v1/dynamic-secrets/leases/${lease}/renew`, { ...place, ttl }, await logIn()),
    get: (path, jwt) => say(sandbox.url, { method: 'GET', path, headers: { authorization: `Bearer ${jwt}` } }),
  };
}

/** What has to be put in the place of the recording's own ids and tokens. */
export interface Substitutes {
  readonly token?: string;
  readonly accessToken?: string | undefined;
  readonly lease?: string;
  /** A proof that was signed by the recorded laboratory's own key, signed by one of ours. */
  readonly jwt?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The claims of the recorded proof, with their dates moved to now, signed by a key that our laboratory trusts. */
export function signedAnew({ request }: Recorded): string {
  const { jwt } = request.body as { jwt: string };
  const [head = '', body = ''] = jwt.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  const { iat, exp, ...claims } = JSON.parse(body) as { iat: number; exp: number };
  const { kid } = JSON.parse(head) as { kid: string };
  return cluster.sign({ ...claims, ...dated({ now: Date.now }, exp - iat) }, kid);
}

/** Send the recorded request again. */
export function replay(sandbox: Sandbox, { request }: Recorded, substitutes: Substitutes): Promise<Reply> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name !== 'content-length') headers[name] = String(value);
  }
  if (substitutes.token !== undefined) headers['authorization'] = `Bearer ${substitutes.token}`;
  const lease = substitutes.lease;
  const path = lease === undefined ? request.path : request.path.replace(/(?<=leases\/)[0-9a-f-]{36}/, lease);
  const { accessToken } = substitutes;
  const { jwt } = substitutes;
  const shown = { ...(accessToken !== undefined && { accessToken }), ...(jwt !== undefined && { jwt }) };
  const content = Object.keys(shown).length === 0 ? request.body : { ...(request.body as object), ...shown };
  const body = content === null ? undefined : typeof content === 'string' ? content : JSON.stringify(content);
  const all = { ...headers, ...substitutes.headers };
  return say(sandbox.url, { method: request.method, path, headers: all, ...(body === undefined ? {} : { body }) });
}
