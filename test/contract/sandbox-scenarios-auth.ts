/** How the sandbox gets into the state in which each exchange about tokens was recorded. */
import { seconds } from '../../src/core/time.ts';
import { type Lab, recorded, type Substitutes, signedAnew } from './sandbox-lab.ts';

export type Scenario = (lab: Lab) => Promise<Substitutes> | Substitutes;

/** Nothing has to have happened before. */
export const asIs: Scenario = () => ({});

/** A request with a fresh token of this identity. */
export const asking =
  (identity?: string): Scenario =>
  async (lab) => ({ token: await lab.logIn(identity) });

const presenting =
  (identity: string, before?: (lab: Lab, jwt: string) => Promise<unknown> | unknown): Scenario =>
  async (lab) => {
    const accessToken = await lab.logIn(identity);
    await before?.(lab, accessToken);
    return { accessToken };
  };

export const asked =
  (identity: string, before: (lab: Lab, jwt: string) => Promise<unknown> | unknown): Scenario =>
  async (lab) => {
    const token = await lab.logIn(identity);
    await before(lab, token);
    return { token };
  };

const secretsList = '/api/v3/secrets/raw?workspaceSlug=leasekeeper-lab&environment=dev';
const later = (lab: Lab, by: number) => lab.sandbox.control.skew(seconds(by));
export const use = (lab: Lab, jwt: string) => lab.get(secretsList, jwt);

export const logins: Readonly<Record<string, Scenario>> = {
  'auth-ua-login-ok': asIs,
  'auth-ua-login-main-b': asIs,
  'auth-ua-login-form-encoded': asIs,
  'auth-ua-login-wrong-secret': asIs,
  'auth-ua-login-unknown-client-id': asIs,
  'auth-ua-login-client-id-not-uuid': asIs,
  'auth-ua-login-no-body': asIs,
  'auth-ua-login-empty-json-body': asIs,
  'auth-ua-login-malformed-json': asIs,
  'auth-ua-login-ip-not-trusted': asIs,
  'auth-ua-login-ip-trusted-by-x-forwarded-for': asIs,
  'auth-ua-login-numuses-1of1': asIs,
  'auth-ua-login-no-expiry': asIs,
  'auth-ua-login-periodic': asIs,
  'auth-ua-login-short-max': asIs,
  'auth-ua-login-short-ttl-b': asIs,
  'auth-ua-login-two-uses': asIs,
  'auth-ua-login-while-redis-stalls-4s': ({ sandbox }) => {
    sandbox.control.fault({ kind: 'slow', from: 20, to: 20 });
    return {};
  },
  'auth-ua-login-client-secret-expired-2nd-time': async (lab) => {
    later(lab, 2);
    await lab.logIn('expiring');
    return {};
  },
  'auth-ua-login-after-client-secret-revoked': ({ sandbox }) => {
    sandbox.control.revokeClientSecrets('revoked');
    return {};
  },
};

const proving = (...names: readonly string[]): Readonly<Record<string, Scenario>> =>
  Object.fromEntries(names.map((name) => [name, () => ({ jwt: signedAnew(recorded(name)) })]));

export const otherLogins: Readonly<Record<string, Scenario>> = {
  ...proving(
    'auth-azure-auth-not-configured',
    'auth-gcp-auth-not-configured',
    'auth-jwt-auth-not-configured',
    'auth-jwt-login-expired',
    'auth-jwt-login-unknown-identity',
    'auth-jwt-login-wrong-audience',
    'auth-jwt-login-wrong-issuer',
    'auth-k8s-login-ok',
    'auth-k8s-login-wrong-namespace',
    'auth-kubernetes-auth-not-configured',
    'auth-oidc-login-expired',
    'auth-oidc-login-ok',
    'auth-oidc-login-unknown-kid',
    'auth-oidc-login-wrong-subject',
  ),
  'auth-aws-auth-missing-fields': asIs,
  'auth-aws-auth-not-configured': asIs,
  'auth-jwt-login-garbage': asIs,
  'auth-k8s-login-invalid-token': asIs,
  'auth-ldap-auth-not-configured': asIs,
  'auth-token-auth-renew': ({ sandbox }) => ({ accessToken: sandbox.control.makeToken('main') }),
};

export const renewals: Readonly<Record<string, Scenario>> = {
  'auth-token-renew-ok': presenting('main'),
  'auth-token-renew-garbage': asIs,
  'auth-token-renew-missing': asIs,
  'auth-token-renew-no-expiry': presenting('endless'),
  'auth-token-renew-periodic': presenting('periodic'),
  'auth-token-renew-within-max': presenting('short-max', (lab) => later(lab, 3)),
  'auth-token-renew-past-max-ttl': presenting('short-max', (lab) => later(lab, 4.5)),
  'auth-token-renew-ttl-eq-max': presenting('default', (lab) => later(lab, 0.05)),
  'auth-token-renew-expired': presenting('short-ttl', (lab) => later(lab, 6)),
  'auth-token-renew-revoked': presenting('main', (lab, jwt) => lab.revokeToken(jwt)),
  'auth-token-renew-after-client-secret-revoked': presenting('main', ({ sandbox }) =>
    sandbox.control.revokeClientSecrets('main'),
  ),
  'auth-token-renew-after-identity-deleted': presenting('main', ({ sandbox }) =>
    sandbox.control.deleteIdentity('main'),
  ),
  'auth-token-renew-after-failed-renew-past-max': presenting('short-max', async (lab, jwt) => {
    later(lab, 4.5);
    await lab.renew(jwt);
  }),
  'auth-token-revoke-ok': presenting('main'),
  'auth-token-revoke-expired': presenting('short-ttl', (lab) => later(lab, 6)),
};

export const requests: Readonly<Record<string, Scenario>> = {
  'auth-request-no-token': asIs,
  'auth-request-empty-bearer': asIs,
  'auth-request-garbage-token': asIs,
  // The recorded tokens are signed with the recorded server's key.
  'auth-request-bad-signature': asIs,
  'auth-request-wrong-scheme': asIs,
  'auth-request-token-ip-not-trusted': asking('far-away'),
  'auth-request-two-uses-1': asking('two-uses'),
  'auth-request-two-uses-2': asked('two-uses', use),
  'auth-request-two-uses-3': asked('two-uses', async (lab, jwt) => {
    await use(lab, jwt);
    await use(lab, jwt);
  }),
  'auth-request-revoked-token': asked('main', (lab, jwt) => lab.revokeToken(jwt)),
  'auth-request-after-failed-renew-past-max': asked('short-max', async (lab, jwt) => {
    later(lab, 4.5);
    await lab.renew(jwt);
  }),
  'auth-request-after-renew-ttl-eq-max': asked('default', async (lab, jwt) => {
    later(lab, 0.05);
    await lab.renew(jwt);
  }),
  'auth-request-after-identity-deleted': asked('main', ({ sandbox }) => sandbox.control.deleteIdentity('main')),
  'auth-request-after-removed-from-project': asked('main', ({ sandbox }) =>
    sandbox.control.leaveProject('leasekeeper-lab', 'main'),
  ),
  'auth-request-after-client-secret-revoked': asked('main', ({ sandbox }) =>
    sandbox.control.revokeClientSecrets('main'),
  ),
  'auth-old-token-still-works-after-renew': asked('main', (lab, jwt) => lab.renew(jwt)),
  'auth-old-jwt-expired-after-renew': asked('short-ttl', async (lab, jwt) => {
    later(lab, 3);
    await lab.renew(jwt);
    later(lab, 3);
  }),
  'auth-new-jwt-ok-after-renew': async (lab) => {
    const old = await lab.logIn('short-ttl');
    later(lab, 3);
    const token = (await lab.renew(old)) ?? '';
    later(lab, 3);
    return { token };
  },
};
