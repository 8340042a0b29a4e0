/** What an Infisical sandbox is made of, as plain data: the same in process, and as JSON for a process of its own. */
import type { Duration } from '../../../src/core/time.ts';

/** `2025` answers as a mid-2025 server did when it was recorded; `2026` as the newest sources say (contract: [M] and [N]). */
export type Flavour = '2025' | '2026';

export type Permission =
  | 'lease'
  | 'read-root-credential'
  | 'edit-root-credential'
  | 'describe-secret'
  | 'read-secret'
  | 'edit-secret';

/** `viewer` reads everything but may not lease. */
export type Access = 'admin' | 'viewer' | readonly Permission[];

export interface ClientSecretSpec {
  readonly id?: string;
  readonly secret: string;
  /** Seconds it may be used for logins; 0 or absent: for ever. */
  readonly ttl?: number;
  /** Logins it is good for; 0 or absent: any number. */
  readonly numUsesLimit?: number;
}

/** Other ways to prove who it is, besides Universal Auth (contract 5). Public keys in PEM, by their key ids. */
export interface LoginsSpec {
  /** What the API server's review of a token would find. Default: everybody of that cluster. */
  readonly kubernetes?: {
    readonly keys: PublicKeys;
    readonly audience?: string;
    readonly namespaces?: readonly string[];
  };
  /** Where the signed question is asked again, and who may have signed it. */
  readonly aws?: { readonly sts: string; readonly principals: readonly string[] };
  readonly gcp?: { readonly type: 'gce' | 'iam'; readonly keys: PublicKeys; readonly accounts: readonly string[] };
  readonly azure?: {
    readonly keys: PublicKeys;
    readonly tenant: string;
    readonly resource: string;
    readonly principals: readonly string[];
  };
  readonly oidc?: JwtLoginSpec;
  readonly jwt?: JwtLoginSpec;
  readonly ldap?: { readonly username: string; readonly password: string };
}

export interface JwtLoginSpec {
  readonly keys: PublicKeys;
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
}

export type PublicKeys = Readonly<Record<string, string>>;

/** One machine identity with Universal Auth. Lifetimes are in seconds, as in Infisical; its defaults are Infisical's. */
export interface IdentitySpec {
  /** How the controls name it. Default: `keeper`. */
  readonly name?: string;
  readonly id?: string;
  readonly clientId?: string;
  /** A single secret without limits. Default: a random one. */
  readonly clientSecret?: string;
  readonly clientSecrets?: readonly ClientSecretSpec[];
  readonly logins?: LoginsSpec;
  readonly accessTokenTTL?: number;
  readonly accessTokenMaxTTL?: number;
  readonly accessTokenPeriod?: number;
  readonly accessTokenNumUsesLimit?: number;
  /** Addresses or networks. Default: everywhere. */
  readonly clientSecretTrustedIps?: readonly string[];
  readonly accessTokenTrustedIps?: readonly string[];
  /** By project slug. Default: admin of every project. */
  readonly access?: Readonly<Record<string, Access>>;
  /** Of static secrets it may read the values of these alone. Default: of all that its access says. */
  readonly readable?: readonly string[];
}

export interface ProjectSpec {
  readonly slug: string;
  readonly id?: string;
  readonly environments?: readonly string[];
  /** Folders besides `/`, there in every environment. Those that secrets lie in need not be named. */
  readonly folders?: readonly string[];
  /** Folders that are imported into others; of those of one folder in this order. */
  readonly imports?: readonly { readonly into: Omit<Place, 'project'>; readonly from: Omit<Place, 'project'> }[];
}

export interface Place {
  /** Default: the first project. */
  readonly project?: string;
  /** Default: the project's first environment. */
  readonly environment?: string;
  readonly path?: string;
}

export interface DynamicSecretSpec extends Place {
  readonly name: string;
  readonly id?: string;
  /**
   * As on the wire. `redis` makes real users where `targets.redis` is set; everything else is an account in memory.
   * `memory` is short for `sql-database`, the default.
   */
  readonly type?: string;
  /** In the server's own syntax, such as `1h`. */
  readonly defaultTTL?: string;
  /** `null`: leases may be renewed for ever. */
  readonly maxTTL?: string | null;
  /** For kinds whose credential has an end of its own that no renewal moves: milliseconds from its creation. */
  readonly credentialLife?: Duration;
}

export interface StaticSecretSpec extends Place {
  readonly key: string;
  readonly value: string;
  /** Infisical rotates it, together with all others of that id. */
  readonly rotation?: string;
}

/** Requests a minute, for one route and one client address. */
export interface RateLimits {
  readonly read: number;
  readonly write: number;
  readonly secrets: number;
}

export interface RedisTarget {
  readonly socket?: string;
  readonly url?: string;
  /** Key pattern the leased users may touch. Default: all keys. */
  readonly keys?: string;
}

export interface SandboxSpec {
  /** Default: any free one. */
  readonly port?: number;
  readonly flavour?: Flavour;
  readonly targets?: { readonly redis?: RedisTarget };
  readonly projects?: readonly ProjectSpec[];
  readonly identities?: readonly IdentitySpec[];
  readonly dynamicSecrets?: readonly DynamicSecretSpec[];
  readonly secrets?: readonly StaticSecretSpec[];
  /** Least lease TTL in milliseconds. A real server's is 60 s; a demonstration has no time for that. */
  readonly minimumTtl?: Duration;
  /** A request unanswered for so long loses its socket, the work goes on (contract 6.6). Default: 30 s. */
  readonly connectionTimeout?: Duration;
  /** How long an operation waits for a hanging target before it fails. Default: 60 s. */
  readonly targetTimeout?: Duration;
  /** How long each operation at a target takes. With some, requests that overlap get in each other's way. Default: 0. */
  readonly targetLatency?: Duration;
  /** Off by default, as on every self-hosted server (contract 9). `true`: the on-premise limits. */
  readonly rateLimits?: boolean | RateLimits;
  /** Only the 2026 flavour locks. Default: 3 failures in 30 s lock for 300 s. */
  readonly lockout?: { readonly threshold?: number; readonly window?: Duration; readonly duration?: Duration };
  /** Whether the licence has dynamic secrets (contract 6). Default: yes. */
  readonly licensed?: boolean;
  /** The server's database: written before each answer, gone on from at a start. Ids have to be given then. */
  readonly stateFile?: string;
  /** What the server's clock is ahead of ours. */
  readonly skew?: Duration;
}
