/** Recordings that are not played against the sandbox, each with the reason. */

const listed = (reason: string, names: readonly string[]) => Object.fromEntries(names.map((name) => [name, reason]));

export const notReplayed: Readonly<Record<string, string>> = {
  ...listed('the sandbox logs in by Universal Auth only', [
    'auth-alicloud-auth-missing-fields',
    'auth-aws-auth-missing-fields',
    'auth-aws-auth-not-configured',
    'auth-azure-auth-not-configured',
    'auth-gcp-auth-not-configured',
    'auth-jwt-auth-not-configured',
    'auth-jwt-login-expired',
    'auth-jwt-login-garbage',
    'auth-jwt-login-unknown-identity',
    'auth-jwt-login-wrong-audience',
    'auth-jwt-login-wrong-issuer',
    'auth-k8s-login-invalid-token',
    'auth-k8s-login-ok',
    'auth-k8s-login-wrong-namespace',
    'auth-kubernetes-auth-not-configured',
    'auth-ldap-auth-not-configured',
    'auth-oci-auth-missing-fields',
    'auth-oidc-login-expired',
    'auth-oidc-login-ok',
    'auth-oidc-login-unknown-kid',
    'auth-oidc-login-wrong-subject',
    'auth-token-auth-create-token',
    'auth-token-auth-renew',
  ]),
  ...listed("dynamic secrets are made in the sandbox's description, not by requests", [
    'ds-create-pg-app',
    'ds-create-pg-main',
    'ds-create-pg-nomax',
    'ds-create-pg-short',
    'ds-create-plan-restricted',
    'ds-create-redis-main',
  ]),
  ...listed('answers with root credentials: leasekeeper must not ask, and the sandbox has no such route (contract 6)', [
    'ds-get',
    'ds-get-as-viewer',
  ]),
  ...listed('what arranges rotations is no part of the sandbox, only the secrets that come of it', [
    'rotation-app-connection-create',
    'rotation-generated-credentials',
    'rotation-generated-credentials-after',
    'rotation-get',
    'rotation-get-unknown',
    'rotation-list',
    'rotation-options',
  ]),
  ...listed('webhooks are no part of the sandbox', [
    'webhook-create',
    'webhook-create-with-identity-token',
    'webhook-delivery-secrets-modified',
    'webhook-delivery-test',
    'webhook-test',
  ]),
};
