/** How providers and sources declare themselves. The configuration's schema, and all that follows from it, comes from here. */
import { z } from 'zod';
import type { Material } from '../core/material.ts';
import type { Holding } from '../core/record.ts';
import type { Clock, Duration, Instant } from '../core/time.ts';
import { sustained } from './request-rate.ts';
import type { Source } from './source.ts';
import { timeCheck } from './time-check.ts';

/** What a plugin may use of the outside. */
export interface Deps {
  /** The provider's name in the configuration. */
  readonly name: string;
  /** A clock that neither jumps nor stops. */
  readonly clock: Clock;
  /** The environment: credentials given as `{ env: NAME }`, and the proxy variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The present access token of this provider, kept by the loop like any other secret. */
  readonly token: () => Token | undefined;
  /** A token was rejected by the provider although we believed it alive. */
  readonly tokenRejected: (token: Holding) => void;
  /** One request was answered, or was not. For metrics: names from closed lists only. */
  readonly onRequest: (request: ProviderRequest) => void;
  /** What we believe of the provider's clock has changed. */
  readonly onSkew: (skew: Duration) => void;
  /** An answer contradicts what we believe of the provider's clock, and more of them would tell. */
  readonly onDoubt?: () => void;
  /** Keys the fingerprints of credentials: 32 bytes. Absent: a key that ends with the process, and they with it. */
  readonly markKey?: Buffer;
}

/** An access token in use: which one it is, and its value under the key `token`. */
export interface Token extends Holding {
  readonly material: Material;
}

export interface ProviderRequest {
  /** What was asked for, as a word of the plugin's own closed list: `login`, `lease-create`, … */
  readonly operation: string;
  readonly status: '2xx' | '3xx' | '4xx' | '5xx' | 'none';
  readonly took: Duration;
  readonly at: Instant;
}

/** A configured provider with its client. Which client that is only its own sources know. */
export interface Provider {
  readonly type: string;
  readonly client: unknown;
  /** The source of the access token that the client shows, a secret like any other. Absent: it needs none. */
  readonly token?: { readonly type: string; readonly source: Source };
  /** See `Connected`. */
  learnTime?(signal: AbortSignal, since?: Instant): Promise<void>;
  /** Connections are let go. */
  close(): Promise<void>;
}

/** The reference from a secret to the provider it is taken from. */
const named = { provider: z.string().describe('Name of an entry of `providers`') };

/** What the scheduler calls a look at such a secret. */
export type LookName = 'refresh-token' | 'renew-lease' | 'watch-version' | 'sync-secrets';

export interface Ability {
  readonly look: LookName;
  /** Is there a successor to be had before the lease ends, so that `policy.rotate` has a meaning? */
  readonly canRotate: boolean;
}

/** Something about one option: what it is, and after a colon what to do about it. */
export interface Remark {
  /** The option. */
  readonly at: string;
  readonly message: string;
}

/** Requests that a source makes again and again as long as all is well. */
export interface Demand {
  /** Of which kind, where the provider counts by kinds: a word of the plugin's own. */
  readonly kind: string;
  /** One in so long. */
  readonly every: Duration;
  /** That is the length of a term: how much of it goes by is for the policy to say. */
  readonly isTerm?: true;
  /** Secrets of a provider with the same word here share them. Absent: nobody does. */
  readonly shared?: string;
}

/** So many requests a minute, of each kind, or of all: as configured, or as is known of the provider. */
export interface Limits {
  /** What comes through of `rate.requestsPerMinute` for as long as it takes. */
  readonly sustained?: number;
  readonly ofKind?: Readonly<Record<string, number>>;
}

/** A value that a provider keeps by versions, which end at the provider when they are replaced. */
export interface Store {
  /** The option that names it, and what that says. */
  readonly at: string;
  readonly id: string;
}

/** What follows from the options together. */
export interface Judgement<Options> {
  /** Instead of the ability's. */
  readonly canRotate?: (options: Options) => boolean;
  /** Options that are each right, but not together. */
  readonly faults?: (options: Options) => readonly Remark[];
  /** What is right, and has to be known all the same. */
  readonly warnings?: (options: Options) => readonly Remark[];
  /** Absent: hardly any. */
  readonly demands?: (options: Options) => readonly Demand[];
  /** Whoever rotates it ends what others have of it: of one store at one place nobody else may have any. */
  readonly store?: (options: Options) => Store;
}

/**
 * A provider, and by its `source` the kinds of leases it offers. Parsing the YAML of either answers with a function
 * that opens it: the options are checked, known by their exact types, and seen by nobody else.
 */
export function defineProvider<const Type extends string, Options extends z.ZodRawShape, Client extends Connected>(
  type: Type,
  options: Options,
  /**
   * Asks nobody yet. Throws `Error` where a variable of the environment that it goes by cannot be used; the message
   * quotes nothing of it.
   */
  connect: (options: z.output<z.ZodObject<Options>>, deps: Deps) => Client,
  /** So many requests a minute it takes of each kind, where that is known without asking. */
  limitsOf: (options: z.output<z.ZodObject<Options>>) => Limits['ofKind'] = () => undefined,
  /** Where its stores are: two providers with the same word here have the same ones. */
  placeOf?: (options: z.output<z.ZodObject<Options>>) => string,
) {
  const schema = z.strictObject({ type: z.literal(type), ...options }).transform((parsed) => ({
    type,
    /** How many requests it may have under way at a time, where its options say so. */
    ...(hasSlots(parsed) && { slots: parsed.slots }),
    limits: { ...sustainedBy(parsed), ...ofKinds(limitsOf(parsed as unknown as z.output<z.ZodObject<Options>>)) },
    ...(placeOf && { place: placeOf(parsed as unknown as z.output<z.ZodObject<Options>>) }),
    /** What of the environment it could not go by, in words that quote nothing of it. Nobody is asked. */
    mistakenIn: (env: Deps['env']): string | undefined => {
      try {
        const client = connect(parsed as unknown as z.output<z.ZodObject<Options>>, idle(env));
        void client.close().catch(() => undefined);
        return undefined;
      } catch (error) {
        // Others are none of ours: nobody knows what they quote.
        return error instanceof Error && error.name === 'Error' ? error.message : undefined;
      }
    },
    connect: (deps: Deps): Provider => {
      const check = timeCheck(async (signal) => client.learnTime?.(signal));
      const client = connect(parsed as unknown as z.output<z.ZodObject<Options>>, { ...deps, onDoubt: check.want });
      return {
        type,
        client,
        ...(client.token && { token: client.token }),
        ...(client.learnTime && {
          learnTime: (signal: AbortSignal, since?: Instant) => client.learnTime?.(signal, since) ?? Promise.resolve(),
        }),
        close: () => {
          check.end();
          return client.close();
        },
      };
    },
  }));
  return {
    type,
    schema,
    source: <const Name extends string, Own extends z.ZodRawShape>(
      name: Name,
      ability: Ability,
      own: Own,
      open: (options: z.output<z.ZodObject<Own>>, client: Client) => Source,
      { canRotate, faults, warnings, demands, store }: Judgement<z.output<z.ZodObject<Own>>> = {},
    ) => ({
      type: `${type}/${name}` as const,
      schema: z
        .strictObject({ type: z.literal(`${type}/${name}` as const), ...named, ...own })
        .superRefine((parsed, context) => {
          for (const { at, message } of faults?.(parsed as unknown as z.output<z.ZodObject<Own>>) ?? []) {
            context.addIssue({ code: 'custom', path: [at], message });
          }
        })
        .transform((parsed) => {
          const options = parsed as unknown as z.output<z.ZodObject<Own>>;
          const told = warnings?.(options) ?? [];
          return {
            type: `${type}/${name}` as const,
            ...ability,
            ...(canRotate && { canRotate: canRotate(options) }),
            ...(told.length > 0 && { warnings: told }),
            ...(demands && { demands: demands(options) }),
            ...(store && { store: store(options) }),
            provider: (parsed as unknown as z.output<z.ZodObject<typeof named>>).provider,
            open: (provider: Provider): Source => {
              if (provider.type !== type) throw new TypeError(`${type}/${name} cannot be taken from ${provider.type}`);
              return open(options, provider.client as Client);
            },
          };
        }),
    }),
  };
}

/** For a client that is never asked anything. */
const idle = (env: Deps['env']): Deps => ({
  name: '',
  clock: { now: () => 0 },
  env,
  token: () => undefined,
  tokenRejected: () => undefined,
  onRequest: () => undefined,
  onSkew: () => undefined,
});

const hasSlots = (parsed: object): parsed is { readonly slots: number } =>
  'slots' in parsed && typeof parsed.slots === 'number';

const ofKinds = (ofKind: Limits['ofKind']): Limits => (ofKind ? { ofKind } : {});

function sustainedBy(parsed: object): Limits {
  const { rate } = parsed as { readonly rate?: { readonly requestsPerMinute?: unknown } };
  const requestsPerMinute = rate?.requestsPerMinute;
  return typeof requestsPerMinute === 'number' ? { sustained: sustained(requestsPerMinute) } : {};
}

/** What every client offers besides what its own sources know of it. */
export interface Connected {
  readonly token?: { readonly type: string; readonly source: Source };
  /**
   * Have the provider say what time it is, by a request that needs no token: before anything that is remembered in its
   * time is compared with ours. Rejects where it cannot be asked, or has not answered itself: ever, or `since` then, on
   * our clock. Absent: the first answer of any kind will tell.
   */
  learnTime?(signal: AbortSignal, since?: Instant): Promise<void>;
  close(): Promise<void>;
}
