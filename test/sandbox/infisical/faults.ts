/** Where the sandbox can be told to fail. */
import type { FaultAt } from '../faults.ts';

export const routeNames = [
  'login',
  'login-kubernetes',
  'login-aws',
  'login-gcp',
  'login-azure',
  'login-oidc',
  'login-jwt',
  'login-ldap',
  'token-renew',
  'token-revoke',
  'dynamic-secret-list',
  'lease-list',
  'lease-create',
  'lease-get',
  'lease-renew',
  'lease-revoke',
  'static-secret-list',
  'static-secret-get',
  'static-secret-create',
  'static-secret-batch',
  'static-secret-update',
  'static-secret-delete',
  'status',
] as const;
export type RouteName = (typeof routeNames)[number];

export type Fault = FaultAt<RouteName>;
