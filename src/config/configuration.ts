/** The configuration as the program uses it: everything checked, names resolved, plugins ready to be opened. */
import type { Policy } from '../core/rules.ts';
import type { Remark, SinkDeps } from '../sinks/define.ts';
import type { Reloads } from '../sinks/reload.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Verification } from '../sinks/verify.ts';
import type { Demand, Deps, Limits, LookName, Provider, Store } from '../sources/define.ts';
import type { Source } from '../sources/source.ts';
import type { Credential } from './credential.ts';
import type { Problem } from './problem.ts';

export interface Configuration {
  readonly state: {
    readonly redis: 'embedded' | RedisConfiguration;
    /** Absolute. */
    readonly dataDir: string;
    /** Absent: a key made in `dataDir`. */
    readonly encryptionKey?: Credential | undefined;
    /** Of every key we write. Letters, digits, `.`, `_` and `-`. */
    readonly prefix: string;
  };
  readonly http: { readonly host: string; readonly port: number };
  /** Where the status page is. Absent: nowhere. */
  readonly page?: { readonly host: string; readonly port: number };
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly format: 'json' | 'pretty';
  };
  readonly providers: Readonly<Record<string, ProviderConfiguration>>;
  readonly secrets: readonly SecretConfiguration[];
  readonly outputs: readonly OutputConfiguration[];
}

export interface RedisConfiguration {
  /** `redis://` or `rediss://`, without a credential. */
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: Credential | undefined;
  /** Files in PEM. */
  readonly tls?:
    | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
    | undefined;
}

export interface ProviderConfiguration {
  readonly type: string;
  /** The same for the same access token. */
  readonly identity: string;
  /** Changes with anything that the provider's client is told. */
  readonly digest: string;
  /** How many requests may be under way at a time. Absent: as many as the program thinks right. */
  readonly slots?: number;
  /** What is known of how many requests it takes. */
  readonly limits: Limits;
  /** The same for providers that have the same stores. Absent: nobody else has its. */
  readonly place?: string;
  /** For the provider's own access token. */
  readonly policy: Policy;
  readonly connect: (deps: Deps) => Provider;
}

export interface SecretConfiguration {
  readonly name: string;
  readonly source: {
    readonly type: string;
    /** The same for the same lease, however it is treated: what the record is kept under. */
    readonly identity: string;
    /** A name of `providers`, of the type that this source asks for. */
    readonly provider: string;
    readonly look: LookName;
    readonly canRotate: boolean;
    /** What it asks of its provider as long as all is well. */
    readonly demands?: readonly Demand[];
    /** What it is a version of, where versions end when they are replaced. */
    readonly store?: Store;
    readonly open: (provider: Provider) => Source;
  };
  readonly policy: Policy;
  /** Names are unique, and so are places that are not shared. None where it goes to outputs only. */
  readonly sinks: readonly SinkConfiguration[];
  /** Absent: what is new is not proven. */
  readonly verify?: Verification | undefined;
  /** In this order, once per generation, after all sinks. */
  readonly reload: Reloads;
  /** Does it count for readiness? */
  readonly required: boolean;
  /** Does nobody else take leases there? */
  readonly exclusive: boolean;
  /** What becomes of its leases when the daemon ends. */
  readonly onShutdown: 'keep' | 'revoke';
  /** What becomes of a value in the sinks that has ended, while there is no better one. */
  readonly onExpired: 'keep' | 'remove';
}

export interface SinkConfiguration {
  readonly type: string;
  readonly name: string;
  readonly target: string;
  /** Others may go to the same target. */
  readonly isShared: boolean;
  readonly open: (deps: SinkDeps) => Sink;
  /** What it would look for among the values of these secrets, and never find. */
  readonly unknownIn?: (secrets: readonly string[]) => readonly Remark[];
}

/** Several secrets in one place. Its name is that of its sink. */
export interface OutputConfiguration {
  readonly name: string;
  /** Names of secrets. */
  readonly from: readonly string[];
  readonly sink: SinkConfiguration;
}

/** All that is wrong is told at once, in the order of the file. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly configuration: Configuration;
      /** What is right, and has to be known all the same. */
      readonly warnings: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };
