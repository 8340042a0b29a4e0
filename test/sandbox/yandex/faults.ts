/** Where the servers can be told to fail, and the ways that only they have. */
import type { Duration } from '../../../src/core/time.ts';
import type { FaultAt, Misdeed } from '../faults.ts';
import type { Order } from './orders.ts';

export const routeNames = [
  'secret-get',
  'secret-list',
  'secret-create',
  'secret-update',
  'secret-delete',
  'secret-activate',
  'secret-deactivate',
  'version-list',
  'version-add',
  'version-set-current',
  'version-schedule',
  'version-cancel',
  'operation-list',
  'payload-get',
  'payload-get-ex',
  'operation-get',
  'token-create',
  'token-create-for',
  'token-revoke',
  'token-exchange',
  'token-metadata',
  'endpoint-list',
  'endpoint-get',
] as const;
export type RouteName = (typeof routeNames)[number];

/** What is done to the operation that a request starts. */
export interface OperationMisdeed {
  readonly kind: 'operation';
  /** It takes until it was asked for so many times. */
  readonly polls?: number;
  /** Or so long. Neither: it is over at once. */
  readonly takes?: Duration;
  /** It comes to nothing, and says so with HTTP 200. */
  readonly error?: { readonly code: number; readonly message?: string };
  /** The error is there for so many polls before it is done. */
  readonly rollback?: number;
}

/** Somebody else gets in between. */
export interface Meanwhile {
  readonly kind: 'meanwhile';
  /** Before the request is worked on, or after it was and before it is answered. */
  readonly when: 'before' | 'after';
  readonly order: Order;
}

export type LockboxMisdeed = Misdeed | OperationMisdeed | Meanwhile;
export type LockboxFault = FaultAt<RouteName, LockboxMisdeed>;

export const ownMisdeeds: readonly string[] = ['operation', 'meanwhile'];
