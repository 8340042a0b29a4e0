/** What each recorded exchange must mean to us, by the request of ours that it is the answer to. */

/** `unsure`: `unavailable`, and it may have had an effect. `unavailable`: surely not. */
export type Becomes =
  | 'ok'
  | 'ended'
  | 'gone'
  | 'denied'
  | 'refused'
  | 'invalid'
  | 'unavailable'
  | 'unsure'
  | 'TokenRejected'
  | 'RetryAfter';

export type Asked =
  | 'login'
  | 'token-renew'
  | 'token-revoke'
  | 'create'
  | 'get'
  | 'renew'
  | 'revoke'
  | 'list'
  | 'secrets'
  | 'change'
  | 'time'
  | 'any';

export const covered: Readonly<Record<Asked, Readonly<Partial<Record<Becomes, readonly string[]>>>>> = {
  login: {
    ok: [
      'auth-ua-login-form-encoded',
      'auth-ua-login-ip-trusted-by-x-forwarded-for',
      'auth-ua-login-main-b',
      'auth-ua-login-no-expiry',
      'auth-ua-login-numuses-1of1',
      'auth-ua-login-ok',
      'auth-ua-login-periodic',
      'auth-ua-login-short-max',
      'auth-ua-login-short-ttl-b',
      'auth-ua-login-two-uses',
      'auth-ua-login-while-redis-stalls-4s',
      'auth-k8s-login-ok',
      'auth-oidc-login-ok',
      'ratelimit-headers-on-login',
    ],
    denied: [
      'auth-ua-login-after-client-secret-revoked',
      'auth-ua-login-client-id-not-uuid',
      'auth-ua-login-client-secret-expired-2nd-time',
      'auth-ua-login-ip-not-trusted',
      'auth-ua-login-unknown-client-id',
      'auth-ua-login-wrong-secret',
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
      'auth-k8s-login-wrong-namespace',
      'auth-kubernetes-auth-not-configured',
      'auth-ldap-auth-not-configured',
      'auth-oidc-login-expired',
      'auth-oidc-login-wrong-subject',
    ],
    invalid: ['auth-ua-login-no-body', 'auth-aws-auth-missing-fields', 'unknown-method'],
    unsure: ['auth-ua-login-empty-json-body', 'auth-ua-login-malformed-json', 'auth-oidc-login-unknown-kid'],
  },
  'token-renew': {
    ok: [
      'auth-token-auth-renew',
      'auth-token-renew-after-client-secret-revoked',
      'auth-token-renew-no-expiry',
      'auth-token-renew-ok',
      'auth-token-renew-periodic',
      'auth-token-renew-within-max',
    ],
    gone: [
      'auth-token-renew-after-failed-renew-past-max',
      'auth-token-renew-after-identity-deleted',
      'auth-token-renew-expired',
      'auth-token-renew-garbage',
      'auth-token-renew-past-max-ttl',
      'auth-token-renew-revoked',
      'auth-token-renew-ttl-eq-max',
    ],
    invalid: ['auth-token-renew-missing'],
  },
  'token-revoke': { ended: ['auth-token-revoke-ok', 'auth-token-revoke-expired'] },
  create: {
    ok: [
      'lease-create-before-target-down',
      'lease-create-before-target-down-b',
      'lease-create-extra-fields-ignored',
      'lease-create-for-broken-revoke',
      'lease-create-in-folder',
      'lease-create-lease-only-identity',
      'lease-create-pg',
      'lease-create-redis',
      'lease-create-short',
      'lease-create-short-renewed',
      'lease-create-then-revocation-job-lost',
      'lease-create-ttl-empty-string',
      'lease-create-uppercase-name',
      'lease-create-with-ttl',
    ],
    invalid: [
      'lease-create-after-ds-delete',
      'lease-create-forbidden-outsider',
      'lease-create-forbidden-viewer',
      'lease-create-missing-fields',
      'lease-create-plan-restricted',
      'lease-create-ttl-bare-number-string',
      'lease-create-ttl-number',
      'lease-create-ttl-over-10y',
      'lease-create-ttl-over-max',
      'lease-create-unknown-ds',
      'lease-create-unknown-env',
      'lease-create-unknown-project',
    ],
    unsure: ['lease-create-target-down', 'lease-create-target-hangs', 'lease-create-ttl-invalid'],
    TokenRejected: ['lease-create-no-auth'],
  },
  get: {
    ok: [
      'lease-get',
      'lease-get-after-3-concurrent-renews',
      'lease-get-after-renew-of-failed-3s',
      'lease-get-after-revoke-target-down',
      'lease-get-auto-revoke-failed',
      'lease-get-expired-but-job-lost',
      'lease-get-failed-deletion',
      'lease-get-just-before-expiry',
      'lease-get-plan-restricted',
    ],
    gone: [
      'lease-get-after-hang',
      'lease-get-after-renew-into-the-past',
      'lease-get-expired',
      'lease-get-revoked',
      'lease-get-unknown',
    ],
    invalid: ['lease-get-missing-query'],
    unavailable: ['lease-get-not-uuid'],
  },
  renew: {
    ok: [
      'lease-renew-after-auto-revoke-failed',
      'lease-renew-default-ttl',
      'lease-renew-expired-but-job-lost',
      'lease-renew-redis',
      'lease-renew-short-1',
      'lease-renew-short-2',
      'lease-renew-with-ttl',
    ],
    gone: [
      'lease-renew-after-ds-delete',
      'lease-renew-expired',
      'lease-renew-revoked',
      'lease-renew-unknown',
      'lease-renew-wrong-path',
    ],
    invalid: ['lease-renew-forbidden-viewer', 'lease-renew-no-body', 'lease-renew-ttl-too-short'],
    unsure: [
      'lease-renew-failed-deletion',
      'lease-renew-not-uuid',
      'lease-renew-right-after-ds-delete',
      'lease-renew-role-gone',
      'lease-renew-target-down',
      'lease-renew-target-hangs',
      'lease-renew-ttl-invalid',
    ],
    TokenRejected: ['lease-renew-expired-token'],
  },
  revoke: {
    ended: [
      'lease-revoke',
      'lease-revoke-again',
      'lease-revoke-expired',
      'lease-revoke-plan-restricted',
      'lease-revoke-redis',
    ],
    invalid: ['lease-revoke-no-body'],
    unsure: ['lease-revoke-target-hangs'],
  },
  list: { ok: ['lease-list', 'lease-list-plan-restricted'] },
  secrets: {
    ok: [
      'auth-new-jwt-ok-after-renew',
      'auth-old-token-still-works-after-renew',
      'auth-request-after-client-secret-revoked',
      'auth-request-two-uses-1',
      'auth-request-two-uses-2',
      'ratelimit-headers-on-secrets',
      'rotation-list-secrets-view',
      'secrets-list',
      'secrets-list-after-patch-etag-changed',
      'secrets-list-by-slug',
      'secrets-list-expand-default',
      'secrets-list-expanded',
      'secrets-list-if-none-match-star',
      'secrets-list-if-none-match-weak',
      'secrets-list-imports',
      'secrets-list-viewer',
      'secrets-list-while-redis-stalls-4s',
    ],
    invalid: [
      'secrets-list-describe-only-identity',
      'secrets-list-hidden-values',
      'secrets-list-missing-env',
      'secrets-list-missing-project',
      'secrets-list-outsider',
      'secrets-list-partial-read-identity',
      'secrets-list-partial-read-identity-view-false',
      'secrets-list-unknown-env',
      'secrets-list-unknown-path',
    ],
    RetryAfter: ['ratelimit-429-secrets'],
  },
  change: {
    ok: ['secrets-patch', 'secrets-patch-same-value', 'secrets-patch-trailing-newline'],
    invalid: ['rotation-patch-rotated-secret-value', 'secrets-patch-unknown', 'secrets-patch-viewer'],
  },
  /** What a start asks before anything else: its answer says what time it is there. */
  time: { ok: ['status'] },
  /** Refusals on routes that are not ours, which would look the same on ours. */
  any: {
    TokenRejected: [
      'auth-old-jwt-expired-after-renew',
      'auth-request-after-failed-renew-past-max',
      'auth-request-after-identity-deleted',
      'auth-request-after-renew-ttl-eq-max',
      'auth-request-bad-signature',
      'auth-request-empty-bearer',
      'auth-request-garbage-token',
      'auth-request-no-token',
      'auth-request-revoked-token',
      'auth-request-two-uses-3',
      'auth-request-wrong-scheme',
    ],
    invalid: [
      'auth-request-after-removed-from-project',
      'auth-request-token-ip-not-trusted',
      'ds-create-plan-restricted',
      'ds-get-as-viewer',
      'ds-list-as-outsider',
      'ds-list-missing-params',
      'events-sse-not-on-this-server',
      'unknown-route',
    ],
  },
};

/** Answered by more than one exchange: told in infisical-stories.test.ts. */
export const stories = [
  'lease-renew-past-max-ttl',
  'lease-renew-plan-restricted',
  'lease-renew-short-3-over-max',
  'lease-revoke-after-hang',
  'lease-revoke-fails-role-gone',
  'lease-revoke-retry-target-up',
  'lease-revoke-target-down',
  'secrets-list-304',
  'secrets-v4-not-on-this-server',
];

/** Not ours to understand yet, by the reason. */
export const elsewhere: Readonly<Record<string, readonly RegExp[]>> = {
  'no login of ours': [/^auth-(alicloud|oci|spiffe|tls-cert)-/],
  'an administrator makes such a token; it is no request of ours': [/^auth-token-auth-create-token$/],
  'secrets are never asked for one by one: a pair that changes in between would be torn': [
    /^secrets-get/,
    /^ratelimit-secret-by-name-after-list-429$/,
    /^rotation-rotated-secret-(get|after-rotate)$/,
  ],
  'secrets are made and deleted by people, and changed one at a time': [/^secrets-(batch|create|delete)/],
  'what arranges rotations is not asked for: what comes of them are secrets like others': [
    /^rotation-(app-connection-create|generated-credentials.*|get.*|list|options)$/,
  ],
  'webhooks come with an issue of their own': [/^webhook-/],
  'dynamic secrets are made by people, and their list is never asked for: it needs more rights than a lease': [
    /^ds-create-pg-|^ds-create-redis-main$/,
    /^ds-(get|list|list-lease-only-identity|list-unknown-env)$/,
    /^ratelimit-other-bucket-ds-list$/,
  ],
};
