/** Where the sandbox can be told to fail. */
import type { FaultAt } from '../faults.ts';

export const routeNames = [
  'login',
  'token-renew',
  'token-revoke',
  'dynamic-secret-list',
  'lease-list',
  'lease-create',
  'lease-get',
  'lease-renew',
  'lease-revoke',
  'static-secret-list',
  'status',
] as const;
export type RouteName = (typeof routeNames)[number];

export type Fault = FaultAt<RouteName>;
