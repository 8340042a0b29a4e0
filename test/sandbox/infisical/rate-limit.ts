/** The limiter of Infisical Cloud: a fixed window of a minute for each route and client address (contract 9). */
import { minutes } from '../../../src/core/time.ts';
import { tooManyRequests } from './answers.ts';
import type { RateLimits } from './spec.ts';
import type { World } from './world.ts';

export type Limiter = (route: string, address: string, kind: keyof RateLimits) => Record<string, string>;

/** Answers with the headers a limited route carries; throws the 429. Without limits: no headers, as when self-hosted. */
export function makeLimiter(world: World): Limiter {
  const windows = new Map<string, { endsAt: number; seen: number }>();
  return (route, address, kind) => {
    const limit = world.rateLimits?.[kind];
    if (limit === undefined) return {};
    const now = world.clock.now();
    const key = `${route} ${address}`;
    const open = windows.get(key);
    const window = open === undefined || now >= open.endsAt ? { endsAt: now + minutes(1), seen: 0 } : open;
    windows.set(key, window);
    window.seen += 1;
    const wait = Math.max(1, Math.ceil((window.endsAt - now) / 1000));
    const headers = {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(Math.max(0, limit - window.seen)),
      'x-ratelimit-reset': String(wait),
    };
    if (window.seen > limit) throw tooManyRequests(wait, headers);
    return headers;
  };
}
