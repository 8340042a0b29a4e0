/** Everything the sandbox server knows, as plain data that the other files work on. */
import type { Duration, Instant } from '../../../src/core/time.ts';
import type { ServerClock } from '../clock.ts';
import type { OpenBooks } from './books.ts';
import type { Gate } from './outage.ts';
import type { Flavour, LoginsSpec, Permission, RateLimits } from './spec.ts';
import type { Account, Target } from './targets.ts';

export interface ClientSecret {
  readonly id: string;
  readonly secret: string;
  readonly createdAt: Instant;
  readonly ttl: number;
  readonly usesLimit: number;
  uses: number;
  revoked: boolean;
}

export interface Identity {
  readonly id: string;
  readonly name: string;
  readonly clientId: string;
  readonly clientSecrets: ClientSecret[];
  logins: LoginsSpec;
  /** Seconds, as in Infisical. */
  readonly ttl: number;
  readonly maxTtl: number;
  readonly period: number;
  readonly usesLimit: number;
  readonly loginFrom: readonly string[] | undefined;
  readonly tokenFrom: readonly string[] | undefined;
  readonly access: Map<string, ReadonlySet<Permission>>;
  readonly readable: readonly string[] | undefined;
  failures: Instant[];
  lockedUntil: Instant;
}

export interface Token {
  readonly id: string;
  readonly identity: Identity;
  /** Absent: it was had by another login than Universal Auth. */
  readonly clientSecret: ClientSecret | undefined;
  /** The login it was had by, and what the server found out about who logged in. */
  readonly method: string;
  readonly identityAuth: Readonly<Record<string, unknown>> | undefined;
  readonly createdAt: Instant;
  uses: number;
  revoked: boolean;
}

export interface Project {
  readonly id: string;
  readonly slug: string;
  readonly environments: readonly string[];
  readonly folders: Set<string>;
  readonly secrets: StaticSecret[];
  readonly imports: readonly Import[];
  readonly approvals: Approvals;
}

interface Folder {
  readonly environment: string;
  readonly path: string;
}

export interface Import {
  readonly into: Folder;
  readonly from: Folder;
  readonly folderId: string;
}

export interface Approvals {
  /** Changes to these have to be approved of. */
  readonly policies: Folder[];
  readonly pending: { readonly id: string; readonly apply: () => void }[];
}

export interface StaticSecret {
  readonly id: string;
  readonly environment: string;
  readonly path: string;
  readonly key: string;
  readonly comment: string;
  value: string;
  /** All that it ever was, the first version first. */
  readonly values: string[];
  version: number;
  readonly createdAt: Instant;
  updatedAt: Instant;
  /** The id of the rotation that makes its values. */
  readonly rotation?: string;
}

export interface DynamicSecret {
  readonly id: string;
  readonly folderId: string;
  readonly project: Project;
  readonly environment: string;
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly defaultTTL: string;
  readonly maxTTL: string | null;
  readonly credentialLife: Duration | undefined;
  readonly createdAt: Instant;
  readonly target: Target;
  readonly gate: Gate;
  status: string | null;
}

export interface Lease {
  readonly id: string;
  readonly secret: DynamicSecret;
  readonly username: string;
  expireAt: Instant;
  readonly createdAt: Instant;
  updatedAt: Instant;
  status: string | null;
  statusDetails: string | null;
  cancelExpiry: () => void;
}

export interface World {
  readonly flavour: Flavour;
  readonly clock: ServerClock;
  readonly books: OpenBooks;
  readonly jwtKey: Buffer;
  readonly projects: Map<string, Project>;
  readonly identities: Map<string, Identity>;
  readonly tokens: Map<string, Token>;
  readonly dynamicSecrets: Map<string, DynamicSecret>;
  readonly leases: Map<string, Lease>;
  readonly targets: ReadonlySet<Target>;
  readonly minimumTtl: Duration;
  readonly connectionTimeout: Duration;
  readonly revocationRetry: Duration;
  readonly lockout: { readonly threshold: number; readonly window: Duration; readonly duration: Duration };
  readonly rateLimits: RateLimits | undefined;
  licensed: boolean;
  /** The accounts of the target in memory. */
  readonly accounts: Map<string, Account>;
  /** Called when something was done that a restart must not undo, before anybody is told. */
  changed: () => void;
}
