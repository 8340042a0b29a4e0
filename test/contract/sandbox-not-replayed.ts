/** Recordings that are not played against the sandbox, each with the reason. */

const listed = (reason: string, names: readonly string[]) => Object.fromEntries(names.map((name) => [name, reason]));

export const notReplayed: Readonly<Record<string, string>> = {
  ...listed('no login of ours, and the sandbox has none of them', [
    'auth-alicloud-auth-missing-fields',
    'auth-oci-auth-missing-fields',
  ]),
  ...listed('tokens of Token Auth are made by the controls of the sandbox', ['auth-token-auth-create-token']),
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
