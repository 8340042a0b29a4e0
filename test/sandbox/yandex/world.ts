/** Everything the servers know, as plain data that the other files work on. */
import type { KeyObject } from 'node:crypto';
import type { Duration, Instant } from '../../../src/core/time.ts';
import type { ServerClock } from '../clock.ts';
import type { OpenBooks } from './books.ts';
import type { Pace, PasswordSpec, Role, Unknowns } from './spec.ts';

/** An authorized key as the console hands it out (contract 6). */
export interface KeyFile {
  readonly id: string;
  readonly service_account_id: string;
  readonly created_at: string;
  readonly key_algorithm: 'RSA_2048';
  readonly public_key: string;
  readonly private_key: string;
}

export interface AuthorizedKey {
  readonly id: string;
  readonly publicKey: () => KeyObject;
  readonly file: () => KeyFile;
}

export interface Account {
  readonly id: string;
  readonly name: string;
  roles: ReadonlySet<Role>;
  /** By the secret's name. */
  readonly rolesOn: Map<string, ReadonlySet<Role>>;
  /** By id. */
  readonly keys: Map<string, AuthorizedKey>;
  readonly subject: string;
  readonly oauthToken: string | undefined;
}

export interface Token {
  /** For the books; no part of its value. */
  readonly id: string;
  readonly value: string;
  readonly account: Account;
  readonly means: string;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  revoked: boolean;
}

export type VersionStatus = 'ACTIVE' | 'SCHEDULED_FOR_DESTRUCTION' | 'DESTROYED';

export type Entry = { readonly text: string } | { readonly binary: Buffer };
export type Payload = ReadonlyMap<string, Entry>;

export interface Version {
  readonly id: string;
  readonly secret: Secret;
  readonly createdAt: Instant;
  readonly description: string;
  readonly payload: Payload;
  /** Where the server made the value. */
  readonly generated: PasswordSpec | undefined;
  status: VersionStatus;
  destroyAt: Instant | undefined;
  cancelAlarm: () => void;
}

export interface Secret {
  readonly id: string;
  readonly folderId: string;
  readonly createdAt: Instant;
  readonly kmsKeyId: string;
  name: string;
  description: string;
  labels: Readonly<Record<string, string>>;
  status: 'STATUS_UNSPECIFIED' | 'CREATING' | 'ACTIVE' | 'INACTIVE';
  deletionProtection: boolean;
  generated: PasswordSpec | undefined;
  /** Oldest first. */
  versions: Version[];
  current: Version | undefined;
}

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
}

export interface Operation {
  readonly id: string;
  readonly description: string;
  readonly account: Account;
  readonly secretId: string;
  readonly metadata: object;
  /** With nanoseconds. */
  readonly createdAt: string;
  modifiedAt: string;
  done: boolean;
  error: RpcStatus | undefined;
  response: object | undefined;
  /** Polls until something happens next; undefined: polling moves nothing. */
  pollsLeft: number | undefined;
  /** What happens then. */
  advance: () => void;
}

export interface World {
  readonly clock: ServerClock;
  readonly books: OpenBooks;
  /** By id. */
  readonly accounts: Map<string, Account>;
  readonly secrets: Map<string, Secret>;
  readonly operations: Map<string, Operation>;
  /** Those of them that are not done. */
  readonly underWay: Set<Operation>;
  /** By account and idempotency key. */
  readonly idempotent: Map<string, Operation>;
  /** By value. */
  readonly tokens: Map<string, Token>;
  readonly defaults: 'omitted' | 'printed';
  readonly pace: Pace | undefined;
  readonly setCurrentVersion: 'known' | 'unknown' | 'unimplemented';
  readonly versionQuota: number;
  readonly tokenLife: Duration;
  readonly sameTokenFor: Duration;
  readonly jwtAudience: string;
  readonly unknowns: Unknowns;
  /** Whose tokens the metadata service gives. */
  attached: Account | undefined;
  /** Where each service is to be found: `host:port`. */
  addresses: Readonly<Record<string, string>>;
  /** How many RSA keys were given out. */
  keysMade: number;
}
