/** What a provider's client is given in tests, and what it says of itself through it. */
import { steadyClock } from '../../src/clock.ts';
import { Material } from '../../src/core/material.ts';
import type { Holding } from '../../src/core/record.ts';
import type { Clock, Duration } from '../../src/core/time.ts';
import type { Deps, ProviderRequest, Token } from '../../src/sources/define.ts';

export interface HeardDeps extends Deps {
  readonly requests: ProviderRequest[];
  readonly rejected: Holding[];
  readonly skews: Duration[];
  /** Absent again by `undefined`. */
  give(token: Token | undefined): void;
}

export function someDeps(options: { clock?: Clock; env?: Deps['env']; token?: Token } = {}): HeardDeps {
  const requests: ProviderRequest[] = [];
  const rejected: Holding[] = [];
  const skews: Duration[] = [];
  let token = options.token;
  return {
    name: 'main',
    clock: options.clock ?? steadyClock(),
    env: options.env ?? {},
    token: () => token,
    tokenRejected: (holding) => rejected.push(holding),
    onRequest: (request) => requests.push(request),
    onSkew: (skew) => skews.push(skew),
    requests,
    rejected,
    skews,
    give(next) {
      token = next;
    },
  };
}

export const aToken = (value: string, lease = 'token-1', generation = 0): Token => ({
  lease,
  generation,
  material: new Material({ token: value }),
});

/** A JWT with these claims. Nobody here checks its signature. */
export function aJwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('signature').toString('base64url')}`;
}
