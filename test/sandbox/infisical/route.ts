/** What a route of the sandbox is. */
import type { RouteName } from './faults.ts';
import type { RateLimits } from './spec.ts';
import type { Identity, World } from './world.ts';

/** One request as the routes see it, after authentication. */
export interface Asked {
  readonly world: World;
  readonly address: string;
  /** Present on every route with `auth`. */
  readonly identity: Identity | undefined;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The variable parts of the path. */
  readonly parts: readonly string[];
}

export interface Route {
  readonly name: RouteName;
  readonly method: string;
  readonly pattern: RegExp;
  readonly auth: boolean;
  readonly limit?: keyof RateLimits;
  readonly handle: (asked: Asked) => Promise<unknown> | unknown;
}

/** Who asks, on a route with `auth`. */
export function whoever({ identity }: Asked): Identity {
  if (identity === undefined) throw new Error('a route that needs an identity was not marked with auth');
  return identity;
}
