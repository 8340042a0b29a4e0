/** What a route of the servers is. */

import type { LockboxMisdeed, RouteName } from './faults.ts';
import type { Fields, Read } from './fields.ts';
import { message } from './fields.ts';
import type { Host } from './spec.ts';
import type { Account, World } from './world.ts';

/** One request as the routes see it, after authentication. */
export interface Asked {
  readonly world: World;
  readonly route: RouteName;
  /** Present on every route with `auth`. */
  readonly account: Account | undefined;
  /** The variable parts of the path. */
  readonly parts: readonly string[];
  readonly idempotencyKey: string | undefined;
  readonly header: (name: string) => string | undefined;
  readonly misdeeds: readonly LockboxMisdeed[];
}

interface About {
  readonly name: RouteName;
  readonly host: Host;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly pattern: RegExp;
  readonly auth: boolean;
  /** Answers with an operation, once for each idempotency key. */
  readonly changes?: true;
  /** Where its message comes from. `path`: from nowhere else, so that neither query nor body may be there. */
  readonly input: 'path' | 'query' | 'json' | 'form';
}

export interface Route extends About {
  readonly read: (value: unknown, at: string, wrong: { field: string; description: string }[]) => unknown;
  /** `read` is what came, as the fields say. Answers with the body, or throws. */
  readonly handle: (asked: Asked, read: never) => unknown;
}

/** A route, and what it does with what its fields read. */
export function route<F extends Fields>(
  about: About & { readonly fields?: F; readonly oneOf?: readonly (readonly (keyof F & string)[])[] },
  handle: (asked: Asked, read: Read<F>) => unknown,
): Route {
  const { fields, oneOf = [], ...rest } = about;
  return { ...rest, read: message(fields ?? ({} as F), ...oneOf), handle };
}

/** Who asks, on a route with `auth`. */
export function whoever({ account }: Asked): Account {
  if (account === undefined) throw new Error('a route that needs an account was not marked with auth');
  return account;
}
