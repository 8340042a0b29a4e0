/** What the sandbox can be told to do wrong with the requests that come. */
import { randomInt } from 'node:crypto';
import type { Duration } from '../../../src/core/time.ts';

export const routeNames = [
  'login',
  'token-renew',
  'token-revoke',
  'dynamic-secret-list',
  'lease-list',
  'lease-create',
  'lease-get',
  'lease-renew',
  'lease-revoke',
  'static-secret-list',
  'status',
] as const;
export type RouteName = (typeof routeNames)[number];

/** What happens to a request. Several at once are all done, as far as they go together. */
export type Misdeed =
  /** The connection is reset before anything is done. (`down` is the listener itself: the next connection is refused.) */
  | { readonly kind: 'refuse' }
  /** No answer ever comes. Whether the work is done all the same is `work`. */
  | { readonly kind: 'hang'; readonly work: boolean }
  /** The connection is reset instead of an answer, after the work (`work: true`) or without it. */
  | { readonly kind: 'cut'; readonly work: boolean }
  /** The server's own error envelope, without the work. Default: what it says to a failure of its own. */
  | { readonly kind: 'fail'; readonly status: number; readonly error?: string; readonly message?: string }
  /** 429, without the work. `retryAfter` in seconds; absent: no such header, as the lockout's lock answers. */
  | { readonly kind: 'limit'; readonly retryAfter?: number }
  /** A proxy's error page in HTML, without the work. */
  | { readonly kind: 'page'; readonly status: number }
  /** The work is done, but the answer says the lease or token ends so many milliseconds from now; negative: in the past. */
  | { readonly kind: 'lie'; readonly endsIn: Duration }
  /** The answer's `Date` header alone is wrong by so much. */
  | { readonly kind: 'date'; readonly by: Duration }
  /** It takes a time between these two. */
  | { readonly kind: 'slow'; readonly from: Duration; readonly to: Duration }
  /** The work is done, but the answer is wrong: broken off in the middle of its JSON, swollen, or called something else. */
  | { readonly kind: 'half' }
  | { readonly kind: 'huge'; readonly bytes: number }
  | { readonly kind: 'type'; readonly contentType: string };

export type Fault = Misdeed & {
  /** Which routes. Default: all. */
  readonly on?: RouteName | readonly RouteName[];
  /** How many requests it strikes. Default: until it is switched off. */
  readonly times?: number;
  /** How many matching requests it lets pass first. */
  readonly after?: number;
};

export interface Faults {
  /** Answers with what switches it off. */
  add(fault: Fault): () => void;
  clear(): void;
  /** The misdeeds for one request that has come. */
  take(route: RouteName): readonly Misdeed[];
}

export function openFaults(): Faults {
  let active: { readonly fault: Fault; pass: number; left: number }[] = [];
  return {
    add(fault) {
      const entry = { fault, pass: fault.after ?? 0, left: fault.times ?? Number.POSITIVE_INFINITY };
      active.push(entry);
      return () => {
        active = active.filter((other) => other !== entry);
      };
    },
    clear() {
      active = [];
    },
    take(route) {
      const matching = active.filter(({ fault }) => fault.on === undefined || [fault.on].flat().includes(route));
      const striking = matching.filter((entry) => {
        if (entry.pass > 0) {
          entry.pass -= 1;
          return false;
        }
        entry.left -= 1;
        return true;
      });
      active = active.filter((entry) => entry.left > 0);
      return striking.map(({ fault }) => fault);
    },
  };
}

/** The first misdeed of this kind among those that strike a request. */
export function pick<K extends Misdeed['kind']>(
  misdeeds: readonly Misdeed[],
  kind: K,
): Extract<Misdeed, { kind: K }> | undefined {
  return misdeeds.find((one): one is Extract<Misdeed, { kind: K }> => one.kind === kind);
}

/** How long a slow request takes. */
export const latency = ({ from, to }: { readonly from: Duration; readonly to: Duration }): Duration =>
  to <= from ? from : randomInt(Math.floor(from), Math.ceil(to) + 1);
