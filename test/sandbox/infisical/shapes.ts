/** Rows as the server shows them (contract 6.1, 6.2). */
import type { DynamicSecret, Lease } from './world.ts';

export const asDate = (at: number): string => new Date(at).toISOString();

export const showLease = (lease: Lease) => ({
  id: lease.id,
  version: 1,
  externalEntityId: lease.username,
  expireAt: asDate(lease.expireAt),
  status: lease.status,
  statusDetails: lease.statusDetails,
  dynamicSecretId: lease.secret.id,
  createdAt: asDate(lease.createdAt),
  updatedAt: asDate(lease.updatedAt),
  config: null,
});

/** As it appears inside a lease that is read. */
export const showSecretBriefly = (secret: DynamicSecret) => ({
  id: secret.id,
  name: secret.name,
  version: 1,
  type: secret.type,
  defaultTTL: secret.defaultTTL,
  maxTTL: secret.maxTTL,
  folderId: secret.folderId,
  status: secret.status,
  statusDetails: null,
  createdAt: asDate(secret.createdAt),
  updatedAt: asDate(secret.createdAt),
});

export const showSecret = (secret: DynamicSecret) => ({
  ...showSecretBriefly(secret),
  projectGatewayId: null,
  gatewayId: null,
  usernameTemplate: null,
  metadata: [],
});
